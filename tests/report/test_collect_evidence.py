"""What is behind the scores: equal to scikit-learn's, and the errors are those of the rows they name."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import metrics

from workflow_scripts.common.bootstrap import Predictions
from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_evidence, evidence
from workflow_scripts.report.collect_evidence import LEARNING_POINTS


def random_fits(classes: int, count: int, rows: int = 300) -> list[Predictions]:
    """Fits with many tied probabilities that are right more often than by chance."""
    random = np.random.default_rng(classes)
    labels = random.integers(classes, size=rows)
    fits = []
    for _fit in range(count):
        noise = random.integers(1, 5, size=(rows, classes)) + 2 * (labels[:, None] == np.arange(classes))
        probabilities = noise / noise.sum(axis=1, keepdims=True)
        fits.append(Predictions(labels, probabilities.argmax(axis=1), probabilities))
    return fits


@pytest.mark.parametrize("classes", [2, 5])
def test_scores_of_classes_equal_those_of_scikit_learn(classes):
    fits = random_fits(classes, 1)
    labels, predicted = fits[0].labels, fits[0].predicted
    counts = evidence.confusions(fits)
    assert (counts == metrics.confusion_matrix(labels, predicted)).all()
    precision, recall, f1, _rows = metrics.precision_recall_fscore_support(labels, predicted)
    found = evidence.class_scores(counts)
    assert found == {
        name: pytest.approx(known) for name, known in (("precision", precision), ("recall", recall), ("f1", f1))
    }
    areas = evidence.class_areas(fits)
    for number in range(classes):
        values, positive = fits[0].probabilities[:, number], labels == number
        assert areas["auroc"][number] == pytest.approx(metrics.roc_auc_score(positive, values))
        assert areas["auprc"][number] == pytest.approx(metrics.average_precision_score(positive, values))


def test_curves_are_those_of_scikit_learn_at_their_thresholds():
    fit = random_fits(2, 1)[0]
    values, positive = fit.probabilities[:, 1], fit.labels == 1
    shares, recalls, _thresholds = metrics.roc_curve(positive, values, drop_intermediate=False)
    expected = [max(recalls[shares <= x + 1e-9]) for x in evidence.GRID]
    assert evidence.roc_curve(values, positive) == pytest.approx(expected)
    precisions, recalls, thresholds = metrics.precision_recall_curve(positive, values)
    needed = np.maximum(evidence.GRID, 1 / positive.sum())
    expected = [precisions[: len(thresholds)][recalls[: len(thresholds)] >= x - 1e-9][-1] for x in needed]
    assert evidence.precision_recall_curve(values, positive) == pytest.approx(expected)


def test_figures_are_means_over_the_fits():
    fits = random_fits(3, 4)
    for found in (
        evidence.confusions,
        lambda some: evidence.class_areas(some)["auprc"],
        lambda some: evidence.mean_curves(some)["roc"],
    ):
        assert found(fits) == pytest.approx(np.mean([found([fit]) for fit in fits], axis=0))


def test_a_perfect_and_a_constant_fit():
    labels = np.array([0, 0, 1, 1])
    perfect = Predictions(labels, labels, np.eye(2)[labels])
    assert evidence.mean_curves([perfect])["roc"].tolist() == [1.0] * 51
    assert evidence.class_areas([perfect])["auprc"].tolist() == [1, 1]
    constant = Predictions(labels, np.zeros(4, dtype=int), np.full((4, 2), 0.5))
    curves = evidence.mean_curves([constant])
    assert curves["roc"].tolist() == [0.0] * 50 + [1.0] and set(curves["precision-recall"]) == {0.5}
    assert np.isnan(evidence.class_scores(evidence.confusions([constant]))["precision"][1])
    alone = Predictions(labels * 0, labels * 0, np.full((4, 2), 0.5))
    assert evidence.mean_curves([alone]) == {} and np.isnan(evidence.class_areas([alone])["auroc"]).all()


def test_worst_errors_are_wrong_in_most_fits():
    """Row 1 is wrong in two of three fits, row 2 in all, row 3 in one."""
    labels = np.array([0, 0, 1, 1])
    given = np.array([[0.9, 0.1, 0.2, 0.9], [0.8, 0.2, 0.4, 0.3], [0.9, 0.9, 0.3, 0.8]])
    fits = []
    for mine in given:
        predicted = np.where(mine > 0.5, labels, 1 - labels)
        fits.append(
            Predictions(labels, predicted, np.where(labels[:, None] == [0, 1], mine[:, None], 1 - mine[:, None]))
        )
    errors = evidence.worst_errors(fits)
    assert [(row, prediction, wrong) for row, prediction, _given, wrong in errors] == [(2, 0, 3), (1, 1, 2)]
    assert [given for *_facts, given, _wrong in errors] == pytest.approx([0.3, 0.4])
    assert evidence.worst_errors(fits, 1) == errors[:1]


def write_dataset(run, rows: int = 400) -> None:
    folder = run.root / "sheets" / "emp" / "H3"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.csv").write_text(
        "sequence,label\n" + "".join(f"{'A' * (row + 1)},{row * 2 // rows}\n" for row in range(rows))
    )
    (folder / "ids.tsv").write_text("split\tline\tid\ntest\t400\tlast but one\ntrain\t401\tof train\n")
    (folder / "classes.json").write_text(json.dumps(["no mark", "mark"]))


def collect(run) -> dict[str, list[dict[str, str]]]:
    names = ("classes", "confusions", "curves", "errors", "learning")
    command = [*run.fit_arguments(), "--data", str(run.root / "sheets")]
    for name in names:
        command += [f"--{name}", str(run.root / f"{name}.tsv")]
    assert collect_evidence.main(command) == 0
    return {name: read_table(run.root / f"{name}.tsv") for name in names}


def test_tables_of_evidence(run):
    """Of each class of 200 rows the last 20 are wrong."""
    for seed in range(3):
        run.fit("mine", "full", "emp", "H3", seed, 0.8)
    run.plan("absent", "full", "emp/H3", 0)
    write_dataset(run)
    found = collect(run)
    first, second = found["classes"]
    assert (first["class"], second["class"], second["seeds"]) == ("no mark", "mark", "3")
    assert [float(second[name]) for name in ("rows", "predicted", "precision", "recall", "f1")] == [
        200,
        200,
        90,
        90,
        90,
    ]
    assert [
        (row["label"], row["prediction"], float(row["rows"]), float(row["percent_of_label"]))
        for row in found["confusions"]
    ] == [
        ("no mark", "no mark", 180, 90),
        ("no mark", "mark", 20, 10),
        ("mark", "mark", 180, 90),
        ("mark", "no mark", 20, 10),
    ]
    assert len(found["curves"]) == 2 * 51 and {row["model"] for row in found["curves"]} == {"mine"}
    errors = found["errors"]
    assert len(errors) == evidence.WORST and errors[0]["wrong"] == errors[0]["seeds"] == "3"
    assert all(len(row["sequence"]) == int(row["line"]) - 1 and row["label"] != row["prediction"] for row in errors)
    assert float(errors[0]["probability_of_label"]) == pytest.approx(0.2)


def test_learning_curves_are_of_each_seed_and_thinned(run):
    """Every evaluation of a fit, up to a number, with the first and the last; fits of numbers have one too."""
    points = [
        {"step": 10 * n, "training_loss": 1 / n, "dev_loss": 2 / n, "dev_score": n / 200 if n > 1 else None}
        for n in range(1, 101)
    ]
    run.fit("mine", "full", "emp", "H3", 0, 0.5, learning_curve=points)
    run.fit("mine", "full", "emp", "H3", 1, 0.5, learning_curve=points[:3])
    run.fit("mine", "probe", "emp", "H3", 0, 0.5)
    write_dataset(run)
    found = collect(run)["learning"]
    assert {row["method"] for row in found} == {"full"}
    first = [row for row in found if row["seed"] == "0"]
    assert len(first) == LEARNING_POINTS and (first[0]["step"], first[-1]["step"]) == ("10", "1000")
    assert (first[0]["dev_score"], float(first[-1]["dev_score"])) == ("", 50)
    second = [
        [float(row[name] or 0) for name in ("step", "training_loss", "dev_loss", "dev_score")] for row in found[40:]
    ]
    assert second == [
        [10, 1, 2, 0],
        [20, 0.5, 1, 1],
        [30, pytest.approx(1 / 3, abs=1e-4), pytest.approx(2 / 3, abs=1e-4), 1.5],
    ]


def test_an_error_has_the_id_of_its_row(run):
    run.fit("mine", "full", "emp", "H3", 0, 0.99)
    write_dataset(run)
    ids = {row["line"]: row["id"] for row in collect(run)["errors"]}
    assert ids == {"201": "", "401": ""}, "the last row of each class; line 401 of train is another row"


def test_fits_on_other_rows_and_fits_of_numbers(run, capsys):
    run.fit(
        "mine",
        "full",
        "custom",
        "heights",
        0,
        0.5,
        problem="regression",
        metric="pearson",
        test={"pearson": 0.5, "rows": 9},
    )
    assert not any(collect(run).values())
    run.fit("mine", "full", "emp", "H3", 0, 0.5)
    path = run.fit("mine", "full", "emp", "H3", 1, 0.5).with_name("predictions.parquet")
    table = pq.read_table(path)
    pq.write_table(pa.table(table.slice(0, 9)), path)
    with pytest.raises(AssertionError):
        collect(run)
    assert f"{path}: other test rows than" in capsys.readouterr().err
