"""Fetch one NCBI assembly and verify it against the md5 that NCBI publishes beside it.

In:  an accession and the address of its folder, ``.../GCF_000006945.2_ASM694v2``, which holds
     ``md5checksums.txt`` and ``GCF_000006945.2_ASM694v2_genomic.fna.gz``; a mirror may stand in NCBI's place.
Out: the FASTA, gzipped as it was published, and a JSON record {accession, url, md5, bytes, sha256}.
"""

import argparse
import re
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from workflow_scripts.common.addresses import NCBI, folder_address
from workflow_scripts.common.download import fetch
from workflow_scripts.common.errors import UserError, program
from workflow_scripts.common.files import atomic, write_json
from workflow_scripts.genomes.fasta import DAMAGE, open_fasta

CHECKSUM = re.compile(r"([0-9a-fA-F]{32})\s+\*?(?:\./)?(\S+)")
BLOCK = 1 << 22


def find_md5(text: str, name: str) -> str | None:
    """The md5 of exactly ``name`` in an ``md5checksums.txt``; None where it is not listed.

    Exactly, because ``..._cds_from_genomic.fna.gz`` and others stand in the same file.
    """
    for line in text.splitlines():
        match = CHECKSUM.fullmatch(line.strip())
        if match and match[2] == name:
            return match[1].lower()
    return None


def published_md5(folder: str, name: str) -> str:
    """Fetch the folder's ``md5checksums.txt`` and look ``name`` up in it."""
    url = f"{folder}/md5checksums.txt"
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "md5checksums.txt"
        fetch(url, path)
        md5 = find_md5(path.read_text(encoding="utf-8", errors="replace"), name)
    if md5 is None:
        raise UserError(f"{url}: {name} is not listed; the folder's last part must be <accession>_<assembly name>")
    return md5


def check_gzipped_fasta(url: str, path: Path) -> None:
    """The gzip must decompress to its end and begin as a FASTA file does."""
    with path.open("rb") as handle:
        if handle.read(2) != b"\x1f\x8b":
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


def download_assembly(accession: str, folder: str, fasta: Path) -> dict:
    """Fetch and verify the genomic FASTA of an assembly folder; returns the record."""
    name = f"{folder.rsplit('/', 1)[-1]}_genomic.fna.gz"
    if not name.startswith(f"{accession}_"):
        raise UserError(f"{folder}: not the folder of {accession}; its name must begin with {accession}_")
    url = f"{folder}/{name}"
    md5 = published_md5(folder, name)
    with atomic(fasta) as temporary:
        fetched = fetch(url, temporary, md5)
        check_gzipped_fasta(url, temporary)
    return {"accession": accession, **asdict(fetched)}


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accession", required=True, help="assembly accession with version, such as GCF_000006945.2")
    parser.add_argument("--url", required=True, help="the assembly's folder: https://, file:// or a local folder")
    parser.add_argument("--mirror", help=f"stands in for {NCBI} in the address: https://, file:// or a local folder")
    parser.add_argument("--fasta", required=True, type=Path, help="the genome to write (.fna.gz)")
    parser.add_argument("--out", required=True, type=Path, help="the record to write (.json)")
    return parser


@program
def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    record = download_assembly(args.accession, folder_address(args.url, args.mirror), args.fasta)
    write_json(args.out, record)


if __name__ == "__main__":
    sys.exit(main())
