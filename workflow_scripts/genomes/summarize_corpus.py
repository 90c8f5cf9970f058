"""Summarise the corpus in a table with one row per genome: address, md5, and counts of bases and chunks.

In:  the species table or its lock, and two folders with a ``{accession}.json`` for each of its genomes: the record of
     its download (download_genome), and the counts of its chunks (chunk_genome, keep_chunks).
Out: a table in the order of the species table: accession, organism, group, genus, url, md5, status, and the counts of
     accounting.py. Genus and status (or verdict) are from the species table, if it has them.

Rows of the species table without an accession and files of other genomes are ignored.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import write_table
from workflow_scripts.common.species_table import read_species
from workflow_scripts.genomes.accounting import COUNTS, check_sums, read_genome_json

COLUMNS = ["accession", "organism", "group", "genus", "url", "md5", "status", *COUNTS]
SHOWN = 10


def check_md5(path: Path, record: dict[str, Any], listed: str) -> None:
    """Raise UserError if the species table lists another md5 than that of the record at ``path``."""
    if listed and record["md5"] != listed.lower():
        raise UserError(
            f"{record['accession']}: the species table has md5 {listed}, the downloaded file {record['md5']}; "
            f"remove {path} and run again"
        )


def corpus_row(genome: dict[str, str], records: Path, chunks: Path) -> dict[str, Any]:
    """The row of a ``genome`` of the species table, from its files in the two folders.

    Raises UserError for a file that is missing or of another genome, a different md5, and counts that do not add up.
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


def listed(accessions: list[str]) -> str:
    """The first accessions, and how many there are besides."""
    more = len(accessions) - SHOWN
    return ", ".join(accessions[:SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def totals(rows: list[dict[str, Any]]) -> dict[str, int]:
    """The sums over all genomes."""
    return {name: sum(row[name] for row in rows) for name in COUNTS}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--species", required=True, type=Path, help="species table or lock")
    parser.add_argument("--records", required=True, type=Path, help="folder of the download records ({accession}.json)")
    parser.add_argument("--chunks", required=True, type=Path, help="folder of the counts ({accession}.json)")
    parser.add_argument("--out", required=True, type=Path, help="the table to write (.tsv)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    rows = [corpus_row(genome, args.records, args.chunks) for genome in read_species(args.species)]
    total = totals(rows)
    if empty := [row["accession"] for row in rows if not row["chunks"]]:
        print(f"warning: genomes without a chunk: {listed(empty)}; corpus.tsv has the reasons", file=sys.stderr)
    write_table(args.out, rows, COLUMNS)
    print(
        f"{len(rows):,} genomes, {total['bases']:,} bases, {total['kept_bases']:,} kept, "
        f"{total['chunks']:,} chunks, {total['validation_chunks']:,} of them for validation",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
