"""Addresses of files: NCBI's folders, which a mirror may serve, and files that lie on this machine.

Only the standard library: the workflow reads it before any environment is there.
"""

import re
from urllib.parse import unquote, urlsplit

NCBI = "https://ftp.ncbi.nlm.nih.gov"
# older tables write ftp://, of which NCBI serves the same tree as https://
NCBI_HOST = re.compile(r"^(https?|ftp)://ftp\.ncbi\.nlm\.nih\.gov(?=/)")


def folder_address(url: str, mirror: str | None = None) -> str:
    """The assembly folder's address, on the mirror where one is given; addresses outside NCBI stay."""
    return NCBI_HOST.sub(lambda _match: (mirror or NCBI).rstrip("/"), url).rstrip("/")


def local_path(address: str) -> str | None:
    """The path behind an address that is a plain path, as it was given, or file://; None for any other address."""
    if "://" not in address:
        return address
    parts = urlsplit(address)
    return unquote(parts.path) if parts.scheme == "file" else None
