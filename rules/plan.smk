"""
Before a run: what it is going to do, and about what that costs. A dry run ends with it.

Where somebody sits before it, a long run waits some seconds, in which Ctrl-C stops it. A killed Snakemake leaves its
jobs running on this machine: the next run does not start beside them.
"""

import atexit
import time

from workflow_scripts.common.running_jobs import running_jobs
from workflow_scripts.common.plan import plan

SECONDS_TO_STOP = 10


def tell_plan():
    """Say what the jobs of this run are; returns whether it is a long one."""
    jobs = [(job.rule.name, job.wildcards_dict) for job in workflow.dag.needrun_jobs(exclude_finished=False)]
    lines = plan(jobs, config, SIZES, REGISTRY, HPARAMS)
    for line in lines:
        print(f"to do: {line.text}", file=sys.stderr, flush=True)
    return any(line.large for line in lines)


def tell_plan_of_dry_run():
    if workflow.dag is not None and workflow.executor_plugin is not None and workflow.dryrun:
        tell_plan()


atexit.register(tell_plan_of_dry_run)


def refuse_leftovers():
    """Raises WorkflowError while jobs of an earlier run work in this directory."""
    if jobs := running_jobs(Path.cwd()):
        raise WorkflowError(
            f"Jobs of an earlier run still work in {Path.cwd()}: processes {' '.join(map(str, jobs))}. "
            "Wait for them, or end them with kill, and start again."
        )


onstart:
    refuse_leftovers()
    if tell_plan() and sys.stderr.isatty():
        print(
            f"This is a long run; Ctrl-C within {SECONDS_TO_STOP} s stops it.",
            file=sys.stderr,
            flush=True,
        )
        time.sleep(SECONDS_TO_STOP)
