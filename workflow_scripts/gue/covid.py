"""Builder of the covid task: windows of SARS-CoV-2 genomes, labelled with the variant of the genome.

The paper uses genomes from GISAID, whose terms forbid redistribution, so users may give others. The source therefore
has a label for their origin, and the name of the data set includes it.
"""

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.covid_lineages import read_lineages, read_variant_genomes
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.packed_genome import is_acgt
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.sources import Source, source_label, source_path

ROUNDS = 50


def draw_windows(
    genomes: list[bytearray], count: int, length: int, random: np.random.Generator, result: BuildResult
) -> list[str]:
    """Draw ``count`` windows at uniform positions of uniformly drawn genomes; drop those with unknown bases."""
    windows = []
    for _ in range(count):
        genome = genomes[random.integers(len(genomes))]
        start = int(random.integers(len(genome) - length + 1))
        result.candidates += 1
        window = genome[start : start + length].decode("ascii")
        if is_acgt(window):
            windows.append(window)
        else:
            result.dropped["non_acgt"] += 1
    return windows


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """covid/*. Roles: variants:LABEL (FASTA), lineages. The same number of windows for each variant.

    Drawing goes on until every variant has its quota of windows that no other variant has. Windows drawn for two
    variants are later dropped for both, because they do not identify a variant.
    """
    lineage_path, genome_path = source_path(sources, "lineages"), source_path(sources, "variants")
    lineages = read_lineages(lineage_path)
    if unknown := sorted(set(lineages.values()) - set(recipe.classes)):
        raise UserError(f"{lineage_path}: unknown variant {unknown[0]!r}; use {', '.join(recipe.classes)}")
    by_variant = read_variant_genomes(genome_path, lineages)
    result = BuildResult(material=source_label(sources, "variants"))
    genomes = [[g for g in by_variant.get(variant, []) if len(g) >= recipe.length] for variant in recipe.classes]
    for variant, members in zip(recipe.classes, genomes, strict=True):
        if not members:
            raise UserError(
                f"{genome_path}: no genome of {variant} with {recipe.length} bp or more; every class needs one whose "
                f"name is also in {lineage_path}"
            )

    labels_of_window: dict[str, set[int]] = {}
    for number in range(ROUNDS):
        unique = [0] * len(genomes)
        for labels in labels_of_window.values():
            if len(labels) == 1:
                unique[next(iter(labels))] += 1
        missing = [max(0, recipe.quota(label) - count) for label, count in enumerate(unique)]
        if not any(missing):
            break
        for label, members in enumerate(genomes):
            random = recipe.random("windows", recipe.classes[label], number)
            for window in draw_windows(members, missing[label], recipe.length, random, result):
                labels_of_window.setdefault(window, set()).add(label)
                result.examples.append(Example((window,), label))
    result.construction = (
        f"{recipe.length}-bp windows at uniform positions of genomes drawn uniformly within each variant, the same "
        "number for each variant. Windows drawn for two variants are left out."
    )
    return result
