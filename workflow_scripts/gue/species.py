"""Species classification (GUE+): windows of one genome a class, the same number from each (fungi, viruses)."""

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.examples import Built, Example, Recipe
from workflow_scripts.gue.genome import cut, random_addresses
from workflow_scripts.gue.source_readers import Source
from workflow_scripts.gue.twobit import read_genome

DRAWS_PER_WINDOW = 100


def genomes_by_label(sources: list[Source]) -> list[Source]:
    """The species genomes in the order of their labels."""
    found = sorted((s for s in sources if s.role == "species_genome"), key=lambda source: source.label)
    labels = [source.label for source in found]
    if len(found) < 2 or not all(labels) or len(set(labels)) < len(labels):
        raise UserError("--source species_genome:LABEL=PATH: give two or more genomes, each with its own label")
    return found


def build(sources: list[Source], recipe: Recipe) -> Built:
    """species/*. Role: species_genome, one a class. Windows lie at uniform places of the plus strand, none twice."""
    built, seen = Built(), set()
    for label, source in enumerate(genomes_by_label(sources)):
        genome = read_genome(source.path)
        chroms = [chrom for chrom in genome.contigs if genome.length(chrom) >= recipe.length]
        if not chroms:
            raise UserError(
                f"{source.path}: no contig of {recipe.length} bp or more; choose another genome or a length"
            )
        wanted = recipe.quota(label)
        random = recipe.random("windows", source.label)
        for address in random_addresses(genome, chroms, DRAWS_PER_WINDOW * wanted, random):
            if wanted == 0:
                break
            built.candidates += 1
            window = cut(genome, *genome.locate(address), recipe.length, "+", built.dropped)
            if window and window.sequence in seen:
                built.dropped["duplicate"] += 1
            elif window:
                seen.add(window.sequence)
                # names of contigs may be the same in two genomes
                place = window.place._replace(contig=f"{source.label}:{window.place.contig}")
                built.examples.append(Example((window.sequence,), label, (place,)))
                wanted -= 1
    built.construction = (
        f"{recipe.length}-bp windows at uniform places of each species' genome, plus strand, the same number a species."
    )
    return built
