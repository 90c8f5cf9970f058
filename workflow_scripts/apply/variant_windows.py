"""The windows of a variant: the same stretch of the genome with the reference and with the alternative allele."""

from workflow_scripts.apply.genome import Genome
from workflow_scripts.apply.variant_input import Edit, shared_prefix


def windows(genome: Genome, contig: str, edit: Edit, window: int) -> tuple[str, str] | None:
    """The texts of both alleles between the same two places of the genome; None if the change does not fit.

    The longer text has ``window`` bases, so both fit a model that takes so many; the shorter lacks the difference. The
    change is in the middle, or as near to it as the ends of the contig allow; a shorter contig is read whole. An indel
    in a repeat can be written at several places; the middle is that of all of them (within a quarter of a window), so
    each way of writing it has the same texts.
    """
    first, last = places(genome, contig, edit, window // 4)
    longer = max(len(edit.alternative) - len(edit.reference), 0)
    span = window - longer
    if last - first > span:
        return None
    begin = first - (span - (last - first)) // 2
    begin = max(min(begin, genome.lengths[contig] - span), 0)
    reference = piece(genome, contig, begin, begin + span)
    at = edit.start - begin
    alternative = reference[:at] + edit.alternative + reference[at + len(edit.reference) :]
    return (reference, alternative) if alternative else None


def places(genome: Genome, contig: str, edit: Edit, farthest: int) -> tuple[int, int]:
    """First base and end of all places at which a change may be written; ``farthest``: how far to look."""
    end = edit.start + len(edit.reference)
    if (edit.reference and edit.alternative) or not edit.reference + edit.alternative:
        return edit.start, end
    unit = edit.reference + edit.alternative
    before = piece(genome, contig, edit.start - farthest, edit.start)
    after = piece(genome, contig, end, end + farthest)
    left = shared_prefix(before[::-1], (before + unit)[::-1])
    right = shared_prefix(after, unit + after)
    return edit.start - left, end + right


def piece(genome: Genome, contig: str, start: int, end: int) -> str:
    """The bases of a piece that are within the contig, which may be none."""
    start, end = max(start, 0), min(end, genome.lengths[contig])
    return genome.fetch(contig, start, end) if start < end else ""
