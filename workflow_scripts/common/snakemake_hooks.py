"""All that relies on Snakemake beyond the documented language of workflows, with the reason for each.

Only the Snakefile imports this module. A test of each function fails when Snakemake changes what it relies on; the
newest version that they passed with is TESTED in the Snakefile.
"""

import importlib
import logging
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Protocol

import snakemake
from packaging.version import parse
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

if TYPE_CHECKING:
    from snakemake.workflow import Workflow

# What the functions below use, as (module, attribute): a newer Snakemake without one of them is refused.
USED = [
    ("snakemake.dag", "DAG.needrun_jobs"),
    ("snakemake.dag", "DAG.finish"),
    ("snakemake.dag", "DAG.update_ready"),
    ("snakemake.dag", "DAG.handle_temp"),
    ("snakemake.persistence", "PersistenceBase.input_checksums"),
    ("snakemake.persistence", "PersistenceBase.params_changed"),
    ("snakemake.scheduling.job_scheduler", "JobScheduler"),
    ("snakemake.resources", "Resources.setdefault"),
    ("snakemake.settings.types", "ExecutionSettings.keep_going"),
    ("snakemake.settings.types", "DeploymentSettings.deployment_method"),
    ("snakemake.workflow", "Workflow.dryrun"),
    ("snakemake.workflow", "Workflow.remote_exec"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.ERROR"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.GROUP_ERROR"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.JOB_ERROR"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.JOB_FINISHED"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.JOB_INFO"),
    ("snakemake_interface_logger_plugins.common", "LogEvent.WORKFLOW_STARTED"),
]


class Failures(Protocol):
    """Is told which jobs start, fail and finish."""

    def job_started(self, job: int, logs: Sequence[str]) -> None: ...
    def job_failed(self, job: int, name: str, logs: Sequence[str]) -> None: ...
    def group_failed(self, group: str, jobs: Sequence[dict[str, Any]], cluster_logs: Sequence[str]) -> None: ...
    def job_finished(self, job: int) -> None: ...


def check_version(workflow: "Workflow", newest: str) -> None:
    """Warn about a Snakemake newer than the tests. Raises WorkflowError if it lacks what this module uses."""
    version, known = snakemake.__version__, f"install snakemake=={newest}, as in requirements.lock"
    if missing := [f"{module}.{name}" for module, name in USED if not _exists(module, name)]:
        raise WorkflowError(f"Snakemake {version} has no {', '.join(missing)}, which this workflow uses; {known}.")
    if parse(version) > parse(newest) and workflow.is_main_process:
        logger.warning(f"Snakemake {version} is newer than {newest}, the newest that was tested; if it fails, {known}.")


def _exists(module: str, name: str) -> bool:
    try:
        attrgetter(name)(importlib.import_module(module))
    except (ImportError, AttributeError):
        return False
    return True


def cap(workflow: "Workflow", resource: str, amount: int) -> None:
    """Limit a resource over all jobs of a run, unless a profile or --resources does.

    Snakemake has ``--resources`` and profiles for that, but no statement of a Snakefile.
    """
    workflow.global_resources.setdefault(resource, amount)


def untracked(value: Any) -> Callable[[Any, int], Any]:
    """A param that reruns nothing when it changes: a value, or a function of the wildcards.

    Snakemake compares no params that are derived from the input, the output, the resources or, like this one, the
    threads of a job. There is no plain statement for that.
    """

    def param(wildcards: Any, threads: int) -> Any:
        return value(wildcards) if callable(value) else value

    return param


def jobs_to_run(workflow: "Workflow") -> Iterator[tuple[str, Any]]:
    """The rule and the wildcards of each job that a run is going to do.

    Before a run Snakemake's events only count the jobs by rule; what they cost follows from their wildcards.
    """
    for job in workflow.dag.needrun_jobs(exclude_finished=False):
        yield job.rule.name, job.wildcards


def prepare_cluster_job(workflow: "Workflow") -> None:
    """In a job of a cluster, let the other jobs of a group go on when one fails, and ignore Slurm's warning.

    Snakemake passes no --keep-going and no profile to the Snakemake of a job. When that announces its start, its
    settings are complete and the scheduler does not exist yet. Slurm warns all processes of a job before its time is
    up; only the training answers.
    """
    if not workflow.remote_exec:
        return
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)

    def keep_going(record: logging.LogRecord) -> None:
        if getattr(record, "event", None) == LogEvent.WORKFLOW_STARTED:
            workflow.execution_settings.keep_going = True

    logger.addHandler(_Handler(keep_going))


def rest_between_jobs(workflow: "Workflow") -> None:
    """Let Snakemake's own process rest while local jobs run; to be called once its scheduler exists, as in onstart.

    To limit how many jobs start in a second, every round of the scheduler sets a timer that sets off another round. So
    rounds per second grow with the jobs that have finished, and took a third of a core in a run of 360 jobs. Jobs on
    this machine start no faster than there are cores, and need no such limit.
    """
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


def stop_where_nothing_changed(workflow: "Workflow") -> None:
    """Leave out jobs whose inputs were made again with the same bytes; to be called in onstart.

    Snakemake plans once, before the first job: a job that runs takes along all that depend on it, whatever it writes.
    The next plan would find the same checksums and leave those jobs alone; here that is looked up when a job gets
    ready. Jobs of a group stay: they are short, and a group is submitted as a whole.
    """
    if workflow.touch or not workflow.is_main_process:
        return
    dag, finish = workflow.dag, workflow.dag.finish

    async def finish_and_leave_out(job: Any, **options: Any) -> bool:
        more_ready = await finish(job, **options)
        planned = len(dag)
        behind = [later for done in (job if job.is_group() else [job]) for later in dag.depending[done]]
        more_ready = await _leave_out_unchanged(dag, behind) or more_ready
        if left_out := planned - len(dag):
            logger.info(f"Left out {left_out} of the planned jobs: what they read has the same content as before.")
        return more_ready

    dag.finish = finish_and_leave_out


async def _leave_out_unchanged(dag: Any, jobs: list[Any]) -> bool:
    """Take ready jobs that need not run out of the plan, and those behind them. Returns whether others got ready."""
    more_ready = False
    waiting = deque(jobs)
    while waiting:
        job = waiting.popleft()
        if job not in dag.ready_jobs or await _runs_for_itself(dag.workflow, job):
            continue
        dag.ready_jobs.remove(job)
        dag._needrun.remove(job)
        dag._len -= 1
        await dag.handle_temp(job)
        behind = [later for later in dag.depending[job] if dag.needrun(later)]
        for later in behind:
            dag._n_until_ready[later] -= 1
        more_ready = dag.update_ready(behind) or more_ready
        waiting.extend(behind)
    return more_ready


def jobs_in_doubt(workflow: "Workflow") -> int:
    """How many of the planned jobs run only if jobs before them write something else than last time."""

    async def count() -> int:
        jobs = list(workflow.dag.needrun_jobs(exclude_finished=False))
        return sum([not await _runs_for_itself(workflow, job) for job in jobs])

    return workflow.async_run(count())


async def _runs_for_itself(workflow: "Workflow", job: Any) -> bool:
    """Whether a new plan would run a job though no job before it runs; the conditions of DAG.update_needrun."""
    dag, record = workflow.dag, workflow.persistence
    forced = job.rule in dag.forcerules or not dag.forcefiles.isdisjoint(job.output)
    if forced or not job.output or not all([await file.exists() for file in job.output]):
        return True
    if record.has_metadata(job) and (
        record.params_changed(job)
        or any(
            any(changed(job)) for changed in (record.input_changed, record.code_changed, record.software_stack_changed)
        )
    ):
        return True
    oldest = await job.output_mintime
    present = [file for file in job.input if await file.exists()]  # others are made before it
    return any([await file.is_newer(oldest) and not await _same_bytes(workflow, job, file) for file in present])


async def _same_bytes(workflow: "Workflow", job: Any, file: Any) -> bool:
    """Whether an input has the checksum that was recorded for every output of a job; no large file has one."""
    recorded = workflow.persistence.input_checksums(job, file)
    return len(recorded) == 1 and await file.is_same_checksum(recorded.pop(), workflow.dag.max_checksum_file_size)


def after_dry_run(workflow: "Workflow", action: Callable[[], object]) -> None:
    """Call ``action`` when a dry run has printed all; ``onsuccess`` and the like are not called for one.

    Snakemake closes the handlers of its logger at the end, as Python does at exit.
    """

    def end() -> None:
        if workflow.dag is not None and workflow.dryrun:
            action()

    logger.addHandler(_Handler(at_close=end))


def report_failures(failures: Failures) -> None:
    """Tell ``failures`` about jobs, by Snakemake's events, and do not print the whole commands of those that fail.

    No setting of Snakemake leaves out the commands alone.
    """

    def tell(record: Any) -> None:
        event = getattr(record, "event", None)
        if event == LogEvent.JOB_INFO:
            failures.job_started(record.jobid, record.log)
        elif event == LogEvent.JOB_FINISHED:
            failures.job_finished(record.job_id)
        elif event == LogEvent.JOB_ERROR and not record.indent and record.log:
            failures.job_failed(record.jobid, record.rule_name, record.log)
        elif event == LogEvent.GROUP_ERROR:
            failures.group_failed(record.groupid, record.job_error_info, record.aux_logs)

    for handler in logger.handlers:
        handler.addFilter(_is_no_command)
    logger.addHandler(_Handler(tell))


def _is_no_command(record: logging.LogRecord) -> bool:
    """Whether a message is not Snakemake's that a command failed.

    The event does not differ from that of other errors, which must be seen: the class of the exception is in the text.
    """
    event = getattr(record, "event", None)
    return event != LogEvent.ERROR or "CalledProcessError in file" not in record.getMessage()


def run_facts(workflow: "Workflow") -> dict[str, Any]:
    """What a run knows of itself beyond its configuration: Snakemake's version and --software-deployment-method."""
    methods = sorted(method.name.lower() for method in workflow.deployment_settings.deployment_method)
    return {"snakemake": snakemake.__version__, "software_deployment": methods}


class _Handler(logging.Handler):
    """Calls functions for each record and when it is closed, once."""

    def __init__(
        self,
        at_record: Callable[[logging.LogRecord], None] = lambda record: None,
        at_close: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__()
        self.at_record, self.at_close = at_record, at_close

    def emit(self, record: logging.LogRecord) -> None:
        self.at_record(record)

    def close(self) -> None:
        at_close, self.at_close = self.at_close, lambda: None
        super().close()
        at_close()
