"""Fine-tune one model on one data set with one seed, and score it (paper, section 5; released train.py).

Writes ``metrics.json`` (scores on dev and test with everything needed to repeat them), ``predictions.parquet``
(label, prediction and class probabilities per test row, in file order, and its id if it has one) and the model
directory: all weights for ``full``, the adapter with the head for ``lora``, the head for ``probe`` and ``knn``, which
leave the encoder as it is.

A fit that takes more than some minutes saves its state in ``--state`` now and then. Killed and started again it
resumes there, with the same result. The program runs in a fork of a server that has imported the libraries, which is
most of the time of a small fit; if there is any trouble with the server it runs by itself.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from workflow_scripts.common import gpus
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.finetune import fork_server
from workflow_scripts.settings.fit_settings import FitSettings, read_settings
from workflow_scripts.settings.names import METHODS, METRICS
from workflow_scripts.settings.reference import keys_help

PACKAGES = ("numpy", "peft", "pyarrow", "pydantic", "safetensors", "sklearn", "torch", "tqdm", "transformers")
"""What a fit imports, and so the environment of a model needs."""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog=f"keys of --settings:\n{keys_help(FitSettings)}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", type=json.loads, required=True, help='JSON, {"directory": PATH} or {"baseline": NAME}'
    )
    parser.add_argument("--method", choices=METHODS, required=True, help="what is fitted, see above")
    parser.add_argument("--data", type=Path, required=True, help="folder with train.csv, dev.csv and test.csv")
    parser.add_argument(
        "--name", nargs=3, metavar=("MODEL", "TASK", "DATASET"), required=True, help="names, for the record"
    )
    metrics = ", ".join(sorted({metric for metrics in METRICS.values() for metric in metrics}))
    parser.add_argument("--metric", default="mcc", help=f"the data set's score: {metrics}, or auroc:CLASS, auprc:CLASS")
    parser.add_argument("--seed", type=int, required=True, help="seed of head, order and dropout")
    parser.add_argument("--settings", default="{}", help="settings as JSON, see below")
    parser.add_argument("--tokens", type=Path, required=True, help="folder that keeps the tokens for further fits")
    parser.add_argument("--state", type=Path, required=True, help="folder for the state of an unfinished fit")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    parser.add_argument(
        "--gpus", type=int, choices=(0, 1), default=1, help="1: a GPU if the machine has one (default); 0: the CPU"
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    options = vars(build_parser().parse_args(argv))
    from workflow_scripts.finetune.fine_tuning import FitJob, fine_tune  # seconds of imports

    options.pop("gpus")
    fine_tune(FitJob(**options | {"settings": read_settings(options["settings"])}))


@program
def enter(interpreter: str) -> None:
    """Replace this process by the same program in another environment.

    Raises UserError if the environment has no such interpreter or lacks a package.
    """
    try:
        found = subprocess.run([interpreter, "-c", f"import {', '.join(PACKAGES)}"], capture_output=True, text=True)
    except OSError as error:
        raise UserError(f"environment: {interpreter}: {error.strerror}; name its Python interpreter") from None
    if found.returncode:
        reason = found.stderr.strip().rpartition("\n")[2]
        raise UserError(f"environment: {interpreter}: {reason}; install the packages of envs/torch.yaml there")
    os.execv(interpreter, [interpreter, "-m", "workflow_scripts.finetune.finetune_model", *sys.argv[1:]])


def launch() -> int:
    """The program's exit status: claim a GPU, then run :func:`main` in a fork of the server, or here without one.

    A model with an environment of its own goes there first.
    """
    args = build_parser().parse_args()  # --help and wrong options need no server
    interpreter = args.model.get("environment")
    if interpreter and Path(interpreter).absolute() != Path(sys.executable).absolute():
        return enter(interpreter)
    gpus.claim_or_hide(args.gpus)
    try:
        child, process = fork_server.start(sys.argv[1:])
    except OSError as error:
        print(f"server of the fits: {error}; the fit runs by itself", file=sys.stderr, flush=True)
        return main()
    return fork_server.wait(child, process)


if __name__ == "__main__":
    sys.exit(launch())
