"""Which column of a table is the sequence, the label, the id or the split, by its name and its letters.

A column of an organism, a strand or an id is never taken for a sequence, and two columns are a pair only if their
names say so.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workflow_scripts.common.letters import canonical

# In order of preference: if a table has two of them, the first one counts.
LABELS = ("label", "labels", "class", "target", "y")
SEQUENCES = ("sequence", "seq", "dna_sequence", "nucleotide_sequence", "dna", "rna_sequence", "rna")
IDS = ("id", "sequence_id", "seq_id", "seqid", "name", "sequence_name", "seq_name", "accession", "header")
SPLITS = ("split", "set", "subset", "partition")
PAIRS = (  # what makes the name of the second sequence of a pair from that of the first
    (r"1$", "2"),
    (r"^(sequence|seq|dna)$", r"\g<1>2"),
    (r"^(sequence|seq|dna)$", r"\g<1>_2"),
    (r"(^|_|seq|sequence)a$", r"\g<1>b"),
    (r"(^|_)left(_|$)", r"\1right\2"),
    (r"(^|_)first(_|$)", r"\1second\2"),
    (r"(^|_)enhancer(_|$)", r"\1promoter\2"),
)
HINT = re.compile("seq|dna|rna")  # in the name of a column that may be meant as a sequence
# Letters of these may be those of nucleotides, as in "CAT" or the alleles A and G.
OTHERS = {
    *("", "index", "idx", "organism", "species", "genus", "strain", "taxon", "taxonomy", "kingdom", "group", "type"),
    *("kind", "category", "source", "gene", "gene_id", "transcript", "chrom", "chr", "chromosome", "contig", "start"),
    *("end", "strand", "fold", "cell", "tissue", "ref", "alt", "allele", "base", "description", "comment", "note"),
}


@dataclass(frozen=True)
class Roles:
    """The numbers of the columns: one sequence or two, the label, and the id and the split, if there are any."""

    sequences: tuple[int, ...]
    label: int
    id: int | None
    split: int | None

    def used(self) -> set[int | None]:
        return {*self.sequences, self.label, self.id, self.split}


def plain_name(name: str) -> str:
    """The name of a column in lower case, without a mark, and with _ for whatever is no letter or digit."""
    return re.sub(r"\W+", "_", name.strip("\ufeff \t").casefold()).strip("_")


def known_names(names: Iterable[str]) -> int:
    """How many of the columns have the name of a label, a sequence, an id or a split."""
    return len({*LABELS, *SEQUENCES, *IDS, *SPLITS}.intersection(map(plain_name, names)))


def find_roles(names: Sequence[str], columns: Sequence[Sequence[str]]) -> Roles:
    """The roles of the columns with these names; ``columns`` are cells of some rows, [columns][rows].

    Raises ValueError with the problem, to follow the header.
    """
    plain = [plain_name(name) for name in names]
    refuse_twice(plain)
    if (label := first_named(plain, LABELS)) is None:
        raise ValueError("no column is named label; expected 'sequence,label' or two sequences and label")
    return Roles(
        sequences=sequence_columns(plain, columns, label),
        label=label,
        id=first_named(plain, IDS),
        split=first_named(plain, SPLITS),
    )


def refuse_twice(plain: Sequence[str]) -> None:
    """Raise ValueError with the problem, to follow the header, if two columns have one name."""
    if twice := [name for name, count in Counter(plain).items() if count > 1 and name]:
        raise ValueError(f"two columns are named {twice[0]!r}; rename one")


def sequence_columns(plain: Sequence[str], columns: Sequence[Sequence[str]], label: int | None) -> tuple[int, ...]:
    """The columns of the one or two sequences, see :func:`find_sequences`; ``label``: the column of labels, if any."""
    free = [number for number, name in enumerate(plain) if number != label and not is_other(name)]
    return find_sequences(plain, free, [number for number in free if are_nucleotides(columns[number])])


def first_named(plain: Sequence[str], wanted: Iterable[str]) -> int | None:
    """The column with the first of the wanted names that any has."""
    return next((plain.index(name) for name in wanted if name in plain), None)


def is_other(name: str) -> bool:
    """Whether a column of this name is no sequence, whatever its letters."""
    return name in OTHERS or name in IDS or name in SPLITS or name.startswith("unnamed")


def are_nucleotides(cells: Sequence[str]) -> bool:
    """Whether most of the cells are sequences of nucleotides; the others are then mistakes in their rows."""
    return 2 * sum(map(is_canonical, cells)) > len(cells)


def is_canonical(cell: str) -> bool:
    try:
        canonical(cell)
    except ValueError:
        return False
    return True


def find_sequences(plain: Sequence[str], free: Sequence[int], nucleotides: Sequence[int]) -> tuple[int, ...]:
    """The columns of the sequences: a pair that is named as one, else the column that is named sequence, else the only
    one of nucleotides. ``free``: the columns that may be one.

    A column that is named so is taken even if its letters are wrong, so that the mistakes in its rows are reported.
    """
    pairs = find_pairs({plain[number]: number for number in free}, set(nucleotides))
    named = first_named(plain, SEQUENCES)
    chosen = [*pairs, *([(named,)] if named is not None and not any(named in pair for pair in pairs) else [])]
    if chosen:
        taken = {number for columns in chosen for number in columns}
        rivals = [number for number in nucleotides if number not in taken and HINT.search(plain[number])]
    else:
        chosen, rivals = [(number,) for number in nucleotides], []
    if not chosen:
        raise ValueError("no column holds sequences of nucleotides; name it sequence")
    if len(chosen) > 1 or rivals:
        names = " and ".join(repr(plain[number]) for number in [*(n for columns in chosen for n in columns), *rivals])
        raise ValueError(f"{names} may be sequences; name one of them sequence, or two sequence1 and sequence2")
    return chosen[0]


def find_pairs(numbers: dict[str, int], nucleotides: set[int]) -> list[tuple[int, int]]:
    """Columns that are named as a pair, in the order of their names, and of which one at least holds nucleotides."""
    seconds = [(name, re.sub(first, second, name)) for name in numbers for first, second in PAIRS]
    pairs = {(numbers[name], numbers[other]) for name, other in seconds if other != name and other in numbers}
    return sorted(pair for pair in pairs if nucleotides & set(pair))
