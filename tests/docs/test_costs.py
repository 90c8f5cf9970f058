"""The numbers of jobs in the README's table of costs are those of dry runs."""

import re

import pytest

from tests.docs.markdown import REPOSITORY
from tests.workflow.harness import job_counts, snakemake
from tests.workflow.test_dag import REPORT

ROW = r"^\| Slurm jobs \(Snakemake's jobs\) \| (.+) \| (.+) \| (.+) \| (.+) \|$"
OVERLAYS = {"demo": "config/demo.yaml", "small": "config/small.yaml", "dnabert2_135": "135.yaml"}


def told(column: int) -> tuple[str, int]:
    """The jobs of Slurm and of Snakemake in a column of the row; the former may be left out."""
    cell = re.search(ROW, (REPOSITORY / "README.md").read_text(), re.M)[column + 1].replace(",", "")
    slurm, jobs = re.fullmatch(r"(\d*) ?\((\d+)\)", cell).groups()
    return slurm, int(jobs)


@pytest.mark.parametrize(("column", "overlay"), list(enumerate(OVERLAYS.values())), ids=list(OVERLAYS))
def test_jobs(column, overlay, tmp_path):
    (tmp_path / "135.yaml").write_text("genomes: {corpus: dnabert2_135}")
    (tmp_path / "GUE.zip").touch()  # of config/small.yaml
    overlay = next(place / overlay for place in (REPOSITORY, tmp_path) if (place / overlay).is_file())
    told_of_all = ["--quiet", "host"]  # the profile tells less
    arguments = ["--profile", "slurm", "all", "-n", *told_of_all, "--directory", tmp_path, "--configfile", overlay]
    output = snakemake(*arguments).stdout
    slurm, jobs = told(column)
    assert sum(job_counts(output).values()) == jobs
    # a group is one job of Slurm's, and so is a rule that stands in none
    if slurm:
        assert len(re.findall(r"Group job |^rule ", output, re.M)) == int(slurm)


def test_jobs_of_the_full_configuration():
    assert told(3)[1] == sum(REPORT.values())
