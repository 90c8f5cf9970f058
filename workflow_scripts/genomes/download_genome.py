"""Fetch one genome, and verify it against the md5 of a lock or table, or the one that NCBI publishes beside it.

In:  an accession and an address; a mirror may stand in NCBI's place. The address is
     - an assembly's folder, ``.../GCF_000006945.2_ASM694v2``, which holds ``md5checksums.txt`` and
       ``GCF_000006945.2_ASM694v2_genomic.fna.gz``. Where there is no such folder, or no address is given, the
       accession's folder is looked up in the listing of its parent;
     - or a FASTA file, plain or gzipped: a path, file:// or https://.
Out: the FASTA, gzipped: as it was published, or, where that was plain, without name and time in its header; and a JSON
     record {accession, url, bytes, md5, sha256, md5_source} of the file as it was published.
"""

import argparse
import html
import posixpath
import re
import shutil
import sys
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from urllib.parse import unquote

from isal import igzip

from workflow_scripts.common.addresses import (
    NCBI,
    assembly_files,
    folder_address,
    is_fasta,
    local_path,
    parent_folder,
    path_part,
)
from workflow_scripts.common.downloads import Fetched, fetch
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.fasta_blocks import DAMAGE, open_fasta
from workflow_scripts.common.files import atomic, read_table, write_json
from workflow_scripts.common.http_retry import AbsentError, read_page

CHECKSUM = re.compile(r"([0-9a-fA-F]{32})\s+\*?(?:\./)?(\S+)")
# a link to a folder, as Apache and others write listings
FOLDER_LINK = re.compile(r"""\bhref\s*=\s*["']([^"'?#]+)/["']""", re.IGNORECASE)
BLOCK = 1 << 22
GIVEN = "lock or table"


def known_md5(table: Path, accession: str) -> str | None:
    """The md5 that a species table or lock has of an accession; None where it has none."""
    md5s = (row.get("md5") for row in read_table(table) if row["accession"] == accession)
    return next(md5s, None) or None


def find_md5(text: str, name: str) -> str | None:
    """The md5 of exactly ``name`` in an ``md5checksums.txt``; None where it is not listed.

    Exactly, because ``..._cds_from_genomic.fna.gz`` and others stand in the same file.
    """
    for line in text.splitlines():
        match = CHECKSUM.fullmatch(line.strip())
        if match and match[2] == name:
            return match[1].lower()
    return None


def published_md5(url: str, name: str) -> str:
    """Fetch the ``md5checksums.txt`` at ``url`` and look ``name`` up in it."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "md5checksums.txt"
        fetch(url, path)
        md5 = find_md5(path.read_text(encoding="utf-8", errors="replace"), name)
    if md5 is None:
        raise UserError(f"{url}: {name} is not listed; the folder's last part must be <accession>_<assembly name>")
    return md5


def folders_in(parent: str) -> list[str]:
    """The names of the folders in a local folder or in a web server's listing of one; none where it is absent."""
    local = local_path(parent)
    if local is not None:
        return sorted(path.name for path in Path(local).glob("*/"))
    try:
        page = read_page(f"{parent}/")
    except AbsentError:
        return []
    return sorted({unquote(html.unescape(link)).rsplit("/", 1)[-1] for link in FOLDER_LINK.findall(page)})


def find_folder(accession: str, parent: str) -> str:
    """The one folder of the accession in ``parent``.

    Raises UserError where there is none, with the other versions of the accession that are there, or several.
    """
    listed = folders_in(parent)
    found = [name for name in listed if name.startswith(f"{accession}_")]
    if len(found) == 1:
        return f"{parent}/{found[0]}"
    if found:
        raise UserError(f"{parent}: {len(found)} folders of {accession}: {', '.join(found)}; give one of them as url")
    versions = [name for name in listed if name.startswith(f"{accession.rsplit('.', 1)[0]}.")]
    remedy = f"there is {', '.join(versions)}" if versions else "nor of another version; check the accession and url"
    raise UserError(f"{parent}: no folder of {accession}; {remedy}")


def check_fasta(url: str, path: Path) -> None:
    """The file begins as FASTA does; its gzip must be one where its name says so, and decompress to its end."""
    with path.open("rb") as handle:
        if is_gzipped(url) and handle.read(2) != b"\x1f\x8b":
            raise UserError(f"{url}: not a gzip file")
    with open_fasta(path) as handle:
        try:
            if handle.read(1) != b">":
                raise UserError(f"{url}: not a FASTA file; its first character is not '>'")
            while handle.read(BLOCK):
                pass
        except DAMAGE as error:
            raise UserError(
                f"{url}: the gzip stream is damaged or truncated ({error}); tell the source's owner"
            ) from None


def is_gzipped(url: str) -> bool:
    """Does the address name a gzipped file?"""
    return path_part(url).lower().endswith("gz")


def compress(source: Path, path: Path) -> None:
    """Write gzip without name and timestamp: equal files give equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as raw, open_fasta(source) as handle:
        with igzip.IGzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out:
            shutil.copyfileobj(handle, out, BLOCK)


def fetch_fasta(url: str, md5: str | None, fasta: Path) -> Fetched:
    """Fetch and verify a FASTA file; ``fasta`` is gzipped, byte for byte as it came where that was gzipped by name."""
    check = partial(check_fasta, url)
    if is_gzipped(url):
        return fetch(url, fasta, md5, check=check)
    plain = fasta.with_name(f".{fasta.name}.plain")
    try:
        fetched = fetch(url, plain, md5, check=check)
        compress(plain, fasta)
    finally:
        plain.unlink(missing_ok=True)
    return fetched


def fetch_from_folder(folder: str, md5: str | None, fasta: Path) -> tuple[Fetched, str]:
    """Fetch the genomic FASTA of an assembly's folder; give also where its md5 is from."""
    url, checksums = assembly_files(folder)
    if md5:
        return fetch_fasta(url, md5, fasta), GIVEN
    return fetch_fasta(url, published_md5(checksums, posixpath.basename(url)), fasta), "md5checksums.txt"


def fetch_assembly(accession: str, folder: str, parent: str, md5: str | None, fasta: Path) -> tuple[Fetched, str]:
    """Fetch from ``folder``; where it is not there or not the accession's, from the one that ``parent`` lists."""
    if posixpath.basename(folder).startswith(f"{accession}_"):
        try:
            return fetch_from_folder(folder, md5, fasta)
        except AbsentError as error:
            print(f"{error}; looking for {accession} in {parent}", file=sys.stderr)
    return fetch_from_folder(find_folder(accession, parent), md5, fasta)


def download_genome(accession: str, url: str, mirror: str | None, md5: str | None, fasta: Path) -> dict:
    """Fetch and verify the genome at ``url``, or, where that is empty, the accession's at NCBI; returns the record."""
    address = folder_address(url, mirror)
    if is_fasta(address):
        fetched, source = fetch_fasta(address, md5, fasta), GIVEN if md5 else "none"
    else:
        parent = (posixpath.dirname(address) or ".") if address else parent_folder(accession, mirror)
        fetched, source = fetch_assembly(accession, address, parent, md5, fasta)
    return {"accession": accession, **asdict(fetched), "md5_source": source}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accession", required=True, help="assembly accession with version, such as GCF_000006945.2")
    parser.add_argument("--url", default="", help="the assembly's folder or a FASTA file: https://, file:// or a path")
    parser.add_argument("--mirror", help=f"stands in for {NCBI} in the address: https://, file:// or a local folder")
    parser.add_argument(
        "--md5-from", type=Path, help="species table or lock; where it has no md5, the folder's md5checksums.txt counts"
    )
    parser.add_argument("--fasta", required=True, type=Path, help="the genome to write (.fna.gz)")
    parser.add_argument("--out", required=True, type=Path, help="the record to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    md5 = known_md5(args.md5_from, args.accession) if args.md5_from else None
    write_json(args.out, download_genome(args.accession, args.url, args.mirror, md5, args.fasta))


if __name__ == "__main__":
    sys.exit(main())
