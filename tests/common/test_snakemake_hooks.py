"""What is used of Snakemake's insides does what it is used for; each test fails when a new Snakemake changes that."""

import logging
import re
from types import SimpleNamespace

import pytest
import snakemake.api  # before snakemake.workflow, which imports it
from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake_interface_logger_plugins.common import LogEvent

from tests.common.conftest import REPOSITORY
from workflow_scripts.common import snakemake_hooks as hooks

TESTED = re.search(r'^TESTED = \("(.+)", "(.+)"\)$', (REPOSITORY / "Snakefile").read_text(), re.M)


@pytest.fixture
def handlers():
    """The handlers of Snakemake's logger, which are as before after the test."""
    before = logger.handlers[:]
    yield logger.handlers
    logger.handlers[:] = before


@pytest.fixture
def workflow():
    """What the check of the version looks at of a workflow."""
    return SimpleNamespace(is_main_process=True)


def test_events_are_told_and_commands_are_not_printed(handlers, capsys):
    calls, printed = [], []
    failures = SimpleNamespace(
        job_failed=lambda *facts: calls.append(("job", *facts)),
        group_failed=lambda *facts: calls.append(("group", *facts)),
        job_finished=lambda *facts: calls.append(("finished", *facts)),
    )
    screen = logging.Handler()
    screen.emit = lambda record: printed.append(record.getMessage())
    handlers[:] = [screen]
    hooks.report_failures(failures)

    def log(event: LogEvent | None, message: str = "", **facts) -> None:
        logger.handle(logging.makeLogRecord({"event": event, "msg": message, "levelno": logging.ERROR, **facts}))

    log(LogEvent.JOB_ERROR, jobid=1, rule_name="cut", log=["a.log"], indent=False)
    log(LogEvent.JOB_ERROR, jobid=2, rule_name="in a group", log=["a.log"], indent=True)
    log(LogEvent.JOB_ERROR, jobid=3, rule_name="without a log", log=[], indent=False)
    log(LogEvent.GROUP_ERROR, groupid="small", job_error_info=[{"jobid": 4}], aux_logs=["b.log"])
    log(LogEvent.JOB_FINISHED, job_id=5)
    log(LogEvent.ERROR, 'CalledProcessError in file "a.smk", line 3: Command x')
    log(LogEvent.ERROR, "MissingOutputException in rule cut")
    assert calls == [("job", 1, "cut", ["a.log"]), ("group", "small", [{"jobid": 4}], ["b.log"]), ("finished", 5)]
    assert [message for message in printed if message] == ["MissingOutputException in rule cut"]


def test_the_version_of_the_lock_is_the_newest_that_was_tested():
    oldest, newest = TESTED.groups()
    lock = (REPOSITORY / "requirements.lock").read_text()
    assert re.search(r"^snakemake==(.+)$", lock, re.M)[1] == newest and newest.startswith(oldest)


@pytest.mark.parametrize(("version", "warned"), [("9.27.1", False), ("9.27", False), ("9.28.0", True), ("10.0", True)])
def test_a_newer_version_gives_a_warning_in_one_line(workflow, monkeypatch, handlers, version, warned):
    told = []
    screen = logging.Handler()
    screen.emit = lambda record: told.append(record.getMessage())
    handlers[:] = [screen]
    monkeypatch.setattr(snakemake, "__version__", version)
    hooks.check_version(workflow, "9.27.1")
    assert bool(told) == warned
    if warned:
        (line,) = told
        assert line.startswith(f"Snakemake {version} is newer than 9.27.1") and "snakemake==9.27.1" in line
    workflow.is_main_process = False
    told.clear()
    hooks.check_version(workflow, "9.27.1")
    assert told == [], "once, not in every job"


def test_a_version_that_lacks_what_is_used_is_refused(workflow, monkeypatch):
    monkeypatch.setattr(hooks, "USED", [*hooks.USED, ("snakemake.dag", "DAG.gone"), ("snakemake.gone", "x")])
    told = r"has no snakemake.dag.DAG.gone, snakemake.gone.x, which this workflow uses; install snakemake==9.27.1,"
    with pytest.raises(WorkflowError, match=told):
        hooks.check_version(workflow, "9.27.1")
