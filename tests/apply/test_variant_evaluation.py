"""Scores of labelled variants: the areas of scikit-learn, in the direction of each score, beside floors."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from workflow_scripts.apply import variant_evaluation
from workflow_scripts.apply.variant_evaluation import Labels, evaluate, parse_labels
from workflow_scripts.apply.variant_scores import FLOORS, Score

SCORES = [*FLOORS, Score("llr", "likelihood", "low"), Score("delta_1", "prediction", "low")]
DRAW = np.random.default_rng(1)
LABELS = DRAW.random(200) < 0.3
VALUES = np.column_stack([DRAW.integers(-1, 2, (200, 3)), DRAW.normal(size=(200, 2))])
VALUES[:, 3] -= LABELS
KINDS = ["SNV", "deletion"] * 100


@pytest.fixture(scope="module")
def rows():
    return {(row["kind"], row["score"], row["worse"]): row for row in evaluate(VALUES, LABELS, KINDS, SCORES)}


@pytest.mark.parametrize("kind", ["all", "SNV", "deletion"])
def test_areas_are_those_of_scikit_learn_within_their_intervals(rows, kind):
    here = np.array([kind in ("all", one) for one in KINDS])
    row = rows[kind, "llr", "low"]
    assert row["alleles"] == here.sum() and row["positive"] == LABELS[here].sum()
    for name, area in (("auroc", roc_auc_score), ("auprc", average_precision_score)):
        assert row[name] == pytest.approx(area(LABELS[here], -VALUES[here, 3]))
        assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]
    assert row["auroc"] > 0.65


def test_floors_have_every_direction_and_predictions_their_size_too(rows):
    assert {worse for kind, score, worse in rows if (kind, score) == ("all", "gc_change")} == {"low", "high", "both"}
    assert {worse for kind, score, worse in rows if (kind, score) == ("all", "delta_1")} == {"low", "both"}
    assert {worse for kind, score, worse in rows if (kind, score) == ("all", "llr")} == {"low"}
    both = [rows["all", "gc_change", worse]["auroc"] for worse in ("low", "high")]
    assert sum(both) == pytest.approx(1)
    size = roc_auc_score(LABELS, np.abs(VALUES[:, 4]))
    assert rows["all", "delta_1", "both"]["auroc"] == pytest.approx(size)


def test_a_kind_without_both_labels_has_counts_only():
    (row, *_) = evaluate(VALUES[:3], np.ones(3, dtype=bool), KINDS[:3], SCORES)
    assert (row["alleles"], row["positive"], row["auroc"], row["auprc_low"]) == (3, 3, None, None)
    assert set(row) == set(variant_evaluation.COLUMNS)


def test_labels_are_read_from_the_command_line():
    assert parse_labels("CLNSIG=Pathogenic") == Labels("CLNSIG", frozenset({"Pathogenic"}))
    assert parse_labels("CLNSIG=A,B:C") == Labels("CLNSIG", frozenset("AB"), frozenset("C"))
    assert parse_labels("BAD") == Labels("BAD")


class Field:
    def __init__(self, number):
        self.number = number


class Record:
    """What Labels reads of a record."""

    def __init__(self, number, **info):
        self.header = type("Header", (), {"info": {key: Field(number) for key in ("EFFECT", "BAD")}})
        self.info = info


@pytest.mark.parametrize(
    ("text", "number", "info", "expected"),
    [
        ("EFFECT=a", 1, {"EFFECT": "a"}, True),
        ("EFFECT=a", 1, {"EFFECT": "b"}, False),
        ("EFFECT=a", 1, {}, None),
        ("EFFECT=a:b", 1, {"EFFECT": "c"}, None),
        ("EFFECT=a:b", ".", {"EFFECT": ("c", "b")}, False),
        ("EFFECT=a:b", ".", {"EFFECT": ("b", "a")}, True),
        ("EFFECT=a", "A", {"EFFECT": ("a", "b")}, False),  # the second allele
        ("EFFECT=a", "A", {"EFFECT": ("b", "a")}, True),
        ("EFFECT=2", 1, {"EFFECT": 2}, True),
        ("BAD", 0, {"BAD": True}, True),
        ("BAD", 0, {}, False),
    ],
)
def test_the_label_of_an_allele(text, number, info, expected):
    assert parse_labels(text).of(Record(number, **info), 2) is expected
