"""Whether our scores reproduce the paper's: a verdict for each of our cells against each of its models.

The paper's value is *reproduced* where it lies in our 95% interval; our score is *above* or *below* it where it does
not. A cell is *not comparable* where the two numbers are no measurements of the same thing, and *not run* without a
fit. The paper gives no spread of its own means over three seeds, so its value counts as exact.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError
from workflow_scripts.report.fit_results import Key
from workflow_scripts.report.inputs import load
from workflow_scripts.report.paper import Cells

COMPARABLE = ("reproduced", "above", "below")
VERDICTS = (*COMPARABLE, "not comparable", "not run")
NO_VALUE = "no value in the paper"
OURS = ("model", "method", "task", "dataset", "metric", "mean", "low", "high", "over")
COLUMNS = [*OURS, "paper_model", "paper", "difference", "verdict", "why"]


def obstacles(folder: Path, metrics: Mapping[Key, str], theirs: Mapping[Key, str]) -> dict[Key, str]:
    """Why scores on a data set do not compare with the paper's; data sets on which they do are left out.

    ``metrics`` are those of our fits, ``theirs`` the paper's. The datasheets in ``folder`` say where the rows come
    from and how many they are.
    """
    reasons = {}
    for key, metric in metrics.items():
        if key not in theirs:
            reasons[key] = NO_VALUE
        elif theirs[key] != metric:
            reasons[key] = f"the paper's metric is {theirs[key]}, ours {metric}"
        elif reason := other_rows(folder.joinpath(*key, "datasheet.json")):
            reasons[key] = reason
    return reasons


def other_rows(path: Path) -> str | None:
    """In what the rows of a datasheet differ from the published ones, if they do."""
    sheet = load(path)
    try:
        origin, published = sheet["origin"], sheet["registry_rows"]
        rows = {split: facts["rows"] for split, facts in sheet["splits"].items()}
        other = [split for split in rows if rows[split] != published[split]]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path}: lacks {error} of a datasheet; build this data set again") from None
    if origin != "published":
        return "built from primary sources, not the published rows"
    return "; ".join(f"{rows[split]:,} {split} rows, published {published[split]:,}" for split in other) or None


def named(reasons: Mapping[Key, str], why: str) -> list[str]:
    """The data sets that do not compare for this reason."""
    return ["/".join(key) for key, reason in reasons.items() if reason == why]


def judge(row: Mapping[str, Any], score: float | None, obstacle: str | None) -> tuple[str, str]:
    """Verdict and reason for a row of the table of results beside a score of the paper."""
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
            comparable = verdict in COMPARABLE
            line = {"paper_model": model, "paper": scores.get(key), "verdict": verdict, "why": why}
            line["difference"] = row["mean"] - scores[key] if comparable else None
            lines.append({column: row[column] for column in OURS} | line)
    return lines


def count(lines: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How often each verdict was given, for each run and model of the paper."""
    counts: dict[tuple[str, str], Counter] = {}
    for line in lines:
        pair = f"{line['model']}, {line['method']}", line["paper_model"]
        counts.setdefault(pair, Counter()).update([line["verdict"]])
    return [
        {"run": run, "paper_model": model} | {verdict: found[verdict] for verdict in VERDICTS}
        for (run, model), found in counts.items()
    ]
