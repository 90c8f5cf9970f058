"""What a run is going to cost: sums of its jobs, in units that a person reads."""

from pathlib import Path

import pytest
import yaml
from workflow_scripts.common.plan import duration, plan, pretraining_flops, size

from workflow_scripts.common.files import read_table
from workflow_scripts.model import DnaBert2Config
from workflow_scripts.pretrain.telemetry import flops

CONFIG = Path(__file__).resolve().parents[2] / "config"
SIZES = {"mouse": 2_700_000_000, "virus": 30_000}


@pytest.fixture(scope="module")
def registry():
    return {f"{row['task']}/{row['dataset']}": row for row in read_table(CONFIG / "gue.tsv")}


@pytest.fixture
def config():
    return yaml.safe_load((CONFIG / "config.yaml").read_text())


@pytest.fixture
def told(config, registry):
    """``told(*jobs)``: the lines of the plan; a job is its rule and its wildcards."""

    def told(*jobs):
        hparams = read_table(CONFIG / "finetune_hparams.tsv")
        return plan([(rule, wildcards) for rule, wildcards in jobs], config, SIZES, registry, hparams)

    return told


def fit(model, task, dataset):
    return "finetune_model", {"model": model, "method": "full", "task": task, "dataset": dataset, "seed": "42"}


def test_genomes_are_summed_over_what_is_left(told):
    jobs = [(rule, {"accession": name}) for name in SIZES for rule in ("download_genome", "chunk_genome")]
    fetch, cut = told(*jobs, ("encode_genome", {"accession": "virus", "tokenizer": "bpe4096"}))
    assert fetch.text == "genomes: 2 of 2.7 Gbp to fetch, about 770 MB" and not fetch.large
    assert cut.text == "chunks and tokens: about 810 MB on the disk, 22 seconds of one core" and not cut.large
    many = [("download_genome", {"accession": "mouse"})] * 10
    assert told(*many)[0].large


def test_a_corpus_of_which_nothing_may_be_held_out_is_told_before(told, config):
    jobs = [("chunk_genome", {"accession": "virus"})]
    assert len(told(*jobs)) == 1, "of 2.7 billion bases 135 blocks"
    config["genomes"]["validation"] |= {"fraction": 0.0001}
    assert told(*jobs)[1].text.startswith("held out for validation: about 2.7 of 27,000 blocks of chunks, maybe none")
    assert len(told(("encode_genome", {"accession": "virus", "tokenizer": "bpe4096"}))) == 1, "the chunks are there"
    config["genomes"]["validation"] |= {"genomes": ["virus"]}
    assert len(told(*jobs)) == 1


def test_pretraining_counts_what_the_training_itself_reports(told, config):
    model = config["pretrain"]["dnabert2"]
    expected = 500_000 * 4096 * flops(DnaBert2Config(), 128, 128, 0)
    assert pretraining_flops(model["training"], model["architecture"]) == pytest.approx(expected, rel=1e-3)
    (line,) = told(("pretrain_model", {"model": "dnabert2"}), ("pretrain_model", {"model": "dnabert2_random"}))
    assert line.text.startswith("pre-training of dnabert2: 500,000 steps, 1.8e+20 operations, 505 hours of one GPU")
    assert line.large


def test_on_a_cpu_the_memory_is_told_as_it_was_measured(told, config):
    model = config["pretrain"]["dnabert2"]
    model["gpus"] = 0
    for precision, sequences, measured in (("bf16", 4, "2.8 GB"), ("bf16", 16, "3.8 GB"), ("fp32", 16, "4.8 GB")):
        model["training"] |= {"precision": precision, "micro_batch_size": sequences}
        (line,) = told(("pretrain_model", {"model": "dnabert2"}))
        assert line.text.endswith(f"TFLOP/s, about {measured} of memory")


def test_fits_count_their_own_steps(told, config):
    (long,) = told(fit("dnabert2", "emp", "H3"))
    (short,) = told(fit("dnabert2", "tf_mouse", "3"))  # 1,000 steps of 32 rows of 101 bases
    # three epochs of 11,971 rows of 500 bases
    assert float(long.text.split()[2]) > 3 * float(short.text.split()[2])
    config["gue"]["max_rows"]["train"] = 100
    (few,) = told(fit("dnabert2", "emp", "H3"))
    assert float(few.text.split()[2]) == pytest.approx(float(long.text.split()[2]) * 100 / 11_971, rel=0.1)


def test_what_cannot_be_counted_is_said(told, config):
    config["gue"]["custom"] = {"enhancers/fly": {}}
    (line,) = told(fit("dnabert2", "emp", "H3"), fit("cnn", "emp", "H3"), fit("dnabert2_117m", "emp", "H3"))
    assert line.text.startswith("fits: 3: ") and line.text.endswith("; the cost of 2 is not known before")
    assert told(fit("cnn", "emp", "H3"))[0].text == "fits: 1, of a cost that is not known before"


def test_a_model_that_goes_on_has_the_sizes_of_the_other(told, config):
    config["pretrain"]["more"] = {
        "from": "dnabert2",
        "gpus": 0,
        "training": {"steps": 10, "batch_size": 32, "micro_batch_size": 32},
    }
    config["pretrain"]["foreign"] = {"from": "/a/model", "gpus": 0, "training": {"steps": 10}}
    more, foreign = told(("pretrain_model", {"model": "more"}), ("pretrain_model", {"model": "foreign"}))
    effort = "2.8e+13 operations, 4.7 minutes of one core at 0.1 TFLOP/s, about 5.1 GB of memory"
    assert more.text == f"pre-training of more: 10 steps, {effort}"
    assert foreign.text == "pre-training of foreign: 10 steps"
    assert told(fit("more", "emp", "H3")) == told(fit("dnabert2", "emp", "H3"))
    assert told(fit("foreign", "emp", "H3"))[0].text == "fits: 1, of a cost that is not known before"


def test_cheap_jobs_are_not_told(told):
    assert told(("write_report", {}), ("audit_dataset", {"task": "emp", "dataset": "H3"})) == []


def test_units():
    assert [duration(value) for value in (0.2, 59, 90, 7200, 1e7)] == [
        *("0.2 seconds", "59 seconds", "1.5 minutes", "2.0 hours", "2,778 hours")
    ]
    assert [size(value) for value in (10, 2e6, 5.5e10)] == ["0.0 kB", "2.0 MB", "55 GB"]
