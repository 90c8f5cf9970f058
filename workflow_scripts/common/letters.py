"""What a letter of a nucleotide sequence is. Every place where sequences come in follows this one policy.

Case does not matter, U is T, the other IUPAC codes are unknown bases, which are kept and counted, and anything else (a
gap, a digit, protein, words) is refused.
"""

BASES = "ACGT"
IUPAC = "ACGTUNRYSWKMBDHV"
U_TO_T = str.maketrans("Uu", "Tt")
NOTABLE = 0.01
"""The share of unknown letters, or of tokens with such, above which a reader of the results is warned."""
DNA = bytes.maketrans(b"Uu", b"Tt")
"""For bytes.translate: U as T in the same case, for genomes, where lower case marks repeats."""

PROTEIN = frozenset("EFILPQ")
"""Letters of proteins that are no nucleotide codes, of which even a short protein has some."""

_ACCEPTED = str.maketrans("", "", IUPAC + IUPAC.lower())
_BASES = str.maketrans("", "", BASES + BASES.lower() + "Uu")


def canonical(sequence: str) -> str:
    """The sequence in upper case with T for U.

    Raises ValueError with the problem, to follow the place of the sequence, if it is empty or has a letter that is no
    nucleotide code.
    """
    if not sequence:
        raise ValueError("the sequence is empty")
    if foreign := sequence.translate(_ACCEPTED):
        place = sequence.index(foreign[0]) + 1
        hint = "; this looks like a protein" if like_protein(foreign) else ""
        raise ValueError(f"{foreign[0]!r} at letter {place} is not a nucleotide code (one of {IUPAC}){hint}")
    return sequence.upper().translate(U_TO_T)


def like_protein(foreign: str) -> bool:
    """Whether the letters that are no nucleotide codes are those of a protein, not a slip or words."""
    letters = set(foreign.upper())
    return len(letters & PROTEIN) > 1 and letters <= {*PROTEIN, *"JOXZ*"}


def unknown_letters(sequence: str) -> int:
    """How many letters are not A, C, G, T or U, in either case."""
    return len(sequence.translate(_BASES))
