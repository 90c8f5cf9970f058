"""Floors: what they reach, which models are no better, and what the page advises."""

import pytest

from workflow_scripts.report.floors_section import floors

AUDIT = {"task": "emp", "dataset": "H3", "test_partners": 80, "test_flipped": 79} | {
    f"{name}_{metric}": value
    for name, value in (("kmer", 0.5), ("nearest", 0.4), ("partner", 0.7))
    for metric in ("mcc", "f1", "accuracy")
}


def row(model: str, mean: float, **more) -> dict:
    facts = {
        "run": f"{model}, full",
        "method": "full",
        "task": "emp",
        "dataset": "H3",
        "metric": "mcc",
        "mean": mean,
        "mcc": mean,
    }
    return facts | {"seeds": 3, "collapsed": 0, "steps": 900.0, "test_rows": 100} | more


def summary(*models: str, baselines: tuple[str, ...] = ("cnn",)) -> dict:
    return {"runs": [{"model": name, "method": "full", "floor": name in baselines} for name in models]}


def of(*rows: dict, audits=(AUDIT,), train: int = 5000) -> dict:
    models = [entry["run"].partition(",")[0] for entry in rows]
    (part,) = floors(rows, summary(*models), audits, {"emp/H3": train})
    return part


def test_a_model_is_worse_than_the_floors_above_it_and_no_others():
    part = of(row("good", 80.0), row("weak", 60.0), row("cnn", 65.0))
    assert part["reached"] == {
        **{"nearest neighbour": 40, "partner flip": 70, "k-mer regression of the audit": 50},
        "cnn, full": 65,
    }
    assert part["best"] == {"run": "good, full", "score": 80}
    (weak,) = part["worse"]
    assert weak["run"] == "weak, full" and weak["above"] == {"partner flip": 70, "cnn, full": 65}
    assert (part["partners"], part["flipped"], part["test_rows"], part["paired"]) == (80, 79, 100, True)
    assert of(row("good", 80.0), row("cnn", 85.0))["worse"][0]["above"] == {"cnn, full": 85}
    assert of(row("cnn", 5.0))["worse"] == [] and of(row("cnn", 5.0))["best"] is None


def test_advice_fits_the_cause():
    def advice(*rows, **more) -> str:
        (model,) = of(*rows, **more)["worse"]
        return "; ".join(model["advice"])

    assert "distant rows" in advice(row("m", 60.0))
    assert "learning_rate" in advice(row("m", 60.0), row("cnn", 61.0), audits=())
    assert advice(row("m", 60.0, steps=36.0)).startswith("36 steps are few: raise min_steps")
    assert "379 training rows are few" in advice(row("m", 60.0), train=379)
    assert advice(row("m", 90.0, collapsed=1)).startswith("collapsed fits learned nothing")
    frozen = advice(row("m", 60.0, method="probe", steps=None), train=379)
    assert "fine-tune the encoder" in frozen and "steps are few" not in frozen and "training rows" not in frozen


def test_floors_are_compared_in_a_metric_that_they_have():
    """An area is compared by MCC; a regression only with fitted baselines in its own metric."""
    area = of(row("m", 91.0, metric="auprc:enhancer", mcc=45.0), row("cnn", 80.0, metric="auprc:enhancer", mcc=10.0))
    assert area["measure"] == "mcc" and area["best"]["score"] == 45
    assert [*area["worse"][0]["above"]] == ["partner flip", "k-mer regression of the audit"]
    number = {"metric": "spearman", "mcc": None}
    part = of(row("m", 50.0, **number), row("cnn", 60.0, **number), audits=())
    assert part["measure"] == "spearman" and part["worse"][0]["above"] == {"cnn, full": 60}
    assert part["reached"]["nearest neighbour"] is None and part["flipped"] is None


def test_without_pairs_there_is_no_partner_flip():
    """It then predicts the most frequent label for every row."""
    part = of(row("m", 60.0), audits=(AUDIT | {"test_partners": 0, "test_flipped": 0},))
    assert part["reached"]["partner flip"] is None and part["worse"] == [] and not part["paired"]
    assert not of(row("m", 60.0), audits=(AUDIT | {"test_flipped": 1},))["paired"], "one in a hundred is chance"


@pytest.mark.parametrize("score", [70.0, 70.01])
def test_a_score_of_the_floor_is_no_better(score):
    assert bool(of(row("m", score))["worse"]) == (score == 70.0)
