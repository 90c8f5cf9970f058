"""Jobs that fail, told in a line each: the rule, the last words of its log, and where the log lies."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from snakemake_interface_logger_plugins.common import LogEvent

ERROR = "error: "  # so begins the last line of a script that gives up


def lines_of(log: str) -> list[str]:
    """The lines of a log, the states of a progress bar one by one; none where there is no log."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]


def error_of(logs: Sequence[str]) -> str | None:
    """What the log of a rule, the first one, reports as its error."""
    return next((line.removeprefix(ERROR) for line in reversed(lines_of(logs[0])) if line.startswith(ERROR)), None)


def description(name: str, logs: Sequence[str]) -> str:
    """What a job that failed is told as; ``logs`` are that of the rule, and that of the cluster behind it."""
    if error := error_of(logs):
        return f"{name}: {error} ({logs[0]})"
    words = lines_of(logs[0])
    last = f"its last words are {words[-1]!r}" if words else "it has said nothing"
    return f"{name}: ended without an error of its own, {last} ({', '.join(logs)})"


class Failures(logging.Handler):
    """Keeps what failed, from Snakemake's events, and says it as soon as it happens.

    What comes right in a later attempt is forgotten.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failed: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_FINISHED:
            self.failed.pop(record.job_id, None)
        elif event == LogEvent.JOB_ERROR and not record.indent and record.log:
            self.add(record.jobid, record.rule_name, record.log)
        elif event == LogEvent.GROUP_ERROR:
            self.add_group(record)

    def add_group(self, record: logging.LogRecord) -> None:
        """Of jobs that share one of a cluster all are reported; those that failed have an error in their log."""
        jobs = [job for job in record.job_error_info if job["log"]]
        failed = [job for job in jobs if error_of(job["log"])]
        for job in failed:
            self.add(job["jobid"], job["rule_name"], job["log"])
        if jobs and not failed:
            self.add(jobs[0]["jobid"], record.groupid, [*jobs[0]["log"], *record.aux_logs])

    def add(self, job: int, name: str, logs: Sequence[str]) -> None:
        line = description(name, logs)
        if self.failed.get(job) != line:
            print(f"failed: {line}", file=sys.stderr, flush=True)
        self.failed[job] = line

    def tell(self) -> None:
        """Say once more what failed, for the end of a run."""
        for line in self.failed.values():
            print(f"failed: {line}", file=sys.stderr, flush=True)


def is_command(record: logging.LogRecord) -> bool:
    """Whether a message is Snakemake's about the shell command of a job that failed, as a whole."""
    return record.levelno == logging.ERROR and "CalledProcessError in file" in record.getMessage()
