"""Build one data set of GUE from its primary sources (the rules of the paper's appendix).

In: the registry (config/gue.tsv) and the files the data set is made of, each as --source ROLE=PATH. Out: train.csv,
dev.csv, test.csv, places.tsv, datasheet.json and README.md, the card, in the --out folder. The roles a task needs:

  promoter, core_promoter   genome, tss, and tata_motifs if there is one
  tf_human, tf_mouse        genome, peaks
  splice                    genome, genes
  emp                       histone
  covid                     variants:LABEL (LABEL: whose genomes they are; the data set is named so), lineages
  epi                       genome, pairs
  species                   species_genome:LABEL for every class

A genome is UCSC's .2bit or FASTA (plain, gzip, zstd); both take a quarter of a byte of memory a base.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest
from workflow_scripts.gue import binding, covid, histone, interaction, promoter, species, splice
from workflow_scripts.gue.datasheet import Splits, write_dataset
from workflow_scripts.gue.examples import Built, Recipe, balance, unique
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.source_readers import Source, parse_source
from workflow_scripts.gue.split import METHODS, describe_split
from workflow_scripts.settings.gue import Gue
from workflow_scripts.settings.names import SEED, SPLITS

BUILDERS = {
    "emp": histone.build,
    "promoter": promoter.build,
    "core_promoter": promoter.build,
    "tf_human": binding.build,
    "tf_mouse": binding.build,
    "splice": splice.build,
    "covid": covid.build,
    "epi": interaction.build,
    "species": species.build,
}


def recipe_for(dataset: Dataset, sources: list[Source], length: int, rows: int, seed: int) -> Recipe:
    """What the builder is asked for; species classes are named by their sources."""
    classes = list(dataset.classes)
    if dataset.task == "species":
        classes = [source.label for source in species.genomes_by_label(sources)]
    return Recipe(dataset.task, dataset.dataset, length, rows, seed, classes)


def make_splits(built: Built, recipe: Recipe, wanted: tuple[int, int, int], method: str) -> Splits:
    """Unique rows, balanced where the rule says so, in three splits. Every candidate is a row or dropped."""
    rows = unique(built.examples, built.dropped)
    if built.balanced:
        rows = balance(rows, recipe, built.dropped)
    splits = METHODS[method](rows, wanted, recipe, built.dropped)
    kept = sum(map(len, splits.values()))
    if not all(splits.values()):
        found = ", ".join(f"{name} {len(members)}" for name, members in splits.items())
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(built.dropped.items()) if count)
        raise UserError(
            f"{recipe.task}/{recipe.dataset}: too few rows ({found}; dropped: {reasons or 'none'}); check the sources"
        )
    assert built.candidates == kept + built.dropped.total(), "counts of candidates do not add up"
    return splits


def build(
    dataset: Dataset,
    sources: list[Source],
    out: Path,
    seed: int,
    length: int | None = None,
    max_rows: tuple[int, int, int] = (0, 0, 0),
    method: str = "random",
) -> None:
    """Build ``dataset`` into the folder ``out``; nothing is left there on an error.

    ``max_rows`` limits train, dev and test; 0 leaves the registry's size. ``method`` is one of split.METHODS.
    """
    wanted = tuple(min(size, limit or size) for size, limit in zip(dataset.rows, max_rows, strict=True))
    recipe = recipe_for(dataset, sources, length or dataset.length, sum(wanted), seed)
    built = BUILDERS[dataset.task](sources, recipe)
    splits = make_splits(built, recipe, wanted, method)
    write_dataset(
        out,
        replace(dataset, name=f"{dataset.name} ({built.material})") if built.material else dataset,
        recipe.classes,
        splits,
        origin="primary",
        sources=[
            {"file": s.path.name, "role": s.role, "sha256": digest(s.path)} | ({"label": s.label} if s.label else {})
            for s in sources
        ],
        construction=built.construction,
        split=describe_split(method),
        seed=seed,
        candidates=built.candidates,
        dropped={reason: count for reason, count in built.dropped.items() if count},
    )


def positive(text: str) -> int:
    """A whole number above zero, for argparse."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not above zero")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    defaults = Gue()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", required=True, choices=BUILDERS, help="task of the data set")
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, e.g. H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="ROLE[:LABEL]=PATH",
        help="a file the data set is made of; repeat for each",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of every random choice (default %(default)s)")
    parser.add_argument("--length", type=positive, help="bp a row, instead of the registry's; epi: both sequences, 3:2")
    parser.add_argument(
        "--max-rows",
        type=int,
        nargs=3,
        default=[getattr(defaults.max_rows, split) for split in SPLITS],
        metavar=("TRAIN", "DEV", "TEST"),
        help="rows of the splits at most; 0, the default, takes the registry's sizes",
    )
    parser.add_argument(
        "--split", choices=METHODS, default=defaults.split, help="how rows are dealt out (default %(default)s)"
    )
    parser.add_argument("--out", required=True, type=Path, help="folder for the CSV files and the datasheet")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    """Run from the command line."""
    arguments = build_parser().parse_args(argv)
    dataset = read_dataset(arguments.registry, arguments.task, arguments.dataset)
    sources = [parse_source(text) for text in arguments.source]
    build(dataset, sources, arguments.out, arguments.seed, arguments.length, arguments.max_rows, arguments.split)


if __name__ == "__main__":
    sys.exit(main())
