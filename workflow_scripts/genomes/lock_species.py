"""Choose from NCBI's tables the assembly that a run uses for each row of a species table.

In:  a species table; ``genomes/{refseq,genbank}/<group>/assembly_summary.txt`` of NCBI or a mirror for its groups, and
     ``assembly_summary_historical.txt`` if an accession is not a latest version; the folders' ``md5checksums.txt``.
     No genome is downloaded.
Out: the lock, a species table in the same order with the columns accession, organism, taxid, group, genus,
     genome_size_bp, url, bytes, md5 (of the genomic FASTA), requested (the table's accession, or its name if it has
     none), status and reason. Comments at its head list the tables that were read and their md5. The status is

     current     an assembly of the searched name was found, or the accession is the latest version
     replaced    the latest version of the accession, or GenBank's copy of a withdrawn RefSeq assembly
     substitute  another assembly of the species or the genus, because there is none of that accession or name
     suppressed  no assembly: NCBI has withdrawn the accession and has no other within the genus
     missing     no assembly: NCBI lists neither the accession or name nor any other within the genus
     local       a file or folder outside NCBI, or an accession that is not NCBI's: copied from the table

     A row without accession is searched by its organism. A row with a value in the column species, whose accession is
     only a stand-in for it, is searched by that species first. Among several assemblies the species has priority over
     the genus, then RefSeq over GenBank, then :func:`workflow_scripts.genomes.assemblies.preference` decides. No
     assembly serves two rows; a listed accession is reserved for its own row, even if that row found its species.
"""

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workflow_scripts.common.addresses import (
    NCBI,
    NCBI_ACCESSION,
    NCBI_HOST,
    assembly_files,
    folder_address,
    is_fasta,
    local_path,
)
from workflow_scripts.common.downloads import fetch
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, read_table, write_table, write_text
from workflow_scripts.common.http_retry import AbsentError, open_url, read_page, retry
from workflow_scripts.common.progress import Progress
from workflow_scripts.genomes.assemblies import (
    SECTIONS,
    Search,
    read_assemblies,
    read_latest,
    read_withdrawn,
    same_number,
    searches_for,
    settle,
)
from workflow_scripts.genomes.download_genome import find_md5
from workflow_scripts.settings.tables import table_errors

COLUMNS = ["accession", "organism", "taxid", "group", "genus", "genome_size_bp", "url", "bytes", "md5"]
COLUMNS += ["requested", "status", "reason"]
FREE_TEXT = ("organism", "reason")
STATUSES = ("current", "replaced", "substitute", "suppressed", "missing", "local")
SHOWN_CHANGES = 20
# after the host: no spaces or control characters, and no .. that would leave a mirror's folder
NCBI_FOLDER = re.compile(NCBI_HOST.pattern + r"/(?!(.*/)?\.\.(/|$))[!-~]+")
# C0, DEL, C1 and Unicode line ends
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def is_local(row: dict[str, str]) -> bool:
    """Whether the genome cannot be in NCBI's tables, or has an address outside NCBI."""
    url = row.get("url", "")
    named = row["accession"] and not NCBI_ACCESSION.fullmatch(row["accession"])
    return bool(named or is_fasta(url) or (url and not NCBI_HOST.match(url)))


def requested(row: dict[str, str]) -> str:
    return row["accession"] or row.get("name") or row["organism"]


def find_assemblies(species: list[dict[str, str]], mirror: str | None, scratch: Path) -> tuple[list[Search], list[str]]:
    """Search all rows that are not local; returns the decided searches, and one line for each table that was read."""
    searches = searches_for([row for row in species if not is_local(row)])
    used = {same_number(row["accession"]) for row in species if NCBI_ACCESSION.fullmatch(row["accession"])}
    in_refseq = [search for search in searches if search.target or search.accession.startswith("GCF_")]
    sources = search_section(0, in_refseq, used, mirror, scratch)
    in_genbank = [search for search in searches if search.accession.startswith("GCA_") or not search.found]
    sources += search_section(1, in_genbank, used, mirror, scratch)
    settle(searches)
    return searches, sources


def search_section(
    section: int, searches: list[Search], used: set[str], mirror: str | None, scratch: Path
) -> list[str]:
    """Read a section's tables for the groups of the rows; returns address and md5 of each table."""
    name, prefix = SECTIONS[section]
    sources = []
    for group in sorted({search.group for search in searches}):
        members = [search for search in searches if search.group == group]
        by_accession = {search.accession: search for search in members if search.accession.startswith(prefix)}
        folder = folder_address(f"{NCBI}/genomes/{name}/{group}", mirror)
        address, path = f"{folder}/assembly_summary.txt", scratch / "assembly_summary.txt"
        print(f"{folder}: searching {len(members)} rows", file=sys.stderr)
        sources.append(f"{address} md5 {fetch(address, path).md5}")
        read_latest(read_assemblies(path, address), section, members, by_accession, used)
        if all(search.assembly for search in by_accession.values()):
            continue
        address = f"{folder}/assembly_summary_historical.txt"
        try:
            sources.append(f"{address} md5 {fetch(address, path).md5}")
        except AbsentError:
            print(f"{address}: absent; suppressed assemblies may be reported as missing", file=sys.stderr)
            sources.append(f"{address} absent")
        else:
            read_withdrawn(read_assemblies(path, address), by_accession)
    return sources


def lock_row(search: Search) -> dict[str, str]:
    """The lock's row without md5 and bytes of the file."""
    row, assembly = search.row, search.assembly
    values = {column: row.get(column, "") for column in ("organism", "taxid", "group", "genus")}
    if assembly:
        unchanged = assembly.assembly_accession == row["accession"]
        size = assembly.genome_size if assembly.genome_size.isdecimal() else ""
        values |= {
            "accession": assembly.assembly_accession,
            "organism": assembly.organism_name,
            "taxid": assembly.taxid,
            "genome_size_bp": size or (row.get("genome_size_bp", "") if unchanged else ""),
            # a run fetches from this address, so anything but a folder at NCBI counts as NCBI's "na"
            "url": folder_address(assembly.ftp_path) if NCBI_FOLDER.fullmatch(assembly.ftp_path) else "",
        }
    values |= {"requested": requested(row), "status": search.status, "reason": search.reason}
    return {column: values.get(column, "") for column in COLUMNS}


def local_row(row: dict[str, str]) -> dict[str, str]:
    """The lock's row of a genome outside NCBI, copied from the table."""
    return {column: row.get(column, "") for column in COLUMNS} | {
        "requested": requested(row),
        "status": "local",
        "reason": "",
    }


def add_file_facts(rows: list[dict[str, str]], mirror: str | None, downloads: int) -> None:
    """Add md5 and bytes of the genomic FASTA files, ``downloads`` folders at a time."""
    rows = [row for row in rows if row["accession"] and row["status"] != "local"]
    with ThreadPoolExecutor(downloads) as pool, Progress(len(rows), "folder", "checksums") as progress:
        facts = pool.map(lambda row: file_facts(row["url"], mirror), rows)
        for row, (md5, size, problem) in zip(rows, facts, strict=True):
            row["md5"], row["bytes"] = md5, size
            if problem:
                row["reason"] = "; ".join(filter(None, [row["reason"], f"no md5: {problem}"]))
            progress.step()


def file_facts(url: str, mirror: str | None) -> tuple[str, str, str]:
    """md5 and bytes of the genomic FASTA in an assembly's folder, and the reason if there is no md5."""
    if not url:
        return "", "", "NCBI names no folder"
    fasta, address = assembly_files(folder_address(url, mirror))
    name = fasta.rsplit("/", 1)[-1]
    try:
        md5 = find_md5(read_small_text(address), name)
    except UserError as error:
        return "", "", str(error)
    if md5 is None:
        return "", "", f"{address}: {name} is not listed"
    return md5, file_size(fasta), ""


def read_small_text(address: str) -> str:
    """The text at a local or web address."""
    local = local_path(address)
    if local is None:
        return read_page(address)
    try:
        return Path(local).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UserError(f"{address}: {error.strerror}") from None


def file_size(address: str) -> str:
    """Bytes of the file at an address, without fetching it; empty if unknown."""
    local = local_path(address)
    if local is not None:
        return str(Path(local).stat().st_size) if Path(local).is_file() else ""
    try:
        return retry(address, lambda: announced_size(address))
    except UserError:
        return ""


def announced_size(address: str) -> str:
    """The size of a file that a web server announces; empty if it does not. Raises the errors of ``open_url``."""
    with open_url(address, {}, method="HEAD") as response:
        size = response.headers.get("Content-Length", "")
    return size if size.isdecimal() else ""


def read_species(path: Path) -> list[dict[str, str]]:
    """The rows of the species table. Raises UserError if it breaks its schema or requests an assembly twice."""
    errors = list(table_errors(path, "species", ["accession", "organism"]))
    if errors:
        more = f" ({len(errors) - 1} more such lines)" if len(errors) > 1 else ""
        raise UserError(f"{errors[0]}{more}")
    species = read_table(path)
    check_unique(path, species)
    return species


def check_unique(path: Path, species: list[dict[str, str]]) -> None:
    """Raise UserError if two rows request the same assembly, or versions or copies of it."""
    seen: dict[str, str] = {}
    for row in species:
        name = requested(row)
        same = same_number(name) if NCBI_ACCESSION.fullmatch(name) else name
        if same in seen:
            raise UserError(f"{path}: the rows {seen[same]} and {name} request the same assembly; keep one of them")
        seen[same] = name


def read_lock(path: Path) -> list[dict[str, str]]:
    """The rows of the lock at ``path``; none if there is no file yet."""
    if not path.exists():
        return []
    rows = read_table(path)
    if rows and list(rows[0]) != COLUMNS:
        raise UserError(f"{path}: not a lock, because its columns differ; choose another --out or move the file away")
    return rows


def without_controls(text: str) -> str:
    """The text with spaces for control characters, so that it is one line of a table and harmless on a terminal."""
    return CONTROL.sub(" ", text)


def write_lock(path: Path, species: Path, rows: list[dict[str, str]], sources: list[str]) -> None:
    """Write comments, columns and rows; the lock is checked as a run would check it before it gets its name.

    Raises UserError if it is not a valid species table.
    """
    # the table's name instead of its path, which depends on the working directory
    remarks = [f"Lock of {species.name} by NCBI's tables", *sources]
    with atomic(path) as temporary:
        write_table(temporary, rows, COLUMNS)
        head = "".join(f"# {without_controls(remark)}\n" for remark in remarks)
        write_text(temporary, head + temporary.read_text(encoding="utf-8"))
        for error in table_errors(temporary, "species", ["accession"]):
            mistake = error.removeprefix(str(temporary))
            raise UserError(f"{path}{mistake}; not written, because NCBI's tables may be damaged; run again later")
        if read_table(temporary) != rows:
            raise ValueError(f"{path}: the rows read differ from those written")


def changes(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[str]:
    """One line for each row that differs between two locks, in the order of the new one, then removed rows."""
    before = {row["requested"]: row for row in old}
    lines = []
    for row in new:
        was = before.pop(row["requested"], None)
        if was is None:
            lines.append(f"{row['requested']}: new, {row['accession'] or 'no assembly'} ({row['status']})")
        elif was != row:
            differ = [column for column in COLUMNS if was[column] != row[column]]
            lines.append(
                f"{row['requested']}: " + ", ".join(f"{name} {was[name]!r} -> {row[name]!r}" for name in differ)
            )
    return lines + [f"{name}: removed" for name in before]


def report(rows: list[dict[str, str]], differences: list[str], compared: bool) -> Iterator[str]:
    """Lines at the end: counts, and differences from the previous lock."""
    counts = Counter(row["status"] for row in rows)
    yield f"{len(rows)} rows: " + ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    unknown = sum(1 for row in rows if row["accession"] and not row["md5"] and row["status"] != "local")
    if unknown:
        yield f"{unknown} assemblies without md5, see the column reason; run again to try once more"
    if compared:
        yield f"{len(differences)} rows differ from the previous lock"
        yield from differences[:SHOWN_CHANGES]
        if len(differences) > SHOWN_CHANGES:
            yield f"and {len(differences) - SHOWN_CHANGES} more"


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--species", required=True, type=Path, help="species table, one row per genome")
    parser.add_argument("--mirror", help=f"replaces {NCBI}: https://, file:// or a local folder")
    parser.add_argument("--out", required=True, type=Path, help="the lock to write (.tsv)")
    parser.add_argument(
        "--downloads",
        type=int,
        choices=range(1, 33),
        default=4,
        metavar="N",
        help="number of parallel requests for md5s, up to 32",
    )
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    species, old = read_species(args.species), read_lock(args.out)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    # in the folder of the lock, because the tables may be larger than /tmp
    with tempfile.TemporaryDirectory(prefix=".lock.", dir=args.out.parent) as scratch:
        searches, sources = find_assemblies(species, args.mirror, Path(scratch))
    settled = {id(search.row): lock_row(search) for search in searches}
    rows = [settled.get(id(row)) or local_row(row) for row in species]
    add_file_facts(rows, args.mirror, args.downloads)
    for row in rows:
        row |= {column: without_controls(row[column]) for column in FREE_TEXT}
    write_lock(args.out, args.species, rows, sources)
    for line in report(rows, changes(old, rows), bool(old)):
        print(line, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
