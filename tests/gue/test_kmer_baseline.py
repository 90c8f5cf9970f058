"""The k-mer baseline: correct counts, high scores for planted motifs, low scores for noise."""

import random

import numpy as np
import pytest

from workflow_scripts.gue import kmer_baseline
from workflow_scripts.gue.labelled_examples import Example


def slow_counts(sequences, k):
    table = np.zeros((len(sequences), 4**k), dtype=np.float32)
    for number, sequence in enumerate(sequences):
        for start in range(len(sequence) - k + 1):
            kmer = sequence[start : start + k]
            if set(kmer) <= set("ACGT"):
                table[number, int("".join(str("ACGT".index(base)) for base in kmer), 4)] += 1
    return table


@pytest.mark.parametrize("k", [1, 2, 5])
def test_counts_equal_those_of_a_loop(bases, k):
    sequences = [bases(60, 1), "ACGT", "", "AC", "NNNNNNN", bases(20, 2) + "N" + bases(20, 3) + "r"]
    assert np.array_equal(
        kmer_baseline.kmer_counts([sequences[0].lower()], k), kmer_baseline.kmer_counts(sequences[:1], k)
    )
    assert np.array_equal(kmer_baseline.kmer_counts(sequences, k), slow_counts(sequences, k))


def test_features_of_pairs_are_concatenated(bases):
    rows = [Example((bases(30 + n, n), bases(20, 100 + n)), 0) for n in range(9)]
    both = kmer_baseline.features(rows)
    assert both.shape == (9, 2 * 1364)
    for position in (0, 1):
        alone = kmer_baseline.features([Example((row.sequences[position],), 0) for row in rows])
        assert np.array_equal(both[:, 1364 * position : 1364 * (position + 1)], alone)
        assert np.allclose(np.linalg.norm(alone[:, :4], axis=1), 1)


def planted(count, seed, motif="GATTACA", classes=2, position=0):
    """Rows of 60 random bases; in class 1 the sequence number ``position`` has the motif."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        sequences = ["".join(draw.choices("ACGT", k=60)) for _ in range(position + 1)]
        if number % classes == 1:
            at = draw.randrange(50)
            sequences[position] = sequences[position][:at] + motif + sequences[position][at + len(motif) :]
        rows.append(Example(tuple(sequences), number % classes))
    return rows


@pytest.mark.parametrize("position", [0, 1])
def test_a_motif_in_either_sequence_of_a_row_is_found(position):
    splits = {"train": planted(600, 1, position=position), "dev": [], "test": planted(200, 2, position=position)}
    scores = kmer_baseline.baseline_scores(splits, 1)
    assert scores["mcc"] > 0.5 and scores["accuracy"] > 0.75 and scores["f1"] > 0.75


def test_noise_scores_near_zero():
    splits = {"train": planted(600, 3, motif=""), "dev": [], "test": planted(400, 4, motif="")}
    assert abs(kmer_baseline.baseline_scores(splits, 1)["mcc"]) < 0.15


def test_rows_beyond_the_limit_are_subsampled_by_the_seed(monkeypatch):
    monkeypatch.setattr(kmer_baseline, "MAX_TRAIN_ROWS", 80)
    splits = {"train": planted(400, 5), "dev": [], "test": planted(200, 6)}
    first, again, other = (kmer_baseline.baseline_scores(splits, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_with_one_class_in_train_that_class_is_predicted():
    rows = planted(20, 7)
    scores = kmer_baseline.baseline_scores({"train": [row for row in rows if row.label], "dev": [], "test": rows}, 1)
    assert scores == {"mcc": 0.0, "f1": pytest.approx(1 / 3, abs=1e-4), "accuracy": 0.5}
