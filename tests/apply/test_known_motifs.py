"""Matrices of known motifs: all formats give the same, and p is what counting all words gives."""

import itertools

import numpy as np
import pytest

from workflow_scripts.apply.known_motifs import Matcher, Motif, best_matches, log_odds, read_motifs
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import write_text
from workflow_scripts.common.sequences import base_codes, reverse_complement

EVEN = np.full(4, 0.25)
COUNTS = {"A": [0, 10, 80, 5], "C": [0, 70, 10, 5], "G": [100, 10, 5, 5], "T": [0, 10, 5, 85]}
ROWS = {base: " ".join(map(str, row)) for base, row in COUNTS.items()}
FILES = {
    "jaspar": ">MA1 NAME\n" + "".join(f"{base} [ {row} ]\n" for base, row in ROWS.items()),
    "jaspar without brackets": ">MA1 NAME\n" + "".join(f"{row}\n" for row in ROWS.values()),
    "four rows": "".join(f"{row}\n" for row in ROWS.values()),
    "meme": "MEME version 4\n\nALPHABET= ACGT\n\nMOTIF MA1 NAME\n"
    "letter-probability matrix: alength= 4 w= 4 nsites= 100 E= 0\n"
    + "".join(" ".join(f"{COUNTS[base][place] / 100:.6f}" for base in "ACGT") + "\n" for place in range(4)),
    "frequencies": ">MA1 NAME\n"
    + "".join(f"{base} [ {' '.join(str(number / 100) for number in row)} ]\n" for base, row in COUNTS.items()),
}


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_every_format_gives_the_same_scores(tmp_path, text):
    write_text(tmp_path / "motifs", text)
    (motif,) = read_motifs(tmp_path / "motifs", EVEN)
    expected = log_odds(np.array([COUNTS[base] for base in "ACGT"], dtype=float).T, EVEN)
    np.testing.assert_allclose(motif.scores, expected, atol=1e-3)
    assert motif.name in ("MA1 NAME", "MA1", "motif")


@pytest.mark.parametrize("text", ["", "no matrix", ">x\nA [ 1 2 ]\n", "1 2\n3\n", ">MA1\nMKVLAAGG\n"])
def test_other_files_are_refused_in_one_line(tmp_path, text):
    write_text(tmp_path / "motifs", text)
    with pytest.raises(UserError, match=r"motifs: no matri.*JASPAR") as caught:
        read_motifs(tmp_path / "motifs", EVEN)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="no such file"):
        read_motifs(tmp_path / "missing", EVEN)


def consensus(word: str) -> Motif:
    return Motif(word, log_odds(np.array([[100.0 * (letter == base) for base in "ACGT"] for letter in word]), EVEN))


@pytest.mark.parametrize("word", ["TGACTCAT", "ACT", "GGTGACTCATCC"])
def test_a_word_matches_on_either_strand_and_at_any_place(word):
    motif = consensus("TGACTCAT")
    other = "ACT" if len(word) == 3 else word
    both = np.array([base_codes(other), base_codes(reverse_complement(other))])
    forward, backward = best_matches(both, motif)
    assert forward == backward
    # all places of the shorter in the longer, one by one
    expected = []
    for text in (word, reverse_complement(word)):
        for shift in range(abs(len(text) - 8) + 1):
            first, start = (0, shift) if len(text) < 8 else (shift, 0)
            columns = range(min(8, len(text)))
            expected.append(sum(motif.scores[start + j, "ACGT".index(text[first + j])] for j in columns))
    assert forward == pytest.approx(max(expected))


def test_p_is_the_share_of_all_words_that_match_as_well():
    background = np.array([0.4, 0.1, 0.2, 0.3])
    motif = consensus("TGAC")
    words = ["".join(letters) for letters in itertools.product("ACGT", repeat=4)]
    scores, p = Matcher([motif], background).match(words)
    weights = np.array([background[base_codes(word)].prod() for word in words])
    for number in range(0, len(words), 17):
        assert p[number, 0] == pytest.approx(weights[scores[:, 0] >= scores[number, 0] - 1e-9].sum())


def test_p_of_random_words_is_uniform_or_larger():
    """Also of words that are longer than those that are counted one by one."""
    random = np.random.default_rng(0)
    matcher = Matcher([consensus("TGACTCAT")], EVEN)
    for length in (5, 8, 16):
        words = ["".join(random.choice(list("ACGT"), length)) for _ in range(2000)]
        p = matcher.match(words)[1][:, 0]
        assert (p > 0).all()
        for level in (0.01, 0.05, 0.2):
            assert np.mean(p <= level) < level + 0.02


def test_composition_alone_is_no_match():
    """Words with the letters of the motif in another order are like any others."""
    random = np.random.default_rng(1)
    matcher = Matcher([consensus("TATAAATA")], EVEN)
    mixed = ["".join(random.permutation(list("TATAAATA"))) for _ in range(300)]
    assert matcher.match(["TATAAATA"])[1][0, 0] == pytest.approx(2 / 4**8)
    in_set = Matcher([consensus("TATAAATA")], np.array([0.45, 0.05, 0.05, 0.45]))  # an AT-rich set
    assert np.mean(in_set.match(mixed)[1][:, 0] < 0.01) < 0.1
