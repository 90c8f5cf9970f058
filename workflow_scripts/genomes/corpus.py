"""Account for the whole corpus: one row a genome, from the source's address to the chunks it gave.

In:  the species table or its lock, and for each genome in it the record of its download and the counts of its chunks.
Out: a table in the species table's order: accession, organism, group, genus, url, md5, status, and the counts of
     accounting.py. Genus and status (or verdict) come from the species table, where it has them.

Rows of the species table without an accession have no genome and are left out.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_json, read_table, write_table
from workflow_scripts.genomes.accounting import COUNTS, check_sums

COLUMNS = ["accession", "organism", "group", "genus", "url", "md5", "status", *COUNTS]


def by_accession(paths: Iterable[Path]) -> dict[str, dict]:
    """Read JSON objects that each name their ``accession``."""
    found: dict[str, dict] = {}
    for path in paths:
        value = read_json(path)
        if value["accession"] in found:
            raise UserError(f"{path}: {value['accession']} was given before; name each genome's file once")
        found[value["accession"]] = value
    return found


def check_complete(kind: str, found: Iterable[str], accessions: Iterable[str]) -> None:
    """Raise UserError unless the accessions of the files of one ``kind`` are those of the species table."""
    missing = [accession for accession in accessions if accession not in found]
    if missing:
        raise UserError(f"{missing[0]}: no {kind} given ({len(missing)} such genomes); download and cut it first")
    strange = sorted(set(found) - set(accessions))
    if strange:
        raise UserError(f"{strange[0]}: {kind} of a genome that is not in the species table; leave it out")


def corpus_rows(species: list[dict[str, str]], records: dict[str, dict], counts: dict[str, dict]) -> list[dict]:
    """Join the three by accession, one row a species.

    Raises UserError for a genome without record or counts, for one that is in no table, and for false sums.
    """
    accessions = [genome["accession"] for genome in species]
    check_complete("record", records, accessions)
    check_complete("counts", counts, accessions)
    rows = []
    for genome in species:
        accession = genome["accession"]
        check_sums(accession, counts[accession])
        rows.append(
            {
                "accession": accession,
                "organism": genome["organism"],
                "group": genome["group"],
                "genus": genome.get("genus", ""),
                "url": records[accession]["url"],
                "md5": records[accession]["md5"],
                "status": genome.get("status", genome.get("verdict", "")),
            }
            | {name: counts[accession][name] for name in COUNTS}
        )
    return rows


def totals(rows: list[dict]) -> dict[str, int]:
    """The sums over all genomes."""
    return {name: sum(row[name] for row in rows) for name in COUNTS}


def read_species(path: Path) -> list[dict[str, str]]:
    """The rows of the species table that name an accession; each may stand in it once."""
    species = [genome for genome in read_table(path) if genome["accession"]]
    seen: set[str] = set()
    for genome in species:
        if genome["accession"] in seen:
            raise UserError(f"{path}: {genome['accession']} is listed twice; keep one row")
        seen.add(genome["accession"])
    return species


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--species", required=True, type=Path, help="table of genomes, one row each")
    parser.add_argument("--records", required=True, type=Path, nargs="+", help="records of the downloads (.json)")
    parser.add_argument("--counts", required=True, type=Path, nargs="+", help="counts of the chunks (.json)")
    parser.add_argument("--out", required=True, type=Path, help="the table to write (.tsv)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    rows = corpus_rows(read_species(args.species), by_accession(args.records), by_accession(args.counts))
    total = totals(rows)
    write_table(args.out, rows, COLUMNS)
    print(
        f"{len(rows):,} genomes, {total['bases']:,} bases, {total['kept_bases']:,} kept, "
        f"{total['chunks']:,} chunks, {total['validation_chunks']:,} of them for validation",
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
