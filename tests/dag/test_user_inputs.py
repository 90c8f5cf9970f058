"""An input that lies where outputs go is refused, whatever names it and by whatever path."""

import pytest

from tests.dag.conftest import DEMO, write_species
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.user_inputs import misplaced_inputs

CODING = {"model": "dnabert2", "accession": "small.1"}
# What names an input -> the overlay that names ``path`` so, and the place that is told.
INPUTS = {
    "mirror": (lambda path: {"genomes": {"mirror": path}}, "config genomes.mirror"),
    "published": (lambda path: {"gue": {"published": path}}, "config gue.published"),
    "custom folder": (lambda path: {"gue": {"custom": {"mine/set": {"folder": path}}}}, "config gue.custom.mine/set"),
    "custom file": (lambda path: {"gue": {"custom": {"mine/set": {"file": path}}}}, "config gue.custom.mine/set"),
    "intervals": (lambda path: {"gue": {"custom": {"mine/set": {"intervals": path}}}}, "config gue.custom.mine/set"),
    "fasta": (lambda path: {"gue": {"custom": {"mine/set": {"fasta": path}}}}, "config gue.custom.mine/set"),
    "class": (lambda path: {"gue": {"custom": {"mine/set": {"fasta": {"a": path}}}}}, "config gue.custom.mine/set"),
    "start": (lambda path: {"pretrain": {"more": {"from": path, "data": "gue"}}}, "config pretrain.more.from"),
    "directory": (
        lambda path: {"finetune": {"models": {"mine": {"directory": path}}}},
        "config finetune.models.mine.directory",
    ),
    "features": (lambda path: {"studies": {"tokens": CODING | {"features": path}}}, "config studies.tokens"),
    "regions": (lambda path: {"studies": {"variants": CODING | {"regions": path}}}, "config studies.variants"),
}


def told(settings) -> list[str]:
    return misplaced_inputs(settings, Genomes(settings), Gue(settings))


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize(
    "written", ["results/gue/mine/set", "./results/x", "mine/../results/x", "link/x", "{cwd}/results/x"]
)
def test_inputs_among_the_results_are_refused(configured, tmp_path, kind, written):
    overlay, place = INPUTS[kind]
    (tmp_path / "results").mkdir()
    (tmp_path / "link").symlink_to("results")
    path = written.replace("{cwd}", str(tmp_path))
    why = f"lies in {tmp_path / 'results'}, where the workflow writes and deletes files; move it elsewhere"
    assert told(configured(overlay(path))) == [f"{place}: {path!r} {why}"]


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("written", ["mine/set", "results_of_2024/x", "other/results/x"])
def test_inputs_elsewhere_are_not(configured, kind, written):
    assert told(configured(INPUTS[kind][0](written))) == []


@pytest.mark.parametrize("kind", ["start", "directory"])
@pytest.mark.parametrize("model", ["step-1000", "../../other", "../../../gue/mine"])
def test_a_model_that_a_pretraining_has_kept_may_be_an_input(configured, kind, model):
    path = f"results/pretrain/checkpoints/dnabert2/{model}"
    assert (told(configured(INPUTS[kind][0](path))) == []) == (model == "step-1000")


def test_genomes_among_the_results_are_refused_and_results_may_be_a_link(configured, tmp_path):
    (tmp_path / "scratch").mkdir()
    (tmp_path / "results").symlink_to("scratch")
    settings = configured()
    write_species(
        "a.1\tAus bus\tviral\tresults/genomes/fasta/a.1.fna.gz\t30000",
        "b.1\tCus dus\tfungi\tscratch/b.fa\t30000",
        "c.1\tEus fus\tfungi\tmine/c.fa\t30000",
    )
    assert [line.partition(" lies in ")[0] for line in told(settings)] == [
        f"{settings.genomes.corpus}: url of a.1: 'results/genomes/fasta/a.1.fna.gz'",
        f"{settings.genomes.corpus}: url of b.1: 'scratch/b.fa'",
    ]


def test_what_the_demo_makes_is_no_input_of_the_user(configured):
    assert told(configured(DEMO)) == []
