"""A model and a data set of a user's own are a few lines of the configuration."""

import json
import random

import pytest

from tests.workflow.harness import REPOSITORY, job_counts, snakemake
from workflow_scripts.common.files import read_json, read_table

pytestmark = pytest.mark.slow
HUB = "zhihan1996/DNABERT-2-117M"


@pytest.fixture
def run(tmp_path):
    """``run(overlay, *arguments)``: Snakemake over the demo's configuration in an empty directory."""

    def run(overlay: dict, *arguments: str, check: bool = True):
        (tmp_path / "mine.yaml").write_text(json.dumps(overlay))
        configs = ["--configfile", REPOSITORY / "config/demo.yaml", tmp_path / "mine.yaml"]
        return snakemake(*configs, "--directory", tmp_path, "--cores", "1", *arguments, check=check).stdout

    return run


@pytest.fixture
def folder(tmp_path):
    """A folder with the three files of a data set: in one class there is a motif."""
    draw = random.Random(0)
    for split, rows in (("train", 256), ("dev", 16), ("test", 32)):
        lines = ["sequence,label"]
        for number in range(rows):
            bases = "".join(draw.choices("ACGT", k=40))
            lines.append(f"{bases + 'TATAAA' * 3 * (number % 2)},{number % 2}")
        (tmp_path / "fly").mkdir(exist_ok=True)
        (tmp_path / "fly" / f"{split}.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "fly"


def own(folder, *models: str, **finetune) -> dict:
    """A configuration of these models on the data set of the folder."""
    return {
        "gue": {"custom": {"enhancers/fly": {"folder": str(folder)}}, "datasets": ["enhancers/*"]},
        "finetune": {"runs": [{"models": models, "method": "full", "datasets": ["*"]}], **finetune},
    }


def test_a_data_set_and_a_baseline_need_nothing_else(run, folder, tmp_path):
    config = own(folder, "kmer_regression")
    run(config, "gue_results")
    (row,) = read_table(tmp_path / "results/report/gue_results.tsv")
    assert (row["model"], row["task"], row["dataset"], row["metric"]) == ("kmer_regression", "enhancers", "fly", "mcc")
    assert float(row["mean"]) > 50 and row["paper_dnabert2"] == ""
    sheet = read_json(tmp_path / "results/gue/enhancers/fly/datasheet.json")
    assert sheet["origin"] == "custom" and sheet["candidates"] == 304
    told = read_json(tmp_path / "results/finetune/kmer_regression/full/enhancers/fly/seed42/metrics.json")
    assert {split: facts["sha256"] for split, facts in sheet["splits"].items()} == told["data"]
    run(config, "report")
    page = (tmp_path / "results/report/index.html").read_text()
    assert "This run built no corpus." in page and "This run pre-trained no model." in page
    assert not (tmp_path / "results/genomes").exists()
    assert job_counts(run(config, "report", "-n")) == {}
    (folder / "dev.csv").write_text("sequence,label\nACGT,0\n")
    assert job_counts(run(config, "gue_results", "-n")) == {
        "take_dataset": 1,
        "audit_dataset": 1,
        "finetune_model": 1,
        "collect_results": 1,
        "gue_results": 1,
    }


def test_a_fit_that_fails_stops_no_other_and_is_named_in_the_table(run, folder, tmp_path):
    models = {"torn": {"baseline": "cnn", "settings": {"learning_rate": 1e30}}}
    config = own(folder, "torn", "kmer_regression", models=models)
    output = run(config, "gue_results", "--keep-going", check=False)
    told = (tmp_path / "results/logs/finetune/finetune_model/torn/full/enhancers/fly/seed42.log").read_text()
    assert "error: step" in told and "lower learning_rate" in told and "Traceback" not in told + output
    fits = tmp_path / "results/finetune"
    assert (fits / "kmer_regression/full/enhancers/fly/seed42/metrics.json").is_file()
    assert not (fits / "torn/full/enhancers/fly/seed42/metrics.json").exists()
    assert not (tmp_path / "results/report").exists(), "without a word of the user's no table leaves out a fit"
    run(config | {"report": {"missing_fits": True}}, "gue_results")
    torn, regression = read_table(tmp_path / "results/report/gue_results.tsv")
    assert (torn["model"], torn["seeds"], torn["missing"], torn["verdict"]) == ("torn", "0", "42", "not run")
    assert (regression["seeds"], regression["missing"]) == ("1", "") and float(regression["mean"]) > 50
    missing = {
        told["model"]: told["missing"] for told in read_json(tmp_path / "results/report/gue_summary.json")["runs"]
    }
    assert missing == {"torn": ["enhancers/fly"], "kmer_regression": []}


def test_each_kind_of_model_brings_the_jobs_it_needs(run, folder, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "config.json").write_text("{}")
    models = {
        "published": {"hub": HUB, "revision": "0" * 40},
        "theirs": {"directory": str(tmp_path / "theirs"), "kmer": 6, "released": "dnabert"},
    }
    config = own(folder, "published", "theirs", "cnn", models=models)
    output = run(config, "finetune", "-n", "--printshellcmds")
    assert job_counts(output) == {
        **{"take_dataset": 1, "audit_dataset": 1, "fetch_model": 1, "finetune_model": 3, "finetune": 1}
    }
    for words in (
        f"--hub {HUB} --revision {'0' * 40}",
        """--model '{"directory": "results/finetune/models/published"}'""",
        f"""--model '{{"directory": "{tmp_path}/theirs", "kmer": 6}}'""",
        """--model '{"baseline": "cnn"}'""",
    ):
        assert words in output, words


def test_a_data_set_that_is_not_there_stops_before_any_job(run, tmp_path):
    output = run(own(tmp_path / "none", "cnn"), "-n", check=False)
    assert f"config gue.custom.enhancers/fly.folder: no train.csv, dev.csv, test.csv in '{tmp_path}/none'" in output
    assert "Traceback" not in output and not (tmp_path / "results").exists()


def test_intervals_and_their_genome_are_a_data_set_whose_content_decides_what_runs_again(run, tmp_path):
    draw = random.Random(0)
    contigs = {name: "".join(draw.choices("ACGT", k=60_000)) for name in ("c1", "c2", "c3")}
    places = [(name, at, draw.choice("+-")) for name in contigs for at in range(3000, 57_000, 3000)]
    lines = [f"{name}\t{at}\t{at + 100}\tp\t0\t{strand}\n" for name, at, strand in places]
    genome, bed = tmp_path / "genome.fa", tmp_path / "mine.bed"
    genome.write_text("".join(f">{name}\n{bases}\n" for name, bases in contigs.items()))
    bed.write_text("".join(lines))
    entry = {"intervals": str(bed), "genome": str(genome), "split": "chromosome"}
    entry["chromosomes"] = {"dev": ["c2"], "test": ["c3"]}
    config = {"gue": {"custom": {"peaks/mine": entry}, "datasets": ["peaks/*"]}}
    output = run(config, "gue")
    assert f"data set peaks/mine: {bed}: 54 intervals on 3 contigs; 100 bases of each, as it is" in output
    sheet = read_json(tmp_path / "results/gue/peaks/mine/datasheet.json")
    assert [facts["rows"] for facts in sheet["splits"].values()] == [36, 36, 36]
    audit = read_json(tmp_path / "results/gue/peaks/mine/audit.json")
    assert audit["leaks"] == {"dev": 0, "test": 0} and audit["gc"]["auroc"] < 0.52
    genome.touch()
    assert job_counts(run(config, "gue", "-n")) == {}
    audited = (tmp_path / "results/gue/peaks/mine/audit.json").stat().st_mtime_ns
    bed.write_text("".join(reversed(lines)))
    assert job_counts(run(config, "gue", "-n"))["take_dataset"] == 1
    run(config, "gue")
    assert (tmp_path / "results/gue/peaks/mine/audit.json").stat().st_mtime_ns == audited, "the same rows"
    entry["ratio"] = 2
    assert job_counts(run(config, "gue", "-n")) == {"take_dataset": 1, "audit_dataset": 1, "gue": 1}
    bed.write_text("".join(lines).replace("c1", "chrc1"))
    output = run(config, "-n", check=False)
    assert f"{bed}:1: contig 'chrc1' is 'c1' in {genome} (18 intervals on 1 contig)" in output
    assert "Traceback" not in output
