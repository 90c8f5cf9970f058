"""One policy for letters: case does not matter, U is T, other nucleotide codes are unknown, the rest is refused."""

import random

import pytest

from workflow_scripts.common.letters import DNA, IUPAC, canonical, unknown_letters


@pytest.mark.parametrize("written", ["ACGTN", "acgtn", "aCgTn", "ACGUN", "acgun"])
def test_case_and_u_do_not_matter(written):
    assert canonical(written) == "ACGTN" and unknown_letters(written) == 1


def test_every_nucleotide_code_is_taken_and_the_unknown_ones_are_counted():
    assert canonical(IUPAC) == IUPAC.replace("U", "T")
    assert unknown_letters(IUPAC) == unknown_letters(IUPAC.lower()) == len(IUPAC) - len("ACGTU")


@pytest.mark.parametrize(
    ("sequence", "letter"), [("ACG-T", "-"), ("ACG T", " "), ("MKLV", "L"), ("AC9", "9"), ("é", "é")]
)
def test_anything_else_is_refused_with_its_place(sequence, letter):
    with pytest.raises(ValueError, match=rf"{letter!r} at letter {sequence.index(letter) + 1} "):
        canonical(sequence)


def test_an_empty_sequence_is_refused():
    with pytest.raises(ValueError, match="empty"):
        canonical("")


def test_canonical_letters_stay_and_soft_masking_survives_in_bytes():
    sequence = "".join(random.Random(1).choices("ACGTRN", k=1000))
    assert canonical(canonical(sequence)) == canonical(sequence) == sequence
    assert b"acguACGU".translate(DNA) == b"acgtACGT"
