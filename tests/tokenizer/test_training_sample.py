"""What is sampled: its size, that it depends on seed and accession alone, and that it is read as it stands."""

from itertools import pairwise

import numpy as np
import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.tokenizer import bpe, training_sample
from workflow_scripts.tokenizer.training_sample import Limits, draw, quotas

SIZES, GROUPS = [1_000, 30_000, 60_000, 9_000], ["viral", "mammal", "mammal", "fungi"]


def spelled(genomes: list[training_sample.Genome], threads: int = 1) -> list[str]:
    """The sampled chunks as the trainer reads them."""
    cells, _ = training_sample.load(genomes, threads)
    ends = np.flatnonzero(cells == bpe.SEPARATOR)
    return ["".join(bpe.BASES[code - bpe.FIRST_BASE] for code in cells[a + 1 : b]) for a, b in pairwise(ends)]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Limits(), SIZES),
        (Limits(total=10**9, genome=10**9, group=10**9), SIZES),
        (Limits(total=50_000), [500, 15_000, 30_000, 4_500]),
        (Limits(genome=20_000), [1_000, 20_000, 20_000, 9_000]),
        (Limits(group=9_000), [1_000, 3_000, 6_000, 9_000]),
        (Limits(genome=30_000, group=20_000), [1_000, 10_000, 10_000, 9_000]),
        (Limits(total=15_000, genome=30_000, group=20_000), [500, 5_000, 5_000, 4_500]),
    ],
)
def test_limits_per_genome_group_and_in_total(limits, expected):
    assert quotas(SIZES, GROUPS, limits) == expected


def test_sample_has_the_size_asked_for_and_all_chunks_where_there_are_fewer(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(3000, 20, key)) for key in range(2)]
    genomes = draw(paths, Limits(total=40_010), 42)
    assert all(abs(genome.bases - 20_005) < 20 for genome in genomes)
    assert sum(genome.bases for genome in draw(paths, Limits(total=10**9), 42)) == 120_000
    assert all(genome.bases == 60_000 for genome in draw(paths, Limits(), 42))


def test_the_chunk_at_the_border_is_in_with_the_share_that_it_fills(write_chunks, random_sequences):
    """Or a small genome would give nothing of a corpus that is sampled thinly."""
    path = write_chunks("GCA_1.1", random_sequences(3, 100))
    kept = sum(draw([path], Limits(total=30), seed)[0].bases for seed in range(1000))
    assert abs(kept / 1000 - 30) < 4 * 100 * (0.3 * 0.7 / 1000) ** 0.5  # four standard deviations


def test_sample_depends_on_seed_and_accession_alone(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(400, 20, key)) for key in range(3)]
    once = spelled(draw(paths, Limits(total=8000), 42))
    assert once == spelled(draw(paths[::-1], Limits(total=8000), 42), threads=3)
    assert once != spelled(draw(paths, Limits(total=8000), 43))
    # with the same sequences, another accession has other chunks sampled
    twins = [draw([write_chunks(name, random_sequences(400, 20))], Limits(total=4000), 42) for name in ("A.1", "B.1")]
    assert set(spelled(twins[0])) != set(spelled(twins[1]))


def test_a_larger_sample_holds_the_smaller_one(write_chunks, random_sequences):
    path = write_chunks("GCA_1.1", random_sequences(500, 20))
    small, large = (draw([path], Limits(genome=bases), 42)[0].kept for bases in (2000, 5000))
    assert small.sum() < large.sum() and not np.any(small & ~large)


def test_what_is_read_are_the_training_chunks_that_were_drawn(write_chunks, random_sequences):
    """More chunks than are read at once, of different lengths, validation between them."""
    sequences = [sequence[: 5 + number % 7] for number, sequence in enumerate(random_sequences(9000, 12))]
    splits = [("validation", "train", "train")[number % 3] for number in range(9000)]
    path = write_chunks("GCA_1.1", sequences, splits)
    training = [sequence for sequence, split in zip(sequences, splits, strict=True) if split == "train"]
    assert spelled(draw([path], Limits(), 42)) == training
    (genome,) = draw([path], Limits(total=20_000), 42)
    assert spelled([genome]) == [sequence for sequence, kept in zip(training, genome.kept, strict=True) if kept]
    assert genome.cells == genome.bases + genome.kept.sum()


def test_the_corpus_table_gives_the_groups(write_chunks, random_sequences):
    paths = [write_chunks(f"GCA_{key}.1", random_sequences(10, 100, key)) for key in range(3)]
    groups = {"GCA_0.1": "fungi", "GCA_1.1": "viral", "GCA_2.1": "viral"}
    assert [genome.bases for genome in draw(paths, Limits(group=1000), 42, groups)] == [1000, 500, 500]
    with pytest.raises(UserError, match=r"GCA_2.1 is not in the corpus table"):
        draw(paths, Limits(), 42, {"GCA_0.1": "fungi", "GCA_1.1": "viral"})


def test_examples_are_whole_stretches_from_all_over_the_sample():
    sequences = ["ACGT", "GGT", "TTTTTTTT", "C"]
    assert training_sample.examples(bpe.to_cells(sequences), 100) == sequences
    assert training_sample.examples(bpe.to_cells(["A" * 40, "C" * 40, "G" * 40]), 3) == ["A" * 40, "C" * 40, "G" * 40]
    assert training_sample.examples(bpe.to_cells([]), 3) == []
