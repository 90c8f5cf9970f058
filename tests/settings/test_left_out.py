"""A key that has a default may be left out, in the check and in the workflow."""

import pytest

from tests.settings.conftest import REPOSITORY
from tests.workflow.harness import job_counts, snakemake
from workflow_scripts.settings.configuration import Configuration, mistakes
from workflow_scripts.settings.fit_settings import FitSettings

OVERLAY = """
genomes: {corpus: config/species_small.tsv}
pretrain:
  mine: {tokenizer: bpe4096, architecture: {}}
  further: {from: mine, data: gue}
finetune:
  runs: [{models: [mine, further, none], method: full, datasets: [emp/H3]}]
  models: {none: {baseline: cnn}}
"""


def test_a_configuration_without_keys_is_the_default_one():
    assert Configuration() == Configuration.model_validate({})
    assert Configuration.model_validate({"finetune": {"settings": {"epochs": 5}}}).finetune.settings == FitSettings(
        epochs=5
    )


@pytest.mark.parametrize("section", ["genomes", "gue", "finetune", "report"])
def test_a_section_may_be_left_out_or_have_some_keys(section, quick, monkeypatch):
    monkeypatch.chdir(REPOSITORY)
    corpus = {"genomes": {"corpus": quick["genomes"]["corpus"]}}
    assert mistakes(corpus) == []
    for name, value in quick[section].items():
        assert mistakes({section: {}} | corpus | {section: corpus.get(section, {}) | {name: value}}) == []


@pytest.mark.slow
def test_the_workflow_plans_without_them(tmp_path):
    (tmp_path / "mine.yaml").write_text(OVERLAY)
    done = snakemake("-n", "--quiet", "host", "all", "--directory", tmp_path, "--configfile", tmp_path / "mine.yaml")
    counts = job_counts(done.stdout)
    assert counts["pretrain_model"] == 4 and counts["finetune_model"] == 15
    assert "pre-training of mine: 500,000 steps" in done.stdout + (done.stderr or "")
