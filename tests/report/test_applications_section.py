"""What the page says of applications agrees with their files, and each kind has its picture."""

import base64
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.report.applications_section import DRAWN, applications, evenly


def write(folder: Path, record: dict, **tables: list[list[object]]) -> Path:
    """A folder of results with its record, and tables by their names, of which ``_gz`` ends those that are gzipped."""
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(json.dumps({"input": "in.fa", "models": ["fit"]} | record))
    for name, rows in tables.items():
        text = "".join("\t".join(map(str, row)) + "\n" for row in rows).encode()
        path = folder / f"{name.removesuffix('_gz')}.tsv"
        if name.endswith("_gz"):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(text))
        else:
            path.write_bytes(text)
    return folder


@pytest.fixture
def predicted(tmp_path) -> Path:
    record = {"do": "predict", "problem": "classification", "classes": ["no", "yes"], "records": 4, "windows": 4}
    rows = [["name", "probability_no", "probability_yes"], *(["s", 1 - p, p] for p in (0.1, 0.6, 0.62, 0.9))]
    folder = write(tmp_path / "predicted", record, predictions=rows)
    (folder / ".snakemake_timestamp").touch()
    return folder


def values(chart) -> list[dict]:
    return chart.data.values


def test_predictions_are_drawn_by_the_probability_of_the_last_class(predicted):
    (part,), charts = applications([predicted])
    assert [row["value"] for row in values(charts["application_predicted"])] == [0.1, 0.6, 0.62, 0.9]
    assert part["name"] == "predicted" and part["models"] == ["fit"]
    assert dict(part["facts"]) == {"sequences": 4, "windows": 4}
    assert [path.name for path in part["files"]] == ["predictions.tsv", "record.json"], (
        "what Snakemake hides is no result"
    )
    assert "probability of yes" in part["caption"] and part["image"] == "" and part["scores"] == []


def test_a_scan_is_drawn_along_its_first_records(tmp_path):
    record = {"do": "predict", "problem": "classification", "classes": ["no", "yes"], "records": 5, "windows": 10}
    rows = [["record", "name", "from", "to", "probability_yes"]]
    rows += [[number, f"r{number}", start, start + 100, number / 10] for number in range(1, 6) for start in (0, 50)]
    (_, charts) = applications([write(tmp_path / "scan", record, windows_gz=rows)])
    drawn = values(charts["application_scan"])
    assert {row["name"] for row in drawn} == {"r1", "r2", "r3"} and [row["at"] for row in drawn[:2]] == [50, 100]


def test_vectors_are_drawn_in_the_plane_that_separates_them(tmp_path):
    folder = write(tmp_path / "embedded", {"do": "embed", "records": 40, "rows": 40, "size": 5, "pooling": "mean"})
    vectors = np.random.default_rng(0).normal(size=(40, 5)).astype(np.float32)
    vectors[:20, 2] += 50
    np.save(folder / "embeddings.npy", vectors)
    names = "\n".join(["name", *(f"s{number}" for number in range(40))]) + "\n"
    (folder / "index.tsv.gz").write_bytes(gzip.compress(names.encode()))
    (_, charts) = applications([folder])
    rows = values(charts["application_embedded"])
    first, second = ([row["x"] for row in rows[:20]], [row["x"] for row in rows[20:]])
    assert max(first) < min(second) or max(second) < min(first)
    assert [row["name"] for row in rows] == [f"s{number}" for number in range(40)]


def test_variants_show_their_first_score_and_how_well_labels_are_found(tmp_path):
    record = {"do": "variants", "scores": {"gc_change": "GC", "llr": "log-likelihood ratio"}, "alleles": 2, "scored": 1}
    table = [["kind", "gc_change", "llr"], ["SNV", 1, -2.5], ["deletion", 0, ""]]
    found = [["kind", "score", "auroc"], ["all", "gc_change", 0.5], ["all", "llr", 0.8], ["SNV", "llr", 0.9]]
    (part,), charts = applications([write(tmp_path / "scored", record, variants=table, evaluation=found)])
    assert values(charts["application_scored"]) == [{"kind": "SNV", "value": -2.5}], "the model's, not the floor"
    assert [(row["score"], row["auroc"]) for row in part["scores"]] == [("llr", "0.8"), ("gc_change", "0.5")]


def test_an_explanation_brings_its_picture_along(tmp_path):
    folder = write(tmp_path / "explained", {"do": "explain", "records": 1, "bases": 10, "explained_bases": 9})
    (folder / "pictures").mkdir()
    (folder / "pictures/1.svg").write_text("<svg/>")
    (part,), charts = applications([folder])
    assert base64.b64decode(part["image"].split(",")[1]) == b"<svg/>" and charts["application_explained"] is None
    assert dict(part["facts"]) == {"sequences": 1, "bases": 10, "explained": 9}


@pytest.mark.parametrize("motifs", [[["A motif", 2.0, 0.5, 0.001]], []])
def test_motifs_are_drawn_or_else_tokens(tmp_path, motifs):
    head = ["name", "contribution", "contribution_shuffled", "q"]
    tables = {"motifs": [head, *motifs], "tokens": [head, ["ACGT", 1.0, 0.1, 0.04]]}
    (_, charts) = applications([write(tmp_path / "found", {"do": "motifs", "pairs": 9}, **tables)])
    drawn = values(charts["application_found"])
    assert [(row["of"], row["value"]) for row in drawn] == (
        [("sequences", 2.0), ("shuffles", 0.5)] if motifs else [("sequences", 1.0), ("shuffles", 0.1)]
    )


def test_a_folder_that_is_no_application_is_refused(tmp_path):
    with pytest.raises(UserError, match="apply the model again"):
        applications([write(tmp_path / "other", {"do": "cook"})])


def test_a_large_table_is_thinned_evenly():
    rows = list(range(10 * DRAWN + 5))
    assert len(evenly(rows)) <= DRAWN and np.ptp(np.diff(evenly(rows))) == 0 and evenly([]) == []
