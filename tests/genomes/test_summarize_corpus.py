"""The corpus table joins downloads and chunks, and its counts add up."""

import json

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.genomes.accounting import COUNTS, DROPPED
from workflow_scripts.genomes.summarize_corpus import COLUMNS, main

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


MD5 = {"GCF_2": "0123456789abcdef" * 2, "GCF_1": "f" * 32}


class Corpus:
    """Two genomes in one folder, whose values or files a test may change before the program runs."""

    def __init__(self, folder):
        self.folder = folder
        self.species = {name: {"organism": f"Species {name}", "group": "fungi"} for name in ("GCF_2", "GCF_1")}
        self.records = {
            name: {
                **{"accession": name, "url": f"https://x/{name}", "md5": MD5[name]},
                **{"bytes": 12, "sha256": "0", "md5_source": "none"},
            }
            for name in self.species
        }
        self.counts = {name: {"accession": name, **FIGURES} for name in self.species}
        self.more_lines: list[str] = []

    def write(self) -> None:
        columns = list(next(iter(self.species.values())))
        lines = ["# a note", "\t".join(["accession", *columns])]
        lines += ["\t".join([name, *(row[column] for column in columns)]) for name, row in self.species.items()]
        lines += self.more_lines
        (self.folder / "species.tsv").write_text("\n".join(lines) + "\n")
        for kind, values in (("records", self.records), ("chunks", self.counts)):
            (self.folder / kind).mkdir(exist_ok=True)
            for name, value in values.items():
                (self.folder / kind / f"{name}.json").write_text(json.dumps(value))

    def run(self) -> int:
        files = {"species": "species.tsv", "records": "records", "chunks": "chunks", "out": "corpus.tsv"}
        return main([f"--{option}={self.folder / name}" for option, name in files.items()])


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def refusal(corpus, capsys) -> str:
    """The one-line error of the program, which must not write the table."""
    assert corpus.run() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert not (corpus.folder / "corpus.tsv").exists()
    return line


def test_one_row_per_genome_in_the_order_of_the_species_table(corpus):
    corpus.counts["GCF_2"] |= {"kept_bases": 865, "dropped_N": 0}
    corpus.write()
    assert corpus.run() == 0
    rows = read_table(corpus.folder / "corpus.tsv")
    assert list(rows[0]) == COLUMNS
    assert COLUMNS[:7] == ["accession", "organism", "group", "genus", "url", "md5", "status"]
    assert [row["accession"] for row in rows] == ["GCF_2", "GCF_1"]
    assert rows[0] | {"organism": "Species GCF_2", "url": "https://x/GCF_2", "md5": MD5["GCF_2"]} == rows[0]
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
def test_genus_and_status_are_copied_from_the_species_table(corpus, more, status):
    for row in corpus.species.values():
        row |= {"genus": "Mucor"} | more
    corpus.write()
    assert corpus.run() == 0
    assert [(row["genus"], row["status"]) for row in read_table(corpus.folder / "corpus.tsv")] == [
        ("Mucor", status)
    ] * 2


def test_a_genome_without_a_chunk_is_a_warning(corpus, capsys):
    counts = corpus.counts["GCF_2"]
    counts |= {"kept_bases": 0, "dropped_N": counts["dropped_N"] + counts["kept_bases"]}
    counts |= {"chunks": 0, "train_chunks": 0, "validation_chunks": 0}
    corpus.write()
    assert corpus.run() == 0
    warning = capsys.readouterr().err.splitlines()[0]
    assert warning == "warning: genomes without a chunk: GCF_2; corpus.tsv has the reasons"


def test_species_without_accession_are_left_out(corpus):
    corpus.more_lines = ["\tXylariales\tfungi", "\tBacterium\tbacteria"]
    corpus.write()
    assert corpus.run() == 0
    assert [row["accession"] for row in read_table(corpus.folder / "corpus.tsv")] == ["GCF_2", "GCF_1"]


def test_files_of_other_genomes_are_ignored(corpus):
    corpus.write()
    assert corpus.run() == 0
    expected = (corpus.folder / "corpus.tsv").read_bytes()
    for folder in ("records", "chunks"):
        (corpus.folder / folder / "GCF_3.json").write_text("no JSON")
    assert corpus.run() == 0
    assert (corpus.folder / "corpus.tsv").read_bytes() == expected


def test_totals_are_printed(corpus, capsys):
    corpus.write()
    assert corpus.run() == 0
    assert "2 genomes, 2,000 bases, 1,600 kept, 16 chunks, 4 of them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda c: c.records.pop("GCF_1"), "records/GCF_1.json: no such file; download and cut GCF_1 first"),
        (lambda c: c.counts.pop("GCF_2"), "chunks/GCF_2.json: no such file; download and cut GCF_2 first"),
        (lambda c: c.more_lines.append("GCF_1\tSpecies\tfungi"), "GCF_1 is listed twice"),
        (lambda c: c.records["GCF_2"].update(accession="GCF_1"), "records/GCF_2.json: is of GCF_1, not of GCF_2"),
        (lambda c: c.counts["GCF_2"].update(accession="GCF_3"), "chunks/GCF_2.json: is of GCF_3, not of GCF_2"),
        (lambda c: c.records["GCF_2"].pop("md5"), "records/GCF_2.json: md5 missing"),
        (lambda c: c.counts["GCF_1"].pop("accession"), "chunks/GCF_1.json: accession missing"),
        (lambda c: c.counts["GCF_1"].pop("dropped_cap"), "chunks/GCF_1.json: dropped_cap missing"),
        (lambda c: c.counts["GCF_1"].update(dropped_tail=41), "GCF_1: 1,000 bases are not"),
        *[
            (lambda c, reason=reason: c.counts["GCF_1"].update({reason: 0}), "GCF_1: 1,000 bases are not")
            for reason in DROPPED
        ],
        (lambda c: c.counts["GCF_1"].update(train_chunks=7), "GCF_1: 8 chunks are not"),
    ],
)
def test_missing_and_inconsistent_files_are_refused(corpus, capsys, spoil, message):
    spoil(corpus)
    corpus.write()
    assert message in refusal(corpus, capsys)


@pytest.mark.parametrize("folder", ["records", "chunks"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not JSON"),
        (b'{"accession": "GCF_1",', "not JSON"),
        (b"\x1f\x8b\xff", "not JSON"),
        (b'["GCF_1"]', "a list where an object is expected"),
    ],
)
def test_a_file_that_is_not_a_json_object_is_refused(corpus, capsys, folder, content, message):
    corpus.write()
    (corpus.folder / folder / "GCF_1.json").write_bytes(content)
    assert f"{folder}/GCF_1.json: {message}" in refusal(corpus, capsys)


def list_md5s(corpus, first: str, second: str) -> None:
    for row, md5 in zip(corpus.species.values(), (first, second), strict=True):
        row["md5"] = md5
    corpus.write()


@pytest.mark.parametrize("first", [MD5["GCF_2"], MD5["GCF_2"].upper(), ""])
def test_listed_md5s_must_be_those_of_the_downloads(corpus, first):
    list_md5s(corpus, first, "")
    assert corpus.run() == 0
    assert [row["md5"] for row in read_table(corpus.folder / "corpus.tsv")] == list(MD5.values())


def test_a_lock_with_another_md5_is_refused(corpus, capsys):
    other = "a" * 32
    list_md5s(corpus, MD5["GCF_2"], other)
    assert refusal(corpus, capsys) == (
        f"error: GCF_1: the species table has md5 {other}, the downloaded file {MD5['GCF_1']}; "
        f"remove {corpus.folder / 'records' / 'GCF_1.json'} and run again"
    )
