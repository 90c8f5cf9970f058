"""Study of length: whether a model with ALiBi gains from more than its trained length (paper, section 3.2).

In:  the losses of models that differ in their positions only on [MASK] places of the same held-out chunks, read in
     windows of multiples of the trained length (measure_mask_loss); and fits of the model with ALiBi to inputs of
     several lengths (max_tokens), if there are any.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), bits per hidden base by model and window.

The same places are predicted at every length, so only what the model reads around them differs. The loss of the model
with ALiBi in the longest windows minus that in windows of the trained length decides: if positions beyond the trained
length disturb it, the loss rises. The others compare it with each model of other positions in the longest windows, and
the mean scores of fits to longer inputs with those to inputs of the trained length.
"""

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.fitted_scores import Fits, mean_row, read_fits, score_difference, score_rows
from workflow_scripts.studies.mask_losses import Losses, bits_difference, bits_rows, read_losses
from workflow_scripts.studies.study_options import losses as loss_options
from workflow_scripts.studies.study_options import parser_of, training_facts

CLAIM = Claim(
    "length",
    "Does a model with ALiBi predict better, not worse, when it reads more than its trained length at once?",
    "the paper, section 3.2: ALiBi removes the limit of the input length",
)
Windows = dict[int, Losses]
"""The losses of a model by the tokens that it reads at once."""


def read_windows(folder: Path, model: str, windows: list[int]) -> Windows:
    return {window: read_losses(folder / f"{model}.parquet", window) for window in sorted(windows)}


def compare(alibi: Windows, others: list[Windows], seed: int) -> list[Comparison]:
    """ALiBi in longer windows against the shortest, the longest first; then against other positions in the longest."""
    trained, *longer = alibi
    parts = []
    for window in sorted(longer, reverse=True):
        numbers = bits_difference(alibi[window], alibi[trained], seed)
        name = f"[MASK] loss of {alibi[trained].name} in windows of {window:,} minus {trained:,} tokens"
        parts.append(Comparison(name, *numbers, "below", "held-out blocks", "bits per hidden base"))
    for other in others:
        longest = max(alibi)
        numbers = bits_difference(alibi[longest], other[longest], seed)
        name = f"[MASK] loss of {alibi[longest].name} minus {other[longest].name} in windows of {longest:,} tokens"
        parts.append(Comparison(name, *numbers, "below", "held-out blocks", "bits per hidden base"))
    return parts


def compare_fits(models: list[str], fits: Fits) -> list[Comparison]:
    """Mean scores of the fits to longer inputs minus those of the first of the models, the longest first."""
    parts = []
    for model in reversed(models[1:]):
        found = score_difference(fits[model], fits[models[0]])
        name = f"mean score of {model} minus {models[0]}, which reads inputs of the trained length"
        parts.append(Comparison(name, found["mean"], found["low"], found["high"], "above", found["over"], "points"))
    return parts


def table(models: list[Windows], fits: Fits, seed: int) -> list[dict[str, Any]]:
    """Rows of the losses by window, then of the scores of fits, by their limit of tokens (0: none)."""
    losses = [
        {"window": window} | row
        for windows in models
        for window, losses in windows.items()
        for row in bits_rows(losses, seed)
    ]
    limits = {model: cells[0].fits[0]["settings"]["max_tokens"] for model, cells in fits.items()}
    scores = [*(mean_row(model, cells) for model, cells in fits.items()), *score_rows(fits)]
    return [*losses, *({"window": limits[row["model"]]} | row for row in scores)]


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, loss_options)
    parser.add_argument("--fits", type=Path, default=Path(), help="folder of all fits")
    parser.add_argument("--fitted", nargs="*", default=[], help="fits of the model, from the trained length on")
    parser.add_argument("--datasets", nargs="*", default=[], help="data sets of the fits, task/dataset")
    parser.add_argument("--seeds", type=int, nargs="*", default=[], help="seeds of the fits")
    parser.add_argument("--alibi", required=True, help="the model with ALiBi")
    parser.add_argument("--others", nargs="*", default=[], help="models with other positions")
    parser.add_argument("--windows", type=int, nargs="+", required=True, help="tokens read at once, the trained first")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    models = [read_windows(args.losses, model, args.windows) for model in [args.alibi, *args.others]]
    facts = training_facts(args.pretrained, [args.alibi, *args.others])
    setting = {"scale": args.scale, "windows": args.windows, "models": facts}
    fits = read_fits(args.fits, args.fitted, args.datasets, args.seeds, args.seed)
    parts = [*compare(models[0], models[1:], args.seed), *compare_fits(args.fitted, fits)]
    write_result(CLAIM, parts, setting, table(models, fits, args.seed), args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
