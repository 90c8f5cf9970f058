"""The bootstrap over test rows: metrics equal to scikit-learn's, and intervals with the stated coverage."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from workflow_scripts.common.bootstrap import Predictions, resampled_scores, row_counts, weighted_scores
from workflow_scripts.common.intervals import combined_interval, percentile_interval, t_interval

EXPERIMENTS = 300
# with a coverage of 95% one test run in 200 falls below this
LEAST = stats.binom.ppf(0.005, EXPERIMENTS, 0.95) / EXPERIMENTS


def random_predictions(rows: int, classes: int, seed: int) -> Predictions:
    """Predictions with many tied probabilities that are right more often than by chance."""
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
        "auprc": metrics.average_precision_score(np.eye(fit.probabilities.shape[1])[fit.labels][:, 1:], values)
        if values.ndim == 1
        else metrics.average_precision_score(np.eye(values.shape[1])[fit.labels], values),
    }


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_scores_equal_those_of_scikit_learn(classes):
    fit = random_predictions(500, classes, classes)
    found = weighted_scores(fit, np.ones((1, 500)))
    assert {name: values[0] for name, values in found.items()} == pytest.approx(sklearn_scores(fit))


@pytest.mark.parametrize("classes", [2, 4])
def test_resampled_scores_equal_those_of_the_drawn_rows(classes):
    fit = random_predictions(200, classes, 1)
    found = resampled_scores([fit], 42, "emp", "H3", 130)[0]
    weights = np.concatenate(list(row_counts(200, 42, "emp", "H3", 130)))
    assert weights.shape == (130, 200) and (weights.sum(axis=1) == 200).all()
    for sample in (0, 99, 100, 129):
        rows = np.repeat(np.arange(200), weights[sample].astype(int))
        drawn = Predictions(fit.labels[rows], fit.predicted[rows], fit.probabilities[rows])
        assert {name: values[sample] for name, values in found.items()} == pytest.approx(sklearn_scores(drawn))


def test_classes_without_predictions_or_rows():
    never = Predictions(np.array([0, 1, 1, 2]), np.array([0, 0, 0, 2]), np.eye(3)[[0, 0, 0, 2]])
    found = {name: values[0] for name, values in weighted_scores(never, np.ones((1, 4))).items()}
    areas = {name: found[name] for name in ("auroc", "auprc")}
    assert found == pytest.approx(sklearn_scores(never) | areas)
    absent = Predictions(np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0]), np.eye(3)[[0, 1, 0, 0]])
    found = {name: values[0] for name, values in weighted_scores(absent, np.ones((1, 4))).items()}
    assert found["f1"] == pytest.approx(metrics.f1_score([0, 1, 1, 0], [0, 1, 0, 0], average="macro"))
    assert np.isnan(found["auroc"]) and np.isnan(found["auprc"])
    constant = Predictions(np.array([0, 1, 1, 0]), np.zeros(4, dtype=int), np.tile([0.6, 0.4], (4, 1)))
    found = {name: values[0] for name, values in weighted_scores(constant, np.ones((1, 4))).items()}
    assert found == pytest.approx({"mcc": 0, "f1": 1 / 3, "accuracy": 0.5, "auroc": 0.5, "auprc": 0.5})


def test_the_areas_of_a_constant_are_a_half_and_the_share_of_the_class():
    constant = Predictions(
        np.repeat([0, 1, 2], [70, 20, 10]), np.zeros(100, dtype=int), np.tile([0.6, 0.3, 0.1], (100, 1))
    )
    for number, share in enumerate((0.7, 0.2, 0.1)):
        found = weighted_scores(constant, np.ones((1, 100)), ("auprc:x", number))
        assert found["auprc:x"][0] == pytest.approx(share)
        assert weighted_scores(constant, np.ones((1, 100)), ("auroc:x", number))["auroc:x"][0] == 0.5


@pytest.mark.parametrize("classes", [2, 4])
def test_the_area_of_one_class_is_resampled_with_the_others(classes):
    fit = random_predictions(300, classes, 3)
    positive, values = fit.labels == 0, fit.probabilities[:, 0]
    for measure, area in (("auroc", metrics.roc_auc_score), ("auprc", metrics.average_precision_score)):
        name = f"{measure}:first"
        found = weighted_scores(fit, np.ones((1, 300)), (name, 0))
        assert found[name][0] == pytest.approx(area(positive, values))
        resampled = resampled_scores([fit], 0, "a", "b", 100, of_class=(name, 0))[0]
        assert resampled[name].mean() == pytest.approx(area(positive, values), abs=0.02) and resampled[name].std() > 0
        weights = next(row_counts(300, 0, "a", "b", 100))
        rows = np.repeat(np.arange(300), weights[7].astype(int))
        assert resampled[name][7] == pytest.approx(area(positive[rows], values[rows]))


def test_resamples_depend_on_seed_and_data_set_but_not_on_their_number():
    first = next(row_counts(50, 42, "emp", "H3", 100))
    assert (next(row_counts(50, 42, "emp", "H3", 300)) == first).all()
    for other in ((43, "emp", "H3"), (42, "emp", "H4")):
        assert (next(row_counts(50, *other, 100)) != first).any()
    blocks = list(row_counts(50, 42, "emp", "H3", 200))
    assert (blocks[0] != blocks[1]).any()


def test_resampled_accuracy_has_the_spread_of_a_proportion():
    labels = np.zeros(1000, dtype=int)
    fit = Predictions(labels, (np.arange(1000) < 200).astype(int), np.full((1000, 2), 0.5))
    accuracy = resampled_scores([fit], 0, "a", "b")[0]["accuracy"]
    assert accuracy.mean() == pytest.approx(0.8, abs=0.002)
    assert accuracy.std() == pytest.approx((0.8 * 0.2 / 1000) ** 0.5, rel=0.1)


def test_intervals_over_seeds_and_rows_are_combined_in_quadrature():
    resampled = np.array([[48.0, 50, 52, 54], [56, 58, 60, 62], [52, 54, 56, 58]])
    found = combined_interval([51.0, 59.0, 55.0], resampled)
    half = stats.t.ppf(0.975, 2) * 4 / 3**0.5
    low, high = np.quantile([52, 54, 56, 58], [0.025, 0.975])
    assert (found["mean"], found["over"]) == (55, "seeds and rows")
    assert (found["seeds_low"], found["rows_low"]) == pytest.approx((55 - half, low))
    assert found["low"] == pytest.approx(55 - np.hypot(half, 55 - low))
    assert found["high"] == pytest.approx(55 + np.hypot(half, high - 55))
    two_seeds = combined_interval([51.0, 59.0], resampled[:2])
    assert (two_seeds["over"], two_seeds["low"], two_seeds["seeds_low"]) == ("rows", two_seeds["rows_low"], None)
    one_seed = combined_interval([51.0], resampled[:1])
    assert (one_seed["over"], one_seed["low"], one_seed["seeds_low"]) == ("rows", one_seed["rows_low"], None)
    assert combined_interval([51.0], None)["over"] == "" and combined_interval([51.0], None)["low"] is None


def test_undefined_resamples_are_ignored():
    assert percentile_interval(np.array([np.nan, 1.0, 1.0])) == (1, 1)
    assert percentile_interval(np.array([np.nan])) is None


def test_interval_over_seeds_covers_the_truth():
    random = np.random.default_rng(1)
    found = [t_interval(random.normal(70, 3, size=3)) for _experiment in range(EXPERIMENTS)]
    covered = np.mean([interval["low"] <= 70 <= interval["high"] for interval in found])
    assert LEAST <= covered < 1


@pytest.mark.slow
def test_interval_over_seeds_and_rows_covers_the_truth():
    """Three trainings of varying skill on 400 new rows, which have a common difficulty for all three.

    A prediction is right if difficulty plus luck, both normal, is below the skill of the training. The truth is the
    mean MCC of all trainings on all rows, 2 P(right) - 1. The interval over seeds or rows only covers it too rarely.
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
        found = combined_interval(100 * np.array(scores), 100 * np.array(resampled))
        for part in covered:
            covered[part] += found[f"{part}low"] <= truth <= found[f"{part}high"]
    assert LEAST <= covered[""] / EXPERIMENTS < 1
    assert max(covered["seeds_"], covered["rows_"]) / EXPERIMENTS < LEAST
