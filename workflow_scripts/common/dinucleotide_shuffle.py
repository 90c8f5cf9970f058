"""Random sequences with exactly the dinucleotide counts of a given one (Altschul and Erickson 1985)."""

from collections import defaultdict
from itertools import pairwise

import numpy as np

WHOLE_DRAWS = 1000  # draws of all last edges before only those on a cycle are drawn again


def dinucleotide_shuffled(sequence: str, random: np.random.Generator) -> str:
    """A uniform draw from all sequences with the dinucleotide counts, and the first and last letter, of ``sequence``.

    Such a sequence is an Eulerian walk through the graph whose edges are the dinucleotides. The last edge out of each
    letter is drawn so that last edges lead from every letter to the last letter of the sequence; the other edges follow
    in random order. Any letter is a letter of its own: N keeps its neighbours, and lower case differs from upper.
    """
    if len(sequence) < 3:
        return sequence
    edges: dict[str, list[str]] = defaultdict(list)
    for first, second in pairwise(sequence):
        edges[first].append(second)
    last = _last_edges(edges, sequence[-1], random)
    order = {}
    for letter in sorted(edges):
        others = [index for index in range(len(edges[letter])) if index != last.get(letter)]
        shuffled = [edges[letter][others[index]] for index in random.permutation(len(others))]
        order[letter] = iter(shuffled + ([edges[letter][last[letter]]] if letter in last else []))
    walk = [sequence[0]]
    while (following := next(order.get(walk[-1], iter(())), None)) is not None:
        walk.append(following)
    return "".join(walk)


def _last_edges(edges: dict[str, list[str]], end: str, random: np.random.Generator) -> dict[str, int]:
    """The index of the last edge out of each letter but ``end``: a uniform spanning tree that leads to ``end``.

    Drawing all edges again until there is no cycle takes millions of draws for long runs of one letter. Drawing those
    on a cycle again takes few and gives the same distribution (Propp and Wilson 1998). It comes second, so that data
    sets that were built without it keep their rows.
    """
    inner = sorted(letter for letter in edges if letter != end)
    last: dict[str, int] = {}
    again, draws = inner, 0
    while again:
        last |= {letter: int(random.integers(len(edges[letter]))) for letter in again}
        draws += 1
        cycle = next(filter(None, (_cycle(letter, edges, last) for letter in inner)), [])
        again = inner if cycle and draws < WHOLE_DRAWS else cycle
    return last


def _cycle(letter: str, edges: dict[str, list[str]], last: dict[str, int]) -> list[str]:
    """The cycle that following last edges from ``letter`` runs into; empty if it reaches the end."""
    walk: list[str] = []
    while letter in last:
        if letter in walk:
            return walk[walk.index(letter) :]
        walk.append(letter)
        letter = edges[letter][last[letter]]
    return []
