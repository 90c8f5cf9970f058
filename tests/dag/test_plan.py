"""What a run is going to cost: sums of its jobs, in units that a person reads."""

import pytest

from tests.dag.conftest import job, write_species
from workflow_scripts.dag import plan as module
from workflow_scripts.dag.costs import pretraining_flops
from workflow_scripts.dag.finetune import Finetuning
from workflow_scripts.dag.genomes import Genomes
from workflow_scripts.dag.gue import Gue
from workflow_scripts.dag.plan import Line, Plan, duration, size
from workflow_scripts.dag.pretrain import Pretraining
from workflow_scripts.model import DnaBert2Config
from workflow_scripts.pretrain.telemetry import flops
from workflow_scripts.settings.pretrain import Architecture, Training


@pytest.fixture
def planned(configured):
    """``planned(overlay)``: the plan of the default configuration with an overlay, for a mouse and a virus."""

    def planned(overlay: dict | None = None) -> Plan:
        write_species("mouse\tMus\tvertebrate_mammalian\t\t2700000000", "virus\tAus\tviral\t\t30000")
        settings = configured(overlay or {})
        genomes, gue = Genomes(settings), Gue(settings)
        return Plan(genomes, Pretraining(settings, genomes), Finetuning(settings, gue))

    return planned


@pytest.fixture
def told(planned):
    """``told(*jobs)``: the lines of the plan of the default configuration; a job is its rule and its wildcards."""
    return lambda *jobs: planned().lines(jobs)


def of_genome(rule, accession):
    return rule, job(accession=accession)


def training(model):
    return "pretrain_model", job(model=model)


def fit(model, task, dataset):
    return "finetune_model", job(model=model, method="full", task=task, dataset=dataset, seed="42")


def test_genomes_are_summed_over_what_is_left(told):
    jobs = [of_genome(rule, name) for name in ("mouse", "virus") for rule in ("download_genome", "chunk_genome")]
    fetch, cut = told(*jobs, of_genome("encode_genome", "virus"))
    assert fetch.text == "genomes: 2 of 2.7 Gbp to fetch, about 770 MB" and not fetch.large
    assert cut.text == "chunks and tokens: about 810 MB on the disk, 22 seconds of one core" and not cut.large
    assert told(*[of_genome("download_genome", "mouse")] * 10)[0].large


def test_a_corpus_of_which_nothing_may_be_held_out_is_told_before(planned):
    cut = of_genome("chunk_genome", "virus")
    assert len(planned().lines([cut])) == 1, "of 2.7 billion bases 135 blocks"
    little = {"genomes": {"validation": {"fraction": 0.0001}}}
    warning = planned(little).lines([cut])[1].text
    assert warning.startswith("held out for validation: about 2.7 of 27,000 blocks of chunks, maybe none")
    assert len(planned(little).lines([of_genome("encode_genome", "virus")])) == 1, "the chunks are there"
    whole = {"genomes": {"validation": {"fraction": 0.0001, "genomes": ["virus"]}}}
    assert len(planned(whole).lines([cut])) == 1


def test_pretraining_counts_what_the_training_itself_reports(told):
    expected = 500_000 * 4096 * flops(DnaBert2Config(), 128, 128, 0)
    assert pretraining_flops(Training(), Architecture()) == pytest.approx(expected, rel=1e-3)
    (line,) = told(training("dnabert2"), training("dnabert2_random"))
    assert line.text.startswith("pre-training of dnabert2: 500,000 steps, 1.8e+20 operations, 505 hours of one GPU")
    assert line.large


def test_on_a_cpu_the_memory_is_told_as_it_was_measured(planned):
    for precision, sequences, measured in (("bf16", 4, "2.8 GB"), ("bf16", 16, "3.8 GB"), ("fp32", 16, "4.8 GB")):
        settings = {"precision": precision, "micro_batch_size": sequences}
        plan = planned({"pretrain": {"dnabert2": {"gpus": 0, "training": settings}}})
        (line,) = plan.lines([training("dnabert2")])
        assert line.text.endswith(f"TFLOP/s, about {measured} of memory")


def test_fits_count_their_own_steps(told, planned):
    (long,) = told(fit("dnabert2", "emp", "H3"))
    (short,) = told(fit("dnabert2", "tf_mouse", "3"))  # 1,000 steps of 32 rows of 101 bases
    # three epochs of 11,971 rows of 500 bases
    assert float(long.text.split()[2]) > 3 * float(short.text.split()[2])
    for least, rows in ((0, 3 * 100), (300, 300 * 32)):  # steps at least -> rows that pass
        few_rows = {"gue": {"max_rows": {"train": 100}}, "finetune": {"settings": {"min_steps": least}}}
        (few,) = planned(few_rows).lines([fit("dnabert2", "emp", "H3")])
        assert float(few.text.split()[2]) == pytest.approx(float(long.text.split()[2]) * rows / (3 * 11_971), rel=0.1)


def test_what_cannot_be_counted_is_said(told):
    (line,) = told(fit("dnabert2", "emp", "H3"), fit("cnn", "emp", "H3"), fit("kmer_regression", "emp", "H3"))
    assert (
        line.text.startswith("fits: 3: ") and "; 2 of baselines, which are not counted; weights of about" in line.text
    )
    assert told(fit("cnn", "emp", "H3"))[0].text == "fits: 1: 1 of baselines, which are not counted"


def test_a_model_that_goes_on_has_the_sizes_of_the_other(planned):
    settings = {"steps": 10, "batch_size": 32, "micro_batch_size": 32}
    models = {
        "more": {"from": "dnabert2", "gpus": 0, "training": settings},
        "foreign": {"from": "/a/model", "gpus": 0, "training": {"steps": 10}},
    }
    plan = planned({"pretrain": models})
    more, foreign = plan.lines([training("more"), training("foreign")])
    effort = "2.8e+13 operations, 4.7 minutes of one core at 0.1 TFLOP/s, about 7.2 GB of memory"
    assert more.text == f"pre-training of more: 10 steps, {effort}"
    assert foreign.text == "pre-training of foreign: 10 steps" and foreign.large
    assert plan.lines([fit("more", "emp", "H3")]) == plan.lines([fit("dnabert2", "emp", "H3")])
    (unknown,) = plan.lines([fit("foreign", "emp", "H3")])
    assert unknown.text == "fits: 1: the cost of 1 is not known before"


def test_cheap_jobs_are_not_told(told):
    assert told(("write_report", job()), ("audit_dataset", job(task="emp", dataset="H3"))) == []


def test_data_sets_are_counted_whatever_makes_them(told):
    rules = ("build_dataset", "import_dataset", "take_dataset", "audit_dataset")
    assert told(*((rule, job(task="emp", dataset="H3")) for rule in rules)) == [Line("data sets: 3")]


@pytest.mark.parametrize(("large", "terminal", "waited"), [(True, True, [10]), (True, False, []), (False, True, [])])
def test_only_a_long_run_on_a_terminal_waits(planned, capsys, monkeypatch, large, terminal, waited):
    plan, slept = planned(), []
    monkeypatch.setattr(plan, "lines", lambda jobs: [Line("small"), Line("other", large)])
    monkeypatch.setattr(module.time, "sleep", slept.append)
    monkeypatch.setattr(module.sys.stderr, "isatty", lambda: terminal)
    plan.say_and_wait([], 0)
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ["to do: small", "to do: other"] and slept == waited
    assert told[2:] == ["This is a long run; Ctrl-C within 10 s stops it."] * len(waited)


def test_units():
    assert [duration(value) for value in (0.2, 59, 90, 7200, 1e7)] == [
        *("0.2 seconds", "59 seconds", "1.5 minutes", "2.0 hours", "2,778 hours")
    ]
    assert [size(value) for value in (10, 2e6, 5.5e10)] == ["0.0 kB", "2.0 MB", "55 GB"]
