"""Requests to stop: SIGTERM, and SIGUSR1, by which Slurm warns a job before its time limit."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator

WARNING = signal.SIGUSR1
SIGNALS = (signal.SIGTERM, WARNING)
# EX_TEMPFAIL of sysexits.h. To Snakemake any status but 0 is a failed attempt, which `retries` repeats. With several
# processes torchrun itself exits with 1.
TRY_AGAIN = 75


class StopRequest:
    """The signal by which this process was asked to stop, or None."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def note(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number)


def requeue() -> None:
    """Ask Slurm to run this job again after it has ended; to Snakemake that is the same attempt.

    Does nothing outside of Slurm. If Slurm refuses, scontrol prints the reason on standard error.
    """
    if job := os.environ.get("SLURM_JOB_ID"):
        with contextlib.suppress(FileNotFoundError):
            subprocess.run(["scontrol", "requeue", job], check=False)


@contextlib.contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Record the signals of SIGNALS instead of ending the process."""
    request = StopRequest()
    before = {number: signal.signal(number, request.note) for number in SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
