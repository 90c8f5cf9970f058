"""Study of sample efficiency: whether pre-training helps most when there are few training rows.

In:  fits of a pre-trained model, of the same model with its initial weights, and of baselines, each to shares of the
     training rows (train_share); fits with the same seed and share have the same rows.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), the score of each model on each data set.

The gain of pre-training at the smallest share decides. The other comparisons are the gain at each larger share, the
gain at the smallest share minus that at the largest, and the pre-trained model against each baseline.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.fit_results import Cell
from workflow_scripts.studies.claim_result import Claim, Comparison, Side, write_result
from workflow_scripts.studies.fitted_scores import (
    Fits,
    gain_difference,
    mean_row,
    read_fits,
    score_difference,
    score_rows,
)
from workflow_scripts.studies.study_options import fits as fit_options
from workflow_scripts.studies.study_options import parser_of

CLAIM = Claim(
    "sample_efficiency",
    "Does pre-training raise the scores when there are few training rows?",
    "the premise of fine-tuning a pre-trained model; the paper fits to whole training sets only",
)


def shares(cells: list[Cell]) -> float:
    """The share of the training rows that the fits of a model have used. Raises UserError if they differ."""
    found = {fit["settings"]["train_share"] for cell in cells for fit in cell.fits}
    if len(found) != 1:
        raise UserError(f"{cells[0].run[0]}: fits to the shares {sorted(found)} of the rows; give each share a model")
    return found.pop()


def by_share(models: list[str], fits: Fits) -> dict[float, list[Cell]]:
    """The fits of models by their share, from the smallest. Raises UserError for two of one share."""
    found = {shares(fits[model]): fits[model] for model in models}
    if len(found) < len(models):
        raise UserError(f"{', '.join(models)}: two of them are fitted to the same share of the rows (train_share)")
    return dict(sorted(found.items()))


def compare(pretrained: list[str], random: list[str], baselines: list[str], fits: Fits) -> list[Comparison]:
    """See the docstring of this program."""
    ours, theirs = by_share(pretrained, fits), by_share(random, fits)
    if list(ours) != list(theirs):
        raise UserError(f"shares of pretrained {list(ours)}, of random {list(theirs)}; they must be the same")

    def part(name: str, found: dict[str, Any], claimed: Side = "above") -> Comparison:
        return Comparison(name, found["mean"], found["low"], found["high"], claimed, found["over"], "points")

    gains = [
        part(f"gain of pre-training at {share:.0%} of the rows", score_difference(ours[share], theirs[share]))
        for share in ours
    ]
    least, most = min(ours), max(ours)
    more = gain_difference((ours[least], theirs[least]), (ours[most], theirs[most]))
    gains.append(part(f"gain of pre-training at {least:.0%} minus that at {most:.0%} of the rows", more))
    for model in baselines:
        share = shares(fits[model])
        if share in ours:
            name = f"pre-trained model minus {model} at {share:.0%} of the rows"
            gains.append(part(name, score_difference(ours[share], fits[model])))
    return gains


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, fit_options)
    parser.add_argument("--pretrained", nargs="+", required=True, help="the pre-trained model, once a share")
    parser.add_argument("--random", nargs="+", required=True, help="the same with initial weights")
    parser.add_argument("--baselines", nargs="*", default=[], help="the same of baselines")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    models = [*args.pretrained, *args.random, *args.baselines]
    fits = read_fits(args.fits, models, args.datasets, args.seeds, args.seed)
    parts = compare(args.pretrained, args.random, args.baselines, fits)
    rows = [*(mean_row(model, fits[model]) for model in models), *score_rows(fits)]
    rows = [row | {"train_share": shares(fits[row["model"]])} for row in rows]
    setting = {"scale": args.scale, "datasets": args.datasets, "seeds": args.seeds}
    write_result(CLAIM, parts, setting, rows, args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
