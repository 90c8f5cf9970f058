"""A killed Snakemake, a full disk, results that cannot be written: all are told clearly and end with the same bytes."""

import random
import signal
import subprocess
import sys
import threading
import time
from itertools import repeat
from pathlib import Path

import pytest
import yaml

from tests.server import Server, serve
from tests.workflow.harness import REPOSITORY, small_disk, snakemake
from workflow_scripts.dag.running_jobs import running_jobs

pytestmark = pytest.mark.slow
CHUNKS = "results/genomes/chunks/mine.parquet"


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Path:
    """A folder with a genome of a million bases, and its chunks by a run in which nothing happens."""
    world = tmp_path_factory.mktemp("world")
    bases = "".join(random.Random(1).choices("ACGT", k=1_000_000))
    (world / "mine.fa").write_text(f">chr1\n{bases}\n")
    snakemake(*options(world / "undisturbed", str(world / "mine.fa")))
    return world


@pytest.fixture
def undisturbed(world) -> bytes:
    return (world / "undisturbed" / CHUNKS).read_bytes()


def options(root: Path, url: str) -> list[str]:
    """Those of a run in a folder, of the one genome at an address."""
    root.mkdir(exist_ok=True)
    (root / "table.tsv").write_text(f"accession\torganism\tgroup\turl\nmine\tAus\tviral\t{url}\n")
    (root / "mine.yaml").write_text(yaml.safe_dump({"genomes": {"corpus": "table.tsv", "keep_fasta": True}}))
    return ["genomes", "--cores", "1", "--directory", str(root), "--configfile", str(root / "mine.yaml")]


def refused(*arguments: str) -> str:
    """What a run says that fails, without a traceback and without commands."""
    done = snakemake(*arguments, "--quiet", "rules", check=False)
    assert done.returncode != 0 and "Traceback" not in done.stdout, done.stdout[-3000:]
    assert "workflow_scripts" not in done.stdout
    return done.stdout


def test_a_job_that_a_killed_snakemake_left_behind_is_not_done_beside_itself(world, undisturbed, tmp_path):
    """The download waits for its server while Snakemake, alone, is killed and started again."""
    asked, go_on = threading.Event(), threading.Event()

    def wait(handler) -> None:
        asked.set()
        assert go_on.wait(600)
        serve(handler)

    with Server() as server:
        server.files["/mine.fa"] = (world / "mine.fa").read_bytes()
        server.faults["/mine.fa"] = repeat(wait)
        arguments = options(tmp_path / "killed", f"{server.url}/mine.fa")
        command = [str(Path(sys.executable).with_name("snakemake")), *arguments]
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(command, cwd=REPOSITORY, stdout=log, stderr=log)
            assert asked.wait(300), (tmp_path / "log").read_text()
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert "Directory cannot be locked" in refused(*arguments)
        snakemake(*arguments, "--unlock")
        (job,) = running_jobs(tmp_path / "killed")
        said = refused(*arguments, "--rerun-incomplete")
        assert f"Jobs of an earlier run still work in {tmp_path}/killed: processes {job}. Wait for them" in said
        go_on.set()
        deadline = time.monotonic() + 120
        while running_jobs(tmp_path / "killed"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        snakemake(*arguments, "--rerun-incomplete")
    assert (tmp_path / "killed" / CHUNKS).read_bytes() == undisturbed


def test_a_disk_that_is_full_when_chunks_are_written(world, undisturbed, tmp_path):
    arguments = options(tmp_path / "full", str(world / "mine.fa"))
    with small_disk(tmp_path / "full/results", 64 * 1024) as remount:
        snakemake(*arguments, "--until", "download_genome")
        remount("size=450k")
        said = refused(*arguments)
        assert "failed: chunk_genome: " in said and "No space left on device; make room and run again" in said
        assert not (tmp_path / "full" / CHUNKS).exists()
        assert not list((tmp_path / "full/results/genomes/chunks").glob(".*"))
        remount("size=64m")
        snakemake(*arguments)
        assert (tmp_path / "full" / CHUNKS).read_bytes() == undisturbed


def test_results_that_cannot_be_written(world, undisturbed, tmp_path):
    arguments = options(tmp_path / "fixed", str(world / "mine.fa"))
    with small_disk(tmp_path / "fixed/results", 64 * 1024) as remount:
        remount("ro")
        assert "Read-only file system" in refused(*arguments)
        remount("rw")
        snakemake(*arguments)
        assert (tmp_path / "fixed" / CHUNKS).read_bytes() == undisturbed
