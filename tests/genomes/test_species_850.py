"""The table of 850 species matches its comments."""

import re
from collections import Counter
from pathlib import Path

from workflow_scripts.common.files import read_table

TABLE = Path(__file__).resolve().parents[2] / "config" / "species_850.tsv"
QUOTAS = {
    "bacteria": 667,
    "fungi": 46,
    "invertebrate": 39,
    "protozoa": 10,
    "vertebrate_mammalian": 31,
    "vertebrate_other": 57,
}


def test_groups_and_addresses_are_right():
    rows = read_table(TABLE)
    assert list(rows[0]) == ["accession", "organism", "taxid", "group", "genus", "genome_size_bp", "url"]
    assert Counter(row["group"] for row in rows) == QUOTAS
    assert len({row["accession"] for row in rows}) == 850
    for row in rows:
        kind, number = row["accession"][:3], row["accession"][4:13]
        place = f"genomes/all/{kind}/{number[:3]}/{number[3:6]}/{number[6:]}/{row['accession']}_"
        assert row["url"].startswith(f"https://ftp.ncbi.nlm.nih.gov/{place}")
        assert re.fullmatch(r"[0-9]*", row["genome_size_bp"])
        assert row["taxid"].isdigit()
        assert row["organism"]


def test_each_genus_has_one_species_except_those_in_the_comment():
    genera = Counter((row["group"], row["genus"]) for row in read_table(TABLE))
    assert sorted(genus for (_, genus), count in genera.items() if count > 1) == [
        "Aspergillus",
        "Colletotrichum",
        "Penicillium",
        "Plasmodium",
        "Sordaria",
    ]
