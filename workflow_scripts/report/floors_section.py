"""The section of the page on floors: what needs no understanding of sequences, and the models that are no better.

Floors are the classifiers of the audit (k-mer regression, copying the label of the nearest train row, taking another
label than the partner's) and the fitted baselines (k-mer regression, CNN, initial weights).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workflow_scripts.report.collect_audits import FLOOR_METRICS, LOOKUPS
from workflow_scripts.settings.names import FROZEN, MIN_STEPS

NAMES = {
    "nearest": "nearest neighbour",
    "partner": "partner flip",
    "kmer": "k-mer regression of the audit",
}
LOOKED_UP = ("nearest", "partner")
FEW_ROWS = 1000  # of train
CHANCE_SHARE = 0.01  # of rows that have a partner by chance, at most (docs/gue.md)
Row = Mapping[str, Any]


def floors(
    rows: Sequence[Row], summary: Mapping[str, Any], audits: Sequence[Row], train_rows: Mapping[str, int | None]
) -> list[dict[str, Any]]:
    """For each data set with fits: ``name``, ``measure``, ``reached``, ``best`` and ``worse``.

    ``reached`` has the score x 100 of each floor of any data set (``None`` if unknown), ``best`` the run and score of
    the best model. ``worse`` lists the models that are no better than a floor or have collapsed fits, with ``advice``.
    ``partners`` are the test rows with a partner in train, ``flipped`` those whose partner has another label, and
    ``paired`` says whether these are more than chance leaves.

    Scores are in the metric of the data set, in MCC if floors are not measured in it.
    """
    baselines = {f"{run['model']}, {run['method']}" for run in summary["runs"] if run["floor"]}
    audited = {f"{row['task']}/{row['dataset']}": row for row in audits}
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row["seeds"]:
            found.setdefault(f"{row['task']}/{row['dataset']}", []).append(row)
    parts = [section(name, mine, baselines, audited.get(name), train_rows.get(name)) for name, mine in found.items()]
    names = dict.fromkeys([*NAMES.values(), *(name for part in parts for name in part["reached"])])
    return [part | {"reached": {name: part["reached"].get(name) for name in names}} for part in parts]


def section(
    name: str, rows: Sequence[Row], baselines: set[str], audit: Row | None, train_rows: int | None
) -> dict[str, Any]:
    """What :func:`floors` says of one data set."""
    metric = rows[0]["metric"]
    measure = metric if audit is None or metric in FLOOR_METRICS else "mcc"
    looked_up = [key for key in LOOKUPS if audit and (key != "partner" or audit["test_partners"])]
    reached = {NAMES[key]: 100 * audit[f"{key}_{measure}"] for key in looked_up if audit}
    reached |= {row["run"]: score(row, measure) for row in rows if row["run"] in baselines}
    models = [row for row in rows if row["run"] not in baselines]
    best = max(models, key=lambda row: score(row, measure), default=None)
    worse = []
    for row in models:
        found = sorted(reached.items(), key=lambda item: -item[1])
        above = {floor: value for floor, value in found if value >= score(row, measure)}
        if above or row["collapsed"]:
            facts = {"run": row["run"], "score": score(row, measure), "above": above, "row": row}
            worse.append(facts | {"advice": advice(row, above, train_rows)})
    return {
        **{"name": name, "measure": measure, "reached": reached, "worse": worse},
        "best": {"run": best["run"], "score": score(best, measure)} if best else None,
        "partners": audit["test_partners"] if audit else None,
        "flipped": audit["test_flipped"] if audit else None,
        "paired": audit is not None and audit["test_flipped"] > CHANCE_SHARE * rows[0]["test_rows"],
        "test_rows": rows[0]["test_rows"],
    }


def score(row: Row, measure: str) -> float:
    """The mean score of a row of the table of results in one of its metrics."""
    return row["mean"] if measure == row["metric"] else row[measure]


def advice(row: Row, above: Mapping[str, float], train_rows: int | None) -> list[str]:
    """What to try with a model that is no better than the floors ``above``, or whose fits collapsed."""
    tips = []
    frozen = row["method"] in FROZEN
    if row["collapsed"]:
        tips.append("collapsed fits learned nothing: lower learning_rate, raise warmup_steps, or add seeds")
    if row["steps"] and row["steps"] < MIN_STEPS:
        tips.append(f"{row['steps']:.0f} steps are few: raise min_steps or epochs")
    if train_rows is not None and train_rows < FEW_ROWS and not frozen:
        tips.append(f"{train_rows:,} training rows are few: try method probe or lora, which learn fewer weights")
    if any(NAMES[key] in above for key in LOOKED_UP):
        tips.append("test rows have relatives in train: compare on distant rows, or split by homology")
    if above and frozen:
        tips.append("fine-tune the encoder: method full or lora")
    elif above and not tips:
        tips.append("try another learning_rate or more epochs, and method probe to see what the encoder knows")
    return tips
