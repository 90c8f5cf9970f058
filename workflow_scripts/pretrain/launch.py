"""Start a training in as many processes as it has GPUs.

    python -m workflow_scripts.pretrain.launch --nodes N --gpus G --threads T -- ARGUMENTS

``--gpus`` counts those of each node; the arguments are those of ``pretrain_model``. One process takes
the place of this one; several on one node are started by torchrun, on several nodes by Slurm's srun, one a GPU, or one
a node without GPUs.
"""

import argparse
import os
import sys

from workflow_scripts.common import gpus

TRAIN = "workflow_scripts.pretrain.pretrain_model"
# torchrun passes these on; then it waits for the processes to finish their step and save their state.
SIGNALS, PATIENCE = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1", 300


def command(nodes: int, gpus: int, threads: int, arguments: list[str]) -> list[str]:
    """The command line of a training on so many nodes with so many GPUs each, and threads of each process."""
    if nodes > 1:
        tasks = max(gpus, 1)
        # a job step has what it asks for, not what the job has
        places = [f"--nodes={nodes}", f"--ntasks={nodes * tasks}", f"--ntasks-per-node={tasks}"]
        places += [f"--cpus-per-task={threads}", *([f"--gpus-per-node={gpus}"] if gpus else [])]
        return ["srun", *places, "--kill-on-bad-exit=1", sys.executable, "-m", TRAIN, *arguments]
    if gpus > 1:
        options = [f"--nproc-per-node={gpus}", f"--signals-to-handle={SIGNALS}", f"--shutdown-timeout={PATIENCE}"]
        return [sys.executable, "-m", "torch.distributed.run", "--standalone", *options, "-m", TRAIN, *arguments]
    return [sys.executable, "-m", TRAIN, *arguments]


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, default=1, help="nodes of the job")
    parser.add_argument("--gpus", type=int, default=0, help="GPUs of each node; 0 trains on the CPU")
    parser.add_argument("--threads", type=int, default=1, help="threads of each process, where srun starts several")
    parser.add_argument("arguments", nargs="+", help="arguments of the training, behind --")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    gpus.claim(args.gpus)
    started = command(args.nodes, args.gpus, args.threads, args.arguments)
    os.execvp(started[0], started)


if __name__ == "__main__":
    main()
