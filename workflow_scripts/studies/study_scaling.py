"""Study of scaling: whether the loss falls with the size of the model, and with the tokens of training.

In:  the losses of models on [MASK] places of the same held-out chunks (measure_mask_loss), and their summaries.
Out: ``--out`` (JSON), the verdict with its comparisons; ``--table`` (TSV), the curve: parameters, tokens of training
     and bits per hidden base of each model, and the bits of the token frequencies, which no context is needed for.

The largest model minus the smallest decides, both trained on the same tokens; the next comparison is the most data
minus the fewest at one size; the others are each step of the two curves.
"""

import sys
from argparse import ArgumentParser
from itertools import pairwise
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.mask_losses import Losses, bits_difference, bits_rows, read_losses
from workflow_scripts.studies.study_options import losses as loss_options
from workflow_scripts.studies.study_options import parser_of, training_facts

CLAIM = Claim(
    "scaling",
    "Does the loss fall with the size of the model at the same training, and with training at the same size?",
    "the choice of a model of 117 million parameters and 262 billion tokens (paper, section 4); no curve is published",
)


def compare(sizes: list[str], data: list[str], losses: dict[str, Losses], seed: int) -> list[Comparison]:
    """The ends of both curves, then their steps."""
    ends = [(models[0], models[-1]) for models in (sizes, data)]
    steps = [pair for models in (sizes, data) if len(models) > 2 for pair in pairwise(models)]
    parts = []
    for less, more in [*ends, *steps]:
        numbers = bits_difference(losses[more], losses[less], seed)
        name = f"[MASK] loss of {more} minus {less}"
        parts.append(Comparison(name, *numbers, "below", "held-out blocks", "bits per hidden base"))
    return parts


def table(losses: dict[str, Losses], facts: dict[str, dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    return [
        {name: facts[model][name] for name in ("parameters", "tokens_seen")} | row
        for model in losses
        for row in bits_rows(losses[model], seed)
    ]


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, loss_options)
    parser.add_argument("--sizes", nargs="+", required=True, help="models from the smallest to the largest")
    parser.add_argument("--data", nargs="+", required=True, help="models from the fewest to the most tokens")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    models = list(dict.fromkeys([*args.sizes, *args.data]))
    losses = {model: read_losses(args.losses / f"{model}.parquet") for model in models}
    facts = training_facts(args.pretrained, models)
    parts = compare(args.sizes, args.data, losses, args.seed)
    setting = {"scale": args.scale, "models": facts}
    write_result(CLAIM, parts, setting, table(losses, facts, args.seed), args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
