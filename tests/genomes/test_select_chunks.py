"""One window of each set of duplicates is kept, caps are met, and every base is still counted."""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflow_scripts.common.files import digest, read_json, write_json
from workflow_scripts.genomes import chunk_genome, keep_chunks, select_chunks
from workflow_scripts.genomes.accounting import DROPPED
from workflow_scripts.genomes.chunk_genome import Cut, cut_genome
from workflow_scripts.genomes.chunk_tables import DUPLICATE, KEEP, OVER_CAP, SCHEMA
from workflow_scripts.genomes.select_chunks import common_level, is_repeated

REPOSITORY = Path(__file__).resolve().parents[2]


def reverse_complement(sequence: str) -> str:
    return sequence[::-1].translate(str.maketrans("ACGT", "TGCA"))


class Corpus:
    """Genomes cut in a folder, in the order of their species table; each is (group, contigs)."""

    def __init__(self, folder: Path, genomes: dict[str, tuple[str, list[str]]], cut: Cut):
        self.folder, self.names = folder, list(genomes)
        lines = ["accession\torganism\tgroup", *(f"{name}\tx\t{group}" for name, (group, _) in genomes.items())]
        (folder / "species.tsv").write_text("\n".join(lines) + "\n")
        for name, (_, contigs) in genomes.items():
            (folder / "g.fa").write_text("".join(f">c{n}\n{text}\n" for n, text in enumerate(contigs)))
            write_json(folder / f"{name}.json", cut_genome(folder / "g.fa", name, cut, folder / f"{name}.parquet"))

    def arguments(self, out: Path, *more: str) -> list[str]:
        command = ["--species", self.folder / "species.tsv", "--windows", self.folder, "--seed", 5, "--out", out, *more]
        return [str(part) for part in command]

    def select(self, *more: str) -> dict[str, np.ndarray]:
        assert select_chunks.main(self.arguments(self.folder, *more)) == 0
        return {name: np.load(self.folder / f"{name}.npy") for name in self.names}

    def keep_arguments(self, name: str) -> list[str]:
        files = {"windows": "parquet", "choice": "npy", "counts": "json", "chunks": "kept.parquet"}
        files["new-counts"] = "kept.json"
        return [part for option, end in files.items() for part in (f"--{option}", str(self.folder / f"{name}.{end}"))]

    def keep(self, name: str) -> tuple[list[dict], dict]:
        assert keep_chunks.main(self.keep_arguments(name)) == 0
        counts = read_json(self.folder / f"{name}.kept.json")
        assert counts.pop("sha256") == digest(self.folder / f"{name}.kept.parquet")
        return self.rows(name, "kept.parquet"), counts

    def rows(self, name: str, end: str = "parquet") -> list[dict]:
        return pq.read_table(self.folder / f"{name}.{end}").to_pylist()


def random_sequence(length: int, key: int) -> str:
    return "".join(np.random.default_rng(key).choice(list("ACGT"), length))


def random_corpus(folder: Path, sizes: dict[str, tuple[str, int]], **more) -> Corpus:
    """Genomes of the given numbers of windows of 10 bases, practically without duplicates."""
    genomes = {n: (group, [random_sequence(10 * size, k)]) for k, (n, (group, size)) in enumerate(sizes.items())}
    return Corpus(folder, genomes, Cut(10, 0, 1, 0.2, 3, **more))


PIECES = ["AAAAA", "ACCGT", "ACGGT", "GGGGG", "CCCCC", "GTGTA", "acgta", "N", "TTGCA", "AC"]
CONTIGS = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join), min_size=1, max_size=3)
CUTS = st.builds(
    Cut,
    length=st.just(5),
    min_contig=st.just(0),
    seed=st.integers(0, 2),
    validation_fraction=st.just(0.4),
    validation_block=st.integers(1, 3),
    overlap=st.integers(0, 4),
    duplicates=st.sampled_from(["exact", "reverse_complement"]),
)


@pytest.mark.slow
@settings(max_examples=60)
@given(
    genomes=st.lists(CONTIGS, min_size=1, max_size=4),
    cut=CUTS,
    genome_cap=st.none() | st.integers(0, 60),
    group_cap=st.none() | st.integers(0, 120),
    row_group=st.sampled_from([15, 1 << 24]),
)
def test_one_window_of_each_set_of_duplicates_is_kept_and_caps_are_met(genomes, cut, genome_cap, group_cap, row_group):
    named = {f"G{9 - n}": ("odd" if n % 2 else "even", contigs) for n, contigs in enumerate(genomes)}
    caps = ["--max-genome-bases", str(genome_cap)] * (genome_cap is not None)
    caps += ["--max-group-bases", f"even={group_cap}"] * (group_cap is not None)
    with tempfile.TemporaryDirectory() as scratch, pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunk_genome, "ROW_GROUP_BASES", row_group)
        corpus = Corpus(Path(scratch), named, cut)
        choices = corpus.select(*caps)
        before = {name: corpus.rows(name) for name in named}
        counts_before = {name: read_json(corpus.folder / f"{name}.json") for name in named}
        kept = {name: corpus.keep(name) for name in named}

    def kind(sequence: str) -> str:
        return min(sequence, reverse_complement(sequence)) if cut.duplicates == "reverse_complement" else sequence

    seen: set[str] = set()
    for name in named:  # in the order of the species table, all but the first of a kind are duplicates
        for row, choice in zip(before[name], choices[name], strict=True):
            assert (choice == DUPLICATE) == (kind(row["sequence"]) in seen)
            seen.add(kind(row["sequence"]))

    sizes = {name: int(np.count_nonzero(choices[name] == KEEP)) for name in named}
    unique = {name: int(np.count_nonzero(choices[name] != DUPLICATE)) for name in named}
    allowed = {name: size if genome_cap is None else min(size, genome_cap // 5) for name, size in unique.items()}
    if group_cap is None:
        assert sizes == allowed
    else:
        even = [name for name in named if named[name][0] == "even"]
        level = max(sizes[name] for name in even)
        assert sum(sizes[name] for name in even) <= group_cap // 5
        assert all(sizes[name] == min(allowed[name], level) for name in even)
        more = sum(min(allowed[name], level + 1) for name in even)
        assert more > group_cap // 5 or more == sum(sizes[name] for name in even)

    for name, (rows, counts) in kept.items():
        columns = [{key: value for key, value in row.items() if key != "fingerprint"} for row in before[name]]
        assert rows == [row for row, choice in zip(columns, choices[name], strict=True) if choice == KEEP]
        assert counts["bases"] == counts["kept_bases"] + sum(counts[reason] for reason in DROPPED)
        places = {(row["contig"], place) for row in rows for place in range(row["start"], row["end"])}
        unique_rows = [row for row, choice in zip(columns, choices[name], strict=True) if choice != DUPLICATE]
        unique_places = {(row["contig"], place) for row in unique_rows for place in range(row["start"], row["end"])}
        assert counts == counts_before[name] | {
            "kept_bases": len(places),
            "dropped_duplicate": counts_before[name]["kept_bases"] - len(unique_places),
            "dropped_cap": len(unique_places) - len(places),
            "chunks": len(rows),
            "train_chunks": sum(row["split"] == "train" for row in rows),
            "validation_chunks": sum(row["split"] == "validation" for row in rows),
            "soft_masked": round(sum(row["soft_masked"] * 5 for row in rows)),
        }


def test_no_copy_of_a_validation_window_is_left_in_training(tmp_path):
    shared = random_sequence(600, 1)
    genomes = {"G1": ("a", [shared]), "G2": ("a", [reverse_complement(shared), shared])}
    corpus = Corpus(tmp_path, genomes, Cut(10, 0, 1, 0.5, 2, duplicates="reverse_complement"))
    corpus.select()
    rows = [row for name in genomes for row in corpus.keep(name)[0]]
    train = {row["sequence"] for row in rows if row["split"] == "train"}
    validation = {row["sequence"] for row in rows if row["split"] == "validation"}
    assert min(len(train), len(validation)) > 10
    assert train.isdisjoint(validation | {reverse_complement(sequence) for sequence in validation})


def test_the_final_table_has_no_fingerprints_but_the_accession(tmp_path):
    corpus = random_corpus(tmp_path, {"GCF_1": ("a", 50)}, duplicates="exact")
    corpus.select("--max-genome-bases", "200")
    corpus.keep("GCF_1")
    schema = pq.read_schema(tmp_path / "GCF_1.kept.parquet")
    assert schema.equals(SCHEMA)
    assert schema.metadata[b"accession"] == b"GCF_1"


def test_caps_do_not_need_fingerprints(tmp_path):
    corpus = random_corpus(tmp_path, {"G1": ("a", 50), "G2": ("b", 20)})
    choices = corpus.select("--max-genome-bases", "305")
    assert [np.bincount(choice, minlength=3).tolist() for choice in choices.values()] == [[30, 0, 20], [20, 0, 0]]


def test_lower_case_of_kept_windows_is_counted(tmp_path):
    corpus = Corpus(tmp_path, {"G1": ("a", ["acgtacgTAC" * 30])}, Cut(10, 0, 1, 0.2, 3))
    corpus.select("--max-genome-bases", "110")
    assert corpus.keep("G1")[1]["soft_masked"] == 7 * 11


def test_each_capped_group_is_levelled_and_others_are_not(tmp_path):
    sizes = {"G1": ("a", 50), "G2": ("a", 10), "G3": ("a", 30), "G4": ("b", 40), "G5": ("c", 5)}
    corpus = random_corpus(tmp_path, sizes)
    choices = corpus.select("--max-group-bases", "a=500", "b=70")
    assert [int(np.count_nonzero(choice == KEEP)) for choice in choices.values()] == [20, 10, 20, 7, 5]


@pytest.mark.parametrize(
    ("sizes", "cap", "level"), [([5, 9, 7], 21, 9), ([5, 9, 7], 20, 8), ([5, 9, 7], 14, 4), ([5], 0, 0), ([0, 0], 3, 0)]
)
def test_the_common_level_meets_the_cap(sizes, cap, level):
    found = common_level(sizes, cap)
    assert found == level
    assert sum(min(size, found) for size in sizes) <= cap


def test_the_capped_subset_is_random_and_depends_only_on_seed_and_genome(tmp_path):
    names = {"G1": ("a", 400), "G2": ("b", 400)}
    folders = [tmp_path / name for name in ("both", "single")]
    for folder in folders:
        folder.mkdir()
    both = random_corpus(folders[0], names).select("--max-genome-bases", "2000")
    single = random_corpus(folders[1], {"G1": ("z", 400)}).select("--max-genome-bases", "2000")
    less = random_corpus(folders[1], {"G1": ("z", 400)}).select("--max-genome-bases", "1000")
    assert np.array_equal(both["G1"], single["G1"])
    assert not np.array_equal(both["G1"], both["G2"])
    assert set(np.flatnonzero(less["G1"] == KEEP)) < set(np.flatnonzero(single["G1"] == KEEP))
    assert 60 < np.count_nonzero(both["G1"][:200] == OVER_CAP) < 140


def test_repeated_values_equal_those_of_a_set():
    values = [random.Random(1).randrange(2**64 - 50, 2**64) for _ in range(300)] + [0, 255, 256, 0, 65536, 256]
    seen, expected = set(), []
    for value in values:
        expected.append(value in seen)
        seen.add(value)
    assert is_repeated(np.array(values, dtype="<u8")).tolist() == expected
    assert is_repeated(np.empty(0, dtype="<u8")).tolist() == []


def test_files_of_other_genomes_are_ignored(tmp_path):
    shared = random_sequence(100, 1)
    corpus = Corpus(tmp_path, {"G1": ("a", [shared]), "G2": ("a", [shared])}, Cut(10, 0, 1, 0.2, 3, duplicates="exact"))
    (tmp_path / "species.tsv").write_text("accession\tgroup\nG2\ta\n")
    (tmp_path / "G3.parquet").write_bytes(b"no Parquet")
    (tmp_path / "G3.json").write_text("no JSON")
    assert select_chunks.main(corpus.arguments(tmp_path / "out")) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["G2.npy"]
    assert np.load(tmp_path / "out" / "G2.npy").tolist() == [KEEP] * 10  # no duplicates of the removed genome


@pytest.mark.slow
def test_bytes_do_not_depend_on_hash_seed_and_locale(tmp_path):
    shared = random_sequence(500, 1)
    genomes = {f"G{n}": ("a", [random_sequence(700, 10 + n), shared]) for n in (3, 1, 2)}
    corpus = Corpus(tmp_path, genomes, Cut(10, 0, 1, 0.2, 3, duplicates="reverse_complement"))
    seen = []
    for environment in ({"PYTHONHASHSEED": "0", "LC_ALL": "C"}, {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8"}):
        out = tmp_path / environment["LC_ALL"]
        command = corpus.arguments(out, "--max-group-bases", "a=1200")
        program = [sys.executable, "-m", "workflow_scripts.genomes.select_chunks", *command]
        subprocess.run(program, cwd=REPOSITORY, env=os.environ | environment, check=True, capture_output=True)
        seen.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert seen[0] == seen[1]
    assert sorted(seen[0]) == ["G1.npy", "G2.npy", "G3.npy"]
    choices = {name: np.load(tmp_path / "C" / f"{name}.npy") for name in genomes}
    assert not (choices["G3"] == DUPLICATE).any()  # the first of the species table
    assert (choices["G1"] == DUPLICATE).sum() == (choices["G2"] == DUPLICATE).sum() == 50


def rewrite(path: Path, **changes) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def without(path: Path, key: str) -> None:
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != key}))


def rewrite_table(path: Path, change) -> None:
    pq.write_table(change(pq.read_table(path)), path)


# wrong files under the name of a table or its counts, and the errors
WRONG_FILES = [
    (lambda folder: (folder / "G1.parquet").unlink(), "G1.parquet: no such table; cut the genome first"),
    (lambda folder: (folder / "G1.parquet").write_bytes(b""), "G1.parquet: not a Parquet file"),
    (lambda folder: (folder / "G1.parquet").write_text("a web page\n" * 9), "G1.parquet: not a Parquet file"),
    (
        lambda folder: (folder / "G1.parquet").write_bytes((folder / "G1.parquet").read_bytes()[:-100]),
        "G1.parquet: not a Parquet file",
    ),
    (
        lambda folder: rewrite_table(folder / "G1.parquet", lambda table: table.drop_columns("end")),
        "G1.parquet: not a table of windows by chunk_genome (columns contig, start, sequence, soft_masked, split)",
    ),
    (
        lambda folder: rewrite_table(
            folder / "G1.parquet", lambda table: table.set_column(1, "start", table["start"].cast(pa.string()))
        ),
        "G1.parquet: not a table of windows",
    ),
    (
        lambda folder: rewrite_table(folder / "G1.parquet", lambda table: table.replace_schema_metadata({})),
        "G1.parquet: not a table of windows",
    ),
    (lambda folder: (folder / "G1.json").unlink(), "G1.json: no such file; download and cut G1 first"),
    (lambda folder: (folder / "G1.json").write_text('{"accession": "G1",'), "G1.json: not JSON"),
    (lambda folder: without(folder / "G1.json", "chunks"), "G1.json: chunks missing"),
    (lambda folder: rewrite(folder / "G1.json", accession="G2"), "G1.json: is of G2, not of G1"),
]


@pytest.mark.parametrize(
    ("more", "spoil", "message"),
    [
        (["--max-group-bases", "fungi=5"], None, "fungi=5: no such group; the species table has a, b"),
        (["--max-group-bases", "a=1e9"], None, "a=1e9: must be group=number of bases"),
        (["--max-group-bases", "500"], None, "500: must be group=number of bases"),
        (["--max-group-bases", "=500"], None, "=500: must be group=number of bases"),
        (["--max-group-bases", "a=5", "b=5", "a=7"], None, "a=7: a second cap"),
        (["--max-genome-bases", "-1"], None, "-1: must be at least 0"),
        ([], lambda folder: rewrite(folder / "G1.json", chunks=3), "G1.parquet: 20 windows, but the counts say 3"),
        (
            [],
            lambda folder: (folder / "G2.parquet").write_bytes((folder / "G1.parquet").read_bytes()),
            "G2.parquet: is of G1, not of G2",
        ),
        *[([], spoil, message) for spoil, message in WRONG_FILES],
    ],
)
def test_invalid_caps_and_files_are_refused(tmp_path, capsys, more, spoil, message):
    corpus = random_corpus(tmp_path, {"G1": ("a", 20), "G2": ("b", 30)})
    if spoil:
        spoil(tmp_path)
    capsys.readouterr()
    assert select_chunks.main(corpus.arguments(tmp_path / "out", *more)) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "message"), [({"duplicates": "exact"}, "only some tables"), ({"length": 20}, "different lengths")]
)
def test_genomes_that_were_cut_differently_are_refused(tmp_path, capsys, change, message):
    corpus = random_corpus(tmp_path, {"G1": ("a", 20), "G2": ("b", 30)})
    cut = Cut(**{"length": 10, "min_contig": 0, "seed": 1, "validation_fraction": 0, "validation_block": 1} | change)
    write_json(tmp_path / "G2.json", cut_genome(tmp_path / "g.fa", "G2", cut, tmp_path / "G2.parquet"))
    assert select_chunks.main(corpus.arguments(tmp_path / "out")) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: np.save(folder / "G1.npy", np.zeros(3, np.uint8)), "G1.npy: a choice among 3 windows"),
        (lambda folder: rewrite(folder / "G1.json", kept_bases=7), "G1: the counts do not belong to these windows"),
        *WRONG_FILES,
    ],
)
def test_files_that_do_not_belong_together_are_refused(tmp_path, capsys, spoil, message):
    corpus = random_corpus(tmp_path, {"G1": ("a", 20)})
    corpus.select()
    spoil(tmp_path)
    before = sorted(tmp_path.iterdir())
    capsys.readouterr()
    assert keep_chunks.main(corpus.keep_arguments("G1")) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert sorted(tmp_path.iterdir()) == before
