"""A real Slurm for the tests of this folder, and how they run the workflow on it."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.slurm import BOUND, PACKAGES, Slurm, missing
from tests.pretrain.conftest import planted, tokenizer_folder, write_shard  # noqa: F401 (fixtures)
from tests.pretrain.working import lay_out
from tests.workflow.harness import REPOSITORY

SITE = "tests/cluster/site"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Slurm]:
    """A running Slurm."""
    if lacking := missing():
        pytest.skip(f"without {', '.join(lacking)}: as root, apt-get install {PACKAGES}")
    slurm = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        slurm.start()
        yield slurm
    finally:
        slurm.stop()


class Workflow:
    """A run of the workflow on a Slurm, in a working directory of its own."""

    def __init__(self, slurm: Slurm, root: Path):
        self.slurm, self.root, self.results = slurm, root, root / "results"
        self.log = root.with_name(f"{root.name}.log")
        self.process: subprocess.Popen | None = None

    def start(self, *arguments: str) -> None:
        """Start Snakemake as a user of the site would."""
        profiles = ["--profile", "slurm", "--profile", SITE, "--slurm-logdir", self.root / "logs"]
        command = [Path(sys.executable).with_name("snakemake"), *arguments, *profiles, "--directory", self.root]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                list(map(str, [*BOUND, *command])), cwd=REPOSITORY, env=self.slurm.environment, stdout=log, stderr=log
            )

    def finish(self, minutes: float) -> None:
        """Wait for the end of the run, which must be one without failed jobs."""
        assert self.process.wait(timeout=60 * minutes) == 0, self.log.read_text()[-6000:]

    def end(self) -> None:
        """End the run where it still goes on; the jobs end with the Slurm."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def jobs(self, rule: str = "") -> list[dict[str, str]]:
        """Slurm's accounts of the jobs in this working directory, or of the ended ones of a rule."""
        jobs = [job for job in self.slurm.jobs() if job["WorkDir"] == str(self.root)]
        return [job for job in jobs if job["Comment"].startswith(f"rule_{rule}")] if rule else jobs


@pytest.fixture(scope="session")
def workflow(cluster, tmp_path_factory) -> Iterator[Callable[[str], Workflow]]:
    """Makes a working directory in which the workflow can run on the Slurm."""
    runs = []

    def workflow(name: str) -> Workflow:
        runs.append(Workflow(cluster, tmp_path_factory.mktemp(name)))
        return runs[-1]

    yield workflow
    for run in runs:
        run.end()


@pytest.fixture
def training(workflow, planted, tokenizer_folder) -> Callable[[str], Workflow]:  # noqa: F811
    """Makes a working directory with tokens of two genomes, in which a tiny model can be trained on the Slurm."""

    def training(name: str) -> Workflow:
        run = workflow(name)
        lay_out(run.root, planted, tokenizer_folder)
        return run

    return training
