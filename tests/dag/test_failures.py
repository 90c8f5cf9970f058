"""A failed job is told in a line: its error where it has one, once as long as it stays the same."""

import logging

import pytest
from snakemake_interface_logger_plugins.common import LogEvent
from workflow_scripts.common.failures import Failures, description


@pytest.fixture
def log(tmp_path):
    """``log(name, text)``: the path of a log with this text."""

    def log(name: str, text: str) -> str:
        path = tmp_path / f"{name}.log"
        path.write_text(text)
        return str(path)

    return log


def event(kind: LogEvent, **told) -> logging.LogRecord:
    return logging.makeLogRecord({"event": kind, **told})


def error(job: int, log: str) -> dict:
    return {"jobid": job, "rule_name": f"rule{job}", "log": [log]}


def test_the_last_error_counts_and_states_of_a_progress_bar_are_lines(log):
    path = log("a", "error: none yet\n10%\r20%\rerror: a.csv:3: no label\nlast\n")
    assert description("build", [path]) == f"build: a.csv:3: no label ({path})"


def test_a_job_that_was_killed_has_its_last_words_and_both_logs(log):
    path = log("a", "begin\n10%\r20%\r\n")
    told = "fit: ended without an error of its own, its last words are '20%' "
    assert description("fit", [path, "slurm/1.log"]) == f"{told}({path}, slurm/1.log)"
    assert description("fit", ["nowhere.log"]).endswith("it has said nothing (nowhere.log)")


def test_what_comes_right_later_is_forgotten_and_the_same_is_said_once(log, capsys):
    failures = Failures()
    for job in (1, 1, 2):
        failures.emit(event(LogEvent.JOB_ERROR, indent=False, **error(job, log(f"{job}", f"error: {job} is bad\n"))))
    failures.emit(event(LogEvent.JOB_FINISHED, job_id=1))
    failures.emit(logging.makeLogRecord({"msg": "some other message"}))
    assert [line.split(" (")[0] for line in capsys.readouterr().err.splitlines()] == [
        "failed: rule1: 1 is bad",
        "failed: rule2: 2 is bad",
    ]
    failures.tell()
    assert capsys.readouterr().err.startswith("failed: rule2: 2 is bad (") and list(failures.failed) == [2]


def test_of_a_group_those_with_an_error_failed_or_all_at_once(log, capsys):
    fine, bad, cut = log("fine", "done\n"), log("bad", "error: md5\n"), log("cut", "10%\n")
    group = {"groupid": "small_genomes", "aux_logs": ["slurm/7.log"]}
    mixed, killed = Failures(), Failures()
    mixed.emit(event(LogEvent.GROUP_ERROR, job_error_info=[error(1, fine), error(2, bad)], **group))
    for job, path in ((1, fine), (2, bad)):  # Snakemake reports each of them besides
        mixed.emit(event(LogEvent.JOB_ERROR, indent=True, **error(job, path)))
    killed.emit(event(LogEvent.GROUP_ERROR, job_error_info=[error(1, fine), error(3, cut)], **group))
    assert mixed.failed == {2: f"rule2: md5 ({bad})"}
    told = "small_genomes: ended without an error of its own, its last words are 'done'"
    assert killed.failed == {1: f"{told} ({fine}, slurm/7.log)"}
    assert len(capsys.readouterr().err.splitlines()) == 2
