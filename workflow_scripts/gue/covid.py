"""Covid variant classification: windows of SARS-CoV-2 genomes, labelled with the variant of the genome.

The paper's genomes are GISAID's, which may not be passed on. Others can take their place, so the source of the genomes
carries a label that says what they are, and the data set is named after it.
"""

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.examples import Built, Example, Recipe
from workflow_scripts.gue.genome import is_acgt
from workflow_scripts.gue.source_readers import Source, label_of, one
from workflow_scripts.gue.variants import read_lineages, read_variant_genomes

ROUNDS = 50


def draw_windows(
    genomes: list[bytearray], count: int, length: int, random: np.random.Generator, built: Built
) -> list[str]:
    """``count`` draws of a uniform place of a uniform genome; those with unknown bases are dropped."""
    windows = []
    for _ in range(count):
        genome = genomes[random.integers(len(genomes))]
        start = int(random.integers(len(genome) - length + 1))
        built.candidates += 1
        window = genome[start : start + length].decode("ascii")
        if is_acgt(window):
            windows.append(window)
        else:
            built.dropped["non_acgt"] += 1
    return windows


def build(sources: list[Source], recipe: Recipe) -> Built:
    """covid/*. Roles: variants:LABEL (FASTA), lineages. As many windows of one variant as of another.

    Draws go on until every variant has its share of windows that no other variant drew; those that two drew are
    dropped with the copies, for both, so that what is left of a conserved stretch does not tell the variant.
    """
    lineages, path = read_lineages(one(sources, "lineages")), one(sources, "variants")
    if strange := sorted(set(lineages.values()) - set(recipe.classes)):
        raise UserError(f"{one(sources, 'lineages')}: unknown variant {strange[0]!r}; use {', '.join(recipe.classes)}")
    by_variant = read_variant_genomes(path, lineages)
    built = Built(material=label_of(sources, "variants"))
    genomes = [[g for g in by_variant.get(variant, []) if len(g) >= recipe.length] for variant in recipe.classes]
    for variant, members in zip(recipe.classes, genomes, strict=True):
        if not members:
            raise UserError(
                f"{path}: no genome of {variant} with {recipe.length} bp or more; every class needs one, under a name "
                f"that {one(sources, 'lineages')} has too"
            )

    owners: dict[str, set[int]] = {}
    for number in range(ROUNDS):
        own = [0] * len(genomes)
        for labels in owners.values():
            if len(labels) == 1:
                own[next(iter(labels))] += 1
        missing = [max(0, recipe.quota(label) - have) for label, have in enumerate(own)]
        if not any(missing):
            break
        for label, members in enumerate(genomes):
            random = recipe.random("windows", recipe.classes[label], number)
            for window in draw_windows(members, missing[label], recipe.length, random, built):
                owners.setdefault(window, set()).add(label)
                built.examples.append(Example((window,), label))
    built.construction = (
        f"{recipe.length}-bp windows at uniform places of genomes drawn uniformly within each variant, the same number "
        "a variant; windows drawn for two variants are left out."
    )
    return built
