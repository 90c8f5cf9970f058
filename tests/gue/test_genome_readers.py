"""Genomes from FASTA and .2bit files, windows on both strands, and regions."""

import gzip
from collections import Counter

import numpy as np
import pyarrow
import pytest
from Bio import SeqIO
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common import fasta_blocks
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.packed_genome import (
    Regions,
    check_position,
    cut_window,
    gc_count,
    gc_counts,
    random_addresses,
    usable_windows,
)

LETTERS = "TCAG"


def sequences_of(genome):
    """contig -> sequence, cut base by base; unknown bases are N."""
    found = {}
    for name, (first, length) in genome.contigs.items():
        bases = (cut_window(genome, name, at, 1, "+", Counter()) for at in range(length))
        found[name] = "".join(base.sequence if base else "N" for base in bases)
        assert first % 4 == 0
    return found


CONTIGS = {"chr1": "ACGTTnnnGCA", "chrM": "N", "short": "gat", "four": "GATC", "late": "TTTTCCCCNNAAAAGGGGa"}
UPPER = {name: sequence.upper() for name, sequence in CONTIGS.items()}


@pytest.mark.parametrize("order", ["little", "big"])
def test_twobit_is_read_in_either_byte_order(tmp_path, twobit, order):
    path = tmp_path / "a.2bit"
    path.write_bytes(twobit(CONTIGS, order))
    assert sequences_of(read_genome(path)) == UPPER


@given(
    st.lists(st.text("ACGTNacgtn", min_size=1, max_size=40), min_size=1, max_size=4), st.sampled_from(["little", "big"])
)
def test_twobit_reads_as_in_biopython(tmp_path_factory, twobit, sequences, order):
    path = tmp_path_factory.getbasetemp() / "oracle.2bit"
    path.write_bytes(twobit({f"c{number}": sequence for number, sequence in enumerate(sequences)}, order))
    oracle = {record.id: str(record.seq).upper() for record in SeqIO.parse(path, "twobit")}
    assert sequences_of(read_genome(path)) == oracle


def shorter(content):
    return content[:-1]


def version_one(content):
    return content[:4] + (1).to_bytes(4, "little") + content[8:]


def no_contig(content):
    return content[:8] + bytes(8)


def block_beyond(content):
    """The block of N of the second record, chrM of one base, is moved to after its end."""
    at = int.from_bytes(content[16 + 9 + 5 : 16 + 9 + 9], "little") + 8
    return content[:at] + (1).to_bytes(4, "little") + content[at + 4 :]


def overlapping_blocks(content):
    """The block of three N of chr1 becomes two blocks, of which the second begins within the first."""
    at = int.from_bytes(content[16 + 5 : 16 + 9], "little") + 4
    numbers = (2, 2, 3, 2, 2, 0, 0)  # blocks, starts, sizes, lower case, reserved
    return content[:at] + b"".join(number.to_bytes(4, "little") for number in numbers) + content[at + 28 :]


def overlapping_records(content):
    """The record of the second contig begins a byte before the end of the first."""
    at = 16 + 9 + 5
    offset = int.from_bytes(content[at : at + 4], "little") - 1
    return content[:at] + offset.to_bytes(4, "little") + content[at + 4 :]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (shorter, "cut short"),
        (lambda content: content[:20], "cut short"),
        (version_one, "version 1, reserved 0"),
        (no_contig, "no sequence"),
        (block_beyond, "'chrM' has blocks of N"),
        (overlapping_blocks, "'chr1' has blocks of N"),
        (overlapping_records, "'chrM' begins within the one before it"),
    ],
)
def test_malformed_twobit_is_one_error(tmp_path, twobit, damage, complaint):
    path = tmp_path / "a.2bit"
    path.write_bytes(damage(twobit(CONTIGS)))
    with pytest.raises(UserError, match=complaint) as caught:
        read_genome(path)
    assert str(caught.value).startswith(str(path)) and "\n" not in str(caught.value)


def test_records_may_have_another_order_than_the_index(tmp_path, twobit):
    content = twobit({"chr1": "ACGTA", "chr2": "TTTNN"})
    path = tmp_path / "a.2bit"
    path.write_bytes(content[:16] + content[25:34] + content[16:25] + content[34:])
    genome = read_genome(path)
    assert sequences_of(genome) == {"chr1": "ACGTA", "chr2": "TTTNN"}
    assert genome.within_contig(np.array([genome.contigs["chr1"][0], genome.contigs["chr2"][0]]), 5).all()


def test_twobit_with_a_repeated_name_is_an_error(tmp_path, twobit):
    path = tmp_path / "a.2bit"
    path.write_bytes(twobit({"chr1": "ACGT", "chr2": "ACGT"}).replace(b"chr2", b"chr1"))
    with pytest.raises(UserError, match="'chr1' appears twice"):
        read_genome(path)


def test_fasta_is_read_in_upper_case(text):
    path = text("a.fa", ">chr1 first\nacgt\nNNac\r\n\n>chr2\nGG\n")
    assert sequences_of(read_genome(path)) == {"chr1": "ACGTNNAC", "chr2": "GG"}


@pytest.mark.parametrize("buffer", [1, 3, 7, 1 << 20])
def test_fasta_in_blocks_of_any_size(tmp_path, monkeypatch, buffer):
    monkeypatch.setattr(fasta_blocks, "BUFFER", buffer)
    path = tmp_path / "a.fa"
    path.write_text("".join(f">{name}\n{sequence[:5]}\n{sequence[5:]}\n" for name, sequence in CONTIGS.items()))
    assert sequences_of(read_genome(path)) == UPPER


def test_other_nucleotide_codes_are_unknown_bases_and_a_contig_may_be_empty(text):
    path = text("a.fa", ">none\n>a\nACRYGTnU\n>last\n")
    assert sequences_of(read_genome(path)) == {"none": "", "a": "ACNNGTNT", "last": ""}


def test_compressed_fasta_reads_the_same(text, tmp_path):
    plain = text("a.fa", ">a\nACGT\n>b\nTTTT\n")
    packed = tmp_path / "a.fa.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    zstd = tmp_path / "a.fa.zst"
    with pyarrow.output_stream(str(zstd), compression="zstd") as out:
        out.write(plain.read_bytes())
    expected = {"a": "ACGT", "b": "TTTT"}
    assert all(sequences_of(read_genome(path)) == expected for path in (plain, packed, zstd))


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("ACGT\n", "text before the first header"),
        (">a\nAC\n>a\nGT\n", "contig 'a' appears twice"),
        (">a\nACGT\n>b\nAC*T\n", "a.fa:4: contig b has '\\*', which are not nucleotide codes"),
        (">a\nACGT\n>\nACGT\n", "a.fa:3: the header has no name"),
        ("", "no FASTA record"),
    ],
)
def test_malformed_fasta_is_one_error(text, content, complaint):
    with pytest.raises(UserError, match=complaint):
        read_genome(text("a.fa", content))


def test_truncated_gzip_is_one_error(tmp_path):
    path = tmp_path / "a.fa.gz"
    path.write_bytes(gzip.compress(b">a\n" + b"ACGTTGCA" * 5000)[:-20])
    with pytest.raises(UserError, match="damaged"):
        read_genome(path)


def test_windows_at_the_ends_of_a_contig(fasta):
    genome, dropped = read_genome(fasta({"b": "TTTTT", "c": "AACCGGTTNA", "d": "CC"})), Counter()
    assert cut_window(genome, "c", 0, 4, "+", dropped) == ("AACC", ("c", 0, 4, "+"))
    assert cut_window(genome, "c", 0, 4, "-", dropped) == ("GGTT", ("c", 0, 4, "-"))
    assert cut_window(genome, "c", 4, 4, "+", dropped) == ("GGTT", ("c", 4, 8, "+"))
    assert cut_window(genome, "c", 9, 1, "-", dropped) == ("T", ("c", 9, 10, "-"))
    assert cut_window(genome, "c", -1, 4, "+", dropped) is None
    assert cut_window(genome, "c", 7, 4, "+", dropped) is None
    assert cut_window(genome, "c", 6, 4, "-", dropped) is None
    assert dropped == {"leaves_contig": 2, "non_acgt": 1}


@given(st.lists(st.text("ACGT", min_size=1, max_size=30), min_size=1, max_size=4), st.data())
def test_arrays_of_windows_equal_single_windows(tmp_path_factory, twobit, sequences, data):
    path = tmp_path_factory.getbasetemp() / "many.2bit"
    path.write_bytes(twobit({f"c{number}": sequence for number, sequence in enumerate(sequences)}))
    genome = read_genome(path)
    length = data.draw(st.integers(1, max(map(len, sequences))))
    places = [(f"c{n}", at) for n, sequence in enumerate(sequences) for at in range(-2, len(sequence))]
    addresses = np.array([genome.contigs[name][0] + at for name, at in places])
    inside = genome.within_contig(addresses, length)
    cuts = [cut_window(genome, name, at, length, "+", Counter()) for name, at in places]
    assert inside.tolist() == [window is not None for window in cuts]
    codes = genome.codes(addresses[inside], length)
    assert ["".join(LETTERS[code] for code in row) for row in codes] == [window.sequence for window in cuts if window]
    assert gc_counts(genome, addresses[inside], length).tolist() == [gc_count(w.sequence) for w in cuts if w]
    assert [genome.locate(a) for a in addresses[inside].tolist()] == [w.place[:2] for w in cuts if w]


def test_usable_windows_and_the_reasons_for_the_others(fasta):
    genome, dropped = read_genome(fasta({"a": "ACGTACGT", "b": "ACNTACGT"})), Counter()
    avoid = genome.regions([("a", -5, 1), ("b", 7, 99), ("b", -5, 0), ("a", 8, 99)])
    addresses = np.concatenate([genome.contigs[name][0] + np.arange(8) for name in "ab"])
    good = usable_windows(genome, addresses, 2, avoid, "avoided", dropped)
    assert [genome.locate(address) for address in addresses[good].tolist()] == [
        *(("a", at) for at in range(1, 7)),
        *(("b", at) for at in (0, 3, 4, 5)),
    ]
    assert dropped == {"leaves_contig": 2, "avoided": 2, "non_acgt": 2}


def test_a_position_outside_the_genome_is_an_error(fasta):
    genome = read_genome(fasta({"chr1": "ACGT"}))
    check_position(genome, "chr1", 3, "x:1")
    with pytest.raises(UserError, match="x:7: contig 'chr2' is not in the genome"):
        check_position(genome, "chr2", 0, "x:7")
    with pytest.raises(UserError, match="x:8: position 5 is outside chr1"):
        check_position(genome, "chr1", 4, "x:8")


intervals = st.lists(st.tuples(st.integers(0, 60), st.integers(1, 15)), max_size=8)


@given(intervals, st.integers(0, 70), st.integers(1, 10))
def test_overlap_is_a_shared_base(pieces, start, length):
    regions = Regions(np.array([(at, at + size) for at, size in pieces], dtype=np.int64).reshape(-1, 2))
    covered = {base for at, size in pieces for base in range(at, at + size)}
    assert bool(regions.overlaps(start, length)) == bool(covered & set(range(start, start + length)))


def test_addresses_are_uniform_over_the_bases(fasta):
    genome = read_genome(fasta({"short": "A" * 100, "other": "A" * 50, "long": "A" * 900}))
    draws = random_addresses(genome, ["long", "short"], 20_000, generator(1, "places"))
    places = [genome.locate(address) for address in draws.tolist()]
    assert all(0 <= at < genome.length(contig) for contig, at in places)
    assert 1800 < sum(contig == "short" for contig, _ in places) < 2200
    assert {at for contig, at in places if contig == "short"} == set(range(100))
    assert {contig for contig, _ in places} == {"long", "short"}


@settings(max_examples=40)
@given(st.lists(st.text("ACGTNacgtn", min_size=1, max_size=40), min_size=1, max_size=4), st.data())
def test_lower_case_is_counted_if_it_is_read(tmp_path_factory, twobit, sequences, data):
    folder = tmp_path_factory.getbasetemp()
    contigs = {f"c{number}": sequence for number, sequence in enumerate(sequences)}
    (folder / "lower.2bit").write_bytes(twobit(contigs))
    (folder / "lower.fa").write_text("".join(f">{name}\n{sequence}\n" for name, sequence in contigs.items()))
    name = data.draw(st.sampled_from(sorted(contigs)))
    length = data.draw(st.integers(1, len(contigs[name])))
    starts = np.arange(len(contigs[name]) - length + 1)
    expected = [sum(letter.islower() for letter in contigs[name][start : start + length]) for start in starts]
    for path in (folder / "lower.2bit", folder / "lower.fa"):
        genome = read_genome(path, masked=True)
        assert genome.masked.covered(genome.contigs[name][0] + starts, length).tolist() == expected
        assert not read_genome(path).masked.covered(genome.contigs[name][0] + starts, length).any()
