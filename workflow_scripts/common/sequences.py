"""The other strand of a sequence."""

COMPLEMENT = str.maketrans("ACGTacgt", "TGCAtgca")


def reverse_complement(sequence: str) -> str:
    """The other strand, read in its own direction (5' to 3'); letters that are no bases stay."""
    return sequence.translate(COMPLEMENT)[::-1]
