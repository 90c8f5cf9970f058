"""What models are applied to is where it is said to be."""

import re

import pytest

from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.demo.applications import CONTIG, FILES, SHARED, SIZE, Applications, decoys, jaspar
from workflow_scripts.demo.genomes import ancestor
from workflow_scripts.demo.motifs import TF_HUMAN_WORDS

WORDS = TF_HUMAN_WORDS[0]


@pytest.fixture(scope="module")
def made() -> Applications:
    return Applications(7, ancestor(7, "vertebrate_mammalian", SIZE * 11 // 10))


@pytest.fixture(scope="module")
def texts(made) -> dict[str, str]:
    return {name: content.decode() for name, content in made.files().items()}


def records(text: str) -> dict[str, str]:
    """Header to letters, in upper case."""
    parts = (record.partition("\n") for record in text.split(">")[1:])
    return {head: "".join(rest.split()).upper() for head, _, rest in parts}


def test_each_file_has_its_content(texts):
    assert texts.keys() == FILES.keys() and all(texts.values())
    assert list(records(texts["genome"])) == [CONTIG] and len(records(texts["genome"])[CONTIG]) == SIZE


def test_words_of_sites_are_where_their_header_says(texts):
    for header, letters in records(texts["sites"]).items():
        places = [tuple(map(int, place)) for place in re.findall(r"(\d+)-(\d+)", header)]
        assert len(places) == 3
        for start, end in places:
            word = letters[start:end]
            assert word in WORDS or reverse_complement(word) in WORDS


def test_half_of_the_variants_are_in_a_word_and_the_others_are_not(made, texts):
    genome = records(texts["genome"])[CONTIG]
    inside = {place for site in made.sites for start, end in site.words for place in range(start, end)}
    rows = [line.split("\t") for line in texts["variants"].splitlines() if not line.startswith("#")]
    effects = [row[7] for row in rows]
    assert effects.count("EFFECT=breaks") == effects.count("EFFECT=neutral") == len(made.sites)
    for row in rows:
        place = int(row[1]) - 1
        assert genome[place] == row[3] != row[4]
        assert (place in inside) == (row[7] == "EFFECT=breaks")
    assert [int(row[1]) for row in rows] == sorted(int(row[1]) for row in rows)


def test_promoters_are_half_of_the_labelled_sequences_and_lie_in_the_genome(texts):
    genome = records(texts["genome"])[CONTIG]
    labels = [header.split("label=")[1] for header in records(texts["sequences"])]
    assert labels.count("1") == labels.count("0")
    for letters in records(texts["sequences"]).values():
        assert letters in genome or reverse_complement(letters) in genome
    starts = [int(line.split("\t")[1]) for line in texts["promoters"].splitlines()]
    assert len(starts) == labels.count("1") and min(starts) > 0 and max(starts) < SIZE


def test_decoys_share_nothing_with_planted_words():
    found = [next(words) for words in [decoys()] for _ in range(5)]
    both = [*WORDS, *map(reverse_complement, WORDS)]
    pieces = {word[start : start + SHARED] for word in found for start in range(len(word) - SHARED + 1)}
    assert not [piece for piece in pieces if any(piece in word for word in both)]
    assert jaspar().count(">") == len(WORDS) + 5
