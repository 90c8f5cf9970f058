"""Explain the predictions of a fitted model: which bases of a sequence they rest on. One part of the input.

In:  sequences (FASTA, CSV, TSV, parquet), or intervals (BED) with a genome; a model folder of a fit, or several that
     predict the same.
Out: ``--out`` (parquet), a row for each window: what every change of a base does to the prediction (in-silico
     mutagenesis), the share of each base by integrated gradients, and with ``--shuffled`` the mutagenesis of a shuffle.
     write_explanations makes tables and pictures of it, find_motifs tests tokens and motifs.

The explained number is the log odds of a class against all others, of a label, or the number of a regression. Without
``--class`` it is that of the class that is predicted for the window. docs/explain.md says what the numbers mean.

A sequence of n bases takes 3 n predictions, on both strands if the fit reads both. Windows are computed in blocks of
16: a killed run goes on after the last finished one, and the results are the same bytes for any number of parts.
"""

import sys
from argparse import ArgumentParser
from dataclasses import replace

from workflow_scripts.apply import options
from workflow_scripts.apply.explanations import Explainer
from workflow_scripts.apply.integrated_gradients import STEPS
from workflow_scripts.apply.models import Ensemble, load_models
from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program

BLOCK = 16


def output_of(ensemble: Ensemble, name: str | None) -> int | None:
    """The number of a class; of a regression 0. None if the predicted class is to be explained.

    Raises UserError for a class that the model does not have.
    """
    classes = ensemble.classes
    if not classes:
        if name is not None:
            raise UserError(f"--class {name}: {ensemble.members[0].folder} predicts a number, which has no classes")
        return 0
    if name is None:
        return None
    if name not in classes:
        raise UserError(f"--class {name}: {ensemble.members[0].folder} has the classes {', '.join(classes)}")
    return classes.index(name)


def on_both_strands(ensemble: Ensemble) -> Ensemble:
    """The same models, whose predictions are the mean of both strands."""
    return Ensemble([replace(member, record=replace(member.fitted, both_strands=True)) for member in ensemble.members])


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.model_options(parser)
    options.input_options(parser, "sequences (FASTA, CSV, TSV, parquet) or intervals (BED)")
    options.window_options(parser, "the longest sequence of the training, if it is known")
    parser.add_argument("--both-strands", action="store_true", help="the mean of both strands, if not so in the fit")
    parser.add_argument(
        "--class", dest="class_name", metavar="NAME", help="class or label to explain (default: the predicted one)"
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=STEPS,
        help="steps of integrated gradients; 0 for mutagenesis only (default: %(default)s)",
    )
    parser.add_argument(
        "--shuffled", action="store_true", help="explain a shuffle of each window as well, for find_motifs"
    )
    options.job_options(parser)
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    source = options.open_source(args)
    ensemble = Ensemble(load_models(args.model))
    if args.both_strands:
        ensemble = on_both_strands(ensemble)
    explainer = Explainer(ensemble, output_of(ensemble, args.class_name), args.steps, args.shuffled)
    if args.shuffled and explainer.output is None:
        raise UserError(
            "--shuffled needs --class: the class that a sequence is predicted as favours it over its shuffle"
        )
    options.compute_windows(args, source, ensemble.window, explainer.explain, explainer.schema, BLOCK)


if __name__ == "__main__":
    sys.exit(main())
