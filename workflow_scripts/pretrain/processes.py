"""The processes of one training: a single one, several started by torchrun, or several started by Slurm's srun."""

import contextlib
import dataclasses
import datetime
import os
import sys
from collections.abc import Iterator, Mapping
from typing import TypeVar

import torch
from torch import distributed

from workflow_scripts.common.errors import UserError
from workflow_scripts.pretrain.launcher import started_by_srun, started_by_torchrun

T = TypeVar("T")
# The first process may read the whole corpus before it communicates with the others.
TIMEOUT = datetime.timedelta(minutes=60)
# Freeing the group inside DistributedDataParallel can deadlock at exit, because that holds the interpreter lock while
# it waits for threads that need it. This reference outlives it.
_groups: list[distributed.ProcessGroup | None] = []


@dataclasses.dataclass(frozen=True)
class Processes:
    """Which of ``count`` processes this is: ``rank`` among all of them, ``local_rank`` on its node."""

    rank: int = 0
    local_rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def sum(self, *values: float) -> list[float]:
        """Each value summed over the processes; all processes get the same sums."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total)
        return total.tolist()

    def broadcast(self, value: T) -> T:
        """The value that the first process has."""
        if self.count == 1:
            return value
        values = [value]
        distributed.broadcast_object_list(values)
        return values[0]

    def print(self, line: str) -> None:
        """Print a line on standard error, once for all processes."""
        if self.first:
            print(line, file=sys.stderr, flush=True)

    def device(self) -> torch.device:
        """The GPU of this process, or the CPU if the machine has no GPU. Raises UserError for too few GPUs."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        if self.local_rank >= torch.cuda.device_count():
            raise UserError(
                f"process {self.local_rank} of this node has no GPU: only {torch.cuda.device_count()} are visible; "
                "start at most one process per GPU"
            )
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)


def place_in(environment: Mapping[str, str]) -> tuple[Processes, str]:
    """This process's place by the variables of torchrun or srun, and the address at which the processes meet."""
    if started_by_torchrun(environment):
        # torchrun itself listens on MASTER_PORT
        return Processes(*(int(environment[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE"))), "env://"
    if started_by_srun(environment):
        names = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS")
        # srun runs on the first node of the job, where process 0 is; jobs that share a node need different ports
        port = 20_000 + int(environment["SLURM_JOB_ID"]) % 20_000
        address = f"tcp://{environment['SLURM_LAUNCH_NODE_IPADDR']}:{port}"
        return Processes(*(int(environment[name]) for name in names)), address
    return Processes(), ""


@contextlib.contextmanager
def process_group() -> Iterator[Processes]:
    """Join the group of all processes, if there are several, until the context ends."""
    processes, address = place_in(os.environ)
    if processes.count == 1:
        yield processes
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, address, TIMEOUT, processes.count, processes.rank)
    _groups.append(distributed.group.WORLD)
    try:
        yield processes
    finally:
        distributed.destroy_process_group()
