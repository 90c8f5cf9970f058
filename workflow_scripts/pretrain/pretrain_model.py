"""Pre-train a DNABERT-2 encoder by masked language modelling (paper, sections 3.2 and 4.1).

In:  token shards and a tokenizer; with --start also a model directory, whose weights and architecture the training
     continues from (further pre-training).
Out: a directory that ``AutoModelForMaskedLM.from_pretrained`` loads, with the tokenizer, a model card, ``log.jsonl``
     (one line per logged step and per validation) and ``summary.json``.

--nodes and --gpus determine the processes: a single one trains here, several on one node are started by torchrun,
several nodes by Slurm's srun. There is one process per GPU, or one per node without GPUs.

An interrupted run resumes from the state saved in --state, with the same data and masks on any number of processes.
On SIGTERM or SIGUSR1 the program finishes its step, saves its state and exits with status 75: start it again to
continue. On SIGUSR1, Slurm's warning before the time limit, it also puts its job back into the queue, so that a chain
of jobs trains to the end.
"""

import argparse
import os
import sys
from pathlib import Path

from workflow_scripts.common import gpus
from workflow_scripts.common.errors import program
from workflow_scripts.pretrain.launcher import start_command, started_by_srun, started_by_torchrun
from workflow_scripts.settings.fields import Section
from workflow_scripts.settings.pretrain import Architecture, SeededTraining
from workflow_scripts.settings.reference import keys_help


def build_parser() -> argparse.ArgumentParser:
    sections: dict[str, type[Section]] = {"--training": SeededTraining, "--architecture": Architecture}
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="\n\n".join(f"keys of {option}:\n{keys_help(section)}" for option, section in sections.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", required=True, help="name of the model")
    parser.add_argument("--tokenizer", type=Path, required=True, help="tokenizer directory")
    parser.add_argument(
        "--tokens",
        type=Path,
        nargs="+",
        required=True,
        help="token shards, NAME.npy each with its NAME.index.npy in the same folder, or a folder of them",
    )
    parser.add_argument("--species", type=Path, help="species table: only its genomes are read from a folder")
    parser.add_argument("--architecture", default="{}", help="sizes of the encoder as JSON, see below")
    parser.add_argument("--start", type=Path, help="model directory whose weights and architecture to continue from")
    parser.add_argument("--training", default="{}", help="settings of the training as JSON, see below")
    parser.add_argument(
        "--configuration",
        type=Path,
        help="resolved configuration (JSON with the key configuration): the settings of pretrain.NAME.training that "
        "do not change the result, such as micro_batch_size, are taken from it",
    )
    parser.add_argument("--state", type=Path, required=True, help="folder for the saved states of an unfinished run")
    parser.add_argument("--out", type=Path, required=True, help="model directory to write")
    parser.add_argument("--nodes", type=int, default=1, help="nodes to train on (default: %(default)s)")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of each node; 0, the default, trains on the CPU")
    parser.add_argument(
        "--threads", type=int, default=1, help="CPUs of each process on several nodes (default: %(default)s)"
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if not (started_by_torchrun(os.environ) or started_by_srun(os.environ)):
        gpus.claim(args.gpus)
        arguments = sys.argv[1:] if argv is None else argv
        if command := start_command(args.nodes, args.gpus, args.threads, arguments):
            os.execvp(command[0], command)
    # Imported only here: CUDA must not be initialised before the GPUs are claimed, and starting others needs no torch.
    from workflow_scripts.pretrain.training_run import pretrain

    pretrain(args)


if __name__ == "__main__":
    sys.exit(main())
