"""Builder of the species task (GUE+, fungi and viruses): one genome a class, the same number of windows from each."""

from workflow_scripts.common.errors import UserError
from workflow_scripts.gue.genome_reader import read_genome
from workflow_scripts.gue.labelled_examples import Example
from workflow_scripts.gue.packed_genome import cut_window, random_addresses
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.sources import Source

DRAWS_PER_WINDOW = 100


def species_sources(sources: list[Source]) -> list[Source]:
    """The species genomes, sorted by label: the order of the classes."""
    found = sorted((s for s in sources if s.role == "species_genome"), key=lambda source: source.label)
    labels = [source.label for source in found]
    if len(found) < 2 or not all(labels) or len(set(labels)) < len(labels):
        raise UserError("--source species_genome:LABEL=PATH: give two or more genomes, each with its own label")
    return found


def build(sources: list[Source], recipe: Recipe) -> BuildResult:
    """species/*. Role: species_genome, one a class. Windows at uniform positions, plus strand, no duplicates."""
    result = BuildResult()
    seen: set[str] = set()
    for label, source in enumerate(species_sources(sources)):
        genome = read_genome(source.path)
        contigs = [contig for contig in genome.contigs if genome.length(contig) >= recipe.length]
        if not contigs:
            raise UserError(
                f"{source.path}: no contig of {recipe.length} bp or more; use another genome or a smaller length"
            )
        wanted = recipe.quota(label)
        random = recipe.random("windows", source.label)
        for address in random_addresses(genome, contigs, DRAWS_PER_WINDOW * wanted, random):
            if wanted == 0:
                break
            result.candidates += 1
            window = cut_window(genome, *genome.locate(address), recipe.length, "+", result.dropped)
            if window and window.sequence in seen:
                result.dropped["duplicate"] += 1
            elif window:
                seen.add(window.sequence)
                # two genomes may use the same contig names
                place = window.place._replace(contig=f"{source.label}:{window.place.contig}")
                result.examples.append(Example((window.sequence,), label, (place,)))
                wanted -= 1
    result.construction = (
        f"{recipe.length}-bp windows at uniform positions of each species' genome, plus strand, the same number for "
        "each species."
    )
    return result
