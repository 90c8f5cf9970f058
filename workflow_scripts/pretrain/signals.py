"""Requests to leave: SIGTERM, and SIGUSR1, with which Slurm warns a job before its time is up."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

WARNING = signal.SIGUSR1
SIGNALS = (signal.SIGTERM, WARNING)
# EX_TEMPFAIL of sysexits.h. For Snakemake any status but 0 is a failed attempt, which `retries` repeats; of several
# processes torchrun leaves with 1.
TRY_AGAIN = 75


class Request:
    """Whether the process has been asked to leave, and by which signal."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def note(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number)


def requeue() -> None:
    """Ask Slurm to run this job once more when it has ended; for Snakemake it then is the same attempt.

    Does nothing outside of Slurm; where Slurm refuses, it says why on standard error.
    """
    if job := os.environ.get("SLURM_JOB_ID"):
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["scontrol", "requeue", job], check=False)


@contextlib.contextmanager
def noticed() -> Iterator[Request]:
    """Take note of the signals instead of dying of them."""
    request = Request()
    before = {number: signal.signal(number, request.note) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
