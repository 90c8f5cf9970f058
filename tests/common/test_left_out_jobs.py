"""Jobs behind one that wrote the same bytes again are left out, and no others, in runs of a real Snakemake.

The graph: ``first`` and ``second`` copy a letter of ``source.txt`` each; ``middle`` reads what first wrote, ``end``
reads all three and has a param. ``large`` writes a file that is too large for Snakemake to compare, with a record.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.common.conftest import REPOSITORY

pytestmark = pytest.mark.slow
SNAKEFILE = f"""
import sys
sys.path.insert(0, {str(REPOSITORY)!r})
from workflow_scripts.common import snakemake_hooks as hooks

hooks.after_dry_run(workflow, lambda: print("in doubt:", hooks.jobs_in_doubt(workflow)))

onstart:
    print("in doubt:", hooks.jobs_in_doubt(workflow))
    hooks.stop_where_nothing_changed(workflow)

rule all:
    input: "end.txt", "read.txt"

rule first:
    input: "source.txt"
    output: "first.txt"
    shell: "cut -c1 {{input}} > {{output}}"

rule second:
    input: "source.txt"
    output: "second.txt"
    shell: "cut -c2 {{input}} > {{output}}"

rule middle:
    input: "first.txt"
    output: "middle.txt"
    shell: "cp {{input}} {{output}}"

rule end:
    input: "first.txt", "second.txt", "middle.txt"
    output: "end.txt"
    params: config.get("param", 1)
    shell: "cat {{input}} > {{output}}"

rule large:
    input: "source.txt"
    output:
        large=temp("large.bin"),
        record="large.txt",
    shell: "cut -c3 {{input}} > {{output.record}}; head -c 2000000 /dev/zero > {{output.large}}"

rule read:
    input:
        large=ancient("large.bin"),
        record="large.txt",
    output: "read.txt"
    shell: "cat {{input.record}} > {{output}}; wc -c < {{input.large}} >> {{output}}"
"""


@pytest.fixture
def run(tmp_path):
    """``run(source, ...)``: the rules that ran after ``source.txt`` has got this content; once it was ``abc``."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)

    def run(source: str, *arguments: str, check: bool = True) -> list[str]:
        if source:
            (tmp_path / "source.txt").write_text(source + "\n")
        command = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", *arguments]
        done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
        run.output = done.stdout + done.stderr
        assert not check or done.returncode == 0, run.output
        return sorted(set(re.findall(r"^(?:local)?rule (\w+):$", run.output, re.M)) - {"all"})

    assert run("abc") == ["end", "first", "large", "middle", "read", "second"]
    assert "in doubt: 0" in run.output and "Left out" not in run.output
    assert run("", "-n") == []
    return run


def test_nothing_behind_the_same_bytes_runs(run, tmp_path):
    assert run("abcd") == ["first", "large", "second"]
    assert "in doubt: 3" in run.output and "3 of 3 steps" not in run.output
    assert len(re.findall("Left out", run.output)) >= 2, "a line for each job that made others superfluous"
    assert not (tmp_path / "large.bin").exists(), "a temporary file goes when the last that would read it is left out"
    assert run("", "-n") == []


def test_one_input_of_several_that_differs_is_enough(run, tmp_path):
    assert run("aXc") == ["end", "first", "large", "second"]
    assert (tmp_path / "end.txt").read_text() == "a\nX\na\n"
    assert run("Xbc") == ["end", "first", "large", "middle", "second"]
    assert (tmp_path / "end.txt").read_text() == "X\nb\nX\n"
    assert run("", "-n") == []


def test_a_record_stands_for_a_large_file(run, tmp_path):
    assert run("abX") == ["first", "large", "read", "second"]
    assert (tmp_path / "read.txt").read_text() == "X\n2000000\n"


def test_a_change_of_its_own_a_missing_result_or_force_runs_a_job(run, tmp_path):
    assert "end" in run("abcd", "--config", "param=2")
    assert "in doubt: 2" in run.output
    (tmp_path / "middle.txt").unlink()
    assert run("abcde", "--config", "param=2") == ["first", "large", "middle", "second"], (
        "middle writes the same, so end is left out"
    )
    assert "end" in run("abcdef", "--config", "param=2", "--forcerun", "end")


def test_a_dry_run_and_a_touch_leave_out_nothing(run):
    assert run("abcd", "-n") == ["end", "first", "large", "middle", "read", "second"]
    assert "in doubt: 3" in run.output
    run("", "--touch")
    assert run("", "-n") == []


def test_a_failure_leaves_the_rest_to_the_next_run(run, tmp_path):
    snakefile = tmp_path / "Snakefile"
    text = snakefile.read_text()
    snakefile.write_text(text.replace("cut -c2 {input}", "false; cut -c2 {input}"))
    assert "middle" not in run("aXc", "--keep-going", check=False)
    assert (tmp_path / "end.txt").read_text() == "a\nb\na\n"
    snakefile.write_text(text)
    assert run("") == ["end", "second"]
    assert (tmp_path / "end.txt").read_text() == "a\nX\na\n"
