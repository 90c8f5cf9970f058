"""The start of a run: its plan, what may keep it from starting, and the file with its configuration."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import remedy
from workflow_scripts.common.files import write_json
from workflow_scripts.dag.plan import Job, Plan
from workflow_scripts.dag.running_jobs import running_jobs
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.fields import Section, keys_of
from workflow_scripts.settings.fit_settings import FitSettings

CONFIGURATION = "results/configuration.json"


def start(plan: Plan, jobs: Iterable[Job], in_doubt: int, settings: Configuration, facts: dict[str, Any]) -> str | None:
    """Say the plan, wait before a long run, and write its configuration; returns the reason if it must not start.

    The file holds the complete configuration and the ``facts`` about Snakemake. It is an input of no rule, so that a
    change of it reruns nothing: the record of the run is made from it, and a training reads from it the settings that
    do not change the model.
    """
    if left := running_jobs(Path.cwd()):
        ids = " ".join(map(str, left))
        return (
            f"Jobs of an earlier run still work in {Path.cwd()}: processes {ids}. "
            "Wait for them, or end them with kill, and start again."
        )
    plan.say_and_wait(jobs, in_doubt)
    try:
        write_json(CONFIGURATION, {"configuration": complete(settings), **facts})
    except OSError as error:
        if (reason := remedy(error)) is None:
            raise
        return reason
    return None


def complete(value: Any) -> Any:
    """A configuration as in a file, with all defaults; of the settings of fits, which are layers, the written keys."""
    if isinstance(value, FitSettings):
        return value.model_dump(exclude_unset=True)
    if isinstance(value, Section):
        values = {key: getattr(value, attribute) for attribute, key, _ in keys_of(value)}
        return {key: complete(entry) for key, entry in values.items() if entry is not None}
    if isinstance(value, dict):
        return {key: complete(entry) for key, entry in value.items()}
    return [complete(entry) for entry in value] if isinstance(value, list) else value
