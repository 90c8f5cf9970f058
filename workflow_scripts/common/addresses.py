"""Addresses of files: NCBI's folders, which a mirror may serve, and files that lie on this machine.

Only the standard library: the workflow reads it before any environment is there.
"""

import re
from urllib.parse import unquote, urlsplit

from workflow_scripts.common.errors import UserError

NCBI = "https://ftp.ncbi.nlm.nih.gov"
# older tables write ftp://, of which NCBI serves the same tree as https://
NCBI_HOST = re.compile(r"^(https?|ftp)://ftp\.ncbi\.nlm\.nih\.gov(?=/)")
NCBI_ACCESSION = re.compile(r"(GC[AF])_([0-9]{3})([0-9]{3})([0-9]{3})\.[0-9]+")
# behind the host and before a query or fragment
PATH_PART = re.compile(r"[^:/?#]*://[^/?#]*([^?#]*)")
FASTA = re.compile(r"\.(fa|fna|fasta|fas)(\.b?gz)?$", re.IGNORECASE)


def folder_address(url: str, mirror: str | None = None) -> str:
    """The assembly folder's address, on the mirror where one is given; addresses outside NCBI stay."""
    return NCBI_HOST.sub(lambda _match: (mirror or NCBI).rstrip("/"), url).rstrip("/")


def assembly_files(folder: str) -> tuple[str, str]:
    """What the workflow reads of an assembly's folder: the genomic FASTA, which bears its name, and the checksums."""
    return f"{folder}/{folder.rsplit('/', 1)[-1]}_genomic.fna.gz", f"{folder}/md5checksums.txt"


def parent_folder(accession: str, mirror: str | None = None) -> str:
    """The folder in which NCBI, or the mirror, holds all versions of an accession: ``.../all/GCF/000/001/405``.

    Raises UserError for an accession that is not NCBI's: nothing follows from such a name.
    """
    match = NCBI_ACCESSION.fullmatch(accession)
    if match is None:
        raise UserError(f"{accession}: no NCBI accession such as GCF_000001405.40; give the genome's url")
    return folder_address(f"{NCBI}/genomes/all/{'/'.join(match.groups())}", mirror)


def is_fasta(url: str) -> bool:
    """Does the address name a FASTA file, plain or gzipped? Any other address is taken for an assembly's folder."""
    return FASTA.search(path_part(url)) is not None


def path_part(address: str) -> str:
    """The path within an address, without ``?download=1`` and the like; a path of this machine is one as it stands."""
    match = PATH_PART.match(address)
    return match[1] if match else address


def local_path(address: str) -> str | None:
    """The path behind an address that is a plain path, as it was given, or file://; None for any other address."""
    scheme, separator, _ = address.partition("://")
    if not separator:
        return address
    return unquote(urlsplit(address).path) if scheme.lower() == "file" else None
