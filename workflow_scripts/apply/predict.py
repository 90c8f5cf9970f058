"""Predict with a fitted model, or with several as an ensemble: window by window, one part of the input.

In:  sequences (FASTA, CSV, TSV, parquet), or intervals (BED) with a genome; a model folder of a fit, or several that
     predict the same.
Out: ``--out`` (parquet), a row for each window: the number of its record, its start and end in the record, whether the
     model cut it, and what each model predicts. write_predictions makes tables of it.

A sequence that is longer than a window is read in windows that overlap; all are full, and the last ends with the
sequence. Windows are computed in blocks of 512: a killed run goes on after the last finished one, and the results are
the same bytes for any number of parts.
"""

import json
import sys
from argparse import ArgumentParser
from functools import partial

import pyarrow as pa

from workflow_scripts.apply import options
from workflow_scripts.apply.models import Ensemble, load_models
from workflow_scripts.apply.windows import Window
from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program

LONGEST = 100_000
"""Bases of a sequence that is read whole; attention over more needs more memory than most machines have."""


def schema_of(ensemble: Ensemble, both_strands: bool) -> pa.Schema:
    """The columns of the results; what the values mean is in the metadata."""
    size = len(ensemble.members) * ensemble.record.outputs.size
    meaning = {
        "problem": ensemble.record.outputs.problem,
        "classes": ensemble.classes,
        "models": [str(member.folder) for member in ensemble.members],
        "both_strands": both_strands or ensemble.record.both_strands,
    }
    return pa.schema(
        [
            ("record", pa.int64()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("cut", pa.bool_()),
            ("values", pa.list_(pa.float64(), size)),
        ],
        metadata={"predictions": json.dumps(meaning)},
    )


def predict_windows(windows: list[Window], ensemble: Ensemble, both_strands: bool, schema: pa.Schema) -> pa.Table:
    """The predictions of all members for some windows; those of a member are side by side."""
    for window in windows:
        if window.end - window.start > LONGEST:
            size = f"{window.end - window.start:,} bases"
            raise UserError(f"record {window.record + 1}: {size} at once, more than {LONGEST:,}; give --window")
    read = ensemble.read([window.sequence for window in windows], both_strands)
    values = read.values.transpose(1, 0, 2).reshape(len(windows), -1)
    columns = {
        "record": [window.record for window in windows],
        "start": [window.start for window in windows],
        "end": [window.end for window in windows],
        "cut": read.cut,
        "values": pa.FixedSizeListArray.from_arrays(values.reshape(-1), values.shape[1]),
    }
    return pa.table(columns, schema=schema)


def build_parser() -> ArgumentParser:
    parser = options.parser_of(__doc__)
    options.model_options(parser)
    options.input_options(parser, "sequences (FASTA, CSV, TSV, parquet) or intervals (BED)")
    options.window_options(parser, "the longest sequence of the training, if it is known")
    parser.add_argument("--both-strands", action="store_true", help="the mean of both strands, if not so in the fit")
    options.job_options(parser)
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim_or_hide(args.gpus)
    source = options.open_source(args)
    ensemble = Ensemble(load_models(args.model))
    schema = schema_of(ensemble, args.both_strands)
    compute = partial(predict_windows, ensemble=ensemble, both_strands=args.both_strands, schema=schema)
    options.compute_windows(args, source, ensemble.window, compute, schema)


if __name__ == "__main__":
    sys.exit(main())
