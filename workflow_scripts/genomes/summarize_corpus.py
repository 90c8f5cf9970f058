"""Account for the whole corpus: one row a genome, from the source's address to the chunks it gave.

In:  the species table or its lock, and two folders with a ``{accession}.json`` for each genome in it: the record of
     its download (download.py), and the counts of its chunks (chunk.py, keep.py).
Out: a table in the species table's order: accession, organism, group, genus, url, md5, status, and the counts of
     accounting.py. Genus and status (or verdict) come from the species table, where it has them.

Rows of the species table without an accession have no genome and are left out, and so are other genomes' files.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_json, write_table
from workflow_scripts.common.species_table import read_species
from workflow_scripts.genomes.accounting import COUNTS, check_sums

COLUMNS = ["accession", "organism", "group", "genus", "url", "md5", "status", *COUNTS]


def read_genome_json(path: Path, accession: str, keys: Iterable[str]) -> dict:
    """Read the JSON object of a genome: its ``accession``, and ``keys``.

    Raises UserError where the file is missing, holds something else, or is another genome's.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; download and cut {accession} first")
    try:
        value = read_json(path)
    except ValueError as error:  # neither UTF-8 nor JSON raise anything else
        raise UserError(f"{path}: not JSON ({error}); remove it and run again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: holds {type(value).__name__} where an object is expected; remove it and run again")
    missing = [key for key in ("accession", *keys) if key not in value]
    if missing:
        raise UserError(f"{path}: {', '.join(missing)} missing; remove it and run again")
    if value["accession"] != accession:
        raise UserError(f"{path}: is of {value['accession']}, not of {accession}; remove it and run again")
    return value


def check_md5(path: Path, record: dict, listed: str) -> None:
    """Raise UserError unless the genome of the record at ``path`` has the md5 that the species table lists, if any."""
    if listed and record["md5"] != listed.lower():
        raise UserError(
            f"{record['accession']}: the species table has md5 {listed}, the downloaded file {record['md5']}; "
            f"remove {path} and run again"
        )


def corpus_row(genome: dict[str, str], records: Path, chunks: Path) -> dict:
    """The row of a ``genome`` of the species table, from its files in the two folders.

    Raises UserError for a file that is missing or not the genome's, for another md5 than listed, and for false sums.
    """
    accession = genome["accession"]
    path = records / f"{accession}.json"
    record = read_genome_json(path, accession, ["url", "md5"])
    check_md5(path, record, genome.get("md5", ""))
    counts = read_genome_json(chunks / f"{accession}.json", accession, COUNTS)
    check_sums(accession, counts)
    return {
        "accession": accession,
        "organism": genome["organism"],
        "group": genome["group"],
        "genus": genome.get("genus", ""),
        "url": record["url"],
        "md5": record["md5"],
        "status": genome.get("status", genome.get("verdict", "")),
    } | {name: counts[name] for name in COUNTS}


def totals(rows: list[dict]) -> dict[str, int]:
    """The sums over all genomes."""
    return {name: sum(row[name] for row in rows) for name in COUNTS}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--species", required=True, type=Path, help="table of genomes, one row each")
    parser.add_argument("--records", required=True, type=Path, help="folder of the downloads ({accession}.json)")
    parser.add_argument("--chunks", required=True, type=Path, help="folder of the counts ({accession}.json)")
    parser.add_argument("--out", required=True, type=Path, help="the table to write (.tsv)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    rows = [corpus_row(genome, args.records, args.chunks) for genome in read_species(args.species)]
    total = totals(rows)
    write_table(args.out, rows, COLUMNS)
    print(
        f"{len(rows):,} genomes, {total['bases']:,} bases, {total['kept_bases']:,} kept, "
        f"{total['chunks']:,} chunks, {total['validation_chunks']:,} of them for validation",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
