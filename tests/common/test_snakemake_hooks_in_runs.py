"""What is used of Snakemake's insides does what it is used for, in runs of a real Snakemake."""

import re
import subprocess
import sys

import pytest
import snakemake

from tests.common.conftest import REPOSITORY

pytestmark = pytest.mark.slow
# Jobs with params, and one that runs first and fails.
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from workflow_scripts.common import snakemake_hooks as hooks

class Told:
    def job_started(self, job, logs):
        pass
    def job_failed(self, job, name, logs):
        print("failed", name, *logs)
    def job_finished(self, job):
        print("finished")

hooks.prepare_cluster_job(workflow)
hooks.cap(workflow, "downloads", 4)
hooks.cap(workflow, "others", 4)
hooks.report_failures(Told())
jobs = lambda: sorted((rule, job.n) for rule, job in hooks.jobs_to_run(workflow))
hooks.after_dry_run(workflow, lambda: print("to do", jobs()))

rule fail:
    output:
        "fail.done"
    log:
        "fail.log"
    priority: 1
    shell:
        "echo a command that fails; false"

rule work:
    output:
        "{{n}}.done"
    log:
        "{{n}}.log"
    resources:
        downloads=1
    params:
        tracked=config.get("tracked", "a"),
        untracked=hooks.untracked(config.get("untracked", "a")),
        of_job=hooks.untracked(lambda wildcards: wildcards.n + config.get("untracked", "a"))
    shell:
        "echo {{params}} > {{output}}"

timers = []
from snakemake.scheduling.job_scheduler import JobScheduler
JobScheduler._schedule_reevalutation = lambda scheduler, delay: timers.append(delay)

onstart:
    print(hooks.run_facts(workflow))
    if not config.get("restless"):
        hooks.rest_between_jobs(workflow)

onsuccess:
    print("timers:", len(timers))
"""


@pytest.fixture
def run(tmp_path):
    """``run(*arguments)``: the output of a run of Snakemake in a folder that the test shares."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def run(*arguments: str, **config: str) -> str:
        values = [f"{key}={value}" for key, value in {"seed": "7", **config}.items()]
        command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments, "--config", *values]
        done = subprocess.run(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.stdout

    return run


def test_a_dry_run_ends_with_what_is_to_do_and_a_run_does_not(run, tmp_path):
    todo = "to do [('work', '1'), ('work', '2'), ('work', '3')]"
    jobs = run("-n", "1.done", "2.done", "3.done").rstrip().splitlines()
    assert jobs[-1] == todo and jobs.count(todo) == 1
    assert run("-n", "2.done", "--quiet", "all").rstrip().endswith("to do [('work', '2')]")
    assert "to do" not in run("2.done")
    assert "to do []" in run("-n", "2.done")


def test_the_cap_is_a_resource_unless_the_command_line_has_it(run):
    told = run("1.done", "--resources", "others=7")
    provided = re.search(r"Provided resources: (.*)", told)[1]
    amounts = dict(re.findall(r"(downloads|others)\W+(\d+)\)", provided))
    assert amounts == {"downloads": "4", "others": "7"}


def test_a_failure_is_told_without_its_command(run):
    told = run("fail.done", "1.done", "2.done", "--keep-going", "--quiet", "rules")
    assert "failed fail fail.log" in told and told.count("finished") == 2
    assert "CalledProcessError" not in told and "echo" not in told


def test_facts_of_a_run(run):
    told = run("1.done", "--sdm", "env-modules")
    assert f"'snakemake': '{snakemake.__version__}'" in told
    assert "'software_deployment': ['env-modules']" in told.replace("env_modules", "env-modules")


def test_a_local_run_sets_no_timers(run):
    """They add up: each sets off a round of the scheduler, which sets another."""
    assert "timers: 0" in run("1.done", "2.done", "3.done")
    restless = run("1.done", "2.done", "3.done", "--forceall", restless="yes")
    assert int(re.search(r"timers: (\d+)", restless)[1]) >= 3


def test_jobs_of_a_group_go_on_when_one_fails(run, tmp_path):
    """As a cluster's job runs them: --mode remote, which takes no --keep-going from the main process."""
    run("fail.done", "1.done", "2.done")
    assert not list(tmp_path.glob("*.done")), "elsewhere the first failure stops a run"
    run("fail.done", "1.done", "2.done", "--mode", "remote", "--nolock")
    assert {path.name for path in tmp_path.glob("*.done")} == {"1.done", "2.done"}


def test_only_tracked_params_rerun_a_job(run, tmp_path):
    run("1.done")
    assert (tmp_path / "1.done").read_text() == "a a 1a\n"
    assert "Nothing to be done" in run("1.done", untracked="b")
    assert "Params have changed" in run("-n", "1.done", tracked="b")
