"""Sequences as arrays of ASCII bytes: random sequences, mutations, reverse complements, planted words, FASTA.

Lower case (the soft mask) and N are in the bytes themselves, so that every edit keeps them.
"""

import numpy as np

BASES = np.frombuffer(b"ACGT", np.uint8)
LOWER = np.uint8(0x20)
N = np.uint8(ord("N"))
LINE = 80  # bases per line of a FASTA file
MARKOV_CHAIN = 512  # bases per chain; all chains advance by one base in one numpy operation

_INDEX = np.full(256, 4, np.uint8)
_COMPLEMENT = np.arange(256, dtype=np.uint8)
for _i, (_base, _partner) in enumerate(zip(b"ACGT", b"TGCA", strict=True)):
    _INDEX[[_base, _base | 0x20]] = _i
    _COMPLEMENT[_base], _COMPLEMENT[_base | 0x20] = _partner, _partner | 0x20


def encode(text: str) -> np.ndarray:
    """A text as a writable byte array."""
    return np.frombuffer(text.encode(), np.uint8).copy()


def decode(sequence: np.ndarray) -> str:
    """A byte array as text."""
    return sequence.tobytes().decode()


def reverse_complement(sequence: np.ndarray) -> np.ndarray:
    """The reverse complement; keeps the case."""
    return _COMPLEMENT[sequence[..., ::-1]]


def base_frequencies(gc: float) -> np.ndarray:
    """Probabilities of A, C, G, T for a GC content."""
    return np.array([1 - gc, gc, gc, 1 - gc]) / 2


def random_bases(rng: np.random.Generator, size: int | tuple[int, ...], gc: float = 0.5) -> np.ndarray:
    """Independent random bases with a GC content."""
    return BASES[rng.choice(4, size, p=base_frequencies(gc))]


def composition(rng: np.random.Generator, gc: float, evenness: float) -> np.ndarray:
    """Random transition probabilities of a second-order Markov chain, (16, 4): the next base after each dinucleotide.

    Rows vary around the GC content, more for a smaller ``evenness``.
    """
    return np.array([rng.dirichlet(base_frequencies(gc) * evenness) for _ in range(16)])


def markov(rng: np.random.Generator, length: int, table: np.ndarray) -> np.ndarray:
    """A random sequence of ``length`` bases with transition probabilities from :func:`composition`."""
    chains = -(-length // MARKOV_CHAIN)
    limits = table.cumsum(axis=1)[:, :3].astype(np.float32)
    draws = rng.random((MARKOV_CHAIN, chains), dtype=np.float32)
    state = rng.integers(0, 16, chains)
    drawn = np.empty((MARKOV_CHAIN, chains), np.uint8)
    for step in range(MARKOV_CHAIN):
        drawn[step] = (draws[step][:, None] > limits[state]).sum(axis=1)
        state = state % 4 * 4 + drawn[step]
    return BASES[drawn.T.ravel()[:length]]


def substitute(rng: np.random.Generator, sequence: np.ndarray, rate: float, gc: float | None = None) -> np.ndarray:
    """A copy with a share ``rate`` of the bases replaced by another base, or by a random base with content ``gc``."""
    result = sequence.copy()
    hit = np.flatnonzero((rng.random(sequence.shape) < rate) & (_INDEX[sequence] < 4))
    old = sequence.flat[hit]
    other = BASES[(_INDEX[old] + rng.integers(1, 4, hit.size)) % 4]
    new = other if gc is None else random_bases(rng, hit.size, gc)
    result.flat[hit] = new | (old & LOWER)
    return result


def insert_and_delete(rng: np.random.Generator, sequence: np.ndarray, rate: float) -> np.ndarray:
    """A copy with short insertions and deletions (1 to 6 bases), ``rate`` / 2 events per base of each."""
    events = int(rate / 2 * sequence.size)
    starts = rng.integers(0, sequence.size, events)
    lengths = rng.integers(1, 7, events)
    keep = np.ones(sequence.size, bool)
    for offset in range(6):
        keep[np.minimum(starts[lengths > offset] + offset, sequence.size - 1)] = False
    kept = sequence[keep]
    places = np.repeat(rng.integers(0, kept.size, events), rng.integers(1, 7, events))
    return np.insert(kept, places, random_bases(rng, places.size))


def rearrange(rng: np.random.Generator, sequence: np.ndarray, inversions: int) -> np.ndarray:
    """A copy with inverted segments (1 to 5% of the sequence each) and two adjacent segments exchanged."""
    result = sequence.copy()
    for _ in range(inversions):
        length = int(sequence.size * rng.uniform(0.01, 0.05))
        start = int(rng.integers(0, sequence.size - length))
        result[start : start + length] = reverse_complement(result[start : start + length])
    first, second, third = np.sort(rng.integers(0, sequence.size, 3))
    return np.concatenate([result[:first], result[second:third], result[first:second], result[third:]])


def plant(sequence: np.ndarray, word: str, start: int) -> None:
    """Write a word into the sequence."""
    sequence[start : start + len(word)] = encode(word)


def plant_all(
    rng: np.random.Generator,
    sequence: np.ndarray,
    words: tuple[str, ...],
    copies: int,
    start: int = 0,
    end: int | None = None,
    mutation: float = 0.05,
    either_strand: bool = True,
) -> None:
    """Write ``copies`` random words of ``words``, with mutations, at random positions of [start, end)."""
    end = sequence.size if end is None else end
    for choice in rng.integers(0, len(words), copies):
        word = substitute(rng, encode(words[choice]), mutation)
        place = int(rng.integers(start, end - word.size + 1))
        reverse = either_strand and rng.random() < 0.5
        sequence[place : place + word.size] = reverse_complement(word) if reverse else word


def fasta(records: list[tuple[str, np.ndarray]]) -> bytes:
    """FASTA of (header, sequence) records, with lines like NCBI's."""
    parts = []
    for header, sequence in records:
        whole = sequence.size // LINE * LINE
        lines = np.full((whole // LINE, LINE + 1), ord("\n"), np.uint8)
        lines[:, :LINE] = sequence[:whole].reshape(-1, LINE)
        rest = sequence[whole:].tobytes() + b"\n" if whole < sequence.size else b""
        parts += [b">" + header.encode() + b"\n", lines.tobytes(), rest]
    return b"".join(parts)
