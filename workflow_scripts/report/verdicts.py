"""Whether our scores reproduce the paper's: a verdict for each of our cells and each of the paper's models.

A score of the paper is *reproduced* if it is within our 95% interval; otherwise our score is *above* or *below* it. A
cell is *not comparable* if the two numbers do not measure the same thing, and *not run* if it has no fit. The paper
gives no spread for its means over three seeds, so its values are treated as exact.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.fit_results import Key
from workflow_scripts.common.json_objects import read_object
from workflow_scripts.report.paper import Cells

COMPARABLE = ("reproduced", "above", "below")
VERDICTS = (*COMPARABLE, "not comparable", "not run")
NO_VALUE = "no value in the paper"
OURS = ("model", "method", "task", "dataset", "metric", "mean", "low", "high", "over")
COLUMNS = [*OURS, "paper_model", "paper", "difference", "verdict", "why"]


def find_obstacles(folder: Path, metrics: Mapping[Key, str], paper_metrics: Mapping[Key, str]) -> dict[Key, str]:
    """Why the scores on a data set are not comparable with the paper's; comparable data sets are left out.

    ``metrics`` are those of our fits. The datasheets in ``folder`` give the origin and the number of the rows.
    """
    reasons = {}
    for key, metric in metrics.items():
        if key not in paper_metrics:
            reasons[key] = NO_VALUE
        elif paper_metrics[key] != metric:
            reasons[key] = f"the paper's metric is {paper_metrics[key]}, ours {metric}"
        elif reason := differing_rows(folder.joinpath(*key, "datasheet.json")):
            reasons[key] = reason
    return reasons


def differing_rows(path: Path) -> str | None:
    """How the rows in a datasheet differ from the published ones; ``None`` if they do not."""
    sheet = read_object(path)
    try:
        origin, published = sheet["origin"], sheet["registry_rows"]
        rows = {split: facts["rows"] for split, facts in sheet["splits"].items()}
        differing = [split for split in rows if rows[split] != published[split]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: no {error} in the datasheet; build this data set again") from None
    if origin != "published":
        return "built from primary sources, not the published rows"
    return "; ".join(f"{rows[split]:,} {split} rows, published {published[split]:,}" for split in differing) or None


def datasets_with(reasons: Mapping[Key, str], why: str) -> list[str]:
    """The data sets that are not comparable for this reason, as "task/dataset"."""
    return ["/".join(key) for key, reason in reasons.items() if reason == why]


def judge(row: Mapping[str, Any], score: float | None, obstacle: str | None) -> tuple[str, str]:
    """Verdict and reason for a row of the table of results, compared with a score of the paper."""
    if not row["seeds"]:
        return "not run", "no fit"
    if score is None or obstacle:
        return "not comparable", obstacle or NO_VALUE
    if row["low"] is None:
        return "not comparable", "one seed and no predictions of classes, so there is no interval"
    verdict = "above" if row["low"] > score else "below" if row["high"] < score else "reproduced"
    return verdict, f"95% interval over {row['over']}"


def tabulate(rows: Sequence[Mapping[str, Any]], cells: Cells, reasons: Mapping[Key, str]) -> list[dict[str, Any]]:
    """One line for each row of the table of results and model of the paper."""
    lines = []
    for row in rows:
        key = row["task"], row["dataset"]
        for model, scores in cells.items():
            verdict, why = judge(row, scores.get(key), reasons.get(key))
            line = {"paper_model": model, "paper": scores.get(key), "verdict": verdict, "why": why}
            line["difference"] = row["mean"] - scores[key] if verdict in COMPARABLE else None
            lines.append({column: row[column] for column in OURS} | line)
    return lines


def count(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often each verdict occurs, for each run and model of the paper."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for line in lines:
        pair = f"{line['model']}, {line['method']}", line["paper_model"]
        counts.setdefault(pair, Counter()).update([line["verdict"]])
    return [
        {"run": run, "paper_model": model} | {verdict: found[verdict] for verdict in VERDICTS}
        for (run, model), found in counts.items()
    ]
