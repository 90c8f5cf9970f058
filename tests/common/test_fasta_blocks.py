"""The same records from a FASTA file in any line ends, compression and case, by both readers of the workflow."""

import bz2
import gzip
import lzma
import tempfile
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common import fasta_blocks
from workflow_scripts.common.compression import open_bytes
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text
from workflow_scripts.genomes.contigs import read_fasta
from workflow_scripts.gue.fasta_reader import read_contig_pieces


def zstd(data: bytes) -> bytes:
    return pyarrow.compress(data, codec="zstd", asbytes=True)


PACKERS = {"plain": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}
LINE_ENDS = st.sampled_from(["\n", "\r", "\r\n", "\n\n", " \n"])
RECORDS = st.lists(st.text("ACGTNRYacgtnry", min_size=1, max_size=30), min_size=1, max_size=4)


@st.composite
def files(draw) -> tuple[bytes, list[str]]:
    """A FASTA file as people have them, and its sequences."""
    sequences = draw(RECORDS)
    lines = [">c1 description; with > and ;", *draw(st.sampled_from([[], ["; comment >x"]]))]
    for number, sequence in enumerate(sequences, start=1):
        lines += [f">c{number}"] if number > 1 else []
        width = draw(st.integers(1, 30))
        written = sequence.replace("T", "U").replace("t", "u") if draw(st.booleans()) else sequence
        lines += [written[first : first + width] for first in range(0, len(written), width)]
    before = draw(st.sampled_from(["", "\ufeff", "\n", "\r\n", "; by hand\n", "\ufeff; by hand\r\n\n"]))
    return (before + "".join(line + draw(LINE_ENDS) for line in lines)).encode(), sequences


def by_gue(path: Path) -> list[str]:
    found: dict[str, str] = {}
    for name, letters in read_contig_pieces(path):
        found[name] = found.get(name, "") + letters.decode()
    return list(found.values())


@given(file=files(), packing=st.sampled_from(sorted(PACKERS)), buffer=st.sampled_from([1, 2, 3, 7, 1 << 20]))
def test_both_readers_give_the_sequences_of_any_file(file, packing, buffer):
    data, sequences = file
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta_blocks, "BUFFER", buffer)
        path = Path(scratch) / "genome"
        path.write_bytes(PACKERS[packing](data))
        assert [contig.sequence.decode() for contig in read_fasta(path)] == sequences
        assert by_gue(path) == sequences


@pytest.mark.parametrize("packing", PACKERS)
def test_a_mistake_has_the_line_of_the_file_that_people_know(tmp_path, packing):
    path = tmp_path / "copy"
    path.write_bytes(PACKERS[packing](b"; x\n>one\rACGT\r\nAC\n\n>two\nAC-T*\n"))
    with pytest.raises(UserError, match=r"^mine.fa:7: contig two has '\*-', which are not nucleotide codes"):
        list(fasta_blocks.read_letters(path, "mine.fa"))


@pytest.mark.parametrize("packing", [name for name in PACKERS if name != "plain"])
def test_a_truncated_file_is_one_error(tmp_path, packing):
    data = PACKERS[packing](b">one\n" + bytes(fasta_blocks.CODES[i * i % 97 % 4] for i in range(50_000)))
    (tmp_path / "cut").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UserError, match="cut: damaged or truncated file"):
        list(fasta_blocks.read_letters(tmp_path / "cut"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packing", PACKERS)
def test_a_text_reads_the_same_in_any_encoding_and_compression(tmp_path, packing, encoding):
    path = tmp_path / "table"
    path.write_bytes(PACKERS[packing]("name\tü\r\na\tb\n".encode(encoding)))
    with open_text(path) as handle:
        assert handle.read() == "name\tü\na\tb\n"
    with open_bytes(path) as handle:
        assert handle.read().decode(encoding) == "name\tü\r\na\tb\n"
