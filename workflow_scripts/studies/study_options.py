"""Options that the studies share, and what their results say about the models."""

import argparse
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.common.json_objects import read_object
from workflow_scripts.settings.names import SEED

FACTS = ("parameters", "tokens_seen", "hardware")


def losses(parser: argparse.ArgumentParser) -> None:
    """The losses of pre-trained models."""
    parser.add_argument("--losses", type=Path, required=True, help="folder of the losses, MODEL.parquet")
    parser.add_argument("--pretrained", type=Path, required=True, help="folder of the pre-trained models")


def fits(parser: argparse.ArgumentParser) -> None:
    """Fits of models to data sets."""
    parser.add_argument("--fits", type=Path, required=True, help="folder of all fits")
    parser.add_argument("--datasets", nargs="+", required=True, help="data sets, task/dataset")
    parser.add_argument("--seeds", type=int, nargs="+", required=True, help="seeds of the fits")


def device(parser: argparse.ArgumentParser) -> None:
    """The device of a program that runs models."""
    parser.add_argument("--gpus", type=int, default=0, help="GPUs, 1 or 0 (default: %(default)s)")


def parser_of(description: str | None, *groups: Callable[[argparse.ArgumentParser], None]) -> argparse.ArgumentParser:
    """A parser with groups of options, and those of every result."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for group in groups:
        group(parser)
    parser.add_argument("--scale", default="", help="what the result says about its scale, such as laptop")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of the bootstrap (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="result to write (.json)")
    parser.add_argument("--table", type=Path, required=True, help="table to write (.tsv)")
    return parser


def training_facts(folder: Path, models: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Parameters, tokens of training and hardware of pre-trained models, from their summaries."""
    summaries = {model: read_object(folder / model / "summary.json") for model in models}
    return {model: {name: summary.get(name) for name in FACTS} for model, summary in summaries.items()}
