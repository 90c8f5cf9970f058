"""The options of the program that takes in a user's data set."""

from workflow_scripts.dag.rule_values import option
from workflow_scripts.settings.custom_datasets import CENTRE, DISTANCE, RATIO, Custom


def place_options(custom: Custom) -> list[str]:
    """Where the files are."""
    files = [path for _, path in sorted((custom.fasta or {}).items())]
    return [
        *option("--folder", custom.folder),
        *option("--file", custom.file),
        *option("--intervals", custom.intervals),
        *option("--fasta", *files),
        *option("--genome", custom.genome),
    ]


def made_options(custom: Custom) -> list[str]:
    """How rows are made from intervals or FASTA; none for a folder or file."""
    if not (custom.intervals or custom.fasta):
        return []
    words = option("--negatives", custom.made_negatives)
    if custom.intervals:
        words += [*option("--width", custom.width), *option("--centre", custom.centre or CENTRE)]
    if custom.made_negatives == "matched" and custom.intervals:
        words += option("--distance", DISTANCE if custom.distance is None else custom.distance)
    if custom.made_negatives != "none":
        words += option("--ratio", custom.ratio or RATIO)
    if custom.fasta:
        words += option("--classes", *filter(None, sorted(custom.fasta)))
    if custom.chromosomes:
        words += option("--dev-chromosomes", *custom.chromosomes.dev)
        words += option("--test-chromosomes", *custom.chromosomes.test)
    return words
