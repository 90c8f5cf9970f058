"""The processes of one training: one alone, several under torchrun, or several on some nodes under Slurm's srun."""

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

T = TypeVar("T")
# The first process may read the whole corpus before it speaks to the others.
PATIENCE = datetime.timedelta(minutes=60)
# Whoever frees a group last waits for its threads. DistributedDataParallel does so without giving up the interpreter,
# for which such a thread may wait in turn, and the process would hang at its end: so the group outlives it.
_groups: list[distributed.ProcessGroup] = []


@dataclasses.dataclass(frozen=True)
class Processes:
    """Which of ``count`` processes this is: ``rank`` among all, ``local_rank`` on its node."""

    rank: int = 0
    local_rank: int = 0
    count: int = 1

    @property
    def first(self) -> bool:
        return self.rank == 0

    def sums(self, *values: float) -> list[float]:
        """Each value summed over the processes; all get the same sums."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total)
        return total.tolist()

    def shared(self, value: T) -> T:
        """What the first process has."""
        if self.count == 1:
            return value
        box = [value]
        distributed.broadcast_object_list(box)
        return box[0]

    def device(self) -> torch.device:
        """The GPU of this process, or the CPU where the machine has none. Raises UserError for too few GPUs."""
        if not torch.cuda.is_available():
            return torch.device("cpu")
        if self.local_rank >= torch.cuda.device_count():
            raise UserError(f"process {self.local_rank} of this node has no GPU: there are {torch.cuda.device_count()}")
        torch.cuda.set_device(self.local_rank)
        return torch.device("cuda", self.local_rank)


def placed(environment: Mapping[str, str]) -> tuple[Processes, dict[str, str]]:
    """This process's place by the variables of torchrun or srun, and where the processes meet.

    A job step of srun has SLURM_STEP_NUM_TASKS, a batch script has not: it is one process.
    """
    if "RANK" in environment:
        place = Processes(*(int(environment[name]) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE")))
        return place, {name: environment[name] for name in ("MASTER_ADDR", "MASTER_PORT")}
    if int(environment.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        names = ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_STEP_NUM_TASKS")
        # srun is called on the first node of the job, where process 0 is; jobs that share a node must not meet
        port = 20_000 + int(environment["SLURM_JOB_ID"]) % 20_000
        meeting = {"MASTER_ADDR": environment["SLURM_LAUNCH_NODE_IPADDR"], "MASTER_PORT": str(port)}
        return Processes(*(int(environment[name]) for name in names)), meeting
    return Processes(), {}


@contextlib.contextmanager
def joined() -> Iterator[Processes]:
    """Join the other processes, if there are any, for as long as the context lasts."""
    processes, meeting = placed(os.environ)
    if processes.count == 1:
        yield processes
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    address = f"tcp://{meeting['MASTER_ADDR']}:{meeting['MASTER_PORT']}"
    if "RANK" in os.environ:  # torchrun has opened the port itself
        address = "env://"
    distributed.init_process_group(backend, address, PATIENCE, processes.count, processes.rank)
    _groups.append(distributed.group.WORLD)
    try:
        yield processes
    finally:
        distributed.destroy_process_group()


def say(processes: Processes, line: str) -> None:
    """A line on standard error, once for all processes."""
    if processes.first:
        print(line, file=sys.stderr, flush=True)
