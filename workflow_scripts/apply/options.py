"""Command-line options that the programs of apply share, and what they mean."""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa

from workflow_scripts.apply.blocks import WHOLE, compute_part, parse_part
from workflow_scripts.apply.genome import open_genome
from workflow_scripts.apply.inputs import open_input
from workflow_scripts.apply.models import parse_model
from workflow_scripts.apply.records import Input
from workflow_scripts.apply.windows import Window, windows_of
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.hashing import stable_hash

NOT_RESULTS = ("out", "state", "index", "part", "gpus")
"""Options that do not change what is computed."""
INDEX = Path(".genome_index")


def parser_of(doc: str | None) -> ArgumentParser:
    """A parser with the description of a program."""
    return ArgumentParser(description=doc, formatter_class=RawDescriptionHelpFormatter)


def input_options(parser: ArgumentParser, what: str) -> None:
    """``--input``, ``--genome`` and ``--index``."""
    parser.add_argument("--input", type=Path, required=True, help=what)
    parser.add_argument("--genome", type=Path, help="genome of a BED or VCF: FASTA, plain, gzipped or .2bit")
    parser.add_argument(
        "--index", type=Path, default=INDEX, help="folder for the index of a genome (default: %(default)s)"
    )


def model_options(parser: ArgumentParser) -> None:
    """``--model`` and ``--gpus``."""
    parser.add_argument(
        "--model",
        type=parse_model,
        nargs="+",
        required=True,
        help='a model folder, or JSON such as {"directory": PATH, "kmer": 6}; several are an ensemble',
    )
    parser.add_argument(
        "--gpus", type=int, choices=(0, 1), default=1, help="1: a GPU if the machine has one (default); 0: the CPU"
    )


def window_options(parser: ArgumentParser, default: str) -> None:
    """``--window`` and ``--step``."""
    parser.add_argument(
        "--window",
        type=int,
        help=f"bases that the model reads at once; 0 reads any sequence whole (default: {default})",
    )
    parser.add_argument("--step", type=int, help="bases from one window to the next (default: half of a window)")


def joining_options(parser: ArgumentParser, computed_by: str) -> None:
    """``--parts`` and ``--out`` of a program that joins the parts of another."""
    parser.add_argument(
        "--parts", type=Path, nargs="+", required=True, help=f"files of {computed_by}, all parts in order"
    )
    parser.add_argument("--out", type=Path, required=True, help="folder to write")


def job_options(parser: ArgumentParser) -> None:
    """``--part``, ``--state`` and ``--out``."""
    parser.add_argument(
        "--part", type=parse_part, default=WHOLE, help="which share of the blocks, such as 2/8 (default: all)"
    )
    parser.add_argument("--state", type=Path, help="folder that keeps finished blocks (default: beside --out)")
    parser.add_argument("--out", type=Path, required=True, help="file to write (parquet)")


def open_source(args: Namespace) -> Input:
    """The input of ``--input``, with the genome of ``--genome`` if it has one."""
    return open_input(args.input, None if args.genome is None else open_genome(args.genome, args.index))


def compute_windows(
    args: Namespace,
    source: Input,
    default: int,
    compute: Callable[[list[Window]], pa.Table],
    schema: pa.Schema,
    size: int | None = None,
) -> None:
    """Write the results of the windows of ``source`` in one part, see blocks.compute_part.

    ``default``: bases of a window if ``--window`` is not given. ``size``: windows of a block, if not the usual.
    """
    window = default if args.window is None else args.window
    windows = windows_of(source.records(), window, step_of(window, args.step))
    compute_part(windows, compute, schema, args.part, state_folder(args), args.out, "window", size)


def state_folder(args: Namespace) -> Path:
    """Where finished blocks of a part are kept: below ``--state``, named by everything that decides the results.

    That is all options but NOT_RESULTS, and size and time of each file that is read. Parts may run at the same time.
    """
    values = {name: value for name, value in sorted(vars(args).items()) if name not in NOT_RESULTS}
    state = args.state or args.out.with_name(f".{args.out.name}.state")
    return state / f"{stable_hash(repr(values), *files_read(args)):016x}-{args.part.number}of{args.part.of}"


def files_read(args: Namespace) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of change of the input, the genome and the files of the models."""
    folders = [Path(model["directory"]) for model in args.model]
    paths = [args.input, args.genome, *(path for folder in folders for path in sorted(folder.rglob("*")))]
    for path in paths:
        if path is not None and path.is_file():
            yield str(path), path.stat().st_size, path.stat().st_mtime_ns


def step_of(window: int, step: int | None) -> int:
    """``step``, or half of the window if it is not given. Raises UserError for one that would leave bases out."""
    if step is None:
        return max(window // 2, 1)
    if window and not 1 <= step <= window:
        raise UserError(f"--step {step}: leaves bases between windows of {window} out; give 1 to {window}")
    return step
