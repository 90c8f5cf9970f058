"""Reading a genome from a file in either format, .2bit or FASTA."""

from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.twobit import byte_order
from workflow_scripts.gue.fasta_reader import read_fasta
from workflow_scripts.gue.packed_genome import Genome
from workflow_scripts.gue.twobit_reader import read_twobit


def read_genome(path: str | Path, masked: bool = False) -> Genome:
    """Read a .2bit or FASTA file (plain or compressed); the format is detected from the content.

    ``masked``: whether to read lower case too, which takes time and 16 bytes a run.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    order = byte_order(path)
    return read_twobit(path, order, masked) if order else read_fasta(path, masked)
