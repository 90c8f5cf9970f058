"""The simulated world: reproducible bytes, valid formats and coordinates, and signals that separate classes."""

import csv
import gzip
import hashlib
from collections import Counter
from contextlib import chdir
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from Bio import SeqIO

from workflow_scripts.common.files import read_table
from workflow_scripts.demo import motifs
from workflow_scripts.demo.applications import FILES
from workflow_scripts.demo.simulate_world import main

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
SPECIES, SOURCES = ROOT / "config/demo/species.tsv", ROOT / "config/demo/gue_sources.tsv"


def simulate(folder: Path, seed: int = 7, species: Path = SPECIES, sources: Path = SOURCES, out="results/demo") -> int:
    """Run the program in a folder; returns its exit status."""
    with chdir(folder):
        return main(["--species", str(species), "--sources", str(sources), "--seed", str(seed), "--out", out])


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The folder with the world of the repository's tables."""
    folder = tmp_path_factory.mktemp("world")
    assert simulate(folder) == 0
    return folder


def read_fasta(path: Path) -> dict[str, str]:
    with gzip.open(path, "rt") as handle:
        return {record.id: str(record.seq) for record in SeqIO.parse(handle, "fasta")}


def genome_path(folder: Path, row: dict[str, str]) -> Path:
    url = folder / row["url"]
    return url / f"{url.name}_genomic.fna.gz"


def both_strands(word: str) -> tuple[str, str]:
    return word, word.translate(str.maketrans("ACGT", "TGCA"))[::-1]


def oriented(sequence: str, strand: str) -> str:
    return both_strands(sequence)[strand == "-"]


def occurrences(sequence: str, word: str) -> int:
    return sum(sequence.count(form) for form in both_strands(word))


def auc(values: list[float], labels: list[int]) -> float:
    """Share of (positive, negative) pairs in the right order of values; ties count half."""
    positive = np.array([v for v, label in zip(values, labels, strict=True) if label])
    negative = np.array([v for v, label in zip(values, labels, strict=True) if not label])
    difference = np.sign(positive[:, None] - negative[None])
    return float((difference.mean() + 1) / 2)


def tree(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def human(world):
    return {name: bases.upper() for name, bases in read_fasta(world / "results/demo/gue/human_genome.fa.gz").items()}


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(world, tmp_path):
    again, other = tmp_path / "again", tmp_path / "other"
    again.mkdir(), other.mkdir()
    assert simulate(again) == 0
    assert simulate(other, seed=8) == 0
    assert tree(again) == tree(world)
    assert tree(other).keys() == tree(world).keys()
    assert tree(other) != tree(world)


def test_exactly_the_files_of_the_tables_are_written(world):
    expected = {row["url"] for row in read_table(SOURCES)}
    for row in read_table(SPECIES):
        path = genome_path(Path(), row)
        expected |= {str(path), str(path.with_name("md5checksums.txt"))}
        expected.add(f"results/demo/ncbi/genomes/refseq/{row['group']}/assembly_summary.txt")
    expected |= {f"results/demo/apply/{name}" for name in FILES.values()}
    assert set(tree(world)) == expected


def test_checksum_files_list_the_genome(world):
    for row in read_table(SPECIES):
        path = genome_path(world, row)
        checksum, name = path.with_name("md5checksums.txt").read_text().split()
        assert name == f"./{path.name}"
        assert checksum == hashlib.md5(path.read_bytes()).hexdigest()


def test_genomes_have_the_size_of_the_table_and_features_of_assemblies(world):
    total = 0
    for row in read_table(SPECIES):
        contigs = read_fasta(genome_path(world, row))
        bases = "".join(contigs.values())
        total += len(bases)
        assert len(bases) == int(row["genome_size_bp"])
        assert set(bases) <= set("ACGTNacgt")
        if row["group"] != "viral":
            assert min(map(len, contigs.values())) < 1000
        if row["group"] not in ("viral", "bacteria"):
            assert "N" * 50 in bases
        if row["group"] == "vertebrate_mammalian":
            assert sum(map(str.islower, bases)) / len(bases) > 0.05
    assert 2_500_000 <= total <= 3_500_000


def test_assembly_summaries_list_the_species(world):
    listed = {}
    for path in (world / "results/demo/ncbi/genomes/refseq").glob("*/assembly_summary.txt"):
        note, header, *rows = path.read_text().splitlines()
        assert note.startswith("##")
        columns = header.removeprefix("#").split("\t")
        for row in rows:
            values = dict(zip(columns, row.split("\t"), strict=True))
            listed[values["assembly_accession"]] = (values["ftp_path"], values["genome_size"], path.parent.name)
    rows = read_table(SPECIES)
    assert listed == {row["accession"]: (row["url"], row["genome_size_bp"], row["group"]) for row in rows}


def test_genomes_of_a_group_share_more_kmers_than_others(world):
    def kmers(row):
        bases = "N".join(read_fasta(genome_path(world, row)).values()).upper()
        return {kmer for kmer in map("".join, zip(*(bases[i:] for i in range(32)), strict=False)) if "N" not in kmer}

    first = {}  # species by group
    for row in read_table(SPECIES):
        first.setdefault(row["group"], []).append(row)
    sets = [(group, kmers(row)) for group, rows in first.items() if group != "vertebrate_mammalian" for row in rows[:2]]
    related, unrelated = [], []
    for (group, a), (other, b) in combinations(sets, 2):
        (related if group == other else unrelated).append(len(a & b) / min(len(a), len(b)))
    assert min(related) > 0.05
    assert max(unrelated) < 0.01, "groups share words, but not their order"


def test_benchmark_genomes_are_the_first_two_mammals(world):
    mammals = [row for row in read_table(SPECIES) if row["group"] == "vertebrate_mammalian"]
    for row, name in zip(mammals, ("human", "mouse"), strict=False):
        copy = read_fasta(world / f"results/demo/gue/{name}_genome.fa.gz")
        assert list(copy.values()) == list(read_fasta(genome_path(world, row)).values())
        assert list(copy)[:3] == ["chr1", "chr2", "chr3"]


def test_promoters_have_the_box_of_their_flag(world, human):
    flags = dict(
        line.split("\t")[:2] for line in (world / "results/demo/gue/promoter_motifs.txt").read_text().splitlines()[1:]
    )
    boxes = {"0": [], "1": []}
    for line in (world / "results/demo/gue/promoters.bed").read_text().splitlines():
        chrom, start, end, name, _, strand = line.split("\t")
        assert int(end) == int(start) + 1
        window = oriented(human[chrom][int(start) - 60 : int(start) + 61], strand)
        boxes[flags.pop(name)].append("TATAAA" in window[60 - 33 : 60 - 20])
    assert not flags
    assert len(boxes["1"]) >= 300 and len(boxes["0"]) >= 300
    assert np.mean(boxes["1"]) > 0.6 > 0.05 > np.mean(boxes["0"])


def test_genes_have_splice_sites_on_their_strand(world, human):
    lines = (world / "results/demo/gue/genes.txt").read_text().splitlines()
    assert len(lines) >= 250
    consensus = 0
    for line in lines:
        _, _, chrom, strand, start, end, ends, starts = line.split("\t")
        left, right = ([int(edge) for edge in text.split(",")[:-1]] for text in (ends, starts))
        assert len(left) == len(right) >= 2
        edges = [int(start), *(edge for pair in zip(left, right, strict=True) for edge in pair), int(end)]
        assert all(a < b for a, b in pairwise(edges))
        for last, first in zip(left, right, strict=True):
            intron = oriented(human[chrom][last : first - 1], strand)
            assert intron.startswith("GT") and intron.endswith("AG")
            consensus += intron.startswith("GTAAGT")
    assert consensus / sum(line.split("\t")[6].count(",") for line in lines) > 0.4


@pytest.mark.parametrize(("task", "motifs"), [("tf_human", motifs.TF_HUMAN_WORDS), ("tf_mouse", motifs.TF_MOUSE_WORDS)])
def test_peaks_have_the_words_of_their_factor_at_the_summit(world, task, motifs):
    genome = read_fasta(world / f"results/demo/gue/{task.removeprefix('tf_')}_genome.fa.gz")
    genome = {name: bases.upper() for name, bases in genome.items()}
    for number, motif in enumerate(motifs):
        with gzip.open(world / f"results/demo/gue/{task}_{number}.narrowPeak.gz", "rt") as handle:
            peaks = [line.rstrip("\n").split("\t") for line in handle]
        assert len(peaks) >= 320
        found = {0: 0, 400: 0}
        for chrom, start, end, *_, offset in peaks:
            assert 0 <= int(start) < int(start) + int(offset) < int(end) <= len(genome[chrom])
            for shift in found:
                summit = int(start) + int(offset) + shift
                found[shift] += any(occurrences(genome[chrom][summit - 50 : summit + 51], word) for word in motif)
        assert found[0] > 0.6 * len(peaks)
        assert found[400] < 0.2 * len(peaks)  # some shifted windows contain another peak of the same factor


@pytest.mark.parametrize("mark", motifs.MARKS)
def test_histone_windows_are_balanced_and_separable_by_their_words(world, mark):
    lines = (world / f"results/demo/gue/yeast_{mark}.txt").read_text().splitlines()
    sequences, labels = lines[1::3], [int(label) for label in lines[2::3]]
    assert all(line.startswith(">") for line in lines[::3])
    assert {len(sequence) for sequence in sequences} == {500}
    assert Counter(labels)[0] == Counter(labels)[1] >= 280
    scores = [sum(occurrences(sequence, word) for word in motifs.MARK_WORDS[mark]) for sequence in sequences]
    assert 0.7 < auc(scores, labels) < 0.99


def test_variants_have_a_lineage_and_differ_in_most_windows(world):
    genomes = read_fasta(world / "results/demo/gue/variants.fasta.gz")
    genomes = {name.split("|")[0]: bases for name, bases in genomes.items()}
    rows = read_table(world / "results/demo/gue/lineages.tsv")
    assert [row["name"] for row in rows] == list(genomes)
    first = {row["gue_covid_class"]: row["name"] for row in reversed(rows)}
    assert set(first) == {"", *motifs.LINEAGES}
    differences = []
    for one, other in combinations(first.values(), 2):
        different = np.array(list(genomes[one])) != np.array(list(genomes[other]))
        differences += different.reshape(-1, 1000).sum(axis=1).tolist()
    assert np.mean(np.array(differences) >= 5) > 0.95


@pytest.mark.parametrize("cell", motifs.CELL_LINES)
def test_pairs_are_balanced_and_partly_separable_from_one_side(world, human, cell):
    with (world / f"results/demo/gue/pairs_{cell}.csv").open() as handle:
        pairs = list(csv.DictReader(handle))
    labels = [int(pair["label"]) for pair in pairs]
    assert sum(labels) * 2 == len(labels) >= 600
    enhancers, contacts = [], []
    for pair in pairs:
        sides = []
        for side in ("enhancer", "promoter"):
            start, end = int(pair[f"{side}_start"]), int(pair[f"{side}_end"])
            assert 0 <= start < end <= len(human[pair[f"{side}_chrom"]])
            sides.append(human[pair[f"{side}_chrom"]][start:end])
        enhancers.append(sum(occurrences(sides[0], word) for word in motifs.CELL_WORDS[cell]))
        counts = [
            [sum(occurrences(bases, word) for word in family) for family in motifs.CONTACT_WORDS] for bases in sides
        ]
        contacts.append(float(np.dot(*counts)))
    assert 0.7 < auc(enhancers, labels) < 0.95
    assert auc(contacts, labels) > 0.8
    assert len({tuple(pair.items()) for pair in pairs}) == len(pairs)


@pytest.mark.parametrize(("dataset", "group"), [("species/fungi", "fungi"), ("species/virus", "viral")])
def test_species_classes_are_related_but_differ_in_words_and_composition(world, dataset, group):
    rows = [row for row in read_table(SOURCES) if row["datasets"] == dataset]
    genomes = {row["label"]: "".join(read_fasta(world / row["url"]).values()).upper() for row in rows}
    assert len(genomes) >= 5 and min(map(len, genomes.values())) >= 60_000
    for label in genomes:
        for word in motifs.family("class", group, label, size=3):
            counts = {name: occurrences(bases, word) for name, bases in genomes.items()}
            assert counts.pop(label) > 3 * max(counts.values())
    contents = [(bases.count("G") + bases.count("C")) / len(bases) for bases in genomes.values()]
    assert max(contents) - min(contents) > 0.01


def test_words_of_the_benchmark_occur_in_the_corpus(world, human):
    bases = "".join(human.values())
    assert min(occurrences(bases, word) for word in motifs.TF_HUMAN) > 100


def replaced(path: Path, target: Path, old: str, new: str) -> Path:
    text = path.read_text()
    assert old in text
    target.write_text(text.replace(old, new, 1))
    return target


@pytest.mark.parametrize(
    ("table", "old", "new", "message"),
    [
        ("sources", "\thistone\temp/H3\t", "\thistone\temp/H5\t", "histone"),
        ("sources", "results/demo/gue/genes.txt", "https://example.org/genes.txt", "https://example.org/genes.txt"),
        ("sources", "results/demo/gue/genes.txt", "results/demo/../genes.txt", "results/demo/../genes.txt"),
        ("species", "\tfungi\t", "\tplants\t", "plants"),
        ("species", "\t130037\t", "\tmany\t", "many"),
        ("species", "\t1420407\t", "\t500000\t", "genome_size_bp"),
    ],
)
def test_a_row_that_cannot_be_simulated_is_refused_in_one_line(tmp_path, capsys, table, old, new, message):
    tables = {"species": SPECIES, "sources": SOURCES}
    tables[table] = replaced(tables[table], tmp_path / "table.tsv", old, new)
    assert simulate(tmp_path, **tables) == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("world: ")]
    assert len(errors) == 1 and errors[0].startswith("error: ") and message in errors[0]
    assert not list(tmp_path.rglob("*.gz")) and not (tmp_path / "results/demo").exists()


def test_a_folder_with_other_files_is_not_changed(tmp_path, capsys):
    precious = tmp_path / "results/demo/thesis.txt"
    precious.parent.mkdir(parents=True)
    precious.write_text("years of work")
    assert simulate(tmp_path) == 1
    assert "thesis.txt" in capsys.readouterr().err
    assert precious.read_text() == "years of work"
