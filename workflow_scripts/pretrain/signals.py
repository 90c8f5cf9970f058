"""Requests to leave: SIGTERM, and SIGUSR1, with which Slurm can warn a job before its time is up."""

import contextlib
import signal
from collections.abc import Iterator

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
# EX_TEMPFAIL of sysexits.h. For Snakemake, under Slurm too, any status but 0 is a failed attempt, which `retries`
# repeats. A job that runs the training without Snakemake is requeued where slurm.conf says RequeueExit=75; of several
# processes torchrun leaves with 1.
TRY_AGAIN = 75


class Request:
    """Whether the process has been asked to leave, and by which signal."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None

    def note(self, number: int, _frame: object) -> None:
        self.signal = signal.Signals(number)


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
