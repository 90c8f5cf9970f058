"""Account for the whole corpus: one row a genome, from the source's address to the chunks it gave.

In:  the species table, and for each genome in it the record of its download and the counts of its chunks.
Out: a table in the species table's order, with the columns accession, organism, group, url, md5, bases,
     kept_bases, dropped_N, dropped_other, dropped_short_contig, dropped_tail, chunks, train_chunks,
     validation_chunks, soft_masked. It adds up: bases = kept_bases + dropped_*, chunks = train + validation.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import read_json, read_table, write_table

DROPPED = ("dropped_N", "dropped_other", "dropped_short_contig", "dropped_tail")
SUMS = ("bases", "kept_bases", *DROPPED, "chunks", "train_chunks", "validation_chunks", "soft_masked")
COLUMNS = ["accession", "organism", "group", "url", "md5", *SUMS]


def by_accession(paths: Iterable[Path]) -> dict[str, dict]:
    """Read JSON objects that each name their ``accession``."""
    found: dict[str, dict] = {}
    for path in paths:
        value = read_json(path)
        if value["accession"] in found:
            raise UserError(f"{path}: {value['accession']} was given before; name each genome's file once")
        found[value["accession"]] = value
    return found


def check_sums(name: str, row: dict) -> None:
    """Refuse a row whose counts do not add up."""
    if row["bases"] != row["kept_bases"] + sum(row[reason] for reason in DROPPED):
        raise UserError(f"{name}: {row['bases']:,} bases are not the kept and dropped ones together; cut it again")
    if row["chunks"] != row["train_chunks"] + row["validation_chunks"]:
        raise UserError(f"{name}: {row['chunks']:,} chunks are not train and validation together; cut it again")


def corpus_rows(species: list[dict[str, str]], records: dict[str, dict], counts: dict[str, dict]) -> list[dict]:
    """Join the three by accession, one row a species.

    Raises UserError for a genome without record or counts, for one that is in no table, and for false sums.
    """
    accessions = [genome["accession"] for genome in species]
    for kind, found in (("record", records), ("counts", counts)):
        missing = [accession for accession in accessions if accession not in found]
        if missing:
            raise UserError(f"{missing[0]}: no {kind} given ({len(missing)} such genomes); download and cut it first")
        strange = sorted(set(found) - set(accessions))
        if strange:
            raise UserError(f"{strange[0]}: {kind} of a genome that is not in the species table; leave it out")
    rows = []
    for genome in species:
        accession = genome["accession"]
        record, count = records[accession], counts[accession]
        check_sums(accession, count)
        row = {"accession": accession, "organism": genome["organism"], "group": genome["group"]}
        rows.append(row | {"url": record["url"], "md5": record["md5"]} | {name: count[name] for name in SUMS})
    return rows


def totals(rows: list[dict]) -> dict[str, int]:
    """The sums over all genomes, checked like a genome's own."""
    total = {name: sum(row[name] for row in rows) for name in SUMS}
    check_sums("all genomes", total)
    return total


def read_species(path: Path) -> list[dict[str, str]]:
    """The species table; an accession may stand in it once."""
    species = read_table(path)
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
