"""Assemblies of random letters, laid out as NCBI does."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from workflow_scripts.common.addresses import NCBI


def letters(seed: int, length: int) -> str:
    return "".join(np.array(list("ACGT"))[np.random.default_rng(seed).integers(0, 4, length)])


def fasta(*contigs: tuple[str, str]) -> bytes:
    return "".join(f">{header}\n{sequence}\n" for header, sequence in contigs).encode()


def publish(mirror: Path, accession: str, data: bytes) -> str:
    """Lay out an assembly folder as NCBI does; returns its address at NCBI."""
    name = f"{accession}_ASM{accession[-4:-2]}"
    place = f"genomes/all/{accession[:3]}/{accession[4:7]}/{accession[7:10]}/{accession[10:13]}/{name}"
    folder = mirror / place
    folder.mkdir(parents=True)
    packed = gzip.compress(data, mtime=0)
    (folder / f"{name}_genomic.fna.gz").write_bytes(packed)
    (folder / "md5checksums.txt").write_text(f"{hashlib.md5(packed).hexdigest()}  ./{name}_genomic.fna.gz\n")
    return f"{NCBI}/{place}"
