"""Builder of promoter sets: position of the TSS, both kinds of negatives, and counts that add up."""

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue.promoter import build, has_tata_box, near_consensus, substitute_segments
from workflow_scripts.gue.sources import Source


@pytest.fixture
def world(fasta, text, bases):
    """20 kb with A only in planted TATA boxes; a TSS every 1,000 bp on alternating strands, half of them with a box."""
    sequence = list(bases(20_000, seed=3).replace("A", "C"))
    rows, flags = [], []
    for number, at in enumerate(range(1000, 19_000, 1000)):
        strand, tata = "+-"[number % 2], number % 4 < 2
        box = "TATAAAAG"
        if tata and strand == "+":
            sequence[at - 30 : at - 22] = box
        elif tata:
            sequence[at + 23 : at + 31] = reverse_complement(box)
        rows.append(f"chr1\t{at}\t{at + 1}\tP{number}\t1\t{strand}")
        flags.append(f"P{number}\t{int(tata)}")
    for at in range(500, 20_000, 1000):  # boxes away from promoters, for the negatives
        sequence[at : at + 8] = "TATAAAAG" if at % 2000 < 1000 else reverse_complement("TATAAAAG")
    genome = fasta({"chr1": "".join(sequence)})
    tss = text("tss.bed", "\n".join(rows) + "\n")
    motifs = text("motifs.txt", "#Name\tTATA-box\n" + "\n".join(flags) + "\n")
    return [Source("genome", "", genome), Source("tss", "", tss)], Source("tata_motifs", "", motifs)


def sequences(built, label):
    return [row.sequences[0] for row in built.examples if row.label == label]


def test_the_tss_is_at_index_249_on_both_strands(fasta, text, bases, recipe):
    genome = bases(3000)
    tss = text("tss.bed", "c 1000 1001 A 1 +\nc 2000 2001 B 1 -\n")
    built = build(
        [Source("genome", "", fasta({"c": genome})), Source("tss", "", tss)], recipe("promoter", "notata", 300, 100)
    )
    plus, minus = sequences(built, 1)
    assert plus == genome[751:1051] and plus[249] == genome[1000]
    assert minus == reverse_complement(genome[1950:2250]) and minus[249] == reverse_complement(genome[2000])


def test_the_core_is_the_middle_of_the_same_promoters(world, recipe):
    long = build(world[0], recipe("promoter", "notata", 300, 100))
    core = build(world[0], recipe("core_promoter", "notata", 70, 100))
    assert sequences(core, 1) == [sequence[216:286] for sequence in sequences(long, 1)]
    assert all(len(sequence) == 70 for sequence in sequences(core, 0))


def test_windows_beyond_the_contig_or_with_n_are_dropped(fasta, text, bases, recipe, rows_add_up):
    sequence = bases(2000, seed=5)
    genome = fasta({"c": sequence[:1400] + "N" + sequence[1401:]})
    places = [(100, "+"), (249, "+"), (1000, "+"), (1450, "-"), (1960, "+"), (1960, "-"), (49, "-"), (50, "-")]
    bed = "".join(f"c {at} {at + 1} P{n} 1 {strand}\n" for n, (at, strand) in enumerate(places))
    sources = [Source("genome", "", genome), Source("tss", "", text("t.bed", bed))]
    built = build(sources, recipe("promoter", "notata", 300, 100))
    assert built.dropped["leaves_contig"] == 4  # 100+, 1960+, 1960-, 49-
    assert built.dropped["non_acgt"] == 1
    assert len(sequences(built, 1)) + built.dropped["other_promoter_kind"] == 3
    rows_add_up(built)


def test_a_tss_outside_the_assembly_is_an_error(fasta, text, recipe):
    sources = [Source("genome", "", fasta({"c": "ACGT" * 100})), Source("tss", "", text("t.bed", "c 900 901 A 1 +\n"))]
    with pytest.raises(UserError, match=r"t\.bed:1: position 901 is outside c"):
        build(sources, recipe("promoter", "all", 300, 10))


def test_substitution_keeps_eight_of_twenty_segments_and_the_last(bases):
    sequence = bases(300, seed=1)
    changed = substitute_segments(sequence, generator(1, "x"))
    kept = [sequence[i : i + 15] == changed[i : i + 15] for i in range(0, 300, 15)]
    assert len(changed) == 300 and sum(kept) == 8 and kept[-1]
    assert (
        changed == substitute_segments(sequence, generator(1, "x")) != substitute_segments(sequence, generator(2, "x"))
    )


def test_tata_negatives_have_a_motif_and_avoid_promoters(world, recipe, rows_add_up, read_fasta):
    built = build(world[0], recipe("promoter", "tata", 300, 100))
    genome = read_fasta(world[0][0].path)["chr1"]
    promoters = [(at - 249, at + 51) if at // 1000 % 2 else (at - 50, at + 250) for at in range(1000, 19_000, 1000)]
    assert {row.places[0].strand for row in built.examples if not row.label} == {"+", "-"}
    negatives = sequences(built, 0)
    assert len(negatives) == len(sequences(built, 1)) == 10
    for window in negatives:
        assert window[218:226] in near_consensus()
        start = max(genome.find(window), genome.find(reverse_complement(window)))
        assert start >= 0
        assert all(start + 300 <= left or start >= right for left, right in promoters)
    rows_add_up(built)


@pytest.mark.parametrize(("task", "length"), [("promoter", 300), ("core_promoter", 70)])
def test_places_give_the_sequences(world, recipe, cut_again, read_fasta, task, length):
    """Except for substituted promoters, which have the place of their promoter."""
    contigs = read_fasta(world[0][0].path)
    rows = build(world[0], recipe(task, "all", length, 100)).examples
    substituted = 0
    for promoter, other in zip(rows[::2], rows[1::2], strict=True):
        assert cut_again(contigs, promoter.places[0]) == promoter.sequences[0]
        if other.places == promoter.places:
            substituted += 1
            assert other.sequences != promoter.sequences
        else:
            assert cut_again(contigs, other.places[0]) == other.sequences[0]
    assert (len(rows), substituted) == (36, 8)
    assert {row.places[0].strand for row in rows} == {"+", "-"}


def test_tata_and_notata_partition_the_promoters_with_and_without_a_motif_table(world, recipe):
    for sources in (world[0], [*world[0], world[1]]):
        counts = {
            d: len(sequences(build(sources, recipe("promoter", d, 300, 100)), 1)) for d in ("tata", "notata", "all")
        }
        assert counts == {"tata": 10, "notata": 8, "all": 18}


def test_the_motif_table_overrides_the_consensus_and_must_list_every_promoter(world, recipe, text):
    everything = "#Name\tTATA-box\n" + "".join(f"P{n}\t1\n" for n in range(18))
    flags = Source("tata_motifs", "", text("all.txt", everything))
    built = build([*world[0], flags], recipe("promoter", "notata", 300, 100))
    assert not built.examples and "EPD flags" in built.construction
    missing = Source("tata_motifs", "", text("few.txt", "#Name\tTATA-box\nP0\t1\n"))
    with pytest.raises(UserError, match=r"tss\.bed:2: promoter 'P1' has no row"):
        build([*world[0], missing], recipe("promoter", "all", 300, 100))


def test_a_tata_box_counts_only_35_to_24_bases_upstream():
    def with_box(at, box="TATAAAAG"):
        return "C" * (249 + at) + box + "C" * (300 - 249 - at - len(box))

    assert all(has_tata_box(with_box(at), 249) for at in (-35, -30, -24))
    assert not any(has_tata_box(with_box(at), 249) for at in (-36, -23, 0))
    assert has_tata_box(with_box(-30, "TTTAAAAG"), 249)
    assert not has_tata_box(with_box(-30, "TTTAACAG"), 249)


def test_a_smaller_set_is_balanced(world, recipe, rows_add_up):
    built = build(world[0], recipe("promoter", "all", 300, 8))
    assert len(sequences(built, 0)) == len(sequences(built, 1)) == 4
    rows_add_up(built)


@pytest.mark.parametrize(("task", "length"), [("promoter", 42), ("core_promoter", 120)])
def test_impossible_lengths_are_errors(world, recipe, task, length):
    with pytest.raises(UserError, match=f"--length {length}"):
        build(world[0], recipe(task, "all", length, 8))
