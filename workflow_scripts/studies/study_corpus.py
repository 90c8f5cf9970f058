"""Study of the corpus: whether many species generalize better to others than one does (paper, section 4).

In:  the losses of models on [MASK] places of the genomes that no model was trained on (measure_mask_loss).
Out: ``--out`` (JSON), the verdict; ``--table`` (TSV), bits per hidden base of each model on each genome.

All models are trained on the same number of tokens. The loss of the model of many species minus the mean loss of the
models of one species decides, with an interval over the held-out genomes: the claim is about new species.
"""

import sys
from argparse import ArgumentParser
from typing import Any

from workflow_scripts.common.errors import program
from workflow_scripts.studies.claim_result import Claim, Comparison, write_result
from workflow_scripts.studies.mask_losses import Losses, by_genome, genome_difference, read_losses
from workflow_scripts.studies.study_options import losses as loss_options
from workflow_scripts.studies.study_options import parser_of, training_facts

CLAIM = Claim(
    "corpus",
    "Does a model of many species predict the DNA of new species better than a model of one, after the same training?",
    "the paper, section 4: multi-species pre-training generalizes better",
)


def compare(many: Losses, one: list[Losses]) -> list[Comparison]:
    """The model of many species against the mean of those of one, then against each."""
    parts = []
    groups = [("the models of one species", one), *((losses.name, [losses]) for losses in one if len(one) > 1)]
    for name, others in groups:
        found = genome_difference(many, others)
        text = f"[MASK] loss of {many.name} minus {name}, mean over new species"
        numbers = found["mean"], found["low"], found["high"]
        parts.append(Comparison(text, *numbers, "below", "held-out genomes", "bits per hidden base"))
    return parts


def table(models: list[Losses]) -> list[dict[str, Any]]:
    return [
        {"model": losses.name, "genome": genome, "metric": "bits per hidden base", "value": bits}
        for losses in models
        for genome, bits in by_genome(losses).items()
    ]


def build_parser() -> ArgumentParser:
    parser = parser_of(__doc__, loss_options)
    parser.add_argument("--many", required=True, help="the model of many species")
    parser.add_argument("--one", nargs="+", required=True, help="models of one species each")
    parser.add_argument("--held-out", nargs="+", required=True, help="accessions that no model was trained on")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    models = [read_losses(args.losses / f"{model}.parquet", None, args.held_out) for model in [args.many, *args.one]]
    facts = training_facts(args.pretrained, [args.many, *args.one])
    setting = {"scale": args.scale, "held_out": args.held_out, "models": facts}
    write_result(CLAIM, compare(models[0], models[1:]), setting, table(models), args.out, args.table)


if __name__ == "__main__":
    sys.exit(main())
