"""The Markov model of benchmarks/learning.py: its bits per base on sequences of known entropy."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.learning import markov, markov_bits
from workflow_scripts.pretrain.batches import IGNORED, MASK

WORDS = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T", "AC", "GT"]


@pytest.fixture
def chunk_file(tmp_path):
    def chunk_file(training: list[str], validation: list[str]):
        split = ["train"] * len(training) + ["validation"] * len(validation)
        pq.write_table(pa.table({"sequence": training + validation, "split": split}), tmp_path / "G.parquet")
        return tmp_path / "G.parquet"

    return chunk_file


def batch(sequence: str, predicted: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """A row of single bases of which some are masked."""
    row = np.array([1, *(WORDS.index(base) for base in sequence), 2, 3])
    chosen = np.isin(np.arange(len(row)), predicted)
    return np.where(chosen, MASK, row)[None], np.where(chosen, row, IGNORED)[None]


def test_a_sequence_that_three_bases_predict_costs_nothing(chunk_file):
    tables = markov([chunk_file(["AACG" * 250] * 20, ["T" * 1000])])
    assert markov_bits(tables, WORDS, batch("AACGAACGAACG", [6, 7, 8])) < 0.01
    assert markov_bits(tables, WORDS, batch("AACGAACGAACT", [12])) > 10


def test_random_bases_cost_two_bits(chunk_file):
    random = np.random.default_rng(0)
    tables = markov([chunk_file(["".join(random.choice(list("ACGT"), 1000)) for _ in range(200)], [])])
    text = "".join(random.choice(list("ACGT"), 1000))
    assert markov_bits(tables, WORDS, batch(text, list(range(1, 1001)))) == pytest.approx(2, abs=0.02)


def test_every_base_of_a_masked_token_is_predicted_from_those_before_it(chunk_file):
    tables = markov([chunk_file(["ACGT" * 250], [])])
    row = np.array([[1, MASK, WORDS.index("GT"), MASK, 2]])
    labels = np.array([[IGNORED, WORDS.index("AC"), IGNORED, WORDS.index("GT"), IGNORED]])
    contexts = [tables[3][int("".join(f"{'ACGT'.index(b):02b}" for b in text), 2)] for text in ("CGT", "GTG")]
    known = tables[0][0, 0] + tables[1][0, 1] + contexts[0][2] + contexts[1][3]
    assert markov_bits(tables, WORDS, (row, labels)) == pytest.approx(known / 4)
