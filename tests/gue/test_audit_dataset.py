"""The audit: planted leaks are counted once, odd rows are listed, and --fail-on-leak leaves no file."""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.gue import audit_dataset
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.registry import read_dataset
from workflow_scripts.gue.relatedness import earlier_overlapping

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fresh(bases):
    """``fresh(n)``: ``n`` unrelated rows of 80 bp with alternating labels."""
    seeds = count(1000)
    return lambda number: [Example((bases(80, next(seeds)),), n % 2) for n in range(number)]


@pytest.fixture
def audited(tmp_path, registry):
    """``audited(splits, *arguments)``: exit status and figures of the program for files as a builder writes them."""

    def run(splits, *arguments):
        table = registry(task="emp", dataset="X")
        dataset = read_dataset(table, "emp", "X")
        facts = {"origin": "custom", "sources": [], "construction": "", "seed": None, "candidates": 0, "dropped": {}}
        write_dataset(tmp_path / "data", dataset, ["no", "yes"], splits, **facts)
        out = tmp_path / "out/audit.json"
        out.unlink(missing_ok=True)
        name = ["--task", "emp", "--dataset", "X"]
        files = ["--rows", str(tmp_path / "out/test_rows.tsv"), "--out", str(out)]
        status = audit_dataset.main([*name, "--data", str(tmp_path / "data"), *files, *arguments])
        return status, json.loads(out.read_text()) if out.exists() else None

    return run


def related(**counts):
    return {"exact": 0, "reverse_complement": 0, "near": 0, "derived": 0, "overlap": None, **counts}


def counted(splits):
    return audit_dataset.count_relations(splits, audit_dataset.relate(splits))


def test_planted_leaks_are_counted_once_a_row(audited, fresh, bases):
    train, dev, test = fresh(30), fresh(12), fresh(12)
    sequence = train[3].sequences[0]
    dev += [train[0], train[1]._replace(label=0), Example((reverse_complement(train[2].sequences[0]),), 0)]
    test += [
        Example((sequence[1:] + "A",), 1),  # shifted by one base
        Example((reverse_complement("GT" + sequence[:-2]),), 1),  # shifted by two, on the other strand
        Example((sequence[:40] + "ACGT"["CATG".index(sequence[40])] + sequence[41:],), 1),  # one substitution
        dev[0],
    ]
    train += [train[5], Example((reverse_complement(train[6].sequences[0]),), 0)]
    status, figures = audited({"train": train, "dev": dev, "test": test})
    assert status == 0
    assert figures["relations"] == {
        "train": related(exact=1, reverse_complement=1),
        "dev": related(),
        "test": related(near=2),
        "dev_in_train": related(exact=2, reverse_complement=1),
        "test_in_train": related(near=3),
        "test_in_dev": related(exact=1),
    }
    assert figures["leaks"] == {"dev": 3, "test": 3}
    assert figures["rows"] == {"train": 32, "dev": 15, "test": 16}
    assert (figures["task"], figures["dataset"]) == ("emp", "X")


def test_places_reveal_overlaps_that_sequences_do_not(audited, fresh):
    def at(rows, *places):
        return [
            row._replace(places=(Place(*place),) if place else ()) for row, place in zip(rows, places, strict=False)
        ]

    splits = {
        "train": at(fresh(3), ("c1", 0, 80, "+"), ("c1", 500, 580, "-"), ("c2", 100, 180, "+")),
        "dev": at(fresh(3), ("c1", 79, 159, "-"), ("c1", 80, 160, "+"), ("c3", 0, 80, "+")),
        "test": at(fresh(4), ("c1", 400, 480, "+"), ("c2", 21, 101, "+"), ("c1", 100, 180, "+"), None),
    }
    figures = audited(splits)[1]
    assert figures["relations"] == {
        "train": related(overlap=0),
        "dev": related(overlap=1),
        "test": related(overlap=0),
        "dev_in_train": related(overlap=1),
        "test_in_train": related(overlap=1),
        "test_in_dev": related(overlap=1),
    }
    # a copy at the same place counts as a copy; without places the number of overlaps is unknown
    splits["test"] = [splits["train"][0], *fresh(1)]
    splits["dev"] = fresh(3)
    figures = audited(splits)[1]
    assert figures["relations"]["test_in_train"] == related(exact=1, overlap=0)
    assert figures["relations"]["dev_in_train"] == related()


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_equal_a_comparison_of_all_pairs(seed):
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(120):
        starts, lengths = draw.integers(0, 3000, 2), draw.integers(1, 60, 2)
        places = [
            Place(f"c{draw.integers(2)}", int(start), int(start + length), "+")
            for start, length in zip(starts, lengths, strict=True)
        ]
        rows.append(Example(("A", "C"), 0, tuple(places[: draw.integers(3)])))
    group = np.sort(draw.integers(0, 3, 120))
    expected = np.zeros((120, 3), dtype=bool)
    for later, row in enumerate(rows):
        for earlier in range(later):
            expected[later, group[earlier]] |= any(
                a.contig == b.contig and a.start < b.end and b.start < a.end
                for a in row.places
                for b in rows[earlier].places
            )
    assert np.array_equal(earlier_overlapping(rows, group, 3), expected) and 0 < expected.sum() < expected.size


def test_pairs_are_copies_if_both_sequences_are_and_similar_if_one_is(bases):
    pairs = [Example((bases(90, 2 * n), bases(60, 2 * n + 1)), n % 2) for n in range(12)]
    train, (dev, test, other) = pairs[:9], pairs[9:]
    enhancer, promoter = train[0].sequences
    splits = {
        "train": train,
        "dev": [dev, Example((reverse_complement(enhancer), promoter), 0), Example((promoter, enhancer), 1)],
        "test": [test, Example((enhancer, promoter), 0), Example((other.sequences[0], promoter), 1)],
    }
    relations = counted(splits)
    assert relations["dev_in_train"] == related(reverse_complement=1, near=1)
    assert relations["test_in_train"] == related(exact=1, near=1)


def test_contradictions_classes_lengths_letters_and_gc(audited, fresh):
    train, dev, test = fresh(20), fresh(6), fresh(6)
    dev[0] = train[0]._replace(label=1)
    test[0] = Example((reverse_complement(train[2].sequences[0]),), 1)
    dev[1] = Example(("ACGTNNRA" * 10,), 0)
    dev[2] = Example(("acgt" * 20,), 0)
    test[3] = Example(("G" * 30,), 1)
    figures = audited({"train": train, "dev": dev, "test": test})[1]
    assert figures["conflicting_labels"] == {"exact": 1, "either_strand": 2}
    assert figures["classes"]["train"] == {"0": 10, "1": 10} and sum(figures["classes"]["dev"].values()) == 6
    assert figures["lengths"] == {
        **{"min": 30, "median": 80, "max": 80, "usual": 80},
        "other": {"rows": 1, "first": [{"split": "test", "line": 5, "length": 30}]},
    }
    assert figures["non_acgt"] == {"rows": 1, "first": [{"split": "dev", "line": 3, "letters": "NR"}]}
    assert figures["unknown_letters"] == {"train": 0, "dev": 30 / 480, "test": 0}
    assert set(figures["gc"]["mean_by_class"]) == {"0", "1"} and 0.5 <= figures["gc"]["auroc"] <= 1


def test_auroc_of_gc_content(fresh):
    rows = [Example((letters * 20,), label) for letters, label in (("AATG", 1), ("GGCA", 0), ("AATT", 1), ("GCGC", 0))]
    figures = audit_dataset.summarize_gc({"train": rows, "dev": [], "test": []})
    assert figures == {"mean_by_class": {"0": 0.875, "1": 0.125}, "auroc": 1.0}
    three = [*rows, Example(("ACGT",), 2)]
    assert audit_dataset.summarize_gc({"train": three, "dev": [], "test": []})["auroc"] == pytest.approx(
        (1 + 1 + 0.5) / 3, abs=1e-4
    )
    assert audit_dataset.summarize_gc({"train": rows[::2], "dev": [], "test": []})["auroc"] is None


def spelled(splits, spell):
    return {
        name: [row._replace(sequences=tuple(map(spell, row.sequences))) for row in rows]
        for name, rows in splits.items()
    }


def test_gc_content_and_baseline_do_not_depend_on_case_or_u(fresh):
    """Unknown letters count neither as GC nor as AT; a measure that ignored all letters would see no classes."""
    splits = {name: fresh(rows) for name, rows in (("train", 40), ("dev", 4), ("test", 20))}
    expected = audit_dataset.summarize_gc(splits), audit_dataset.baseline_scores(splits, 1)
    assert len(set(audit_dataset.gc_contents(splits["train"]))) > 5
    for spell in (str.lower, lambda text: text.replace("T", "U"), lambda text: text[:40].lower() + text[40:]):
        found = spelled(splits, spell)
        assert (audit_dataset.summarize_gc(found), audit_dataset.baseline_scores(found, 1)) == expected
        assert counted(found) == counted(splits)
    rows = [Example((letters,), 0) for letters in ("GCAT", "gcau", "NNGRCAnT", "NNNN")]
    assert audit_dataset.gc_contents(rows).tolist() == [0.5, 0.5, 0.5, 0]


def test_many_unknown_letters_are_a_warning(audited, fresh, capsys):
    train, dev, test = fresh(20), fresh(6), fresh(6)
    audited({"train": train, "dev": dev, "test": test})
    assert "warning" not in capsys.readouterr().err
    test[0] = Example(("N" * 80,), 1)
    audited({"train": train, "dev": dev, "test": test})
    assert "16.7% of the letters of test are not A, C, G or T" in capsys.readouterr().err


def test_fail_on_leak_writes_no_file(audited, fresh, tmp_path, capsys):
    train = fresh(20)
    splits = {"train": train, "dev": fresh(4), "test": [*fresh(4), train[0], train[1]]}
    status, figures = audited(splits, "--fail-on-leak")
    message = capsys.readouterr().err.strip()
    assert (
        status == 1 and figures is None and message.count("\n") == 0 and not (tmp_path / "out/test_rows.tsv").exists()
    )
    assert "emp/X: 2 of 6 test rows (exact 2)" in message and "dev" not in message
    assert audited({**splits, "test": fresh(4)}, "--fail-on-leak")[0] == 0
    splits["test"] = [Example((train[0].sequences[0][1:] + "C",), 1)]
    assert audited(splits, "--fail-on-leak")[0] == 1 and "(near 1)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "complaint"),
    [
        ("places.tsv", "split\tline\tcontig\tstart\tend\tstrand\ntrain\tx\tc\t0\t9\t+\n", "places.tsv:2: not a place"),
        ("places.tsv", "split\tline\ntrain\t2\n", "places.tsv:2: not a place ('contig')"),
        ("places.tsv", None, "places.tsv: no such table"),
        ("dev.csv", None, "dev.csv: no such file"),
        ("dev.csv", "sequence,label\nACGT,x\n", "dev.csv:2: label 'x' is not a class"),
    ],
)
def test_bad_input_files_are_named(audited, fresh, tmp_path, capsys, file, content, complaint):
    assert audited({"train": fresh(4), "dev": fresh(2), "test": fresh(2)})[0] == 0
    (tmp_path / "data" / file).unlink()
    if content is not None:
        (tmp_path / "data" / file).write_text(content)
    name = ["--task", "emp", "--dataset", "X"]
    files = ["--rows", str(tmp_path / "rows.tsv"), "--out", str(tmp_path / "other.json")]
    assert audit_dataset.main([*name, "--data", str(tmp_path / "data"), *files]) == 1
    message = capsys.readouterr().err.strip()
    assert complaint in message and message.count("\n") == 0 and not (tmp_path / "other.json").exists()


@pytest.mark.slow
def test_hash_seed_and_threads_do_not_change_the_file(audited, fresh, tmp_path):
    train = fresh(40)
    splits = {"train": train, "dev": [*fresh(9), train[1]], "test": [*fresh(9), train[2]]}
    assert audited(splits)[0] == 0
    expected = (tmp_path / "out/audit.json").read_bytes()
    command = [sys.executable, "-m", "workflow_scripts.gue.audit_dataset", "--task", "emp", "--dataset", "X"]
    command += ["--data", str(tmp_path / "data"), "--rows", str(tmp_path / "rows.tsv")]
    for seed in ("0", "1"):
        out = tmp_path / f"{seed}.json"
        environment = {**os.environ, "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": str(int(seed) + 1)}
        subprocess.run([*command, "--out", str(out)], cwd=ROOT, env=environment, check=True, capture_output=True)
        assert out.read_bytes() == expected
