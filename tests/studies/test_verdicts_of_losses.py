"""Claims about losses: planted models that are better, worse and the same give the three verdicts."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.studies.conftest import BASES, BETTER, EXPECTED, SAME, WORSE
from workflow_scripts.common.errors import UserError
from workflow_scripts.studies import study_corpus, study_length, study_scaling, study_tokenizers
from workflow_scripts.studies.mask_losses import bits_difference, by_genome, genome_difference, read_losses

BITS = {BETTER: 1.85, WORSE: 1.95, SAME: 1.9}
PLANTED = pytest.mark.parametrize("planned", [BETTER, WORSE, SAME])


@PLANTED
def test_many_species_against_one(planted, planned):
    planted.losses("many", BITS[planned], key=1)
    planted.losses("one", 1.9, key=2)
    planted.losses("other", 1.9, key=3)
    held_out = ["G0", "G1", "G2", "G3"]
    options = ["--many", "many", "--one", "one", "other", "--held-out", *held_out]
    result = planted.judge(study_corpus.main, *planted.loss_options(), *options)
    assert result["verdict"] == EXPECTED[planned]
    assert len(result["comparisons"]) == 3
    assert set(result["setting"]["models"]) == {"many", "one", "other"}


def test_genomes_that_were_trained_on_do_not_count(planted):
    """A model that knows the other genomes by heart is not better on new species."""
    planted.losses("many", 1.9, key=1)
    planted.losses("one", 1.9, key=2)
    path = planted.root / "losses" / "many.parquet"
    rows = pq.read_table(path).to_pylist()
    learned = [row | ({"nats": 0.0} if row["accession"] in ("G4", "G5") else {}) for row in rows]
    pq.write_table(pa.Table.from_pylist(learned), path)
    options = ["--many", "many", "--one", "one", "--held-out", "G0", "G1", "G2", "G3"]
    assert planted.judge(study_corpus.main, *planted.loss_options(), *options)["verdict"] == "not decided"


@PLANTED
def test_larger_models_and_more_data(planted, planned):
    planted.losses("small", 1.9, key=1)
    planted.losses("large", BITS[planned], key=2)
    planted.losses("short", 1.95, key=3)
    options = ["--sizes", "small", "large", "--data", "short", "small"]
    result = planted.judge(study_scaling.main, *planted.loss_options(), *options)
    assert result["verdict"] == EXPECTED[planned]
    assert [part["verdict"] for part in result["comparisons"]] == [EXPECTED[planned], "holds here"]


def test_the_curve_has_its_steps(planted):
    for number, name in enumerate(("tiny", "small", "large")):
        planted.losses(name, 1.9 - 0.05 * number, key=number)
    options = ["--sizes", "tiny", "small", "large", "--data", "tiny", "small"]
    parts = planted.judge(study_scaling.main, *planted.loss_options(), *options)["comparisons"]
    assert [part["name"] for part in parts] == [
        f"[MASK] loss of {pair}"
        for pair in ("large minus tiny", "small minus tiny", "small minus tiny", "large minus small")
    ]
    assert [round(part["value"], 2) for part in parts] == [-0.1, -0.05, -0.05, -0.05]


@PLANTED
def test_longer_windows(planted, planned):
    planted.losses("alibi", 1.9, windows=(30,), key=1)
    short = pq.read_table(planted.root / "losses" / "alibi.parquet")
    planted.losses("alibi", BITS[planned], windows=(600,), key=2)
    long = pq.read_table(planted.root / "losses" / "alibi.parquet")
    pq.write_table(pa.concat_tables([short, long]), planted.root / "losses" / "alibi.parquet")
    planted.losses("learned", 3.0, windows=(30, 600), key=3)
    planted.fits("short", 0.7, key=4, max_tokens=32)
    planted.fits("whole", 0.9, key=5, max_tokens=0)
    options = ["--alibi", "alibi", "--others", "learned", "--windows", "30", "600", "--fitted", "short", "whole"]
    result = planted.judge(study_length.main, *planted.loss_options(), *planted.fit_options(), *options)
    assert [part["verdict"] for part in result["comparisons"]] == [EXPECTED[planned], "holds here", "holds here"]


@PLANTED
def test_tokenizers_are_decided_by_scores_whatever_the_losses(planted, planned):
    planted.losses("bpe", 1.95, key=1)
    planted.losses("kmer", 1.85, key=2)
    planted.fits("bpe", {BETTER: 0.9, WORSE: 0.7, SAME: 0.8}[planned], key=1)
    planted.fits("kmer", 0.8, key=2)
    options = ["--bpe", "bpe", "--others", "kmer"]
    result = planted.judge(study_tokenizers.main, *planted.loss_options(), *planted.fit_options(), *options)
    assert [part["verdict"] for part in result["comparisons"]] == [EXPECTED[planned], "does not hold here"]


# ---- losses -------------------------------------------------------------------------------------------


def test_bits_are_per_hidden_base_over_all_blocks(planted):
    planted.losses("a", 1.9, noise=0)
    losses = read_losses(planted.root / "losses" / "a.parquet")
    assert losses.bits == pytest.approx(np.mean(list(by_genome(losses).values())))
    assert losses.unigram_bits == pytest.approx(2)
    assert losses.bases.sum() == 6 * 20 * BASES


def test_a_paired_difference_is_sharper_than_the_losses_themselves(planted):
    planted.losses("a", 1.90, noise=0.001, key=1)
    planted.losses("b", 1.91, noise=0.001, key=2)
    a, b = (read_losses(planted.root / "losses" / f"{name}.parquet") for name in "ab")
    value, low, high = bits_difference(a, b, 0)
    assert value == pytest.approx(-0.01, abs=0.001) and low < value < high < 0
    assert high - low < 0.002
    over_genomes = genome_difference(a, [b])
    assert over_genomes["low"] < -0.01 < over_genomes["high"] < 0


def test_losses_of_other_chunks_and_of_masks_that_hide_nothing_are_refused(planted):
    planted.losses("a", 1.9)
    path = planted.root / "losses" / "a.parquet"
    a = read_losses(path)
    with pytest.raises(UserError, match="a and a: losses on different held-out chunks"):
        bits_difference(a, read_losses(path, None, ["G1"]), 0)
    with pytest.raises(UserError, match="no masked token hides a base"):
        read_losses(path, window=7)
