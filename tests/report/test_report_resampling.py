"""The bootstrap over test rows: scikit-learn's metrics on every resample, and intervals that hold what they state."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from workflow_scripts.report.resampling import Predictions, draws, resampled_scores, weighted_scores
from workflow_scripts.report.scores import interval, percentiles, stated_interval

EXPERIMENTS = 300
LEAST = stats.binom.ppf(0.005, EXPERIMENTS, 0.95) / EXPERIMENTS  # 95% coverage falls below once in 200 test runs


def random_predictions(rows: int, classes: int, seed: int) -> Predictions:
    """Labels and probabilities with many ties, right more often than by chance."""
    random = np.random.default_rng(seed)
    labels = random.integers(classes, size=rows)
    noise = random.integers(1, 5, size=(rows, classes)) + 2 * (labels[:, None] == np.arange(classes))
    probabilities = noise / noise.sum(axis=1, keepdims=True)
    return Predictions(labels, probabilities.argmax(axis=1), probabilities)


def sklearn_scores(fit: Predictions) -> dict[str, float]:
    values = fit.probabilities[:, 1] if fit.probabilities.shape[1] == 2 else fit.probabilities
    return {
        "mcc": metrics.matthews_corrcoef(fit.labels, fit.predicted),
        "f1": metrics.f1_score(fit.labels, fit.predicted, average="macro"),
        "accuracy": metrics.accuracy_score(fit.labels, fit.predicted),
        "auroc": metrics.roc_auc_score(fit.labels, values, multi_class="ovr"),
    }


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_scores_equal_those_of_scikit_learn(classes):
    fit = random_predictions(500, classes, classes)
    found = weighted_scores(fit, np.ones((1, 500)))
    assert {name: values[0] for name, values in found.items()} == pytest.approx(sklearn_scores(fit))


@pytest.mark.parametrize("classes", [2, 4])
def test_resampled_scores_are_those_of_the_drawn_rows(classes):
    fit = random_predictions(200, classes, 1)
    found = resampled_scores([fit], 42, "emp", "H3", 130)[0]
    weights = np.concatenate(list(draws(200, 42, "emp", "H3", 130)))
    assert weights.shape == (130, 200) and (weights.sum(axis=1) == 200).all()
    for sample in (0, 99, 100, 129):
        rows = np.repeat(np.arange(200), weights[sample].astype(int))
        drawn = Predictions(fit.labels[rows], fit.predicted[rows], fit.probabilities[rows])
        assert {name: values[sample] for name, values in found.items()} == pytest.approx(sklearn_scores(drawn))


def test_a_class_that_is_never_predicted_or_has_no_row():
    never = Predictions(np.array([0, 1, 1, 2]), np.array([0, 0, 0, 2]), np.eye(3)[[0, 0, 0, 2]])
    found = {name: values[0] for name, values in weighted_scores(never, np.ones((1, 4))).items()}
    assert found == pytest.approx(sklearn_scores(never) | {"auroc": found["auroc"]})
    absent = Predictions(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.eye(3)[[0, 1, 0, 0]])
    found = {name: values[0] for name, values in weighted_scores(absent, np.ones((1, 4))).items()}
    assert found["f1"] == pytest.approx(metrics.f1_score([0, 1, 1, 0], [0, 1, 0, 0], average="macro"))
    assert np.isnan(found["auroc"])
    constant = Predictions(np.array([0, 1, 1, 0]), np.zeros(4, dtype=int), np.tile([0.6, 0.4], (4, 1)))
    found = {name: values[0] for name, values in weighted_scores(constant, np.ones((1, 4))).items()}
    assert found == pytest.approx({"mcc": 0, "f1": 1 / 3, "accuracy": 0.5, "auroc": 0.5})


def test_resamples_depend_on_seed_and_data_set_and_not_on_their_number():
    first = next(draws(50, 42, "emp", "H3", 100))
    assert (next(draws(50, 42, "emp", "H3", 300)) == first).all()
    for other in ((43, "emp", "H3"), (42, "emp", "H4")):
        assert (next(draws(50, *other, 100)) != first).any()
    blocks = list(draws(50, 42, "emp", "H3", 200))
    assert (blocks[0] != blocks[1]).any()


def test_spread_of_resampled_accuracy_is_that_of_a_proportion():
    labels = np.zeros(1000, dtype=int)
    fit = Predictions(labels, (np.arange(1000) < 200).astype(int), np.full((1000, 2), 0.5))
    accuracy = resampled_scores([fit], 0, "a", "b")[0]["accuracy"]
    assert accuracy.mean() == pytest.approx(0.8, abs=0.002)
    assert accuracy.std() == pytest.approx((0.8 * 0.2 / 1000) ** 0.5, rel=0.1)


def test_intervals_over_rows_and_seeds_are_joined_as_squares():
    resampled = np.array([[48.0, 50, 52, 54], [56, 58, 60, 62]])
    found = stated_interval([51.0, 59.0], resampled)
    half = stats.t.ppf(0.975, 1) * 4
    low, high = np.quantile([52, 54, 56, 58], [0.025, 0.975])
    assert (found["mean"], found["over"]) == (55, "seeds and rows")
    assert (found["seeds_low"], found["rows_low"]) == pytest.approx((55 - half, low))
    assert found["low"] == pytest.approx(55 - np.hypot(half, 55 - low))
    assert found["high"] == pytest.approx(55 + np.hypot(half, high - 55))
    alone = stated_interval([51.0], resampled[:1])
    assert (alone["over"], alone["low"], alone["seeds_low"]) == ("rows", alone["rows_low"], None)
    assert stated_interval([51.0], None)["over"] == "" and stated_interval([51.0], None)["low"] is None


def test_undefined_resamples_do_not_count():
    assert percentiles(np.array([np.nan, 1.0, 1.0])) == (1, 1)
    assert percentiles(np.array([np.nan])) is None


def test_interval_over_seeds_covers_the_truth():
    random = np.random.default_rng(1)
    found = [interval(random.normal(70, 3, size=3)) for _experiment in range(EXPERIMENTS)]
    covered = np.mean([one["low"] <= 70 <= one["high"] for one in found])
    assert LEAST <= covered < 1


def test_interval_over_seeds_and_rows_covers_the_truth():
    """Three trainings whose chance to be right varies, on 400 new rows, easy and hard ones the same for all three.

    A row is right where difficulty and luck, both normal, stay below the training's skill. The truth is the mean MCC
    of all trainings on all rows, 2 P(right) - 1. Each part of the interval alone covers it too rarely.
    """
    random = np.random.default_rng(2)
    skill, spread, shared, rows = 0.8, 0.07, 0.7, 400
    truth = 100 * (2 * stats.norm.cdf(skill / (1 + spread**2) ** 0.5) - 1)
    covered = {"": 0, "seeds_": 0, "rows_": 0}
    for experiment in range(EXPERIMENTS):
        labels = random.integers(2, size=rows)
        difficulty = shared**0.5 * random.normal(size=rows) + (1 - shared) ** 0.5 * random.normal(size=(3, rows))
        right = difficulty < skill + spread * random.normal(size=(3, 1))
        predicted = np.where(right, labels, 1 - labels)
        fits = [Predictions(labels, mine, np.eye(2)[mine]) for mine in predicted]
        resampled = [fit["mcc"] for fit in resampled_scores(fits, 0, "simulated", str(experiment), 200)]
        scores = [weighted_scores(fit, np.ones((1, rows)))["mcc"][0] for fit in fits]
        found = stated_interval(100 * np.array(scores), 100 * np.array(resampled))
        for part in covered:
            covered[part] += found[f"{part}low"] <= truth <= found[f"{part}high"]
    assert LEAST <= covered[""] / EXPERIMENTS < 1
    assert max(covered["seeds_"], covered["rows_"]) / EXPERIMENTS < LEAST
