"""The start of a run: its plan, what may keep it from starting, and the file with its configuration."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import remedy
from workflow_scripts.common.files import write_json
from workflow_scripts.dag.plan import Job, Plan
from workflow_scripts.dag.running_jobs import running_jobs

CONFIGURATION = "results/configuration.json"


def start(plan: Plan, jobs: Iterable[Job], run: dict[str, Any]) -> str | None:
    """Say the plan, wait before a long run, and write ``run``; returns the reason if the run must not start.

    ``run``: the configuration as it was resolved, with Snakemake's version and deployment methods. The file is an input
    of no rule, so that a change of it reruns nothing; the record of the run is made from it.
    """
    if left := running_jobs(Path.cwd()):
        ids = " ".join(map(str, left))
        return (
            f"Jobs of an earlier run still work in {Path.cwd()}: processes {ids}. "
            "Wait for them, or end them with kill, and start again."
        )
    plan.say_and_wait(jobs)
    try:
        write_json(CONFIGURATION, run)
    except OSError as error:
        if (reason := remedy(error)) is None:
            raise
        return reason
    return None
