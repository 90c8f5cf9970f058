"""Addresses: what lies on this machine, what is a FASTA file, and where NCBI holds an accession."""

import pytest

from workflow_scripts.common.addresses import is_fasta, local_path, parent_folder, path_part
from workflow_scripts.common.errors import UserError


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("a/b c", "a/b c"),
        ("/a", "/a"),
        ("file:///a/b%20c", "/a/b c"),
        ("FILE:///a", "/a"),
        ("https://a/b", None),
        ("http://[a", None),
    ],
)
def test_local_path(address, path):
    assert local_path(address) == path


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("genomes/x.fa", True),
        ("file:///x.fna.gz", True),
        ("https://h/x.y.fasta.bgz", True),
        ("X.FAS.GZ", True),
        ("https://h/GCF_000001405.40_GRCh38.p14", False),
        ("x.fa.zip", False),
        ("x.gz", False),
        ("https://zenodo.org/records/1/files/x.fa.gz?download=1", True),
        ("https://h/x.fasta#top", True),
        ("file:///x.fa?a", True),
        ("https://h/get?file=x.fa", False),
        ("https://h.fa", False),
        ("http://[a/x.fa", True),
        # of a path, they are letters like any other
        ("a?b#c/x.fa", True),
        ("x.fa?download=1", False),
        ("x.fa#1", False),
        ("fa", False),
        ("", False),
    ],
)
def test_is_fasta(url, expected):
    assert is_fasta(url) is expected


@pytest.mark.parametrize(
    ("address", "path"),
    [("https://h/a/b.gz?x=/c#d", "/a/b.gz"), ("https://h?x", ""), ("a?b#c", "a?b#c"), ("file:///a%3Fb?c", "/a%3Fb")],
)
def test_path_part(address, path):
    assert path_part(address) == path


def test_parent_folder():
    place = "genomes/all/GCA/012/345/678"
    assert parent_folder("GCA_012345678.9") == f"https://ftp.ncbi.nlm.nih.gov/{place}"
    assert parent_folder("GCA_012345678.9", "lab/") == f"lab/{place}"
    for wrong in ("GCA_012345678", "GCA_12345678.1", "NC_000001.11", "my_genome", "GCA_012345678.9/x", ""):
        with pytest.raises(UserError, match=f"^{wrong}: no NCBI accession"):
            parent_folder(wrong)
