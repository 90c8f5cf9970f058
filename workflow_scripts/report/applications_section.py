"""The section of the page on what models were applied to: for each application its facts, a picture and its files."""

import base64
import csv
import gzip
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import altair as alt
import numpy as np
import pyarrow.parquet as pq

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report.figures import PALETTE, inline_data

DRAWN = 2000  # points of a picture, which stands for more than can be told apart
REGIONS = 3  # intervals that are drawn of a scan
TOP = 12  # motifs and tokens that are drawn
LEAST = 2  # vectors that have a plane


def applications(folders: list[Path]) -> tuple[list[dict[str, Any]], dict[str, alt.TopLevelMixin | None]]:
    """What the page says of each application, and its charts by name (``None``: nothing to draw).

    ``name``, ``do``, ``input``, ``models``, ``facts`` (term and value), ``caption`` of the picture, ``chart`` (its
    name), ``image`` (a data: address, or empty), ``scores`` (rows of an evaluation), and ``files``.
    """
    found, charts = [], {}
    for folder in folders:
        record = read_object(folder / "record.json")
        if record.get("do") not in FACTS:
            raise UserError(f"{folder / 'record.json'}: do is {record.get('do')!r}; apply the model again")
        picture = PICTURES.get(record["do"])
        chart, caption = picture(folder, record) if picture else (None, "")
        charts[f"application_{folder.name}"] = chart
        found.append(
            {
                "name": folder.name,
                "do": record["do"],
                "input": record.get("input", ""),
                "models": record.get("models") or [record[key] for key in ("model",) if key in record],
                "facts": [(term, record[key]) for key, term in FACTS[record["do"]].items() if key in record],
                "chart": f"application_{folder.name}",
                "caption": caption,
                "image": first_logo(folder),
                "scores": evaluation(folder),
                "files": sorted(path for path in folder.iterdir() if path.is_file() and path.name[0] != "."),
            }
        )
    return found, charts


FACTS = {  # by what was done: key of the record -> term
    "predict": {"records": "sequences", "windows": "windows", "letters": "letters", "unknown": "unknown letters"},
    "embed": {"records": "sequences", "rows": "vectors", "size": "numbers in each", "pooling": "pooling"},
    "variants": {"records": "records", "alleles": "alleles", "scored": "scored", "window": "bases read around each"},
    "explain": {"records": "sequences", "bases": "bases", "explained_bases": "explained"},
    "motifs": {"pairs": "sequences with a shuffle", "explained": "class"},
}


def lines(path: Path) -> Iterator[dict[str, str]]:
    """The lines of a table, plain or gzipped."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as handle:
        yield from csv.DictReader(handle, delimiter="\t")


def evenly(rows: list[Any]) -> list[Any]:
    """At most DRAWN of the rows, at even distances."""
    return rows[:: -(-len(rows) // DRAWN)] if rows else []


def draw_predictions(folder: Path, record: dict[str, Any]) -> tuple[alt.TopLevelMixin | None, str]:
    """Along the first intervals if they were scanned; else how many sequences have which probability."""
    numbers = record["problem"] == "regression"
    column = "prediction" if numbers else f"probability_{record['classes'][-1]}"
    title = "prediction" if numbers else f"probability of {record['classes'][-1]}"
    if record["windows"] > record["records"]:
        return draw_scan(folder, column, title)
    values = [{"value": float(row[column])} for row in evenly(list(lines(folder / "predictions.tsv")))]
    bins = alt.Bin(maxbins=20) if numbers else alt.Bin(step=0.05, extent=[0, 1])
    chart = alt.Chart(inline_data(values)).mark_bar(color=PALETTE[0])
    encoded = chart.encode(alt.X("value:Q", bin=bins, title=title), alt.Y("count()", title="sequences"))
    return encoded.properties(width="container", height=180), f"Sequences by {title}."


def draw_scan(folder: Path, column: str, title: str) -> tuple[alt.TopLevelMixin | None, str]:
    """The windows of the first records, each at its middle."""
    rows = [
        {"name": row["name"], "at": (int(row["from"]) + int(row["to"])) / 2, "value": float(row[column])}
        for row in windows_of_first(folder)
    ]
    chart = alt.Chart(inline_data(evenly(rows))).mark_line(strokeWidth=1.5)
    drawn = chart.encode(
        alt.X("at:Q", title="base of the sequence", axis=alt.Axis(format=",d")),
        alt.Y("value:Q", title=title),
        alt.Color("name:N", title=None, scale=alt.Scale(range=PALETTE)),
        tooltip=["name:N", "at:Q", alt.Tooltip("value:Q", format=".3f")],
    )
    return drawn.properties(width="container", height=200), f"The {title} along the first sequences, by window."


def windows_of_first(folder: Path) -> list[dict[str, str]]:
    """The windows of the first REGIONS records."""
    found = []
    for row in lines(folder / "windows.tsv.gz"):
        if int(row["record"]) > REGIONS:
            break
        found.append(row)
    return found


def draw_embeddings(folder: Path, _record: dict[str, Any]) -> tuple[alt.TopLevelMixin | None, str]:
    """The vectors in the plane of their two largest principal components."""
    names, vectors = read_vectors(folder)
    known = np.isfinite(vectors).all(axis=1)
    vectors, names = vectors[known], [name for name, kept in zip(names, known, strict=True) if kept]
    if len(vectors) <= LEAST:
        return None, ""
    centred = vectors - vectors.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    shares = sizes**2 / max(float((sizes**2).sum()), 1e-30)
    plane = centred @ axes[:2].T
    rows = [{"name": name, "x": float(x), "y": float(y)} for name, (x, y) in zip(names, plane, strict=True)]
    chart = alt.Chart(inline_data(rows)).mark_circle(size=30, color=PALETTE[0], opacity=0.6)
    drawn = chart.encode(
        alt.X("x:Q", title=f"first component ({100 * shares[0]:.0f}% of the variance)"),
        alt.Y("y:Q", title=f"second component ({100 * shares[1]:.0f}%)"),
        tooltip=["name:N"],
    )
    return drawn.properties(width="container", height=260), "The vectors in the plane of their two largest components."


def read_vectors(folder: Path) -> tuple[list[str], np.ndarray]:
    """Names and vectors [rows, size] of DRAWN embeddings at most, at even distances; none of .h5ad alone."""
    if (folder / "embeddings.npy").is_file():
        vectors = np.load(folder / "embeddings.npy", mmap_mode="r")
        names = [row["name"] for row in lines(folder / "index.tsv.gz")]
        return evenly(names), np.array(vectors[:: -(-len(vectors) // DRAWN)])
    if (folder / "embeddings.parquet").is_file():
        table = pq.read_table(folder / "embeddings.parquet", columns=["name", "vector"])
        chosen = table.take(evenly(list(range(len(table)))))
        return chosen["name"].to_pylist(), np.array(chosen["vector"].to_pylist(), dtype=np.float32)
    return [], np.empty((0, 0), dtype=np.float32)


def draw_variants(folder: Path, record: dict[str, Any]) -> tuple[alt.TopLevelMixin | None, str]:
    """How many alleles have which value of the first score of the model."""
    rows = list(lines(folder / "variants.tsv"))
    columns = rows[0] if rows else ()  # the record has the scores in the order of their names
    score = next((name for name in columns if name in record["scores"] and not name.endswith("_change")), None)
    rows = [row for row in rows if score and row[score]]
    if score is None or not rows:
        return None, ""
    values = [{"kind": row["kind"], "value": float(row[score])} for row in evenly(rows)]
    chart = alt.Chart(inline_data(values)).mark_bar()
    drawn = chart.encode(
        alt.X("value:Q", bin=alt.Bin(maxbins=40), title=record["scores"][score]),
        alt.Y("count()", title="alleles"),
        alt.Color("kind:N", title=None, scale=alt.Scale(range=PALETTE)),
    )
    return drawn.properties(width="container", height=200), f"Alleles by {score}."


def draw_motifs(folder: Path, _record: dict[str, Any]) -> tuple[alt.TopLevelMixin | None, str]:
    """What the first motifs, or else tokens, add to the prediction, in sequences and in shuffles."""
    table = folder / "motifs.tsv"
    rows = list(islice(lines(table), TOP)) if table.is_file() else []
    rows = rows or list(islice(lines(folder / "tokens.tsv"), TOP))
    if not rows:
        return None, ""
    bars = [
        {"name": row["name"], "of": of, "value": float(row[column]), "q": float(row["q"])}
        for row in rows
        for of, column in (("sequences", "contribution"), ("shuffles", "contribution_shuffled"))
    ]
    drawn = (
        alt.Chart(inline_data(bars))
        .mark_bar()
        .encode(
            alt.X("value:Q", title="mean contribution to the prediction"),
            alt.Y("name:N", title=None, sort=[row["name"] for row in rows], axis=alt.Axis(labelLimit=220)),
            alt.YOffset("of:N"),
            alt.Color("of:N", title=None, scale=alt.Scale(domain=["sequences", "shuffles"], range=PALETTE)),
            tooltip=["name:N", "of:N", alt.Tooltip("value:Q", format=".3f"), alt.Tooltip("q:Q", format=".2g")],
        )
    )
    return drawn.properties(width="container"), "What motifs add to the prediction, in sequences and in their shuffles."


PICTURES = {
    "predict": draw_predictions,
    "embed": draw_embeddings,
    "variants": draw_variants,
    "motifs": draw_motifs,
}


def first_logo(folder: Path) -> str:
    """The first picture of explanations as a data: address, so that the page needs no other file; empty without one."""
    path = folder / "pictures" / "1.svg"
    if not path.is_file():
        return ""
    return "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode()


def evaluation(folder: Path) -> list[dict[str, str]]:
    """The scores of variants of all kinds against their labels, of a model first; empty without labels."""
    path = folder / "evaluation.tsv"
    rows = [row for row in lines(path) if row["kind"] == "all"] if path.is_file() else []
    return sorted(rows, key=lambda row: row["score"].endswith("_change"))
