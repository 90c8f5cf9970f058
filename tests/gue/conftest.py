"""Small genomes and a registry for the tests of the gue room."""

import random

import pytest

from workflow_scripts.gue.examples import Recipe

COLUMNS = ["task", "dataset", "name", "species", "classes", "length", "metric", "published_dir", "train", "dev", "test"]
COLUMNS += ["paper_train", "paper_dev", "paper_test"]


@pytest.fixture
def bases():
    """``bases(length, seed)``: a random DNA sequence."""

    def make(length, seed=0):
        return "".join(random.Random(seed).choices("ACGT", k=length))

    return make


@pytest.fixture
def fasta(tmp_path):
    """``fasta({name: sequence})``: a FASTA file with lines of 60 bases."""

    def make(contigs, name="genome.fa"):
        path = tmp_path / name
        with path.open("w") as handle:
            for contig, sequence in contigs.items():
                handle.write(f">{contig} some words\n")
                handle.writelines(sequence[i : i + 60] + "\n" for i in range(0, len(sequence), 60))
        return path

    return make


@pytest.fixture
def text(tmp_path):
    """``text(name, content)``: a file with this content."""

    def make(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
        return path

    return make


@pytest.fixture
def registry(text):
    """``registry(task=..., ...)``: a registry table with one row."""

    def make(**values):
        row = {
            **{"name": "a set", "species": "none", "classes": "no;yes", "length": 20, "metric": "mcc"},
            **{"published_dir": "X/a", "train": 80, "dev": 10, "test": 10},
            **{"paper_train": 80, "paper_dev": 10, "paper_test": 10},
            **values,
        }
        lines = ["\t".join(COLUMNS), "\t".join(str(row[column]) for column in COLUMNS)]
        return text("gue.tsv", "\n".join(lines) + "\n")

    return make


@pytest.fixture
def recipe():
    """``recipe(task, dataset, length, rows, classes)``: what a builder is asked for."""

    def make(task, dataset, length, rows, classes=("no", "yes"), seed=42):
        return Recipe(task, dataset, length, rows, seed, list(classes))

    return make


@pytest.fixture
def rows_add_up():
    """Every candidate is an example or dropped for a reason."""

    def check(built):
        assert built.candidates == len(built.examples) + built.dropped.total()

    return check
