"""The job counts in the cost table of the README are those of dry runs."""

import re

import pytest

from tests.docs.markdown import REPOSITORY
from tests.workflow.harness import job_counts, snakemake
from tests.workflow.test_dag import REPORT

ROW = r"^\| Slurm jobs \(Snakemake's jobs\) \| (.+) \| (.+) \| (.+) \| (.+) \|$"
OVERLAYS = {
    "demo": ["config/demo.yaml", "config/demo_apply.yaml"],
    "small": ["config/small.yaml"],
    "dnabert2_135": ["135.yaml"],
}


def documented(column: int) -> tuple[str, int]:
    """The counts of Slurm jobs (may be empty) and Snakemake jobs in a column of the row."""
    cell = re.search(ROW, (REPOSITORY / "README.md").read_text(), re.M)[column + 1].replace(",", "")
    slurm, jobs = re.fullmatch(r"(\d*) ?\((\d+)\)", cell).groups()
    return slurm, int(jobs)


@pytest.mark.slow
@pytest.mark.parametrize(("column", "overlays"), list(enumerate(OVERLAYS.values())), ids=list(OVERLAYS))
def test_jobs(column, overlays, tmp_path):
    (tmp_path / "135.yaml").write_text("genomes: {corpus: dnabert2_135}")
    (tmp_path / "GUE.zip").touch()  # of config/small.yaml
    files = [next(place / name for place in (REPOSITORY, tmp_path) if (place / name).is_file()) for name in overlays]
    options = ["--directory", tmp_path, "--configfile", *files, "--quiet", "host"]
    output = snakemake("--profile", "slurm", "all", "-n", *options).stdout
    slurm, jobs = documented(column)
    assert sum(job_counts(output).values()) == jobs
    # a group is one Slurm job, and so is a rule without a group
    if slurm:
        assert len(re.findall(r"Group job |^rule ", output, re.M)) == int(slurm)


def test_jobs_of_the_full_configuration():
    assert documented(3)[1] == sum(REPORT.values())
