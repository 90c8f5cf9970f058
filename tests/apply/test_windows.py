"""Windows cover every base, map back to their letters on both strands, and share the text among them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.apply.records import Place, Record
from workflow_scripts.apply.windows import owned, place_of, spans, windows_of
from workflow_scripts.common.sequences import reverse_complement

TILINGS = st.integers(1, 40).flatmap(
    lambda window: st.tuples(st.integers(1, 300), st.just(window), st.integers(1, window))
)


@given(TILINGS)
def test_windows_cover_every_base_and_all_are_full(tiling):
    length, window, step = tiling
    found = list(spans(length, window, step))
    assert set().union(*(range(*span) for span in found)) == set(range(length))
    assert {end - start for start, end in found} == {min(window, length)}
    starts = [start for start, _ in found]
    assert starts[:-1] == [number * step for number in range(len(found) - 1)]  # only the last one is moved
    assert starts == sorted(set(starts))


def test_a_text_as_long_as_a_window_or_without_windows_is_one():
    assert list(spans(10, 10, 3)) == list(spans(10, 0, 3)) == list(spans(10, 400, 1)) == [(0, 10)]
    assert list(spans(11, 10, 3)) == [(0, 10), (1, 11)]
    assert list(spans(20, 10, 10)) == [(0, 10), (10, 20)]


@pytest.mark.parametrize("step", [0, -1, 11])
def test_a_step_that_leaves_bases_out_is_refused(step):
    with pytest.raises(ValueError, match=f"a step of {step} leaves bases"):
        spans(100, 10, step)


@given(st.text("ACGTNRY", min_size=60, max_size=200), TILINGS, st.integers(0, 50), st.sampled_from("+-."))
def test_every_window_maps_back_to_its_letters(contig, tiling, start, strand):
    _, window, step = tiling
    place = Place("chr1", start, len(contig) - 3, strand)
    piece = contig[place.start : place.end]
    record = Record("peak", reverse_complement(piece) if strand == "-" else piece, place=place)
    for found in windows_of([record], window, step):
        contig_name, first, last, same_strand = place_of(place, found.start, found.end)
        letters = contig[first:last]
        assert (contig_name, same_strand) == ("chr1", strand)
        assert found.sequence == (reverse_complement(letters) if strand == "-" else letters)
        assert found.sequence == record.text[found.start : found.end]


@given(TILINGS)
def test_owned_parts_are_the_text_and_each_base_is_far_from_the_edge(tiling):
    found = list(spans(*tiling))
    parts = list(owned(found))
    assert [base for part in parts for base in range(*part)] == list(range(tiling[0]))
    for number, (start, end) in enumerate(parts):
        assert start < end
        for base in range(start, end):
            # by definition, where the implementation only cuts between neighbours; max takes the first of equals
            edges = [min(base - first, last - 1 - base) for first, last in found]
            assert max(range(len(found)), key=edges.__getitem__) == number


def test_records_are_numbered_and_pairs_are_whole():
    records = [Record("a", "ACGTACGT"), Record("b", ("ACGTACGT", "GGG")), Record("c", "TT")]
    assert list(windows_of(records, 5, 2)) == [
        (0, 0, 5, "ACGTA", (0, 4)),
        (0, 2, 7, "GTACG", (4, 5)),
        (0, 3, 8, "TACGT", (5, 8)),
        (1, 0, 11, ("ACGTACGT", "GGG"), (0, 11)),
        (2, 0, 2, "TT", (0, 2)),
    ]


def test_windows_are_made_one_after_another():
    """Only what is asked for is read, so memory does not grow with the number of records."""

    def records():
        yield Record("a", "ACGT" * 10)
        raise AssertionError("the second record was read too early")

    assert next(windows_of(records(), 10, 5)).sequence == "ACGTACGTAC"
