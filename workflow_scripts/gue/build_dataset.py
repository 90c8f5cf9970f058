"""Build one data set of GUE from its primary sources, by the rules of the paper's appendix.

In: the registry (config/gue.tsv) and the primary files, each as --source ROLE=PATH. Out: train.csv, dev.csv, test.csv,
places.tsv, datasheet.json and README.md, the data card, in the --out folder. The roles of each task:

  promoter, core_promoter   genome, tss, optionally tata_motifs
  tf_human, tf_mouse        genome, peaks
  splice                    genome, genes
  emp                       histone
  covid                     variants:LABEL (LABEL: origin of the genomes, part of the data set's name), lineages
  epi                       genome, pairs
  species                   species_genome:LABEL for each class

A genome is UCSC's .2bit or FASTA (plain, gzip, zstd); either takes a quarter of a byte of memory a base.
"""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import digest
from workflow_scripts.gue import binding, covid, histone, interaction, promoter, species, splice
from workflow_scripts.gue.datasheet import write_dataset
from workflow_scripts.gue.labelled_examples import Splits
from workflow_scripts.gue.recipe import BuildResult, Recipe
from workflow_scripts.gue.registry import Dataset, read_dataset
from workflow_scripts.gue.selection import balance_classes, drop_duplicates
from workflow_scripts.gue.sources import Source, parse_source
from workflow_scripts.gue.split import METHODS, Sizes, describe_split
from workflow_scripts.settings.gue import Gue
from workflow_scripts.settings.names import SEED, SPLITS

BUILDERS: dict[str, Callable[[list[Source], Recipe], BuildResult]] = {
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


def make_recipe(dataset: Dataset, sources: list[Source], length: int, rows: int, seed: int) -> Recipe:
    """The recipe of a data set; the classes of species are the labels of the sources."""
    classes = list(dataset.classes)
    if dataset.task == "species":
        classes = [source.label for source in species.species_sources(sources)]
    return Recipe(dataset.task, dataset.dataset, length, rows, seed, classes)


def split_sizes(dataset: Dataset, max_rows: Sizes) -> Sizes:
    """The registry's sizes of train, dev and test, limited by ``max_rows``; 0 is no limit."""
    train, dev, test = (min(size, limit or size) for size, limit in zip(dataset.rows, max_rows, strict=True))
    return train, dev, test


def make_splits(result: BuildResult, recipe: Recipe, wanted: Sizes, method: str) -> Splits:
    """Distinct rows, balanced if the builder asks for it, in three splits. All other candidates are in ``dropped``."""
    rows = drop_duplicates(result.examples, result.dropped)
    if result.balanced:
        rows = balance_classes(rows, recipe, result.dropped)
    splits = METHODS[method](rows, wanted, recipe, result.dropped)
    kept = sum(map(len, splits.values()))
    if not all(splits.values()):
        found = ", ".join(f"{name} {len(members)}" for name, members in splits.items())
        reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(result.dropped.items()) if count)
        raise UserError(
            f"{recipe.task}/{recipe.dataset}: too few rows ({found}; dropped: {reasons or 'none'}); check the sources"
        )
    assert result.candidates == kept + result.dropped.total(), "counts of candidates do not add up"
    return splits


def describe_source(source: Source) -> dict[str, str]:
    """A source for the datasheet: file name, role, sha256 and label, if any."""
    facts = {"file": source.path.name, "role": source.role, "sha256": digest(source.path)}
    return facts | ({"label": source.label} if source.label else {})


def build(
    dataset: Dataset, sources: list[Source], out: Path, seed: int, length: int | None, max_rows: Sizes, method: str
) -> None:
    """Build ``dataset`` into the folder ``out``; on an error nothing is written.

    ``length`` is in bp, ``None`` for the registry's. ``max_rows``: see :func:`split_sizes`. ``method`` is one of
    split.METHODS.
    """
    wanted = split_sizes(dataset, max_rows)
    recipe = make_recipe(dataset, sources, length or dataset.length, sum(wanted), seed)
    result = BUILDERS[dataset.task](sources, recipe)
    splits = make_splits(result, recipe, wanted, method)
    write_dataset(
        out,
        replace(dataset, name=f"{dataset.name} ({result.material})") if result.material else dataset,
        recipe.classes,
        splits,
        origin="primary",
        sources=[describe_source(source) for source in sources],
        construction=result.construction,
        split=describe_split(method),
        seed=seed,
        candidates=result.candidates,
        dropped=result.dropped,
    )


def positive_integer(text: str) -> int:
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
    parser.add_argument("--dataset", required=True, help="name of the data set within its task, such as H3 or tata")
    parser.add_argument("--registry", required=True, type=Path, help="table of the data sets, config/gue.tsv")
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="ROLE[:LABEL]=PATH",
        help="a primary file; repeat the option for each file",
    )
    parser.add_argument("--seed", type=int, default=SEED, help="seed of all random choices (default %(default)s)")
    parser.add_argument(
        "--length",
        type=positive_integer,
        help="bp of a row instead of the registry's; for epi, of both sequences together",
    )
    parser.add_argument(
        "--max-rows",
        type=int,
        nargs=3,
        default=[getattr(defaults.max_rows, split) for split in SPLITS],
        metavar=("TRAIN", "DEV", "TEST"),
        help="maximum rows of each split; 0, the default, keeps the registry's size",
    )
    parser.add_argument(
        "--split", choices=METHODS, default=defaults.split, help="how to split the rows (default %(default)s)"
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
