"""The corpus table joins what was fetched with what was cut, and adds up."""

import json

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.accounting import COUNTS, DROPPED
from workflow_scripts.genomes.corpus import COLUMNS, main

FIGURES = {
    "contigs": 2,
    "renamed_contigs": 1,
    "bases": 1000,
    "kept_bases": 800,
    **{reason: 10 + number for number, reason in enumerate(DROPPED)},
    "dropped_N": 65,
    "chunks": 8,
    "train_chunks": 6,
    "validation_chunks": 2,
    "soft_masked": 30,
}


class Corpus:
    """Two genomes whose files a test may spoil before it runs the program."""

    def __init__(self, folder):
        self.folder = folder
        self.species = {name: {"organism": f"Species {name}", "group": "fungi"} for name in ("GCF_2", "GCF_1")}
        self.records = {
            name: {
                **{"accession": name, "url": f"https://x/{name}", "md5": name * 2},
                **{"bytes": 12, "sha256": "0", "md5_source": "none"},
            }
            for name in self.species
        }
        self.counts = {name: {"accession": name, **FIGURES} for name in self.species}
        self.more_lines: list[str] = []

    def run(self) -> int:
        columns = list(next(iter(self.species.values())))
        lines = ["# a note", "\t".join(["accession", *columns])]
        lines += ["\t".join([name, *(row[column] for column in columns)]) for name, row in self.species.items()]
        lines += self.more_lines
        (self.folder / "species.tsv").write_text("\n".join(lines) + "\n")
        paths = {}
        for kind, values in (("records", self.records), ("counts", self.counts)):
            paths[kind] = [self.folder / f"{name}.{kind}.json" for name in sorted(values)]
            for path, name in zip(paths[kind], sorted(values), strict=True):
                path.write_text(json.dumps(values[name]))
        command = ["--species", self.folder / "species.tsv", "--out", self.folder / "corpus.tsv"]
        command += ["--records", *paths["records"], "--counts", *paths["counts"]]
        return main([str(part) for part in command])


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def test_one_row_a_genome_in_the_tables_order(corpus):
    corpus.counts["GCF_2"] |= {"kept_bases": 865, "dropped_N": 0}
    assert corpus.run() == 0
    rows = read_table(corpus.folder / "corpus.tsv")
    assert list(rows[0]) == COLUMNS
    assert COLUMNS[:7] == ["accession", "organism", "group", "genus", "url", "md5", "status"]
    assert [row["accession"] for row in rows] == ["GCF_2", "GCF_1"]
    assert rows[0] | {"organism": "Species GCF_2", "url": "https://x/GCF_2", "md5": "GCF_2GCF_2"} == rows[0]
    assert rows[0] | {"genus": "", "status": ""} == rows[0]
    assert [{name: int(row[name]) for name in COUNTS} for row in rows] == [
        {name: corpus.counts[accession][name] for name in COUNTS} for accession in ("GCF_2", "GCF_1")
    ]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"verdict": "exact"}, "exact"),
        ({"status": "current"}, "current"),
        ({"verdict": "exact", "status": "replaced"}, "replaced"),
    ],
)
def test_genus_and_status_where_the_species_table_has_them(corpus, more, status):
    for row in corpus.species.values():
        row |= {"genus": "Mucor"} | more
    assert corpus.run() == 0
    assert [(row["genus"], row["status"]) for row in read_table(corpus.folder / "corpus.tsv")] == [
        ("Mucor", status)
    ] * 2


def test_species_without_an_accession_are_left_out(corpus):
    corpus.more_lines = ["\tXylariales\tfungi", "\tBacterium\tbacteria"]
    assert corpus.run() == 0
    assert [row["accession"] for row in read_table(corpus.folder / "corpus.tsv")] == ["GCF_2", "GCF_1"]


def test_totals_are_said(corpus, capsys):
    assert corpus.run() == 0
    assert "2 genomes, 2,000 bases, 1,600 kept, 16 chunks, 4 of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c.records.pop("GCF_1"), "GCF_1: no record given"),
        (lambda c: c.counts.pop("GCF_2"), "GCF_2: no counts given"),
        (lambda c: c.species.pop("GCF_1"), "GCF_1: record of a genome that is not in the species table"),
        (lambda c: c.more_lines.append("GCF_1\tSpecies\tfungi"), "GCF_1 is listed twice"),
        (lambda c: c.records["GCF_2"].update(accession="GCF_1"), "GCF_1 was given before"),
        (lambda c: c.counts["GCF_1"].update(dropped_tail=41), "GCF_1: 1,000 bases are not"),
        *[
            (lambda c, reason=reason: c.counts["GCF_1"].update({reason: 0}), "GCF_1: 1,000 bases are not")
            for reason in DROPPED
        ],
        (lambda c: c.counts["GCF_1"].update(train_chunks=7), "GCF_1: 8 chunks are not"),
    ],
)
def test_refused(corpus, capsys, spoil, message):
    spoil(corpus)
    assert corpus.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (corpus.folder / "corpus.tsv").exists()
