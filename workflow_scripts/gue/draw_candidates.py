"""Draw the peak files of the binding data sets from candidates of moderate difficulty (the paper's appendix).

In: the table of candidates (config/gue_candidates.tsv), and the score and the peak file of each candidate of a task.
Out, in the --out folder: decisions.tsv, one row a candidate, and DATASET.narrowPeak.gz for each data set.

The paper excludes data sets that are too easy or too hard, with an F1 above 0.95 or below 0.50, and draws five at
random from the rest. It uses the models that it compares; here a logistic regression on k-mer counts is used. As
guessing has a macro F1 of 0.50, a candidate must exceed 0.50 by the noise of guessing on its test rows.
"""

import argparse
import shutil
import sys
from collections import Counter
from contextlib import ExitStack
from math import sqrt
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, read_json, read_table, write_table
from workflow_scripts.common.randomness import generator
from workflow_scripts.settings.names import BINDING_TASKS, SEED

LOWEST, HIGHEST = 0.50, 0.95
COLUMNS = ["candidate", "factor", "cell", "peaks", "rows", "test_rows", "f1", "decision", "dataset"]


def classify(score: dict[str, Any]) -> str:
    """The class of a candidate by its score: "too few", "trivial", "hopeless" or "usable"."""
    if score["f1"] is None:
        return "too few"
    if score["f1"] > HIGHEST:
        return "trivial"
    noise = 1 / sqrt(score["test_rows"])  # two standard deviations of the accuracy of a guess
    return "hopeless" if score["f1"] < LOWEST + noise else "usable"


def decide(
    candidates: list[dict[str, str]], scores: dict[str, dict[str, Any]], datasets: list[str], task: str, seed: int
) -> list[dict[str, Any]]:
    """One row for each candidate, in table order, with its decision and the data set that it was drawn for.

    Draws one usable candidate for each data set and numbers them in table order, so that the table determines the
    numbering if there is no choice. Raises UserError if there are too few.
    """
    rows = []
    for candidate in candidates:
        score = scores[candidate["source"]]
        figures = {name: score[name] for name in ("peaks", "rows", "test_rows", "f1")}
        facts = {"candidate": candidate["source"], "factor": candidate["factor"], "cell": candidate["cell"]}
        rows.append({**facts, **figures, "decision": classify(score), "dataset": ""})
    usable = [row for row in rows if row["decision"] == "usable"]
    if len(usable) < len(datasets):
        counts = Counter(row["decision"] for row in rows)
        found = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
        raise UserError(
            f"{task}: {len(usable)} usable candidates, {len(datasets)} needed ({found}); add some to the table of "
            "gue.candidates, or set gue.calibrate to false"
        )
    drawn = generator(seed, "gue", task, "draw").choice(len(usable), len(datasets), replace=False)
    for row in usable:
        row["decision"] = "not drawn"
    for dataset, index in zip(datasets, sorted(drawn), strict=True):
        usable[index] |= {"decision": "drawn", "dataset": dataset}
    return rows


def read_scores(paths: list[Path], task: str, candidates: list[dict[str, str]]) -> dict[str, dict[str, Any]]:
    """Candidate -> its score; UserError if a candidate of the task has none."""
    scores = {score["candidate"]: score for score in map(read_json, paths) if score["task"] == task}
    if missing := [row["source"] for row in candidates if row["source"] not in scores]:
        raise UserError(f"--scores: none for {task}, {missing[0]}; every candidate needs one")
    return scores


def draw(
    table: Path, task: str, datasets: list[str], scores: list[Path], peaks: list[Path], seed: int, out: Path
) -> None:
    """Write the decisions and the drawn peak files into ``out``; on an error none of them."""
    candidates = [row for row in read_table(table) if row["task"] == task]
    rows = decide(candidates, read_scores(scores, task, candidates), datasets, task, seed)
    files = {path.name: path for path in peaks}
    with ExitStack() as stack:
        write_table(stack.enter_context(atomic(out / "decisions.tsv")), rows, COLUMNS)
        for row in rows:
            if row["decision"] == "drawn":
                copy = stack.enter_context(atomic(out / f"{row['dataset']}.narrowPeak.gz"))
                shutil.copyfile(files[row["candidate"]], copy)


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", required=True, type=Path, help="table of candidates, config/gue_candidates.tsv")
    parser.add_argument("--task", required=True, choices=BINDING_TASKS, help="task of the candidates")
    parser.add_argument("--datasets", required=True, nargs="+", help="names of the data sets to draw for")
    parser.add_argument("--scores", required=True, nargs="+", type=Path, help="scores of the candidates")
    parser.add_argument("--peaks", required=True, nargs="+", type=Path, help="peak files of the candidates")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the draw (default %(default)s)")
    parser.add_argument("--out", required=True, type=Path, help="folder for the decisions and the drawn files")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = vars(build_parser().parse_args(argv))
    draw(table=arguments.pop("candidates"), **arguments)


if __name__ == "__main__":
    sys.exit(main())
