"""The section studies: which models are known to which study."""

import pytest

from tests.settings.conftest import change
from workflow_scripts.settings.configuration import mistakes
from workflow_scripts.settings.gue import Gue
from workflow_scripts.settings.studies import Studies, studies_errors

PAIR = {"pretrained": ["ours"], "random": ["theirs"], "datasets": ["emp/H3"]}


def errors(**studies) -> list[str]:
    settings = Studies.model_validate(studies)
    return list(studies_errors(settings, ["ours"], ["theirs", "cnn"], Gue(), ["emp/H3"]))


def test_no_study_is_chosen_unless_it_is_written():
    assert Studies().chosen == {}
    chosen = Studies.model_validate({"corpus": {"many": "a", "one": ["b"]}, "attention": {}}).chosen
    assert list(chosen) == ["corpus", "attention"]
    assert [study.models for study in chosen.values()] == [["a", "b"], []]


def test_studies_of_fits_know_all_models_that_can_be_fitted_and_others_those_of_pretrain():
    assert errors(sample_efficiency=PAIR) == []
    (line,) = errors(corpus={"many": "ours", "one": ["theirs"]})
    assert line == "config studies.corpus: no model 'theirs'; defined are ours"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"random": ["thiers"]}, "config studies.sample_efficiency: no model 'thiers'; defined are ours, theirs, cnn"),
        ({"datasets": ["emp/H2"]}, "config studies.sample_efficiency.datasets: no data set 'emp/H2'; did you mean"),
    ],
)
def test_a_model_or_data_set_that_does_not_exist_is_one_line(change, told):
    (line,) = errors(sample_efficiency=PAIR | change)
    assert line.startswith(told)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("pretrain.dnabert2.genomes", ["G*", "hg38"], "pretrain.dnabert2.genomes"),
        ("studies.tokens", {"model": "dnabert2", "accession": "hg38", "features": "a.bed"}, "studies.tokens.accession"),
    ],
)
def test_a_genome_that_the_table_does_not_have_is_one_line(quick, path, value, place):
    change(quick, path, value)
    (line,) = mistakes(quick)
    assert line == f"config {place}: no genome 'hg38' in {quick['genomes']['corpus']}"
