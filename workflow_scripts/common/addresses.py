"""Addresses of files: NCBI's folders, which a mirror may replace, and local files.

Uses only the standard library, because the Snakefile imports it before any environment exists.
"""

import re
from urllib.parse import unquote, urlsplit

from workflow_scripts.common.errors import UserError

NCBI = "https://ftp.ncbi.nlm.nih.gov"
# older tables have ftp:// addresses; NCBI serves the same tree under https://
NCBI_HOST = re.compile(r"^(https?|ftp)://ftp\.ncbi\.nlm\.nih\.gov(?=/)")
NCBI_ACCESSION = re.compile(r"(GC[AF])_([0-9]{3})([0-9]{3})([0-9]{3})\.[0-9]+")
# after the host and before a query or fragment
PATH_PART = re.compile(r"[^:/?#]*://[^/?#]*([^?#]*)")
FASTA = re.compile(r"\.(fa|fna|fasta|fas)(\.b?gz)?$", re.IGNORECASE)


def folder_address(url: str, mirror: str | None = None) -> str:
    """The address of an NCBI folder, on the mirror if there is one; other addresses do not change."""
    return NCBI_HOST.sub(lambda _match: (mirror or NCBI).rstrip("/"), url).rstrip("/")


def assembly_files(folder: str) -> tuple[str, str]:
    """Addresses of the files that the workflow reads from an assembly's folder: genomic FASTA and checksums."""
    return f"{folder}/{folder.rsplit('/', 1)[-1]}_genomic.fna.gz", f"{folder}/md5checksums.txt"


def parent_folder(accession: str, mirror: str | None = None) -> str:
    """The folder with all versions of an accession at NCBI or on the mirror: ``.../all/GCF/000/001/405``.

    Raises UserError for an accession that does not have NCBI's form.
    """
    match = NCBI_ACCESSION.fullmatch(accession)
    if match is None:
        raise UserError(f"{accession}: not an NCBI accession such as GCF_000001405.40; give the genome's url")
    return folder_address(f"{NCBI}/genomes/all/{'/'.join(match.groups())}", mirror)


def is_fasta(url: str) -> bool:
    """Whether the address is that of a FASTA file, plain or gzipped; any other is taken as an assembly's folder."""
    return FASTA.search(path_part(url)) is not None


def path_part(address: str) -> str:
    """The path of an address, without a query such as ``?download=1``; a local path is returned unchanged."""
    match = PATH_PART.match(address)
    return match[1] if match else address


def local_path(address: str) -> str | None:
    """The local path that an address names, as a plain path or file:// address; None for any other address."""
    scheme, separator, _ = address.partition("://")
    if not separator:
        return address
    return unquote(urlsplit(address).path) if scheme.lower() == "file" else None
