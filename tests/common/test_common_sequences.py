"""Letters, k-mers and reverse complements of short sequences."""

import numpy as np
import pytest

from workflow_scripts.common.labelled_csv import labelled_rows
from workflow_scripts.common.letters import IUPAC, canonical, unknown_letters
from workflow_scripts.common.sequences import base_codes, known_kmers, reverse_complement

ORDER = ["".join((a, b)) for a in "ACGT" for b in "ACGT"]


@pytest.mark.parametrize(
    ("sequence", "kmers"),
    [("ACGT", ["AC", "CG", "GT"]), ("acGT", ["AC", "CG", "GT"]), ("ACNGT", ["AC", "GT"]), ("A", []), ("NéN", [])],
)
def test_kmers_with_unknown_letters_are_left_out(sequence, kmers):
    assert [ORDER[number] for number in known_kmers(sequence, 2)] == kmers


def test_bases_have_codes_in_either_case_and_other_letters_share_one():
    assert base_codes("ACGTacgtACGUacgu").tolist() == [0, 1, 2, 3] * 4
    assert set(base_codes("NRYén-*1ß").tolist()) == {4}
    for letter in IUPAC + IUPAC.lower():
        assert base_codes(letter) == base_codes(canonical(letter)), letter
        assert (base_codes(letter) == 4) == bool(unknown_letters(letter)), letter
    assert np.array_equal(base_codes(reverse_complement("AACGn")), base_codes("nCGTT"))


def test_labelled_rows_have_file_and_line():
    lines = ["\ufeffsequence,label\n", "ACGT,0\n", "\n", "GG,1\n"]
    assert list(labelled_rows(lines, "a.csv")) == [
        ("a.csv:1", ["sequence", "label"]),
        ("a.csv:2", ["ACGT", "0"]),
        ("a.csv:4", ["GG", "1"]),
    ]


STANDS_FOR = dict(
    **{"A": "A", "C": "C", "G": "G", "T": "T", "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC"},
    **{"B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG", "N": "ACGT"},
)


@pytest.mark.parametrize("code", STANDS_FOR)
def test_the_complement_of_a_code_stands_for_the_complements_of_its_bases(code):
    complements = {reverse_complement(base) for base in STANDS_FOR[code]}
    assert set(STANDS_FOR[reverse_complement(code)]) == complements
    assert reverse_complement(code.lower()) == reverse_complement(code).lower()
