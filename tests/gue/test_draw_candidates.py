"""Drawing of candidates: planted easy, hard and small ones are recognized, and each candidate gets a decision."""

import gzip
import random
from collections import Counter

import pytest

from workflow_scripts.common.files import read_json, read_table, write_json, write_table
from workflow_scripts.gue import draw_candidates, score_candidate
from workflow_scripts.gue.draw_candidates import classify
from workflow_scripts.gue.labelled_examples import Example, Place
from workflow_scripts.gue.score_candidate import divide

LENGTH, STEP, PEAKS = 900_000, 270, 300
MOTIF = "ACCTTGCAAGTC"
# name -> (peaks, copies of the motif in each, share of the peaks that have them)
KINDS = {
    "trivial": (PEAKS, 5, 1.0),
    "hopeless": (PEAKS, 0, 0.0),
    "small": (40, 2, 1.0),
    **{f"moderate{n}": (PEAKS, 2, 0.8) for n in range(7)},
}
DATASETS = ["0", "1", "2", "3", "4"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with genome.fa, candidates.tsv and peaks/KIND.narrowPeak.gz; no two kinds share a peak."""
    folder, draws = tmp_path_factory.mktemp("candidates"), random.Random(5)
    bases = draws.choices("ACGT", k=LENGTH)
    places = draws.sample(range(500, LENGTH - 500, STEP), sum(count for count, _, _ in KINDS.values()))
    (folder / "peaks").mkdir()
    for kind, (count, copies, share) in KINDS.items():
        rows = []
        for _ in range(count):
            at = places.pop()
            if draws.random() < share:
                for copy in range(copies):
                    first = at + 100 - 48 + 20 * copy
                    bases[first : first + len(MOTIF)] = MOTIF
            rows.append(f"c\t{at}\t{at + 200}\t.\t1\t.\t1\t-1\t-1\t100\n")
        (folder / "peaks" / f"{kind}.narrowPeak.gz").write_bytes(gzip.compress("".join(rows).encode(), mtime=0))
    (folder / "genome.fa").write_text(f">c\n{''.join(bases)}\n")
    rows = [
        {"task": "tf_human", "source": f"{kind}.narrowPeak.gz", "factor": kind.upper(), "cell": "X"} for kind in KINDS
    ]
    rows.append({"task": "tf_mouse", "source": "mouse.narrowPeak.gz", "factor": "M", "cell": "Y"})
    write_table(folder / "candidates.tsv", rows, ["task", "source", "factor", "cell"])
    return folder


@pytest.fixture
def table(registry):
    return registry(task="tf_human", dataset="0", length=101, classes="unbound;bound")


def arguments_of(world, table, kind, out):
    dataset = ["--task", "tf_human", "--dataset", "0", "--registry", str(table)]
    peaks = f"--peaks={world}/peaks/{kind}.narrowPeak.gz"
    return [*dataset, f"--genome={world}/genome.fa", peaks, "--out", str(out)]


@pytest.fixture
def scores(world, table):
    """The score files of all candidates, made once by the program."""
    for kind in KINDS:
        path = world / "scores" / f"{kind}.json"
        if not path.exists():
            assert score_candidate.main(arguments_of(world, table, kind, path)) == 0
    return sorted((world / "scores").iterdir())


@pytest.fixture
def draw(world, scores, tmp_path):
    """``draw(seed, ...)``: exit status and output folder of the program."""

    def start(seed=42, datasets=DATASETS, paths=None, out="out"):
        arguments = ["--candidates", str(world / "candidates.tsv"), "--task", "tf_human", "--seed", str(seed)]
        arguments += ["--datasets", *datasets, "--scores", *map(str, paths or scores)]
        arguments += ["--peaks", *map(str, (world / "peaks").iterdir()), "--out", str(tmp_path / out)]
        return draw_candidates.main(arguments), tmp_path / out

    return start


def test_planted_candidates_are_recognized(scores):
    found = {path.stem: read_json(path) for path in scores}
    classes = {kind: classify(figures) for kind, figures in found.items()}
    assert classes == {
        **{f"moderate{n}": "usable" for n in range(7)},
        **{"trivial": "trivial", "hopeless": "hopeless", "small": "too few"},
    }
    for kind, figures in found.items():
        assert (figures["candidate"], figures["task"]) == (f"{kind}.narrowPeak.gz", "tf_human")
        assert figures["peaks"] == KINDS[kind][0] and figures["rows"] <= 2 * figures["peaks"]
        assert figures["test_rows"] == figures["rows"] // 5
    assert found["small"]["f1"] is None and found["small"]["mcc"] is None


def test_a_score_depends_only_on_the_candidate_and_the_seed(world, table, scores, tmp_path):
    again, other = tmp_path / "again.json", tmp_path / "other.json"
    assert score_candidate.main(arguments_of(world, table, "moderate0", again)) == 0
    assert again.read_bytes() == (world / "scores/moderate0.json").read_bytes()
    assert score_candidate.main([*arguments_of(world, table, "moderate0", other), "--seed", "7"]) == 0
    assert other.read_bytes() != again.read_bytes()


def test_every_candidate_has_a_decision_and_five_are_drawn(world, draw):
    status, out = draw()
    assert status == 0
    rows = read_table(out / "decisions.tsv")
    assert [row["candidate"] for row in rows] == [f"{kind}.narrowPeak.gz" for kind in KINDS]
    decisions = {row["factor"].lower(): row["decision"] for row in rows}
    assert [decisions[kind] for kind in ("trivial", "hopeless", "small")] == ["trivial", "hopeless", "too few"]
    drawn = [row for row in rows if row["decision"] == "drawn"]
    assert [row["dataset"] for row in drawn] == DATASETS
    assert sum(row["decision"] == "not drawn" for row in rows) == 2
    assert sorted(path.name for path in out.iterdir()) == [*(f"{n}.narrowPeak.gz" for n in DATASETS), "decisions.tsv"]
    for row in drawn:
        copy = out / f"{row['dataset']}.narrowPeak.gz"
        assert copy.read_bytes() == (world / "peaks" / row["candidate"]).read_bytes()
    assert all((row["f1"] == "") == (row["decision"] == "too few") for row in rows)


def test_the_draw_depends_only_on_the_seed(draw, scores):
    tables = {
        (seed, turn): (draw(seed, paths=scores[::turn], out=f"{seed}{turn}")[1] / "decisions.tsv").read_bytes()
        for seed in range(6)
        for turn in (1, -1)
    }
    assert all(tables[seed, 1] == tables[seed, -1] for seed in range(6))
    assert len(set(tables.values())) > 1


def test_without_a_choice_the_table_order_numbers_the_data_sets(draw):
    _, out = draw(datasets=[str(n) for n in range(7)])
    drawn = {row["dataset"]: row["factor"] for row in read_table(out / "decisions.tsv") if row["dataset"]}
    assert drawn == {str(n): f"MODERATE{n}" for n in range(7)}


def test_too_few_usable_candidates_are_an_error(draw, capsys):
    status, out = draw(datasets=[str(n) for n in range(8)])
    assert status == 1 and not out.exists()
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "tf_human: 7 usable candidates, 8 needed (1 hopeless, 1 too few, 1 trivial, 7 usable)" in message


def test_a_candidate_without_a_score_is_an_error(draw, scores, capsys):
    status, out = draw(paths=scores[1:])
    assert status == 1 and not out.exists()
    assert f"{scores[0].stem}.narrowPeak.gz" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("f1", "test_rows", "expected"),
    [
        (None, 10, "too few"),
        (0.951, 400, "trivial"),
        (0.95, 400, "usable"),
        (0.55, 400, "usable"),
        (0.549, 400, "hopeless"),
        (0.1, 400, "hopeless"),
    ],
)
def test_f1_limits(f1, test_rows, expected):
    """On 400 rows the noise of guessing, two standard deviations of its accuracy, is 0.05."""
    assert classify({"f1": f1, "test_rows": test_rows}) == expected


def test_scores_of_another_task_are_ignored(scores, draw, tmp_path):
    other = read_json(scores[1]) | {"task": "tf_mouse", "f1": 0.0}
    write_json(tmp_path / "mouse.json", other)
    _, plain = draw(out="plain")
    _, mixed = draw(paths=[*scores, tmp_path / "mouse.json"], out="mixed")
    assert (mixed / "decisions.tsv").read_bytes() == (plain / "decisions.tsv").read_bytes()
    assert all(row["factor"] != "M" for row in read_table(mixed / "decisions.tsv"))


def test_a_shuffle_is_scored_on_the_side_of_its_positive(recipe):
    """Split by single rows, the train rows would give away most test rows: flip the label of the partner."""
    draw = random.Random(1)
    positives = ["".join(draw.choices("ACGT", k=60)) for _ in range(100)]
    rows = []
    for number, sequence in enumerate(positives):
        place = (Place("c", 100 * number, 100 * number + 60, "+"),)
        rows += [Example((sequence,), 1, place), Example(("".join(sorted(sequence)) + str(number),), 0, place)]
    test, train = divide(rows, recipe("tf_mouse", "candidate", 60, 200))
    assert (len(test), len(train)) == (40, 160) and Counter(test + train) == Counter(rows)
    assert not {row.places for row in test} & {row.places for row in train}
    assert sum(row.label for row in test) == 20
