"""Splice sites, histone marks, variants, interactions and species: positions, classes, and counts that add up."""

from collections import Counter

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import covid, histone, interaction, species, splice
from workflow_scripts.gue.examples import unique
from workflow_scripts.gue.sources import Source

VARIANTS = ("Alpha", "Beta", "Delta")


def by_label(built):
    found = {}
    for row in built.examples:
        found.setdefault(row.label, []).append(row.sequences)
    return found


class TestSplice:
    @pytest.fixture
    def world(self, fasta, text, bases):
        """Two genes with three introns each; the introns are GT...AG on the gene's strand and hold no other signal."""
        sequence = list(bases(16_000, seed=21))
        rows = []
        for chrom_start, strand in ((1000, "+"), (9000, "-")):
            ends = [chrom_start + 1000 * n for n in (1, 2, 3)]
            starts = [end + 600 for end in ends]
            for end, start in zip(ends, starts, strict=True):
                left, right = ("GT", "AG") if strand == "+" else ("CT", "AC")
                sequence[end : end + 2], sequence[start - 2 : start] = left, right
            lists = (",".join(map(str, ends)) + ",", ",".join(str(start + 1) for start in starts) + ",")
            rows.append(f"G{strand}\t0\tc\t{strand}\t{chrom_start + 1}\t{chrom_start + 5000}\t" + "\t".join(lists))
        sequence = "".join(sequence)
        genome, genes = fasta({"c": sequence}), text("genes.txt", "\n".join(rows) + "\n")
        return sequence, [Source("genome", "", genome), Source("genes", "", genes)]

    def test_sites_lie_between_199_and_200_on_both_strands(self, world, recipe, rows_add_up):
        sequence, sources = world
        built = splice.build(sources, recipe("splice", "reconstructed", 400, 1000, "ADN"))
        found = {label: [w for (w,) in windows] for label, windows in by_label(built).items()}
        assert {label: len(windows) for label, windows in found.items()} == {0: 6, 1: 6, 2: 6}
        assert all(window[198:200] == "AG" for window in found[splice.ACCEPTOR])
        assert all(window[200:202] == "GT" for window in found[splice.DONOR])
        assert sequence[1800:2200] in found[splice.DONOR]
        assert reverse_complement(sequence[9800:10_200]) in found[splice.ACCEPTOR]
        rows_add_up(built)

    def test_non_sites_are_genic_and_hold_decoys(self, world, recipe):
        sequence, sources = world
        built = splice.build(sources, recipe("splice", "reconstructed", 40, 1000, "ADN"))
        sites = {sequences for label in (0, 1) for sequences in by_label(built)[label]}
        for (window,) in by_label(built)[splice.NO_SITE]:
            assert (window,) not in sites
            places = [sequence.find(window), sequence.find(reverse_complement(window))]
            middle = max(places) + 20
            assert 1000 <= middle <= 6000 or 9000 <= middle <= 14_000
        windows = [window for (window,) in by_label(built)[splice.NO_SITE]]
        assert sum(window[18:20] == "AG" for window in windows) >= 2
        assert sum(window[20:22] == "GT" for window in windows) >= 1

    def test_a_gene_beyond_the_contig_is_an_error(self, fasta, text, recipe):
        genes = text("genes.txt", "G\t0\tc\t+\t1\t900\t300,\t601,\n")
        with pytest.raises(UserError, match=r"genes\.txt:1: position 900 is outside c"):
            splice.build(
                [Source("genome", "", fasta({"c": "ACGT" * 200})), Source("genes", "", genes)], recipe("s", "r", 40, 9)
            )


class TestHistone:
    def test_rows_are_taken_as_they_are(self, text, recipe, rows_add_up):
        path = text("h.txt", ">a\nACGTACGTAC1\n>b\nTTTTT0\n>c\nACGNACGTAC1\n")
        built = histone.build([Source("histone", "", path)], recipe("emp", "H3", 500, 100))
        assert [(row.sequences[0], row.label) for row in built.examples] == [("ACGTACGTAC", 1), ("TTTTT", 0)]
        assert built.dropped == {"non_acgt": 1} and not built.balanced
        rows_add_up(built)

    def test_a_shorter_length_takes_the_middle(self, text, recipe):
        built = histone.build([Source("histone", "", text("h.txt", ">a\nAACCGGTT1\n"))], recipe("emp", "H3", 4, 10))
        assert built.examples[0].sequences == ("CCGG",)


class TestCovid:
    @pytest.fixture
    def world(self, fasta, text, bases):
        """One ancestor, three variants that differ from it at every 50th base of their own third of the genome."""
        ancestor = bases(3000, seed=31)
        genomes, rows = {"A|A|19A|": ancestor}, ["name\tgue_covid_class", "A\t"]
        for number, variant in enumerate(VARIANTS):
            mutated = list(ancestor)
            for at in range(number * 1000, number * 1000 + 1000, 50):
                mutated[at] = "A" if mutated[at] != "A" else "C"
            genomes[f"V{number}|x"] = "".join(mutated)
            rows.append(f"V{number}\t{variant}")
        table = text("lineages.tsv", "\n".join(rows) + "\n")
        return genomes, [Source("variants", "", fasta(genomes)), Source("lineages", "", table)]

    def test_windows_come_from_the_right_genomes_in_equal_numbers(self, world, recipe, rows_add_up):
        genomes, sources = world
        built = covid.build(sources, recipe("covid", "variants", 100, 90, VARIANTS))
        rows_add_up(built)
        for label, windows in by_label(built).items():
            assert all(window in genomes[f"V{label}|x"] and len(window) == 100 for (window,) in windows)
        kept = Counter(row.label for row in unique(built.examples, Counter()))
        assert all(kept[label] >= 30 for label in range(3))

    def test_every_variant_needs_a_genome_and_a_class(self, world, recipe, text):
        _, sources = world
        with pytest.raises(UserError, match="no genome of Gamma"):
            covid.build(sources, recipe("covid", "variants", 100, 90, (*VARIANTS, "Gamma")))
        with pytest.raises(UserError, match="no genome of Alpha with 5000 bp"):
            covid.build(sources, recipe("covid", "variants", 5000, 90, VARIANTS))
        with pytest.raises(UserError, match="unknown variant 'Delta'"):
            covid.build(sources, recipe("covid", "variants", 100, 90, VARIANTS[:2]))


class TestInteraction:
    HEADER = "enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,promoter_end,label\n"

    def test_windows_are_centred_three_to_two(self, fasta, text, bases, recipe, rows_add_up):
        sequence = bases(9000, seed=41)
        pairs = self.HEADER + "c,1000,1100,c,5001,5100,1\nc,2000,2100,c,6000,6001,0\nc,100,190,c,6000,6100,0\n"
        sources = [Source("genome", "", fasta({"c": sequence})), Source("pairs", "", text("pairs.csv", pairs))]
        built = interaction.build(sources, recipe("epi", "K562", 500, 100))
        assert by_label(built)[1] == [(sequence[900:1200], sequence[4950:5150])]
        assert by_label(built)[0] == [(sequence[1900:2200], sequence[5900:6100])]
        assert built.candidates == 3 and built.dropped["leaves_contig"] == 1
        rows_add_up(built)

    def test_negatives_are_as_many_as_asked_for(self, fasta, text, bases, recipe, rows_add_up):
        rows = "".join(f"c,{at},{at + 10},c,{at + 2000},{at + 2010},{int(at < 900)}\n" for at in range(500, 6000, 100))
        sources = [
            Source("genome", "", fasta({"c": bases(9000)})),
            Source("pairs", "", text("p.csv", self.HEADER + rows)),
        ]
        built = interaction.build(sources, recipe("epi", "K562", 100, 8))
        assert Counter(row.label for row in built.examples) == {0: 4, 1: 4}
        rows_add_up(built)

    def test_a_pair_off_the_assembly_is_an_error(self, fasta, text, recipe):
        pairs = text("p.csv", self.HEADER + "c,10,20,d,30,40,1\n")
        with pytest.raises(UserError, match=r"p\.csv:2: contig 'd' is not in the genome"):
            interaction.build(
                [Source("genome", "", fasta({"c": "ACGT" * 50})), Source("pairs", "", pairs)], recipe("epi", "x", 10, 4)
            )


class TestSpecies:
    def test_equal_windows_of_each_genome_in_the_order_of_the_labels(self, fasta, bases, recipe, rows_add_up):
        genomes = {name: {"1": bases(800, seed), "2": bases(90, seed + 9)} for seed, name in enumerate("zxy")}
        sources = [Source("species_genome", name, fasta(g, f"{name}.fa")) for name, g in genomes.items()]
        built = species.build(sources, recipe("species", "fungi", 100, 31, "xyz"))
        assert {label: len(windows) for label, windows in by_label(built).items()} == {0: 11, 1: 10, 2: 10}
        for label, name in enumerate("xyz"):
            assert all(window in genomes[name]["1"] for (window,) in by_label(built)[label])
        rows_add_up(built)

    def test_short_genomes_and_missing_labels_are_errors(self, fasta, recipe):
        one = Source("species_genome", "a", fasta({"c": "ACGT" * 20}, "a.fa"))
        other = Source("species_genome", "b", fasta({"c": "ACGT" * 90}, "b.fa"))
        with pytest.raises(UserError, match=r"a\.fa: no contig of 100 bp"):
            species.build([one, other], recipe("species", "virus", 100, 4, "ab"))
        for wrong in ([one], [one, one], [one, Source("species_genome", "", other.path)]):
            with pytest.raises(UserError, match="each with its own label"):
                species.genomes_by_label(wrong)
