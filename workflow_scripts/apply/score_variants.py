"""Score variants with a model: zero-shot with a pre-trained one, by the change of its prediction with a fitted one.

In:  variants (VCF, plain or compressed, or BCF) with their genome; a model folder, or several that predict the same.
Out: ``--out`` (parquet), a row for each alternative allele: the number of its record and of the allele, its kind, why
     it has no score, and the scores. write_variants makes a VCF and a table of it.

Each allele is read in a window of the genome around the variant, and so is the reference: the same flanks, of which
the longer text has ``--window`` bases. A pre-trained model gives the log-likelihood ratio of both alleles
(apply/masked_likelihood.py says how) and the distance of their embeddings; a fitted one the change of its prediction,
and distances of embeddings if ``--layers`` asks for them.

Alleles are computed in blocks of 512: a killed run goes on after the last finished one, and the results are the same
bytes for any number of parts.
"""

import json
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from workflow_scripts.apply import options
from workflow_scripts.apply.blocks import compute_part
from workflow_scripts.apply.genome import Genome, open_genome
from workflow_scripts.apply.masked_likelihood import MaskedLikelihood
from workflow_scripts.apply.models import Ensemble, load_models
from workflow_scripts.apply.variant_input import TOO_LONG, UNKNOWN, Allele, edit_of, read_alleles
from workflow_scripts.apply.variant_scores import KINDS, Scorer
from workflow_scripts.apply.variant_windows import windows
from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.inference.encoders import TokenizerEncoder
from workflow_scripts.inference.masked_models import read_masked
from workflow_scripts.inference.predictor import Predictor

WINDOW = 512
"""Bases of a window if the training of the model does not say how many it has read."""


@dataclass(frozen=True)
class BlockScorer:
    """Scores a block of alleles; see the module."""

    genome: Genome
    window: int
    scorer: Scorer

    @property
    def schema(self) -> pa.Schema:
        """The columns of the results; what they mean is in the metadata."""
        meaning = {
            "scores": [score._asdict() for score in self.scorer.scores],
            "models": [str(model.folder) for model in self.scorer.models],
            "window": self.window,
        }
        fixed = [("record", pa.int64()), ("allele", pa.int32()), ("kind", pa.string()), ("reason", pa.string())]
        scores = [(score.name, pa.float64()) for score in self.scorer.scores]
        return pa.schema([*fixed, *scores], metadata={"variants": json.dumps(meaning)})

    def __call__(self, alleles: list[Allele]) -> pa.Table:
        """A row for each allele; its scores are null if it has a reason."""
        reasons, kinds, pairs, rows = [], [], [], []
        for row, allele in enumerate(alleles):
            edit = None if allele.reason else edit_of(allele)
            pair = edit and windows(self.genome, allele.contig, edit, self.window)
            kinds.append(edit.kind if edit else "")
            reasons.append(allele.reason or ("" if pair else TOO_LONG))
            if pair:
                pairs.append(pair)
                rows.append(row)
        values = np.full((len(alleles), len(self.scorer.scores)), np.nan)
        if pairs:
            values[rows] = self.scorer.values(pairs)
        unknown = np.isnan(values).any(axis=1)
        values[unknown] = np.nan
        reasons = [reason or (UNKNOWN if missing else "") for reason, missing in zip(reasons, unknown, strict=True)]
        fixed = [
            pa.array([allele.record for allele in alleles], pa.int64()),
            pa.array([allele.number for allele in alleles], pa.int32()),
            pa.array(kinds, pa.string()),
            pa.array(reasons, pa.string()),
        ]
        scores = [pa.array(column, pa.float64(), from_pandas=True) for column in values.T]
        return pa.table([*fixed, *scores], schema=self.schema)


def scorer_of(args: Namespace) -> Scorer:
    """The models with what they are asked for, by default all that is meant for them."""
    models = load_models(args.model)
    fitted = any(model.record is not None for model in models)
    kinds = args.scores or (["prediction"] if fitted else ["likelihood", "embedding"])
    if args.layers and "embedding" not in kinds:
        kinds = [*kinds, "embedding"]
    likelihoods = masked_of(models, args.model) if "likelihood" in kinds else []
    layers = (args.layers or [-1]) if "embedding" in kinds else []
    ensemble = Ensemble(models) if "prediction" in kinds else None
    return Scorer(models, likelihoods, list(dict.fromkeys(layers)), ensemble, args.both_strands)


def masked_of(models: Sequence[Predictor], given: Sequence[dict]) -> list[MaskedLikelihood]:
    """The masked language models of some pre-trained ones; ``given``: their options. UserError for a fit."""
    found = []
    for model, options_of in zip(models, given, strict=True):
        if model.record is not None or not isinstance(model.encoder, TokenizerEncoder):
            raise UserError(f"{model.folder}: a fit has no likelihood; score it by prediction or embedding")
        trusted = bool(options_of.get("trust_remote_code"))
        network = read_masked(model.folder, model.encoder.pad_id, model.network.precision, trusted)
        found.append(MaskedLikelihood(network, model.encoder))
    return found


def window_of(args: Namespace, scorer: Scorer) -> int:
    """``--window``, or the longest training sequence of the fits, or WINDOW."""
    if args.window is not None:
        return args.window
    return (scorer.ensemble.window if scorer.ensemble else 0) or WINDOW


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.model_options(parser)
    options.input_options(parser, "variants (VCF, plain, gzipped or by bgzip, or BCF)")
    parser.add_argument(
        "--window",
        type=int,
        help=f"bases that the model reads around a variant (default: the longest training sequence, or {WINDOW})",
    )
    parser.add_argument(
        "--scores",
        nargs="+",
        choices=KINDS,
        help="what to compute (default: likelihood and embedding of a pre-trained model, prediction of a fit)",
    )
    parser.add_argument("--layers", type=int, nargs="+", help="layers of the embeddings; -1 is the last (default)")
    parser.add_argument(
        "--both-strands", action="store_true", help="predictions are the mean of both strands, if not so in the fit"
    )
    parser.add_argument(
        "--mismatches",
        choices=("refuse", "skip"),
        default="refuse",
        help="a REF that is not what the genome has ends the run (default), or is counted and gets no score",
    )
    options.job_options(parser)
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    if args.genome is None:
        raise UserError(f"{args.input}: variants need their genome; give it with --genome")
    if args.window is not None and args.window < 1:
        raise UserError(f"--window {args.window}: give the bases that the model reads around a variant, 1 or more")
    genome = open_genome(args.genome, args.index)
    scorer = scorer_of(args)
    compute = BlockScorer(genome, window_of(args, scorer), scorer)
    alleles = read_alleles(args.input, genome, args.mismatches)
    compute_part(alleles, compute, compute.schema, args.part, options.state_folder(args), args.out, "allele")


if __name__ == "__main__":
    sys.exit(main())
