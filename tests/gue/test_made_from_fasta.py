"""Data sets that are made from FASTA files: where the class of a sequence is, and negatives of positives."""

import json
import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from scipy.stats import ks_2samp

from tests.gue.made_rows import better_auroc, by_label, gc, isochores, read_rows
from workflow_scripts.gue.take_dataset import main


@pytest.fixture
def take(tmp_path):
    """``take(*options)``: the rows of the data set, and its datasheet."""

    def take(*options, out="out"):
        words = ["--name", "mine", "set", "--metric", "mcc", *map(str, options), "--out", str(tmp_path / out)]
        assert main(words) == 0
        return read_rows(tmp_path / out), json.loads((tmp_path / out / "datasheet.json").read_text())

    return take


def sequences(count, seed=0):
    draw = random.Random(seed)
    return ["".join(draw.choices("ACGT", k=draw.randrange(60, 120))) for _ in range(count)]


HEADERS = {
    "a word": ">s{number} chr1:5 label={name} more",
    "after a bar": ">s{number}|{name}",
}


@pytest.mark.parametrize("form", HEADERS)
def test_the_class_is_in_the_header_in_either_form(take, text, form, tmp_path):
    names = ("enhancer", "silencer", "other")
    lines = [
        f"{HEADERS[form].format(number=number, name=names[number % 3])}\n{letters.lower()}\n"
        for number, letters in enumerate(sequences(60))
    ]
    rows, sheet = take("--fasta", text("mine.fa", "".join(lines)))
    named = {letters: names[number % 3] for number, letters in enumerate(sequences(60))}
    assert sheet["classes"] == sorted(names)
    assert {row[1]: sheet["classes"][row[2]] for row in rows} == named
    assert sheet["normalized"]["rows with lower case"] == 60
    ids = (tmp_path / "out/ids.tsv").read_text().splitlines()
    assert len(ids) == 61 and (
        form != "a word" or {line.split("\t")[2] for line in ids[1:]} == {f"s{n}" for n in range(60)}
    )


def test_one_file_for_each_class_is_the_same_as_one_with_labels(take, text):
    found = sequences(40)
    records = [f">s{number}\n{letters}\n" for number, letters in enumerate(found)]
    a, b = text("a.fa", "".join(records[:20])), text("b.fa", "".join(records[20:]))
    apart, sheet = take("--fasta", b, a, "--classes", "other", "enhancer", out="apart")
    labels = ["enhancer"] * 20 + ["other"] * 20
    lines = [record.replace("\n", f" label={label}\n", 1) for record, label in zip(records, labels, strict=True)]
    together, _ = take("--fasta", text("all.fa", "".join(lines)), out="together")
    assert apart == together and sheet["classes"] == ["enhancer", "other"]
    assert [source["role"] for source in sheet["sources"]] == ["fasta:enhancer", "fasta:other"]


def test_positives_of_any_length_get_windows_of_their_length_and_gc(take, text, fasta):
    """The positives have more G and C than the genome, and other lengths than a fixed one."""
    contigs = {"one": isochores(200_000, 1), "two": isochores(200_000, 2)}
    draw = random.Random(4)
    found = ["".join(draw.choices("ACGT", [2, 3, 3, 2], k=draw.randrange(60, 120))) for _ in range(150)]
    path = text("positives.fa", "".join(f">s{number}\n{letters}\n" for number, letters in enumerate(found)))
    rows, sheet = take("--fasta", path, "--negatives", "matched", "--genome", fasta(contigs))
    negatives, positives = by_label(rows)
    assert sorted(len(row[1]) for row in negatives) == sorted(len(row[1]) for row in positives)
    assert better_auroc(rows, gc) < 0.53 and better_auroc(rows, len) < 0.53
    assert ks_2samp([gc(row[1]) for row in positives], [gc(row[1]) for row in negatives]).statistic < 0.1
    unmatched = [("", contigs["one"][at : at + 90], 0, ()) for at in range(0, 150_000, 1000)]
    assert better_auroc([*positives, *unmatched], gc) > 0.75 and better_auroc([*positives, *unmatched], len) >= 0.5
    assert all(contigs[place.contig][place.start : place.end] == letters for _, letters, _, (place,) in negatives)
    assert not any(row[3] for row in positives) and sheet["candidates"] == len(rows) + sum(sheet["dropped"].values())


@pytest.mark.parametrize("split", ["random", "homology"])
def test_shuffles_stay_with_their_sequence_and_need_no_genome(take, text, split):
    """N is a letter like any other, so it keeps its neighbours."""
    found = [letters + "NA" for letters in sequences(60)]
    path = text("positives.fa", "".join(f">s{number}\n{letters}\n" for number, letters in enumerate(found)))
    rows, _ = take("--fasta", path, "--negatives", "shuffled", "--split", split)
    assert len(rows) == 120
    counts = {
        split: {frozenset(Counter(pairwise(row[1])).items()) for row in rows if row[0] == split}
        for split in ("train", "dev", "test")
    }
    partners = {frozenset(Counter(pairwise(row[1])).items()): row[0] for row in by_label(rows)[1]}
    assert all(partners[frozenset(Counter(pairwise(row[1])).items())] == row[0] for row in by_label(rows)[0])
    assert np.prod([len(found) for found in counts.values()]) > 0


def test_a_sequence_that_has_no_other_order_is_left_out_with_a_warning(take, text, capsys):
    found = [*sequences(40), "A" * 50]
    path = text("positives.fa", "".join(f">s{number}\n{letters}\n" for number, letters in enumerate(found)))
    rows, sheet = take("--fasta", path, "--negatives", "shuffled")
    assert len(rows) == 80 and sheet["dropped"] == {"no_shuffle": 1}
    assert "warning: mine/set: 1 of 41 positives have too few shuffles and are left out" in capsys.readouterr().err
