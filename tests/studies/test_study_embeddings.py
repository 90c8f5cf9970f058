"""Representations that tell the class, tell nothing, or tell as much as k-mers give the three verdicts."""

import numpy as np
import pytest

from tests import tiny_models
from tests.studies.conftest import BETTER, EXPECTED, SAME, WORSE
from workflow_scripts.common.errors import UserError
from workflow_scripts.studies import study_embeddings
from workflow_scripts.studies.sequence_rows import read_sequences

ROWS = 200


def split(key: int) -> tuple[list[str], np.ndarray]:
    """Random bases; half of the rows of class 1 have a motif, so that k-mers tell something but not all."""
    random = np.random.default_rng(key)
    labels = np.arange(ROWS) % 2
    texts = ["".join(random.choice(list("ACGT"), 40)) for _ in labels]
    return [text + "TATATATA" * int(number % 4 == 1) for number, text in enumerate(texts)], labels


DATA = {"a/b": {name: split(key) for key, name in enumerate(("train", "dev", "test"))}}


def told(share: float, key: int):
    """A representation in which the class is seen in a share of the rows, whatever the letters."""
    labels = {text: label for texts, rows in DATA["a/b"].values() for text, label in zip(texts, rows, strict=True)}
    random = np.random.default_rng(key)

    def represent(texts: list[str]) -> np.ndarray:
        seen = random.random(len(texts)) < share
        return np.stack([[labels[text] * show, random.normal()] for text, show in zip(texts, seen, strict=True)])

    return represent


@pytest.mark.parametrize(("planned", "share"), [(BETTER, 0.95), (WORSE, 0.0), (SAME, 0.35)])
def test_planted_representations_decide(planned, share):
    represent = {"ours": told(share, 1), "k-mers": study_embeddings.kmer_counts(4)}
    (part,), rows = study_embeddings.study(represent, DATA, 0)
    assert part.verdict == EXPECTED[planned], part
    assert [row["model"] for row in rows] == ["ours", "k-mers"]


def test_kmers_are_counted_on_the_sequence_as_it_is():
    (counts,) = study_embeddings.kmer_counts(2)(["AACN"])
    assert np.flatnonzero(counts).tolist() == [0, 1, 4 + 0, 4 + 1]
    assert counts[:2].tolist() == [np.sqrt(2), 1]


def test_the_program_reads_models_and_data_sets(planted):
    for name in ("ours", "random"):
        tiny_models.write_dnabert2(planted.root / "models" / name)
    folder = planted.root / "gue" / "a" / "b"
    folder.mkdir(parents=True)
    for name, (texts, labels) in DATA["a/b"].items():
        lines = [f"{text},{label}" for text, label in zip(texts, labels, strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["sequence,label", *lines]) + "\n")
    options = ["--models", str(planted.root / "models"), "--pretrained", "ours", "--random", "random", "--rows", "60"]
    result = planted.judge(study_embeddings.main, *options, "--data", str(planted.root / "gue"), "--datasets", "a/b")
    assert len(result["comparisons"]) == 2
    assert result["comparisons"][1]["value"] == 0, "both have the same weights"


def test_pairs_and_numbers_are_refused(tmp_path):
    path = tmp_path / "test.csv"
    for row in ("ACGT,GG,1", "ACGT,0.5"):
        path.write_text(f"{'a,b,' if row.count(',') == 2 else 'a,'}label\n{row}\n")
        with pytest.raises(UserError, match=r"test.csv:2: not a sequence with a class"):
            read_sequences(path)
