"""Costs: FLOPs computed by hand, sizes of the paper's models, and measurements of fits and jobs."""

import json

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.common.flops import encoder_flops
from workflow_scripts.report import collect_results, count_costs, paper

DNABERT2 = {"model_type": "dnabert2", "num_hidden_layers": 12, "hidden_size": 768, "intermediate_size": 3072}
BERT = DNABERT2 | {"model_type": "bert"}


def count(run, models: dict) -> list[dict[str, str]]:
    assert collect_results.main(run.arguments()) == 0
    assert count_costs.main(run.cost_arguments(models)) == 0
    return read_table(run.root / "efficiency.tsv")


def test_flops_of_bert_base_by_hand():
    """128 tokens use each of 85 million weights in the matrices of 12 layers once, and have 128 x 128 scores."""
    weights = 12 * (4 * 768 * 768 + 2 * 768 * 3072)
    assert weights == 84_934_656
    attention, feed_forward = encoder_flops(128, 12, 768, 3072, gated=False)
    assert weights == count_costs.encoder_weights(
        {"layers": 12, "hidden_size": 768, "intermediate_size": 3072, "gated": "no"}
    )
    assert attention + feed_forward == 2 * 128 * weights + 12 * 2 * 2 * 128 * 128 * 768 == 22_347_251_712
    assert encoder_flops(128, 12, 768, 3072, gated=True)[1] == 1.5 * feed_forward


def test_sizes_of_the_papers_models_agree_with_their_parameters(run):
    """Matrices and embeddings (about 4,100 entries, or 4^k) add up to the quoted number to within 2%."""
    for row in read_table(run.paper_models):
        entries = 4 ** int(row["model"][9]) + 5 if row["model"].startswith("DNABERT (") else 4100
        assert count_costs.encoder_weights(row) + entries * int(row["hidden_size"]) == pytest.approx(
            1e6 * float(row["parameters_M"]), rel=0.02
        )


def test_tokens_of_500_bases(tmp_path):
    stats = tmp_path / "stats.json"
    stats.write_text('{"bases_per_token": 5.0}')
    published = {"auto_map": {"AutoModel": "bert_layers.BertModel"}}
    assert count_costs.tokens_per_500_bases({"statistics": str(stats)}, DNABERT2, 103.1) == 102
    assert count_costs.tokens_per_500_bases({"kmer": 6}, BERT, 103.1) == 497
    assert count_costs.tokens_per_500_bases({}, {"model_type": "esm"}, 103.1) == 83 + 2 + 1
    assert count_costs.tokens_per_500_bases({}, published, 103.1) == 103.1
    assert count_costs.tokens_per_500_bases({}, DNABERT2, 103.1) is None


def test_gated_or_not():
    published = BERT | {"auto_map": {"AutoModel": "bert_layers.BertModel"}}
    assert [count_costs.architecture(config)["gated"] for config in (DNABERT2, published, BERT)] == ["yes", "yes", "no"]
    assert count_costs.architecture({"kind": "cnn"}) is None


def test_table_of_costs(run, tmp_path):
    measured = {"seconds": 90.0, "gpu_seconds": 72.0, "memory_mb": 900}
    run.fit("ours", "lora", "emp", "H3", 0, 0.7, **measured)
    run.fit("ours", "lora", "emp", "H3", 1, 0.7, **measured | {"gpu_seconds": 144.0, "memory_mb": 800})
    run.fit("baseline", "full", "emp", "H3", 0, 0.5)
    (tmp_path / "config.json").write_text(json.dumps(DNABERT2))
    (tmp_path / "stats.json").write_text('{"bases_per_token": 5.0}')
    job = tmp_path / "benchmarks" / "baseline" / "full" / "emp" / "H3" / "seed0.tsv"
    job.parent.mkdir(parents=True)
    job.write_text("s\th:m:s\tmax_rss\n20.5\t0:00:20\t512.25\n")
    models = {"config": str(tmp_path / "config.json"), "statistics": str(tmp_path / "stats.json")}
    ours, baseline, *theirs = count(run, {"ours": models, "baseline": {"config": None, "statistics": None}})
    assert float(ours["flops_500bp"]) == sum(encoder_flops(102, 12, 768, 3072, gated=True))
    assert float(ours["trainable_share"]) == pytest.approx(890 / 117_000, abs=1e-4)
    assert (ours["seconds_per_fit"], ours["gpu_hours_per_fit"], ours["memory_mb"]) == ("90.0000", "0.0300", "900.0000")
    assert (ours["mean"], ours["datasets"], ours["fits"]) == ("70.0000", "1", "2")
    assert (baseline["seconds_per_fit"], baseline["memory_mb"], baseline["gpu_hours_per_fit"]) == (
        "20.5000",
        "512.2500",
        "",
    )
    assert baseline["flops_500bp"] == baseline["relative_flops"] == baseline["layers"] == ""
    published = next(row for row in theirs if row["model"] == f"{paper.DNABERT2} in the paper")
    assert float(published["relative_flops"]) == 1 and len(theirs) == 10
    relative = sum(encoder_flops(102, 12, 768, 3072, gated=True)) / sum(encoder_flops(103.1, 12, 768, 3072, gated=True))
    assert float(ours["relative_flops"]) == pytest.approx(relative, abs=1e-4)


def test_cost_claims_recompute_the_papers_ratios(run):
    run.fit("ours", "full", "emp", "H3", 0, 0.7)
    models = read_table(run.paper_models)
    rows = count(run, {"ours": {"config": None}})
    flops, nineteen, parameters, days = count_costs.cost_claims(rows, models)
    kmer = sum(encoder_flops(500, 12, 768, 3072, gated=False))
    assert f"{kmer / sum(encoder_flops(103.1, 12, 768, 3072, gated=True)):.2f} times" in flops["here"]
    assert kmer / sum(encoder_flops(124.6, 12, 768, 3072, gated=True)) == pytest.approx(3.27, abs=0.002)
    assert flops["here"].endswith("imply 125")
    assert parameters["quoted"].endswith("21.7") and parameters["here"].startswith("22.2 times")
    assert days["here"].startswith("32.0 times") and "92.8 times" in days["here"]
    assert nineteen["quoted"] == "19.44 times"


def test_a_bad_benchmark_file_is_an_error(run, capsys):
    run.fit("ours", "full", "emp", "H3", 0, 0.7)
    job = run.root / "benchmarks" / "ours" / "full" / "emp" / "H3" / "seed0.tsv"
    job.parent.mkdir(parents=True)
    job.write_text("s\tmax_rss\n-\t-\n")
    with pytest.raises(AssertionError):
        count(run, {"ours": {"config": None}})
    assert f"{job}: not a benchmark" in capsys.readouterr().err
    assert not (run.root / "efficiency.tsv").exists()
