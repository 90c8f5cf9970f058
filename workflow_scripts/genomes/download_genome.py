"""Fetch one genome and verify it against the md5 of a lock or table, or against NCBI's ``md5checksums.txt``.

In:  an accession and an address; a mirror may replace NCBI. The address is
     - an assembly's folder, ``.../GCF_000006945.2_ASM694v2``, with ``md5checksums.txt`` and
       ``GCF_000006945.2_ASM694v2_genomic.fna.gz``. If there is no such folder, or no address, the accession's folder is
       searched in the listing of its parent folder;
     - a local folder with the FASTA of the accession, such as an unpacked ``ncbi_dataset``;
     - or a file, FASTA (plain, gzip, bzip2, xz or zstd) or .2bit: a path, file:// or https://.
Out: the gzipped FASTA, unchanged if it was published so, otherwise compressed without name and time in its header; and
     a JSON record {accession, url, bytes, md5, sha256, md5_source} of the published file.
"""

import argparse
import html
import posixpath
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any
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
    unpacked_fasta,
)
from workflow_scripts.common.compression import compression_of
from workflow_scripts.common.downloads import Fetched, fetch
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.fasta_blocks import open_fasta, read_letters
from workflow_scripts.common.files import atomic, read_table, write_json
from workflow_scripts.common.http_retry import AbsentError, read_page
from workflow_scripts.common.twobit import Reader, byte_order, fasta_text, read_records

CHECKSUM = re.compile(r"([0-9a-fA-F]{32})\s+\*?(?:\./)?(\S+)")
# a link to a folder in the listings of Apache and others
FOLDER_LINK = re.compile(r"""\bhref\s*=\s*["']([^"'?#]+)/["']""", re.IGNORECASE)
BLOCK = 1 << 22
GIVEN = "lock or table"


def known_md5(table: Path, accession: str) -> str | None:
    """The md5 of an accession in a species table or lock; None if it has none."""
    md5s = (row.get("md5") for row in read_table(table) if row["accession"] == accession)
    return next(md5s, None) or None


def find_md5(text: str, name: str) -> str | None:
    """The md5 of exactly ``name`` in an ``md5checksums.txt``; None if it is not listed.

    The names must be equal, because the file also lists ``..._cds_from_genomic.fna.gz`` and others.
    """
    for line in text.splitlines():
        match = CHECKSUM.fullmatch(line.strip())
        if match and match[2] == name:
            return match[1].lower()
    return None


def published_md5(url: str, name: str) -> str:
    """The md5 of ``name`` in the ``md5checksums.txt`` at ``url``. Raises UserError if it is not listed."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "md5checksums.txt"
        fetch(url, path)
        md5 = find_md5(path.read_text(encoding="utf-8", errors="replace"), name)
    if md5 is None:
        raise UserError(f"{url}: {name} is not listed; the folder's last part must be <accession>_<assembly name>")
    return md5


def folders_in(parent: str) -> list[str]:
    """The names of the folders in a local folder or in a web server's listing; none if it does not exist."""
    local = local_path(parent)
    if local is not None:
        return sorted(path.name for path in Path(local).glob("*/"))
    try:
        page = read_page(f"{parent}/")
    except AbsentError:
        return []
    return sorted({unquote(html.unescape(link)).rsplit("/", 1)[-1] for link in FOLDER_LINK.findall(page)})


def find_folder(accession: str, parent: str) -> str:
    """The folder of the accession in ``parent``.

    Raises UserError if there is none (the message lists other versions of the accession), or more than one.
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
    """Raise UserError, with ``url`` and the line, unless the file is complete and a FASTA of nucleotides or .2bit."""
    order = byte_order(path)
    for _ in read_records(Reader(path, order, url)) if order else read_letters(path, url):
        pass


def is_gzipped(url: str) -> bool:
    """Whether the address is that of a gzipped file."""
    return path_part(url).lower().endswith("gz")


def text_of(path: Path) -> Iterator[bytes]:
    """The FASTA text of a file: plain, compressed or .2bit."""
    if order := byte_order(path):
        yield from fasta_text(path, order, path)
        return
    with open_fasta(path) as handle:
        yield from iter(lambda: handle.read(BLOCK), b"")


def compress(source: Path, path: Path) -> None:
    """Write gzip without name and timestamp, so that equal files give equal bytes."""
    with atomic(path) as temporary, temporary.open("wb") as raw:
        with igzip.IGzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as out:
            for text in text_of(source):
                out.write(text)


def fetch_fasta(url: str, md5: str | None, fasta: Path) -> Fetched:
    """Fetch and verify a genome's file; ``fasta`` is the published file if that is gzip, else its text compressed."""
    published = fasta if is_gzipped(url) else fasta.with_name(f".{fasta.name}.plain")
    try:
        fetched = fetch(url, published, md5, check=partial(check_fasta, url))
        if published != fasta or compression_of(fasta) != "gzip":
            compress(published, fasta)
    finally:
        if published != fasta:
            published.unlink(missing_ok=True)
    return fetched


def fetch_from_folder(folder: str, md5: str | None, fasta: Path) -> tuple[Fetched, str]:
    """Fetch the genomic FASTA of an assembly's folder; also returns the source of its md5."""
    url, checksums = assembly_files(folder)
    if md5:
        return fetch_fasta(url, md5, fasta), GIVEN
    return fetch_fasta(url, published_md5(checksums, posixpath.basename(url)), fasta), "md5checksums.txt"


def fetch_assembly(accession: str, folder: str, parent: str, md5: str | None, fasta: Path) -> tuple[Fetched, str]:
    """Fetch from ``folder``, or from the accession's folder in ``parent`` if that is missing or of another one."""
    if posixpath.basename(folder).startswith(f"{accession}_"):
        try:
            return fetch_from_folder(folder, md5, fasta)
        except AbsentError as error:
            print(f"{error}; searching {accession} in {parent}", file=sys.stderr)
    return fetch_from_folder(find_folder(accession, parent), md5, fasta)


def fetch_genome(accession: str, url: str, mirror: str | None, md5: str | None, fasta: Path) -> dict[str, Any]:
    """Fetch and verify the genome at ``url``, or NCBI's genome of the accession if it is empty; returns the record."""
    address = folder_address(url, mirror)
    if not is_fasta(address):
        address = unpacked_fasta(address, accession) or address
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
    parser.add_argument("--mirror", help=f"replaces {NCBI} in the address: https://, file:// or a local folder")
    parser.add_argument(
        "--md5-from",
        type=Path,
        help="species table or lock with md5s; without an md5 there, the folder's md5checksums.txt is used",
    )
    parser.add_argument("--fasta", required=True, type=Path, help="the genome to write (.fna.gz)")
    parser.add_argument("--out", required=True, type=Path, help="the record to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    md5 = known_md5(args.md5_from, args.accession) if args.md5_from else None
    write_json(args.out, fetch_genome(args.accession, args.url, args.mirror, md5, args.fasta))


if __name__ == "__main__":
    sys.exit(main())
