"""Builder of the splice set: boundaries on both strands, the released proportions, and adversarial non-sites."""

from collections import Counter

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import splice, splice_decoys
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.packed_genome import Window, encode
from workflow_scripts.gue.source_readers import read_genes
from workflow_scripts.gue.sources import Source
from workflow_scripts.gue.splice_decoys import SiteModel, false_sites, gene_order, one_hot

pytestmark = pytest.mark.slow

INTRONS = range(1000, 4000, 1000)  # starts of the introns in a gene of 5,000 bp


@pytest.fixture
def world(fasta, text, bases):
    """``world(genes)``: genes with three introns of 600 bp, on alternating strands.

    Introns are GT...AG on the gene's strand and have no other signal.
    """

    def make(genes):
        sequence = list(bases(8000 * genes + 1000, seed=21))
        rows = []
        for number in range(genes):
            begin, strand = 1000 + 8000 * number, "+-"[number % 2]
            ends = [begin + at for at in INTRONS]
            starts = [end + 600 for end in ends]
            for end, start in zip(ends, starts, strict=True):
                left, right = ("GT", "AG") if strand == "+" else ("CT", "AC")
                sequence[end : end + 2], sequence[start - 2 : start] = left, right
            lists = (",".join(map(str, ends)) + ",", ",".join(str(start + 1) for start in starts) + ",")
            rows.append(f"G{number}\t0\tc\t{strand}\t{begin + 1}\t{begin + 5000}\t" + "\t".join(lists))
        sequence = "".join(sequence)
        genome, table = fasta({"c": sequence}), text("genes.txt", "\n".join(rows) + "\n")
        return sequence, [Source("genome", "", genome), Source("genes", "", table)]

    return make


def of_class(built, label):
    return [row for row in built.examples if row.label == label]


def test_boundaries_are_between_199_and_200_on_both_strands(world, recipe, rows_add_up, cut_again):
    sequence, sources = world(2)
    built = splice.build(sources, recipe("splice", "reconstructed", 400, 1000, "ADN"))
    acceptors, donors, others = ([row.sequences[0] for row in of_class(built, label)] for label in range(3))
    assert (len(acceptors), len(donors), len(others)) == (6, 6, 15)
    assert all(window[198:200] == "AG" for window in acceptors)
    assert all(window[200:202] == "GT" for window in donors)
    assert sequence[1800:2200] in donors
    assert reverse_complement(sequence[9800:10_200]) in acceptors
    for row in built.examples:
        assert cut_again({"c": sequence}, row.places[0]) == row.sequences[0]
    rows_add_up(built)


def test_odd_windows_have_the_boundary_at_the_same_index_on_both_strands(world, recipe):
    _, sources = world(4)
    built = splice.build(sources, recipe("splice", "reconstructed", 41, 1000, "ADN"))
    assert {row.places[0].strand for row in built.examples} == {"+", "-"}
    assert all(row.sequences[0][18:20] == "AG" for row in of_class(built, splice.ACCEPTOR))
    assert all(row.sequences[0][20:22] == "GT" for row in of_class(built, splice.DONOR))


def test_non_sites_are_not_boundaries_even_if_nearly_all_positions_are(fasta, text, bases, recipe, rows_add_up):
    """Of the 60 positions of a gene 50 are boundaries; a gene without introns is on the opposite strand."""
    ends, starts = range(105, 155, 2), range(106, 156, 2)
    lists = (",".join(map(str, ends)) + ",", ",".join(str(start + 1) for start in starts) + ",")
    genes = text("genes.txt", "G\t0\tc\t+\t101\t160\t" + "\t".join(lists) + "\nH\t0\tc\t-\t101\t160\t\t\n")
    sources = [Source("genome", "", fasta({"c": bases(300)})), Source("genes", "", genes)]
    built = splice.build(sources, recipe("splice", "reconstructed", 40, 1000, "ADN"))
    found = {row.places[0].start + 20 for row in of_class(built, splice.NO_SITE)}
    assert found <= {*range(100, 105), *range(155, 160)} and len(found) >= 8
    assert built.dropped["splice_site"] > 50
    rows_add_up(built)


def test_non_sites_are_in_genes_and_not_at_boundaries(world, recipe):
    _, sources = world(10)
    built = splice.build(sources, recipe("splice", "reconstructed", 40, 60, "ADN"))
    known = {at for found in splice.splice_sites(read_genes(sources[1].path)).values() for _, at, _ in found}
    assert len(known) == 60
    for row in of_class(built, splice.NO_SITE):
        middle = row.places[0].start + 20
        assert middle not in known
        assert any(begin <= middle < begin + 5000 for begin in range(1000, 80_000, 8000))
    assert {row.places[0].start + 20 for label in (0, 1) for row in of_class(built, label)} <= known


@pytest.mark.parametrize(("wanted", "counts"), [(60, (13, 13, 34)), (1000, (30, 30, 76))])
def test_classes_have_the_released_proportions_and_rows_are_distinct(world, recipe, rows_add_up, wanted, counts):
    _, sources = world(10)
    built = splice.build(sources, recipe("splice", "reconstructed", 40, wanted, "ADN"))
    assert tuple(len(of_class(built, label)) for label in range(3)) == counts
    assert not built.balanced and len({row.sequences for row in built.examples}) == sum(counts)
    rows_add_up(built)


def test_the_released_total_needs_ten_thousand_of_each():
    assert splice.class_quota(45_620) == 10_000


def test_adversarial_non_sites_resemble_sites_and_random_ones_do_not(world, recipe):
    _, sources = world(80)
    built = splice.build(sources, recipe("splice", "reconstructed", 80, 1000, "ADN"))
    others = [row.sequences[0] for row in of_class(built, splice.NO_SITE)]
    signal = [window[38:40] == "AG" or window[40:42] == "GT" for window in others]
    each = splice.class_quota(1000)
    assert sum(signal[:each]) / each < 0.3
    assert sum(signal[each:]) / (len(others) - each) > 0.6


def test_boundaries_at_the_ends_of_a_contig_fit_or_are_dropped(fasta, text, bases, recipe, rows_add_up):
    """A window of 40 bp has 20 on either side of the boundary."""
    genes = "".join(f"G{s}\t0\tc\t{s}\t1\t1000\t19,20,\t981,982,\n" for s in "+-")
    contigs = {"c": bases(1000, 7), "d": bases(500, 8)}
    sources = [Source("genome", "", fasta(contigs)), Source("genes", "", text("g.txt", genes))]
    built = splice.build(sources, recipe("splice", "reconstructed", 40, 1000, "ADN"))
    found = {row.places[0] for label in (0, 1) for row in of_class(built, label)}
    assert found == {("c", at, at + 40, strand) for at in (0, 960) for strand in "+-"}
    assert built.dropped["leaves_contig"] >= 4
    rows_add_up(built)


@pytest.mark.parametrize("length", [40, 80, 81])
def test_sliding_equals_predicting_each_window(world, recipe, length):
    sequence, sources = world(4)
    genome, genes = read_genome(sources[0].path), read_genes(sources[1].path)
    random = np.random.default_rng(3)
    windows = {
        label: [Window("".join(random.choice(list("ACGT"), length)), None) for _ in range(30)] for label in range(3)
    }
    model = SiteModel(length)
    model.fit(windows)
    for gene in genes[:2]:
        dropped = Counter()
        found = false_sites(genome, gene, model, np.array([gene.start + 7]), length, 2, dropped)
        before = length // 2 if gene.strand == "+" else length - length // 2
        places = [at - before for at in range(gene.start, gene.end) if at != gene.start + 7]
        texts = [sequence[at : at + length] for at in places]
        if gene.strand == "-":
            texts = list(map(reverse_complement, texts))
        part = slice(length // 2 - model.half, length // 2 + model.half)
        predicted = model.regression.predict(one_hot(encode([text[part] for text in texts])))
        assert found.tolist() == [at for at, label in zip(places, predicted.tolist(), strict=True) if label != 2]
        assert dropped["splice_site"] == 1
        assert len(found) + dropped.total() == gene.end - gene.start


def test_gene_order_starts_with_genes_without_a_row(world, recipe):
    _, sources = world(8)
    genome, genes = read_genome(sources[0].path), read_genes(sources[1].path)
    rows = {0: [genome.window(genes[number].start + 50, 40) for number in (1, 3, 4)]}
    order = gene_order(genome, genes, rows, recipe("splice", "reconstructed", 40, 100))
    assert {gene.name for gene in order[5:]} == {"G1", "G3", "G4"} and len(order) == 8


def test_rounds_stop_if_the_genes_have_too_few_non_sites(world, recipe, monkeypatch, rows_add_up):
    """Each round visits every gene once, and the builder returns fewer rows than wanted."""
    _, sources = world(2)
    monkeypatch.setattr(splice_decoys, "ROUNDS", 2)
    monkeypatch.setattr(splice, "ALL", 10_000_000)
    monkeypatch.setattr(splice, "EACH", 2000)
    built = splice.build(sources, recipe("splice", "reconstructed", 40, 10_000_000, "ADN"))
    assert 0 < len(of_class(built, splice.NO_SITE)) < 10_000
    rows_add_up(built)


def test_genes_without_introns_give_no_rows(fasta, text, bases, recipe, rows_add_up):
    genes = text("genes.txt", "G\t0\tc\t+\t1\t900\t\t\n")
    built = splice.build(
        [Source("genome", "", fasta({"c": bases(1000)})), Source("genes", "", genes)],
        recipe("splice", "reconstructed", 40, 9, "ADN"),
    )
    assert not built.examples
    rows_add_up(built)


def test_a_gene_beyond_its_contig_is_an_error(fasta, text, recipe):
    genes = text("genes.txt", "G\t0\tc\t+\t1\t900\t300,\t601,\n")
    with pytest.raises(UserError, match=r"genes\.txt:1: position 900 is outside c"):
        splice.build(
            [Source("genome", "", fasta({"c": "ACGT" * 200})), Source("genes", "", genes)], recipe("s", "r", 40, 9)
        )
