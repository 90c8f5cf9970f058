"""Fixtures of the gue tests: small genomes, FASTA and .2bit files, and a registry."""

import random

import pytest

from workflow_scripts.gue.recipe import Recipe

COLUMNS = ["task", "dataset", "name", "species", "classes", "length", "metric", "published_dir", "train", "dev", "test"]
COLUMNS += ["paper_train", "paper_dev", "paper_test"]


def blocks(flags):
    """(starts, sizes) of the runs of true flags."""
    edges = [i for i, (a, b) in enumerate(zip([False, *flags], [*flags, False], strict=True)) if a != b]
    return edges[::2], [end - start for start, end in zip(edges[::2], edges[1::2], strict=True)]


@pytest.fixture(scope="session")
def twobit():
    """``twobit({name: sequence}, order)``: the bytes of a .2bit file; ``order`` is "little" or "big"."""
    return twobit_bytes


def twobit_bytes(contigs, order="little"):
    """A .2bit file of these contigs, written from the format's specification."""

    def words(*numbers):
        return b"".join(number.to_bytes(4, order) for number in numbers)

    records = []
    for sequence in contigs.values():
        unknown, lower = blocks([c in "Nn" for c in sequence]), blocks([c.islower() for c in sequence])
        codes = ["TCAG".index(c) if c in "TCAG" else 0 for c in sequence.upper()]
        codes += [0] * (-len(codes) % 4)
        packed = bytes(a << 6 | b << 4 | c << 2 | d for a, b, c, d in zip(*[iter(codes)] * 4, strict=True))
        head = [len(sequence)]
        for starts, sizes in (unknown, lower):
            head += [len(starts), *starts, *sizes]
        records.append(words(*head, 0) + packed)
    offset = 16 + sum(1 + len(name) + 4 for name in contigs)
    index = b""
    for name, record in zip(contigs, records, strict=True):
        index += bytes([len(name)]) + name.encode() + words(offset)
        offset += len(record)
    return words(0x1A412743, 0, len(contigs), 0) + index + b"".join(records)


@pytest.fixture
def bases():
    """``bases(length, seed)``: a random DNA sequence."""

    def make(length, seed=0):
        return "".join(random.Random(seed).choices("ACGT", k=length))

    return make


@pytest.fixture
def fasta(tmp_path):
    """``fasta({name: sequence}, file name)``: a FASTA file with lines of 60 bases."""

    def make(contigs, name="genome.fa"):
        path = tmp_path / name
        with path.open("w") as handle:
            for contig, sequence in contigs.items():
                handle.write(f">{contig} some words\n")
                handle.writelines(sequence[i : i + 60] + "\n" for i in range(0, len(sequence), 60))
        return path

    return make


@pytest.fixture(scope="session")
def read_fasta():
    """``read_fasta(path)``: contig -> sequence of a plain FASTA file, as it is."""

    def read(path):
        records = path.read_text().split(">")[1:]
        return {record.split()[0]: "".join(record.split("\n")[1:]) for record in records}

    return read


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
    """``recipe(task, dataset, length, rows, classes)``: a recipe for a builder."""

    def make(task, dataset, length, rows, classes=("no", "yes"), seed=42):
        return Recipe(task, dataset, length, rows, seed, list(classes))

    return make


@pytest.fixture
def rows_add_up():
    """``rows_add_up(result)``: every candidate is an example or dropped for a reason."""

    def check(result):
        assert result.candidates == len(result.examples) + result.dropped.total()

    return check


@pytest.fixture
def cut_again():
    """``cut_again(contigs, place)``: the sequence at a place, by slicing strings."""

    def make(contigs, place):
        plus = contigs[place.contig][place.start : place.end]
        assert len(plus) == place.end - place.start > 0 <= place.start
        return plus if place.strand == "+" else plus[::-1].translate(str.maketrans("ACGT", "TGCA"))

    return make
