"""Builders of histone, covid, interaction and species sets: positions, classes, and counts that add up."""

from collections import Counter

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue import covid, histone, interaction, species
from workflow_scripts.gue.selection import drop_duplicates
from workflow_scripts.gue.sources import Source

VARIANTS = ("Alpha", "Beta", "Delta")
LINEAGES = {"Alpha": "B.1.1.7", "Beta": "B.1.351", "Delta": "AY.4"}


def by_label(built):
    found = {}
    for row in built.examples:
        found.setdefault(row.label, []).append(row.sequences)
    return found


class TestHistone:
    def test_rows_are_unchanged(self, text, recipe, rows_add_up):
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
        """An ancestor and three variants; each differs from it at every 50th base of another third of the genome."""
        ancestor = bases(3000, seed=31)
        genomes, rows = {"A|A|19A|": ancestor}, ["name\tpango", "A\tA"]
        for number, variant in enumerate(VARIANTS):
            mutated = list(ancestor)
            for at in range(number * 1000, number * 1000 + 1000, 50):
                mutated[at] = "A" if mutated[at] != "A" else "C"
            genomes[f"V{number}|x"] = "".join(mutated)
            rows.append(f"V{number}\t{LINEAGES[variant]}")
        table = text("lineages.tsv", "\n".join(rows) + "\n")
        return genomes, [Source("variants", "simulated", fasta(genomes)), Source("lineages", "", table)]

    def test_windows_come_from_the_right_genomes_in_equal_numbers(self, world, recipe, rows_add_up):
        genomes, sources = world
        built = covid.build(sources, recipe("covid", "variants", 100, 90, VARIANTS))
        rows_add_up(built)
        for label, windows in by_label(built).items():
            assert all(window in genomes[f"V{label}|x"] and len(window) == 100 for (window,) in windows)
        kept = Counter(row.label for row in drop_duplicates(built.examples, Counter()))
        assert all(kept[label] >= 30 for label in range(3))

    def test_every_variant_needs_a_genome_and_a_class(self, world, recipe, text):
        _, sources = world
        with pytest.raises(UserError, match="no genome of Gamma"):
            covid.build(sources, recipe("covid", "variants", 100, 90, (*VARIANTS, "Gamma")))
        with pytest.raises(UserError, match="no genome of Alpha with 5000 bp"):
            covid.build(sources, recipe("covid", "variants", 5000, 90, VARIANTS))
        with pytest.raises(UserError, match="unknown variant 'Delta'"):
            covid.build(sources, recipe("covid", "variants", 100, 90, VARIANTS[:2]))

    def test_the_origin_of_the_genomes_must_be_given(self, world, recipe):
        _, (variants, lineages) = world
        assert covid.build([variants, lineages], recipe("covid", "variants", 100, 90, VARIANTS)).material == "simulated"
        with pytest.raises(UserError, match="variants:LABEL=PATH: no label"):
            covid.build(
                [Source("variants", "", variants.path), lineages], recipe("covid", "variants", 100, 90, VARIANTS)
            )


class TestInteraction:
    HEADER = "enhancer_chrom,enhancer_start,enhancer_end,promoter_chrom,promoter_start,promoter_end,label\n"

    def test_windows_are_centred_and_three_to_two_in_length(self, fasta, text, bases, recipe, rows_add_up):
        sequence = bases(9000, seed=41)
        pairs = self.HEADER + "c,1000,1100,c,5001,5100,1\nc,2000,2100,c,6000,6001,0\nc,100,190,c,6000,6100,0\n"
        sources = [Source("genome", "", fasta({"c": sequence})), Source("pairs", "", text("pairs.csv", pairs))]
        built = interaction.build(sources, recipe("epi", "K562", 500, 100))
        assert by_label(built)[1] == [(sequence[900:1200], sequence[4950:5150])]
        assert by_label(built)[0] == [(sequence[1900:2200], sequence[5900:6100])]
        assert [row.places for row in built.examples if row.label] == [(("c", 900, 1200, "+"), ("c", 4950, 5150, "+"))]
        assert built.candidates == 3 and built.dropped["leaves_contig"] == 1
        rows_add_up(built)

    def test_windows_at_the_ends_of_a_contig_fit_or_are_dropped(self, fasta, text, bases, recipe, rows_add_up):
        """Enhancer windows have 60 bp with the middle at index 30, promoter windows 40 bp with the middle at 20."""
        pairs = [(29, 500, 0), (30, 500, 0), (970, 500, 1), (971, 500, 1), (500, 19, 0), (500, 20, 0), (500, 980, 1)]
        text_of = "".join(f"c,{e},{e + 1},c,{p},{p + 1},{label}\n" for e, p, label in [*pairs, (500, 981, 1)])
        sources = [
            Source("genome", "", fasta({"c": bases(1000)})),
            Source("pairs", "", text("p.csv", self.HEADER + text_of)),
        ]
        built = interaction.build(sources, recipe("epi", "K562", 100, 100))
        ends = {(row.places[0].start + 30, row.places[1].start + 20) for row in built.examples}
        assert ends == {(30, 500), (970, 500), (500, 20), (500, 980)}
        assert built.dropped == {"leaves_contig": 4}
        rows_add_up(built)

    def test_pairs_of_both_classes_are_limited_to_the_quota(self, fasta, text, bases, recipe, rows_add_up):
        rows = "".join(f"c,{at},{at + 10},c,{at + 2000},{at + 2010},{int(at < 900)}\n" for at in range(500, 6000, 100))
        sources = [
            Source("genome", "", fasta({"c": bases(9000)})),
            Source("pairs", "", text("p.csv", self.HEADER + rows)),
        ]
        built = interaction.build(sources, recipe("epi", "K562", 100, 8))
        assert Counter(row.label for row in built.examples) == {0: 4, 1: 4}
        rows_add_up(built)

    def test_a_pair_outside_the_assembly_is_an_error(self, fasta, text, recipe):
        pairs = text("p.csv", self.HEADER + "c,10,20,d,30,40,1\n")
        with pytest.raises(UserError, match=r"p\.csv:2: contig 'd' is not in the genome"):
            interaction.build(
                [Source("genome", "", fasta({"c": "ACGT" * 50})), Source("pairs", "", pairs)], recipe("epi", "x", 10, 4)
            )


class TestSpecies:
    def test_the_same_number_of_windows_of_each_genome_in_label_order(
        self, fasta, bases, recipe, rows_add_up, cut_again
    ):
        genomes = {name: {"1": bases(800, seed), "2": bases(90, seed + 9)} for seed, name in enumerate("zxy")}
        sources = [Source("species_genome", name, fasta(g, f"{name}.fa")) for name, g in genomes.items()]
        built = species.build(sources, recipe("species", "fungi", 100, 31, "xyz"))
        assert {label: len(windows) for label, windows in by_label(built).items()} == {0: 11, 1: 10, 2: 10}
        for label, name in enumerate("xyz"):
            assert all(window in genomes[name]["1"] for (window,) in by_label(built)[label])
            for row in built.examples:
                if row.label == label:
                    named = {f"{name}:{contig}": sequence for contig, sequence in genomes[name].items()}
                    assert cut_again(named, row.places[0]) == row.sequences[0]
        rows_add_up(built)

    def test_the_first_and_last_window_of_a_contig_are_drawn_and_none_beyond(self, fasta, bases, recipe, rows_add_up):
        sources = [Source("species_genome", n, fasta({n: bases(103, i)}, f"{n}.fa")) for i, n in enumerate("ab")]
        built = species.build(sources, recipe("species", "fungi", 100, 8, "ab"))
        for name in ("a:a", "b:b"):
            assert {row.places[0].start for row in built.examples if row.places[0].contig == name} == {0, 1, 2, 3}
        assert built.dropped["leaves_contig"] > 0
        rows_add_up(built)

    def test_short_genomes_and_missing_labels_are_errors(self, fasta, recipe):
        short = Source("species_genome", "a", fasta({"c": "ACGT" * 20}, "a.fa"))
        long = Source("species_genome", "b", fasta({"c": "ACGT" * 90}, "b.fa"))
        with pytest.raises(UserError, match=r"a\.fa: no contig of 100 bp"):
            species.build([short, long], recipe("species", "virus", 100, 4, "ab"))
        for wrong in ([short], [short, short], [short, Source("species_genome", "", long.path)]):
            with pytest.raises(UserError, match="each with its own label"):
                species.species_sources(wrong)
