"""Scores by similarity: a model that copies is good where train rows are near, and the table shows it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.report import score_by_similarity

HEADER = "line\trelation\tnearest_line\tsimilarity\tnearest_label\tpartner_line\tpartner_label"


@pytest.fixture
def scored(tmp_path):
    """``scored(rows, {seed: predicted}, labels)``: status and table for one run; rows: relation, similarity, nearest,
    partner."""

    def run(rows, predicted, labels):
        folder = tmp_path / "gue/emp/H3"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"{number}\t{relation}\t9\t{similarity}\t{nearest}\t\t{partner}"
            for number, (relation, similarity, nearest, partner) in enumerate(rows, start=2)
        ]
        (folder / "test_rows.tsv").write_text("\n".join([HEADER, *lines]) + "\n")
        for seed, values in predicted.items():
            path = tmp_path / f"fits/m/full/emp/H3/seed{seed}/predictions.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            chances = [[0.5, 0.5]] * len(values)
            pq.write_table(pa.table({"label": labels, "prediction": values, "probabilities": chances}), path)
        planned = json.dumps([{"model": "m", "method": "full", "datasets": ["emp/H3", "emp/H4"]}])
        files = ["--fits", str(tmp_path / "fits"), "--data", str(tmp_path / "gue"), "--out", str(tmp_path / "out.tsv")]
        status = score_by_similarity.main([*files, "--planned", planned, "--seeds", "1", "2", "3"])
        return status, {row["stratum"]: row for row in read_table(tmp_path / "out.tsv")} if not status else {}

    return run


def test_a_model_that_copies_its_nearest_row_is_right_where_there_are_copies_and_only_there(scored):
    draw = np.random.default_rng(1)
    labels = draw.integers(2, size=400)
    relations = np.repeat(["exact", "near", "derived", "none"], 100)
    nearest = np.where(np.isin(relations, ["exact", "near"]), labels, draw.integers(2, size=400))
    partner = np.where(relations == "derived", 1 - labels, -1)
    similarity = np.where(relations == "none", draw.random(400) / 2, 0.7)
    rows = [
        (relation, value, copied, "" if other < 0 else other)
        for relation, value, copied, other in zip(relations, similarity, nearest, partner, strict=True)
    ]
    status, table = scored(rows, {1: nearest, 3: nearest}, labels)
    assert status == 0 and list(table) == ["related", "derived", "similar", "distant"]
    assert [table[name]["rows"] for name in table] == ["200", "100", "50", "50"]
    assert {row["seeds"] for row in table.values()} == {"2"}
    assert float(table["related"]["mcc"]) == float(table["related"]["accuracy"]) == 100
    assert all(abs(float(table[name]["mcc"])) < 35 for name in ("derived", "similar", "distant"))
    assert all(table[name]["accuracy"] == table[name]["nearest"] for name in table)
    assert float(table["derived"]["partner"]) == 100 and not table["related"]["partner"]


def test_scores_are_means_over_seeds_and_a_stratum_of_one_class_has_no_mcc(scored):
    rows = [("none", 0.1, 0, ""), ("none", 0.2, 1, ""), ("none", 0.3, 1, ""), ("overlap", 0.2, 1, "")]
    _, table = scored(rows, {1: [0, 1, 1, 1], 2: [0, 0, 1, 0]}, [0, 1, 1, 1])
    assert list(table) == ["related", "similar", "distant"]
    assert (table["related"]["mcc"], float(table["related"]["accuracy"])) == ("", 50)
    assert float(table["distant"]["mcc"]) == 50 and float(table["distant"]["accuracy"]) == 75


def test_predictions_of_other_rows_are_refused_and_missing_fits_left_out(scored, capsys):
    rows = [("none", 0.1, 0, ""), ("none", 0.2, 1, "")]
    assert scored(rows, {}, []) == (0, {})
    assert scored(rows, {1: [0, 1, 1]}, [0, 1, 1])[0] == 1
    message = capsys.readouterr().err.strip()
    assert "3 predictions for 2 rows" in message and message.count("\n") == 0
