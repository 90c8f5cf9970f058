"""Train, dev and test sets: exact sizes, the same share of every class, no sequence in two of them."""

from collections import Counter, defaultdict

from workflow_scripts.gue.examples import Example, Recipe
from workflow_scripts.gue.registry import SPLITS


def scaled_sizes(available: int, wanted: tuple[int, int, int]) -> tuple[int, int, int]:
    """``wanted`` where there is enough; else the available rows in the same proportion (largest remainders)."""
    total = sum(wanted)
    if available >= total:
        return wanted
    shares = [available * size / total for size in wanted]
    sizes = [int(share) for share in shares]
    by_remainder = sorted(range(3), key=lambda i: (sizes[i] - shares[i], i))
    for index in by_remainder[: available - sum(sizes)]:
        sizes[index] += 1
    return sizes[0], sizes[1], sizes[2]


def stratified_order(examples: list[Example], recipe: Recipe) -> list[Example]:
    """A seeded order in which every stretch has the classes in their overall proportion (to within a row each)."""
    by_label = defaultdict(list)
    for example in examples:
        by_label[example.label].append(example)
    placed = []
    for label, members in sorted(by_label.items()):
        for place, index in enumerate(recipe.random("split", label).permutation(len(members))):
            placed.append(((place + 0.5) / len(members), label, members[index]))
    return [example for _, _, example in sorted(placed, key=lambda item: item[:2])]


def split(
    examples: list[Example], wanted: tuple[int, int, int], recipe: Recipe, dropped: Counter
) -> dict[str, list[Example]]:
    """Deal unique examples out to test, dev and train; rows beyond the wanted sizes are dropped as such.

    The released sets are mostly split at random 8:1:1 (the paper's appendix); the wanted sizes carry that proportion.
    """
    ordered = stratified_order(examples, recipe)
    train, dev, test = scaled_sizes(len(ordered), wanted)
    parts = {"test": ordered[:test], "dev": ordered[test : test + dev], "train": ordered[test + dev :][:train]}
    dropped["beyond_size"] += len(ordered) - train - dev - test
    shuffled = {}
    for name in SPLITS:
        order = recipe.random("rows", name).permutation(len(parts[name]))
        shuffled[name] = [parts[name][index] for index in order]
    return shuffled
