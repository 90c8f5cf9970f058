"""Jobs that fail, each in a line: the rule, its error or the last line of its log, and its path; also warnings."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ERROR = "error: "  # how the last line of a program begins that gives up
WARNING = "warning: "  # how a line of a program begins that a person should see


def lines_of(log: str) -> list[str]:
    """The lines of a log, with each state of a progress bar as one; none if there is no log."""
    try:
        text = Path(log).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return [line.strip() for line in text.replace("\r", "\n").splitlines() if line.strip()]


def error_of(logs: Sequence[str]) -> str | None:
    """The error that the log of a rule, the first one, reports."""
    return next((line.removeprefix(ERROR) for line in reversed(lines_of(logs[0])) if line.startswith(ERROR)), None)


def description(name: str, logs: Sequence[str]) -> str:
    """A failed job in a line; ``logs`` are that of the rule, and that of the cluster's job."""
    if error := error_of(logs):
        return f"{name}: {error} ({logs[0]})"
    lines = lines_of(logs[0])
    last = f"last line of its log: {lines[-1]!r}" if lines else "its log is empty"
    return f"{name}: ended with no error message; {last} ({', '.join(logs)})"


class Failures:
    """Prints each failure at once, and all again at the end. Failures that a later attempt repairs are dropped.

    Also prints the warnings in the log of each job that finishes.
    """

    def __init__(self) -> None:
        self.failed: dict[int, str] = {}
        self.logs: dict[int, Sequence[str]] = {}

    def job_started(self, job: int, logs: Sequence[str]) -> None:
        self.logs[job] = logs

    def job_failed(self, job: int, name: str, logs: Sequence[str]) -> None:
        line = description(name, logs)
        if self.failed.get(job) != line:
            print(f"failed: {line}", file=sys.stderr, flush=True)
        self.failed[job] = line

    def group_failed(self, group: str, jobs: Sequence[dict[str, Any]], cluster_logs: Sequence[str]) -> None:
        """Jobs that share one of a cluster are reported together; those that failed have an error in their log.

        ``jobs`` have the keys jobid, rule_name and log.
        """
        jobs = [job for job in jobs if job["log"]]
        failed = [job for job in jobs if error_of(job["log"])]
        for job in failed:
            self.job_failed(job["jobid"], job["rule_name"], job["log"])
        if jobs and not failed:
            self.job_failed(jobs[0]["jobid"], group, [*jobs[0]["log"], *cluster_logs])

    def job_finished(self, job: int) -> None:
        self.failed.pop(job, None)
        for log in self.logs.pop(job, [])[:1]:
            for line in lines_of(log):
                if line.startswith(WARNING):
                    print(f"{line} ({log})", file=sys.stderr, flush=True)

    def say_again(self) -> None:
        for line in self.failed.values():
            print(f"failed: {line}", file=sys.stderr, flush=True)
