"""What a run is going to fetch from the hub, with sizes that are known, that the hub states, or that nobody knows."""

import pytest
from huggingface_hub import constants

from tests.dag.conftest import job
from workflow_scripts.common.files import read_table, write_json
from workflow_scripts.dag import hub_sizes
from workflow_scripts.dag.costs import HUB_MODELS
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.plan import Plan
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.settings.fitted_models import MODELS

FILES = {"config.json": b"{}", "model.safetensors": b"0" * 2_000_000, "pytorch_model.bin": b"1" * 2_000_000}
OTHER = {"other": {"hub": "someone/other", "revision": "main"}}


@pytest.fixture
def told(configured):
    """``told(*jobs)``: the texts of the plan; a job is its rule, and a model or a data set."""
    hub_sizes._files.cache_clear()

    def told(*jobs: tuple[str, str]) -> list[str]:
        gue = {"origin": "published", "published": "hub"}
        settings = configured({"gue": gue, "finetune": {"models": OTHER}})
        genomes, data = Genomes(settings), Gue(settings)
        plan = Plan(genomes, Pretraining(settings, genomes), Finetuning(settings, data))
        return [line.text for line in plan.lines([(rule, wildcards(rule, name)) for rule, name in jobs])]

    return told


def wildcards(rule: str, name: str):
    if rule == "fetch_model":
        return job(model=name)
    task, dataset = ("emp", "H3") if rule == "finetune_model" else name.split("/")
    return job(model=name, method="lora", task=task, dataset=dataset, seed="42")


def test_published_data_sets_are_summed(told):
    (line,) = told(("fetch_dataset", "emp/H3"), ("fetch_dataset", "tf_mouse/3"))
    assert line == "published data sets: 2 to fetch from the hub, about 7.8 MB"


def test_the_models_of_the_configuration_have_known_sizes_at_their_commits():
    known = {(row["hub"], row["commit"]) for row in read_table(HUB_MODELS)}
    assert {(model.hub, model.revision) for model in MODELS.values() if model.hub} == known


def test_known_models_are_told_without_asking(told, monkeypatch):
    monkeypatch.setattr(hub_sizes, "_files", lambda *_: pytest.fail("asked"))
    (line,) = told(("fetch_model", "dnabert2_117m"), ("fetch_model", "dnabert_3"))
    assert line == "models: 2 to fetch from the hub, about 816 MB, kept in its cache and in results"


def test_of_other_models_the_hub_is_asked(told, hub):
    hub.add("someone/other", FILES)
    (line,) = told(("fetch_model", "other"))
    assert line == "models: 1 to fetch from the hub, about 2.0 MB, kept in its cache and in results", (
        "one kind of weights"
    )


def test_without_a_network_it_is_said_that_a_size_is_not_known(told, hub, monkeypatch):
    for change in ({"ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": True}):
        with monkeypatch.context() as patch:
            for name, value in change.items():
                patch.setattr(constants, name, value)
            (line,) = told(("fetch_model", "dnabert_3"), ("fetch_model", "other"))
        assert line.startswith("models: 2 to fetch from the hub, about 347 MB, ")
        assert line.endswith("; the size of other is not known before")
    (line,) = told(("fetch_model", "other"))
    assert line.endswith("; the size of other is not known before"), "nor if the hub has no such model"


def test_an_unreachable_hub_is_asked_once(monkeypatch):
    asked = []

    def unreachable(hub, revision):
        asked.append(hub)
        raise ConnectionError

    monkeypatch.setattr(hub_sizes, "_files", unreachable)
    sizes = hub_sizes.HubSizes()
    assert [sizes.model(name, "main", False).bytes for name in ("a/b", "a/c")] == [None, None] and asked == ["a/b"]


def test_a_branch_that_has_moved_since_it_was_fetched_is_told(told, hub, tmp_path):
    now = hub.add("someone/other", FILES)
    write_json(tmp_path / "results/finetune/models/other.json", {"commit": now})
    fits = [("finetune_model", "other"), ("finetune_model", "dnabert2_117m")]
    assert not [line for line in told(*fits) if "has moved" in line]
    write_json(tmp_path / "results/finetune/models/other.json", {"commit": "0" * 40})
    (line,) = [line for line in told(*fits) if "has moved" in line]
    assert line == (
        f"model other: main of someone/other has moved from {'0' * 40} to {now} since it was fetched; fits keep the "
        "former: give a commit as revision, or delete results/finetune/models/other.json to fetch the latter"
    )
