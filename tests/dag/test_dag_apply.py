"""What the rules of apply ask for."""

import json
import re
from pathlib import Path

import pytest

from tests.dag.conftest import DEMO, DEMO_APPLY, job
from workflow_scripts.dag.apply import Applying
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.user_inputs import misplaced_inputs

FIT = "dnabert2/full/promoter/tata"
PREDICT = {"do": "predict", "fit": FIT, "input": "in.bed", "genome": "g.fa"}


@pytest.fixture
def applying(configured):
    """``applying(entries, overlay, ...)``: with these entries of the section apply, and two files that they name."""
    for name in ("in.bed", "g.fa"):
        Path(name).write_text(name)

    def applying(entries: dict, *overlays: dict) -> Applying:
        settings = configured(*overlays, {"apply": entries})
        return Applying(settings, Finetuning(settings, Gue(settings)))

    return applying


def test_all_seeds_of_a_fit_are_an_ensemble_unless_some_are_named(applying):
    seeds = {"finetune": {"seeds": [1, 2]}}
    found = applying({"all": PREDICT, "one": PREDICT | {"seeds": [2]}}, seeds)
    folders = [f"results/finetune/{FIT}/seed{seed}" for seed in (1, 2)]
    assert [json.loads(model)["directory"] for model in found.models(job(name="all"))] == [
        f"{folder}/model" for folder in folders
    ]
    assert found.model_files(job(name="all")) == [f"{folder}/metrics.json" for folder in folders]
    assert found.model_files(job(name="one")) == [f"{folders[1]}/metrics.json"]


def test_a_model_without_a_fit_is_what_the_workflow_makes_fetches_or_finds(applying):
    models = {"theirs": {"hub": "a/b", "revision": "0" * 40, "kmer": 3, "trust_remote_code": True}}
    entries = {
        "trained": {"do": "embed", "model": "dnabert2", "input": "in.fa"},
        "fetched": {"do": "embed", "model": "theirs", "input": "in.fa"},
        "found": {"do": "embed", "directory": ".", "input": "in.fa"},
    }
    found = applying(entries, {"finetune": {"models": models}})
    assert found.model_files(job(name="trained")) == ["results/pretrain/dnabert2/SHA256SUMS"]
    assert found.model_files(job(name="fetched")) == ["results/finetune/models/theirs.json"]
    assert found.model_folders(job(name="fetched")) == ["results/finetune/models/theirs"]
    assert json.loads(found.models(job(name="fetched"))[0]) == {
        "directory": "results/finetune/models/theirs",
        "kmer": 3,
        "trust_remote_code": True,
    }
    assert found.model_files(job(name="found")) == [] and json.loads(*found.models(job(name="found")))


def test_content_decides_and_not_the_name_of_a_file(applying):
    entries = {"a": PREDICT, "b": PREDICT | {"input": "copy.bed"}}
    Path("copy.bed").write_text("in.bed")
    found = applying(entries)
    assert found.content(job(name="a")) == found.content(job(name="b")) and len(found.content(job(name="a"))) == 2
    Path("copy.bed").write_text("other")
    assert applying(entries).content(job(name="b")) != found.content(job(name="a"))
    assert found.options(job(name="a")) == found.options(job(name="b"))


def test_each_rule_has_the_names_of_its_own_applications(applying):
    found = applying({"a.b": PREDICT, "e": {"do": "embed", "model": "dnabert2", "input": "in.fa"}})
    assert re.fullmatch(found.names("predict"), "a.b") and not re.fullmatch(found.names("predict"), "axb")
    assert not re.fullmatch(found.names("predict"), "e") and re.fullmatch(found.names("predict", "embed"), "e")
    assert not re.fullmatch(applying({}).names("predict"), "e"), "no name, and not every name"


def test_the_parts_of_an_application_are_files_of_their_own(applying):
    found = applying({"a": PREDICT | {"parts": 3}})
    assert found.parts(job(name="a")) == [f"results/apply/.parts/a/{number}of3.parquet" for number in (1, 2, 3)]


def test_options_are_those_that_differ_from_what_programs_do_by_themselves(applying):
    explain = {"do": "explain", "fit": FIT, "input": "in.fa", "class": "promoter", "steps": 0}
    motifs = {"do": "motifs", "fit": FIT, "input": "in.fa", "class": "promoter", "matrices": "m.txt"}
    embed = {"do": "embed", "model": "dnabert2", "input": "in.fa", "layers": [1, -1], "both_strands": True}
    found = applying({"p": PREDICT, "e": explain, "m": motifs, "v": embed})
    assert found.options(job(name="p")) == []
    assert found.options(job(name="e")) == ["--class", "promoter", "--steps", "0"]
    assert found.options(job(name="m")) == ["--class", "promoter", "--steps", "0", "--shuffled"]
    assert found.options(job(name="v")) == ["--both-strands", "--layers", "1", "-1", "--pooling", "mean"]
    assert found.matrices(job(name="m")) == ["--motifs", "m.txt"] and found.matrices(job(name="p")) == []


def test_the_demo_makes_its_inputs_and_a_user_has_none_in_the_results(applying, configured):
    found = applying({}, DEMO, DEMO_APPLY)
    made = found.simulated_files()
    assert "results/demo/apply/genome.fa.gz" in made and all(path.startswith("results/demo/apply/") for path in made)
    assert found.simulated_inputs(job(name="sites")) == ["results/demo/apply/sites.fa"]
    settings = configured({"apply": {"a": PREDICT | {"input": "results/x.bed"}}})
    (line,) = misplaced_inputs(settings, Genomes(settings), Gue(settings))
    assert line.startswith("config apply.a.input: 'results/x.bed' lies in")


def test_a_model_with_an_environment_of_its_own_runs_there(applying):
    models = {"theirs": {"directory": ".", "environment": "/opt/env/bin/python"}}
    entries = {"a": {"do": "embed", "model": "theirs", "input": "in.fa"}, "b": PREDICT}
    found = applying(entries, {"finetune": {"models": models}})
    assert found.interpreter(job(name="a")) == "/opt/env/bin/python" and found.interpreter(job(name="b")) == "python"
