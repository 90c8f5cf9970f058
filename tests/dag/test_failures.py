"""A failed job is reported in a line: its error if it has one, once as long as it stays the same."""

import pytest

from workflow_scripts.dag.failures import Failures, description


@pytest.fixture
def log(tmp_path):
    """``log(name, text)``: the path of a log with this text."""

    def log(name: str, text: str) -> str:
        path = tmp_path / f"{name}.log"
        path.write_text(text)
        return str(path)

    return log


def of_group(job: int, log: str) -> dict:
    return {"jobid": job, "rule_name": f"rule{job}", "log": [log]}


def test_the_last_error_counts_and_states_of_a_progress_bar_are_lines(log):
    path = log("a", "error: none yet\n10%\r20%\rerror: a.csv:3: no label\nlast\n")
    assert description("build", [path]) == f"build: a.csv:3: no label ({path})"


def test_a_job_that_was_killed_has_the_last_line_and_both_logs(log):
    path = log("a", "begin\n10%\r20%\r\n")
    told = "fit: ended with no error message; last line of its log: '20%' "
    assert description("fit", [path, "slurm/1.log"]) == f"{told}({path}, slurm/1.log)"
    assert description("fit", ["nowhere.log"]).endswith("its log is empty (nowhere.log)")


def test_warnings_of_a_job_are_printed_when_it_finishes(log, capsys):
    failures = Failures()
    path = log("a", "begin\n10%\rwarning: g has no chunk\nend\n")
    failures.job_started(1, [path])
    failures.job_started(2, [])
    assert capsys.readouterr().err == ""
    failures.job_finished(1)
    failures.job_finished(2)
    assert capsys.readouterr().err == f"warning: g has no chunk ({path})\n"


def test_what_a_later_attempt_repairs_is_dropped_and_the_same_is_said_once(log, capsys):
    failures = Failures()
    for job in (1, 1, 2):
        failures.job_failed(job, f"rule{job}", [log(f"{job}", f"error: {job} is bad\n")])
    failures.job_finished(1)
    failures.job_finished(3)
    assert [line.split(" (")[0] for line in capsys.readouterr().err.splitlines()] == [
        "failed: rule1: 1 is bad",
        "failed: rule2: 2 is bad",
    ]
    failures.say_again()
    assert capsys.readouterr().err.startswith("failed: rule2: 2 is bad (") and list(failures.failed) == [2]


def test_of_a_group_those_with_an_error_failed_or_all_at_once(log, capsys):
    fine, bad, cut = log("fine", "done\n"), log("bad", "error: md5\n"), log("cut", "10%\n")
    mixed, killed = Failures(), Failures()
    mixed.group_failed("small_genomes", [of_group(1, fine), of_group(2, bad)], ["slurm/7.log"])
    killed.group_failed("small_genomes", [of_group(1, fine), of_group(3, cut)], ["slurm/7.log"])
    assert mixed.failed == {2: f"rule2: md5 ({bad})"}
    told = "small_genomes: ended with no error message; last line of its log: 'done'"
    assert killed.failed == {1: f"{told} ({fine}, slurm/7.log)"}
    assert len(capsys.readouterr().err.splitlines()) == 2
    without_logs = Failures()
    without_logs.group_failed("local", [{"jobid": 1, "rule_name": "all", "log": []}], [])
    assert without_logs.failed == {}
