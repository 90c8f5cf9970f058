"""Tests of tokens and motifs on maps that are made up: what they find, and what they must not find."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from workflow_scripts.apply.explanations import Map
from workflow_scripts.apply.find_motifs import Pair, find
from workflow_scripts.apply.paired_tests import corrected
from workflow_scripts.apply.seqlets import FLANK, WIDTH, seqlets
from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.files import read_json, read_table, write_json, write_text
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import base_codes, kmer_numbers

MOTIF = "TGACTCAT"
JASPAR = ">MA0000.1\tPLANTED\n" + "".join(
    f"{base} [ {' '.join('97' if letter == base else '1' for letter in MOTIF)} ]\n" for base in "ACGT"
)
Importance = Callable[[str], np.ndarray]


def mapped(letters: str, importance: Importance, size: int = 4) -> Map:
    """A map with an importance of each base; tokens have ``size`` bases."""
    values = importance(letters)
    effects = np.where(np.array([[base == letter for base in "ACGT"] for letter in letters]), 0, -values[:, None])
    starts = np.arange(0, len(letters), size)
    tokens = np.stack([starts, np.minimum(starts + size, len(letters))], axis=1)
    value = float(values.sum())
    return Map(letters, int(value > 0), value, effects, tokens)


def pairs(sequences: list[str], importance: Importance, size: int = 4) -> list[Pair]:
    """Sequences and their shuffles under a made-up model."""
    found = []
    for number, letters in enumerate(sequences):
        other = dinucleotide_shuffled(letters, generator("pairs", letters, number))
        found.append(Pair(number, 0, mapped(letters, importance, size), mapped(other, importance, size)))
    return found


def tables(folder: Path, found: list[Pair], matrices: str = JASPAR) -> dict[str, list[dict[str, str]]]:
    write_text(folder / "motifs.txt", matrices)
    write_json(folder / "record.json", find(found, folder / "motifs.txt", folder))
    return {name: read_table(folder / f"{name}.tsv") for name in ("tokens", "seqlets", "motifs", "token_motifs")}


def random_letters(*key: object, length: int = 60, weights=(1, 1, 1, 1)) -> str:
    odds = np.array(weights) / np.sum(weights)
    return "".join(generator(*key).choice(list("ACGT"), length, p=odds))


def planted(number: int) -> str:
    """The motif at a place that tokens of 4 bases cut in the middle."""
    letters = random_letters("planted", number)
    start = 4 * int(generator("place", number).integers(1, 12))
    return letters[:start] + MOTIF + letters[start + len(MOTIF) :]


def reads_motif(letters: str) -> np.ndarray:
    """Importance of the bases of each copy of MOTIF, and some noise that depends on the letters only."""
    values = generator("noise", letters).normal(0, 0.2, len(letters))
    start = letters.find(MOTIF)
    if start >= 0:
        values[start : start + len(MOTIF)] += 2
    return values


def reads_words(*key: object) -> Importance:
    """A model without training: every 3 letters have a weight of their own by chance."""
    weights = generator("words", *key).normal(size=64)

    def importance(letters: str) -> np.ndarray:
        numbers = kmer_numbers(base_codes(letters), 3)
        return np.concatenate([[0.0], weights[numbers[:-2]], [0.0]])

    return importance


def reads_gc(letters: str) -> np.ndarray:
    return np.array([1.0 if letter in "GC" else -1.0 for letter in letters])


def test_a_planted_motif_is_found_as_tokens_seqlets_and_motif(tmp_path):
    other = ">MA0000.3\tOTHER\n" + "".join(
        f"{base} [ {' '.join('97' if letter == base else '1' for letter in 'ACTTGATC')} ]\n" for base in "ACGT"
    )
    found = tables(tmp_path, pairs([planted(number) for number in range(80)], reads_motif), JASPAR + other)
    assert {row["name"] for row in found["tokens"] if float(row["q"]) < 0.05} == {"TGAC", "TCAT"}
    (best, *rest) = found["motifs"]
    assert best["name"] == "MA0000.1 PLANTED" and float(best["q"]) < 1e-6 and int(best["sequences"]) > 70
    assert not [row for row in rest if float(row["q"]) < 0.05]
    matching = [row for row in found["seqlets"] if MOTIF in row["letters"]]
    assert len(matching) > 70 and {row["motif"] for row in matching} == {"MA0000.1 PLANTED"}
    record = read_json(tmp_path / "record.json")
    assert record["significant"] == {"tokens": 2, "motifs": 1} and record["pairs"] == 80


def test_vocabulary_entries_that_are_known_motifs_are_told(tmp_path):
    sequences = [
        f"{random_letters('left', n, length=8)}{MOTIF}{random_letters('right', n, length=16)}" for n in range(60)
    ]
    rows = tables(tmp_path, pairs(sequences, reads_motif, size=8))["token_motifs"]
    assert rows[0]["token"] == MOTIF and float(rows[0]["q"]) < 0.05
    assert float(rows[0]["p"]) < 1e-4 and {row["motif"] for row in rows} == {"MA0000.1 PLANTED"}
    assert np.mean([float(row["q"]) < 0.05 for row in rows]) < 0.03


@pytest.mark.slow
def test_sets_that_are_shuffles_themselves_give_no_small_q(tmp_path):
    """For any model: here its words have weights by chance, so some tokens matter much to it."""
    p, significant = [], 0
    for repeat in range(30):
        sequences = [random_letters("null", repeat, number, length=48) for number in range(40)]
        folder = tmp_path / str(repeat)
        found = tables(folder, pairs(sequences, reads_words(repeat), 2))
        p += [float(row["p"]) for row in found["tokens"]]
        significant += any(float(row["q"]) < 0.05 for row in found["tokens"] + found["motifs"])
    assert len(p) > 100
    assert np.mean(np.array(p) < 0.05) < 0.09
    assert significant <= 3


def test_a_model_of_composition_finds_nothing_though_its_words_matter(tmp_path):
    """The sequences are rich in GC, and predicted for it; so are their shuffles."""
    sequences = [random_letters("gc", number, weights=(1, 3, 3, 1)) for number in range(80)]
    found = pairs(sequences, reads_gc)
    assert all(pair.real.predicted == 1 for pair in found)
    tokens = [
        (pair.real.letters[start:end], pair.real.importance[start:end].mean())
        for pair in found
        for start, end in pair.real.tokens
    ]
    naive = [mean for word, mean in tokens if word == "GCGC"]
    assert stats.wilcoxon(naive, alternative="greater").pvalue < 1e-3  # sequences alone seem to say so
    rows = tables(tmp_path, found)
    assert rows["tokens"] and not [row for row in rows["tokens"] + rows["motifs"] if float(row["q"]) < 0.05]


def test_without_a_difference_of_values_no_token_counts(tmp_path):
    """The question that comes first: no q is below its p."""

    def empty(letters: str) -> np.ndarray:
        values = reads_motif(letters)
        return values - values.mean()  # the motif matters, and the value of every sequence is 0

    found = tables(tmp_path, pairs([planted(number) for number in range(80)], empty))
    first = read_json(tmp_path / "record.json")["p_of_values"]
    assert all(float(row["q"]) >= first * 0.999 for row in found["tokens"])


def test_shuffles_of_the_pairs_have_the_dinucleotides_of_their_sequences():
    for pair in pairs([planted(number) for number in range(5)], reads_gc):
        assert sorted(pairwise(pair.real.letters)) == sorted(pairwise(pair.shuffled.letters))
        assert pair.real.letters != pair.shuffled.letters


def test_seqlets_are_the_highest_stretches_without_overlap():
    values = np.zeros(60)
    values[10:18], values[14:22] = 1, 3
    values[40:48] = 2
    first, second = seqlets(mapped("ACGT" * 15, lambda _: values), 1.5)
    assert (first.start, first.end) == (14 - FLANK, 22 + FLANK) and first.importance == 3 * WIDTH
    assert (second.start, second.end) == (40 - FLANK, 48 + FLANK) and second.importance == 2 * WIDTH
    assert seqlets(mapped("ACGT" * 15, lambda _: values), 3.1) == []
    assert seqlets(mapped("ACGT", lambda _: np.ones(4)), 0) == []


def test_correction_is_that_of_benjamini_and_hochberg():
    assert corrected([0.01, 0.04, 0.03, 0.5]) == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert corrected([]) == []
