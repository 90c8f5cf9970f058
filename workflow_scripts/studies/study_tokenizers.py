"""Study of tokenizers: whether BPE beats others in the same model, trained alike (paper, table 10 and figure 3).

In:  the losses of the models on [MASK] places of the same held-out chunks (measure_mask_loss), and their fits.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), bits per hidden base of each model, and the
     score of each model on each data set.

The difference of the mean scores of BPE and of the first of the others decides. Losses are in bits per base that the
masking hides, because a token is another number of bases in each tokenizer. Each model is measured under the masking
that it was trained with: BPE hides some bases in a row, a nucleotide model single ones, which is easier.
"""

import argparse
import sys
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.fitted_scores import Fits, mean_row, read_fits, score_difference, score_rows
from workflow_scripts.studies.mask_losses import Losses, bits_difference, bits_rows, read_losses
from workflow_scripts.studies.study_options import fits as fit_options
from workflow_scripts.studies.study_options import losses as loss_options
from workflow_scripts.studies.study_options import parser_of, training_facts

CLAIM = Claim(
    "tokenizers",
    "Does BPE beat overlapping k-mers in the same model, trained on the same number of tokens?",
    "the paper, table 10: 65.33 against 60.92 on average, better on 21 of 28 data sets",
)


def compare(bpe: str, others: list[str], losses: dict[str, Losses], fits: Fits, seed: int) -> list[Comparison]:
    """Scores of BPE against each of the others, then bits per hidden base."""
    parts = []
    for other in others:
        found = score_difference(fits[bpe], fits[other])
        name = f"mean score of {bpe} minus {other}"
        parts.append(Comparison(name, found["mean"], found["low"], found["high"], "above", found["over"], "points"))
    for other in others:
        value, low, high = bits_difference(losses[bpe], losses[other], seed)
        name = f"[MASK] loss of {bpe} minus {other}"
        parts.append(Comparison(name, value, low, high, "below", "held-out blocks", "bits per hidden base"))
    return parts


def table(models: list[str], losses: dict[str, Losses], fits: Fits, seed: int) -> list[dict[str, Any]]:
    """One row for the loss of each model, one for its mean score, one for each of its scores."""
    rows: list[dict[str, Any]] = []
    for model in models:
        rows += bits_rows(losses[model], seed)
        rows.append(mean_row(model, fits[model]))
    return [*rows, *score_rows(fits)]


def build_parser() -> argparse.ArgumentParser:
    parser = parser_of(__doc__, loss_options, fit_options)
    parser.add_argument("--bpe", required=True, help="the model with BPE")
    parser.add_argument("--others", nargs="+", required=True, help="models to compare it with, the deciding one first")
    parser.add_argument("--sizes", nargs="*", default=[], help="models with other sizes of the BPE vocabulary")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    models = [args.bpe, *args.others, *args.sizes]
    losses = {model: read_losses(args.losses / f"{model}.parquet") for model in models}
    fits = read_fits(args.fits, models, args.datasets, args.seeds, args.seed)
    parts = compare(args.bpe, args.others, losses, fits, args.seed)
    setting = {
        "scale": args.scale,
        "datasets": args.datasets,
        "seeds": args.seeds,
        "models": training_facts(args.pretrained, models),
    }
    write_result(CLAIM, parts, setting, table(models, losses, fits, args.seed), args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
