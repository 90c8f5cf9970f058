"""Variants of a VCF or BCF, one allele at a time, each checked against the genome."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pysam

from workflow_scripts.apply.contig_names import missing_contig
from workflow_scripts.apply.genome import Genome
from workflow_scripts.common.compression import open_bytes
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import open_text
from workflow_scripts.common.letters import BASES, canonical

NO_ALTERNATIVE = "no_alternative_allele"
SYMBOLIC = "symbolic_allele"
BREAKEND = "breakend"
OVERLAPPED = "deleted_by_another_variant"
UNKNOWN = "unknown_letters"
MISMATCH = "reference_disagrees_with_genome"
TOO_LONG = "longer_than_the_window"
"""Why an allele has no score."""

Mismatches = Literal["refuse", "skip"]


@dataclass(frozen=True)
class Allele:
    """An alternative allele of a record.

    ``record``: number of the record, from 0. ``number``: of the allele, from 1; 0 for a record without one. ``start``:
    first base of ``reference``, from 0. Both alleles are in canonical letters, as in the file if there is a ``reason``
    why the allele has no score, which else is empty.
    """

    record: int
    number: int
    contig: str
    start: int
    reference: str
    alternative: str
    reason: str = ""


class Edit(NamedTuple):
    """What an allele changes, without the bases that both alleles share at their ends: ``reference`` from base
    ``start`` on becomes ``alternative``; either may be empty."""

    start: int
    reference: str
    alternative: str

    @property
    def kind(self) -> str:
        """SNV, MNV, insertion, deletion, indel (both alleles have bases of their own, not equally many), or none."""
        removed, added = len(self.reference), len(self.alternative)
        if removed == added:
            return ("none", "SNV")[removed] if removed < 2 else "MNV"
        return "deletion" if not added else "insertion" if not removed else "indel"


def shared_prefix(first: str, second: str) -> int:
    """How many letters two texts share at their beginning."""
    pairs = zip(first, second, strict=False)
    return next((place for place, (one, two) in enumerate(pairs) if one != two), min(len(first), len(second)))


def edit_of(allele: Allele) -> Edit:
    """The change of an allele, trimmed from its end first, so that an indel lies as far left as its record says."""
    reference, alternative = allele.reference, allele.alternative
    if last := shared_prefix(reference[::-1], alternative[::-1]):
        reference, alternative = reference[:-last], alternative[:-last]
    first = shared_prefix(reference, alternative)
    return Edit(allele.start + first, reference[first:], alternative[first:])


def open_variants(path: Path) -> pysam.VariantFile:
    """A VCF (plain, gzipped or by bgzip) or BCF. Raises UserError for any other file."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; check the path")
    pysam.set_verbosity(0)  # its errors come as exceptions too
    try:
        try:
            return pysam.VariantFile(str(path))
        except NotImplementedError:  # the library reads the gzip of bgzip only
            with open_bytes(path) as packed, tempfile.TemporaryFile() as plain:
                shutil.copyfileobj(packed, plain)
                plain.seek(0)
                return pysam.VariantFile(plain)
    except (ValueError, OSError, EOFError) as error:
        raise UserError(f"{path}: not VCF or BCF ({error}); a VCF begins with ##fileformat=VCF") from None


def records_of(variants: pysam.VariantFile, path: Path) -> Iterator[pysam.VariantRecord]:
    """The records in their order. Raises UserError with the place of one that cannot be read."""
    place = place_of(path, variants.is_bcf)
    number = 0
    while True:
        try:
            record = next(variants)
        except StopIteration:
            return
        except (ValueError, OSError) as error:
            raise UserError(f"{place(number)}: not a record of a VCF ({error}); mend or remove the line") from None
        yield record
        number += 1


def place_of(path: Path, is_bcf: bool) -> Callable[[int], str]:
    """From the number of a record, from 0, to its place for a message: the line, of a BCF the record."""
    if is_bcf:
        return lambda number: f"{path}: record {number + 1}"
    with open_text(path) as handle:
        header = 0
        while handle.readline().startswith("#"):
            header += 1
    return lambda number: f"{path}:{header + number + 1}"


def read_alleles(path: Path, genome: Genome, mismatches: Mismatches = "refuse") -> Iterator[Allele]:
    """Every alternative allele of every record, in the order of the file.

    ``mismatches``: whether a record whose REF is not what the genome has is refused, or its alleles have no score.
    Raises UserError, with the line, for that and for a contig that the genome lacks.
    """
    with open_variants(path) as variants:
        place = place_of(path, variants.is_bcf)
        for number, record in enumerate(records_of(variants, path)):
            written = record.ref or ""
            agrees = True
            if record.contig not in genome.lengths:
                missing = missing_contig(record.contig, genome.path.name, genome.lengths, genome.chromosomes)
                raise UserError(f"{place(number)}: {missing}")
            if (found := found_there(genome, record.contig, record.start, written)) is not None:
                agrees = False
                if mismatches == "refuse":
                    raise UserError(
                        f"{place(number)}: REF {shortened(written)} at {record.contig}:{record.pos}, where the genome "
                        f"has {shortened(found)}; give the genome of the variants, or skip them with --mismatches skip"
                    )
            for allele, alternative in enumerate(record.alts or ("",), start=1 if record.alts else 0):
                reason = unscored(written, alternative) if agrees else MISMATCH
                letters = (written, alternative) if reason else (canonical(written), canonical(alternative))
                yield Allele(number, allele, record.contig, record.start, *letters, reason)


def found_there(genome: Genome, contig: str, start: int, reference: str) -> str | None:
    """What the genome has in place of a reference allele, "nothing" off its end; None if they agree."""
    end = start + len(reference)
    if start < 0 or end > genome.lengths[contig]:
        return f"{genome.lengths[contig]} bases"
    found = genome.fetch(contig, start, end)
    try:
        return None if found == canonical(reference) else found
    except ValueError:
        return found


def unscored(reference: str, alternative: str) -> str:
    """Why an allele has no score; empty if it has."""
    if alternative in ("", "."):
        return NO_ALTERNATIVE
    if alternative in ("*", "<*>", "<NON_REF>"):
        return OVERLAPPED if alternative == "*" else SYMBOLIC
    if alternative.startswith("<"):
        return SYMBOLIC
    if set(alternative) & set("[]."):
        return BREAKEND
    try:
        known = not set(canonical(reference) + canonical(alternative)) - set(BASES)
    except ValueError:
        known = False
    return "" if known else UNKNOWN


def shortened(allele: str) -> str:
    """An allele for a message."""
    return allele if len(allele) <= 20 else f"{allele[:17]}..."
