"""A run says what it is going to do before it starts; a long one waits for second thoughts."""

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.workflow.harness import REPOSITORY, snakemake

pytestmark = pytest.mark.slow


def test_a_dry_run_ends_with_the_plan(tmp_path):
    output = snakemake("gue", "-n", "--quiet", "all", "--directory", tmp_path).stdout
    assert [line for line in output.splitlines() if line.startswith("to do")] == ["to do: data sets: 36"]
    assert not (tmp_path / "results").exists(), "a dry run writes nothing, the configuration of the run included"
    output = snakemake("pretrain", "-n", "--directory", tmp_path).stdout
    told = [line.split(":")[1].strip() for line in output.splitlines() if line.startswith("to do")]
    assert told == ["genomes", "chunks and tokens", "pre-training of dnabert2"]
    assert output.rstrip().splitlines()[-1].startswith("to do: pre-training of dnabert2: 500,000 steps")


def test_a_small_genome_of_this_machine_of_which_nothing_may_be_held_out(tmp_path):
    (tmp_path / "mine.fa").write_text(">chr1\n" + "ACGT" * 500_000)
    (tmp_path / "species.tsv").write_text("accession\torganism\tgroup\turl\nmine\tAus bus\tviral\tmine.fa\n")
    (tmp_path / "mine.yaml").write_text("genomes: {corpus: species.tsv}")
    output = snakemake("genomes", "-n", "--directory", tmp_path, "--configfile", tmp_path / "mine.yaml").stdout
    assert "to do: genomes: 1 of 2.0 Mbp to fetch, about 570 kB" in output
    assert "to do: held out for validation: about 0.1 of 20 blocks of chunks, maybe none" in output


def test_a_long_run_can_be_stopped_before_it_starts(tmp_path):
    (tmp_path / "long.yaml").write_text(json.dumps({"pretrain": {"dnabert2": {"training": {"steps": 10**9}}}}))
    configs = ["--configfile", str(REPOSITORY / "config/demo.yaml"), str(tmp_path / "long.yaml")]
    command = [str(Path(sys.executable).with_name("snakemake")), "pretrain", "--directory", str(tmp_path), *configs]
    screen, terminal = pty.openpty()
    run = subprocess.Popen(
        [*command, "--cores", "1"],
        cwd=REPOSITORY,
        stdout=terminal,
        stderr=terminal,
        # a process in the background may have been told to ignore it, and hands that on
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(terminal)
    told = b""
    while b"stops it" not in told:
        told += os.read(screen, 4096)
    run.send_signal(signal.SIGINT)
    while True:
        try:
            told += os.read(screen, 4096)
        except OSError:  # the end, of a terminal
            break
    assert run.wait(timeout=300) != 0
    assert b"to do: pre-training of dnabert2: 1,000,000,000 steps" in told and b"Ctrl-C within 10 s stops it" in told
    assert not (tmp_path / "results").exists()
