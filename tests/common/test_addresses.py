"""Addresses: local paths, FASTA files, and NCBI's folders of accessions."""

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
def test_only_paths_and_file_addresses_are_local(address, path):
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
        # in a local path these are ordinary letters
        ("a?b#c/x.fa", True),
        ("x.fa?download=1", False),
        ("x.fa#1", False),
        ("fa", False),
        ("", False),
    ],
)
def test_fasta_files_are_recognised_by_their_path(url, expected):
    assert is_fasta(url) is expected


@pytest.mark.parametrize(
    ("address", "path"),
    [("https://h/a/b.gz?x=/c#d", "/a/b.gz"), ("https://h?x", ""), ("a?b#c", "a?b#c"), ("file:///a%3Fb?c", "/a%3Fb")],
)
def test_the_path_of_an_address_has_no_host_query_or_fragment(address, path):
    assert path_part(address) == path


def test_the_parent_folder_follows_from_the_digits_of_an_accession():
    place = "genomes/all/GCA/012/345/678"
    assert parent_folder("GCA_012345678.9") == f"https://ftp.ncbi.nlm.nih.gov/{place}"
    assert parent_folder("GCA_012345678.9", "lab/") == f"lab/{place}"
    for wrong in ("GCA_012345678", "GCA_12345678.1", "NC_000001.11", "my_genome", "GCA_012345678.9/x", ""):
        with pytest.raises(UserError, match=f"^{wrong}: not an NCBI accession"):
            parent_folder(wrong)
