"""Addresses of files: NCBI's folders, which a mirror may replace, and local files.

Uses only the standard library, because the Snakefile imports it before any environment exists.
"""

import re
from pathlib import Path
from posixpath import normpath
from urllib.parse import unquote, urlsplit

from workflow_scripts.common.errors import UserError

NCBI = "https://ftp.ncbi.nlm.nih.gov"
# older tables have ftp:// addresses; NCBI serves the same tree under https://
NCBI_HOST = re.compile(r"^(https?|ftp)://ftp\.ncbi\.nlm\.nih\.gov(?=/)")
NCBI_ACCESSION = re.compile(r"(GC[AF])_([0-9]{3})([0-9]{3})([0-9]{3})\.[0-9]+")
# after the host and before a query or fragment
PATH_PART = re.compile(r"[^:/?#]*://[^/?#]*([^?#]*)")
FASTA = re.compile(r"(\.(fa|fna|fasta|fas|fsa|ffn|frn|mfa)(\.(b?gz|bz2|xz|zst))?|\.2bit)$", re.IGNORECASE)


def folder_address(url: str, mirror: str | None = None) -> str:
    """The address of an NCBI folder, on the mirror if there is one; other addresses do not change."""
    return NCBI_HOST.sub(lambda _match: (mirror or NCBI).rstrip("/"), url).rstrip("/")


def assembly_files(folder: str) -> tuple[str, str]:
    """Addresses of the files that the workflow reads from an assembly's folder: genomic FASTA and checksums."""
    return f"{folder}/{folder.rsplit('/', 1)[-1]}_genomic.fna.gz", f"{folder}/md5checksums.txt"


def unpacked_fasta(folder: str, accession: str) -> str | None:
    """The genomic FASTA of an accession in a local folder without checksums, such as an unpacked ``ncbi_dataset``.

    It is in ``folder`` or in the accession's folder below it. Raises UserError if there is more than one.
    """
    local = local_path(folder)
    if local is None or Path(local, "md5checksums.txt").exists():
        return None
    below = ("", accession, f"data/{accession}", f"ncbi_dataset/data/{accession}")
    paths = {path for part in below for path in Path(local, part).glob("*_genomic.fna*")}
    found = sorted(str(path) for path in paths if is_fasta(path.name) and "_from_genomic" not in path.name)
    if len(found) > 1:
        raise UserError(f"{folder}: {len(found)} genomes of {accession}: {', '.join(found)}; give one of them as url")
    return found[0] if found else None


def parent_folder(accession: str, mirror: str | None = None) -> str:
    """The folder with all versions of an accession at NCBI or on the mirror: ``.../all/GCF/000/001/405``.

    Raises UserError for an accession that does not have NCBI's form.
    """
    match = NCBI_ACCESSION.fullmatch(accession)
    if match is None:
        raise UserError(f"{accession}: not an NCBI accession such as GCF_000001405.40; give the genome's url")
    return folder_address(f"{NCBI}/genomes/all/{'/'.join(match.groups())}", mirror)


def is_fasta(url: str) -> bool:
    """Whether the address is that of a file, FASTA or .2bit; any other is taken as an assembly's folder."""
    return FASTA.search(path_part(url)) is not None


def path_part(address: str) -> str:
    """The path of an address, without a query such as ``?download=1``; a local path is returned unchanged."""
    match = PATH_PART.match(address)
    return match[1] if match else address


def spelled(address: str) -> str:
    """One spelling of a web address: scheme and host in lower case, no ``.``, ``..`` or empty folder, no last slash."""
    parts = urlsplit(address)
    path = normpath(parts.path).lstrip("/") if parts.path else ""
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=path).geturl()


def local_path(address: str) -> str | None:
    """The local path that an address names, as a plain path or file:// address; None for any other address."""
    scheme, separator, _ = address.partition("://")
    if not separator:
        return address
    return unquote(urlsplit(address).path) if scheme.lower() == "file" else None
