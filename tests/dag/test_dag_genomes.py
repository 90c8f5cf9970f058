"""What the rules of the genomes ask for."""

import hashlib
import os
from pathlib import Path

import pytest

from tests.dag.conftest import DEMO, job, write_species
from workflow_scripts.dag.genomes import MAMMAL, Genomes

SMALL, LARGE = job(accession="small.1"), job(accession="large.1")


@pytest.fixture
def genomes(configured):
    return Genomes(configured())


def test_rows_without_an_accession_are_counted_and_left_out(configured):
    write_species("a\tAus\tviral\t\t5", "\tBus\tviral\t\t", "\tCus\tviral\t\t")
    genomes = Genomes(configured())
    assert list(genomes.species) == ["a"]
    assert genomes.warnings == ["species.tsv: 2 of 3 species have no assembly and are left out."]
    write_species("a\tAus\tviral\t\t5")
    assert Genomes(configured()).warnings == []


def test_the_lock_is_used_if_there_is_one(configured, genomes):
    assert (genomes.table, genomes.lock) == ("species.tsv", "species.lock.tsv")
    Path("species.lock.tsv").write_text("accession\torganism\tgroup\nnew.2\tAus\tviral\n")
    locked = Genomes(configured())
    assert locked.table == "species.lock.tsv" and list(locked.species) == ["new.2"]


def test_a_size_is_the_tables_or_the_files_or_a_mammals(configured):
    Path("plain.fa").write_bytes(b"A" * 1000)
    Path("packed.fa.gz").write_bytes(b"A" * 285)
    write_species(
        "told\tAus\tviral\tplain.fa\t7",
        "plain\tAus\tviral\tplain.fa\t",
        "packed\tAus\tviral\tpacked.fa.gz\t",
        "absent\tAus\tviral\tabsent.fa\t",
        "web\tAus\tviral\thttps://example.org/web.fa\t",
        "unknown\tAus\tviral\t\t",
    )
    sizes = Genomes(configured()).sizes
    assert sizes == {
        **{"told": 7, "plain": 1000, "packed": 1000},
        **dict.fromkeys(("absent", "web", "unknown"), MAMMAL),
    }


def test_local_files_are_inputs_by_their_kind(configured, tmp_path):
    folder = tmp_path / "GCF_1.1_ASM1"
    folder.mkdir()
    write_species(
        "fasta\tAus\tviral\tmine.fa\t5",
        f"file\tAus\tviral\tfile://{tmp_path}/mine.fna.gz\t5",
        f"folder\tAus\tviral\t{folder}\t5",
        "absent\tAus\tviral\tnowhere\t5",
        "web\tAus\tviral\thttps://example.org/web.fa\t5",
        "named\tAus\tviral\t\t5",
    )
    genomes = Genomes(configured())
    files = {accession: genomes.local_files(job(accession=accession)) for accession in genomes.species}
    assert files == {
        "fasta": ["mine.fa"],
        "file": ["mine.fna.gz"],
        "folder": ["GCF_1.1_ASM1/GCF_1.1_ASM1_genomic.fna.gz", "GCF_1.1_ASM1/md5checksums.txt"],
        **{name: [] for name in ("absent", "web", "named")},
    }
    assert all(genomes.made_files(job(accession=accession)) == [] for accession in genomes.species)


def test_the_mirror_is_no_matter_for_genomes_of_ncbi(configured, tmp_path):
    folder = "genomes/all/GCF/1/GCF_1.1_ASM1"
    write_species(f"a\tAus\tviral\thttps://ftp.ncbi.nlm.nih.gov/{folder}\t", "b\tAus\tviral\t\t5")
    (tmp_path / "mirror" / folder).mkdir(parents=True)
    (tmp_path / "mirror" / folder / "GCF_1.1_ASM1_genomic.fna.gz").write_bytes(bytes(285))
    for mirror in ({}, {"genomes": {"mirror": "mirror"}}, {"genomes": {"mirror": "https://example.org"}}):
        genomes = Genomes(configured(mirror))
        for wildcards in (job(accession="a"), job(accession="b")):
            assert genomes.local_files(wildcards) == genomes.source(wildcards) == []
    assert Genomes(configured({"genomes": {"mirror": "mirror"}})).sizes["a"] == 1000, "its size is read there"


def test_a_genome_from_elsewhere_is_known_by_its_content_or_address(configured):
    write_species("a\tAus\tviral\tmine.fa\t5", "web\tAus\tviral\tHTTPS://Example.org/x/./web.fa/\t5")
    genomes = Genomes(configured())
    assert genomes.source(job(accession="a")) == ["no such file"], "the download says so"
    Path("mine.fa").write_text("ACGT")
    (content,) = genomes.source(job(accession="a"))
    assert content == hashlib.sha256(b"ACGT").hexdigest()
    os.utime("mine.fa", (0, 0))
    assert genomes.source(job(accession="a")) == [content]
    assert genomes.source(job(accession="web")) == ["https://example.org/x/web.fa"]


def test_the_demo_makes_the_files_before_they_exist(configured):
    genomes = Genomes(configured(DEMO, {"genomes": {"corpus": "species.tsv"}}))
    write_species("a\tAus\tviral\tresults/demo/a_1\t5")
    genomes = Genomes(configured(DEMO, {"genomes": {"corpus": "species.tsv"}}))
    made = ["results/demo/a_1/a_1_genomic.fna.gz", "results/demo/a_1/md5checksums.txt"]
    assert genomes.simulated_files() == genomes.made_files(job(accession="a")) == made
    assert genomes.local_files(job(accession="a")) == genomes.source(job(accession="a")) == []


def test_addresses_and_what_is_left_out_are_options(configured, genomes):
    assert genomes.url_option(SMALL) == ["--url", "https://example.org/small"]
    assert genomes.exclude_option() == genomes.cap_options() == []
    write_species("a\tAus\tviral\t\t5")
    caps = {"max_genome_bases": 100, "max_group_bases": {"viral": 5, "fungi": 7}}
    genomes = Genomes(configured({"genomes": {"exclude": ["plasmid", "organelle"], **caps}}))
    assert genomes.url_option(job(accession="a")) == []
    assert genomes.exclude_option() == ["--exclude", "plasmid", "organelle"]
    assert genomes.cap_options() == ["--max-genome-bases", "100", "--max-group-bases", "fungi=7", "viral=5"]


@pytest.mark.parametrize(
    "choice",
    [
        {"duplicates": "exact"},
        {"duplicates": "reverse_complement"},
        {"max_genome_bases": 1},
        {"max_group_bases": {"viral": 1}},
    ],
    ids=lambda choice: next(iter(choice)),
)
def test_any_choice_among_chunks_cuts_them_where_it_finds_them(configured, genomes, choice):
    assert not genomes.chosen and genomes.first_cut == "results/genomes/chunks"
    genomes = Genomes(configured({"genomes": choice}))
    assert genomes.chosen and genomes.first_cut == "results/genomes/windows"
    assert genomes.in_order() == ["small.1=viral", "large.1=fungi"]


def test_a_genome_that_is_held_out_whole_is_held_out_whole(configured, genomes):
    assert genomes.held_out_share(SMALL) == 0.005
    genomes = Genomes(configured({"genomes": {"validation": {"genomes": ["small.1"]}}}))
    assert (genomes.held_out_share(SMALL), genomes.held_out_share(LARGE)) == (1, 0.005)


def test_small_genomes_share_a_job(configured, genomes):
    group = genomes.shared_job("small_genomes", "large_genome")
    assert (group(SMALL), group(LARGE)) == ("small_genomes", "large_genome")
    alone = genomes.shared_job("small_encodings")
    assert (alone(SMALL), alone(LARGE)) == ("small_encodings", None)
    write_species("below\tAus\tviral\t\t19999999", "at\tAus\tviral\t\t20000000")
    group = Genomes(configured()).shared_job("small", "large")
    assert (group(job(accession="below")), group(job(accession="at"))) == ("small", "large")


def test_time_and_memory_follow_the_size_and_the_attempt(configured):
    write_species("virus\tAus\tviral\t\t30000", "mammal\tBus\tvertebrate_mammalian\t\t3000000000")
    genomes = Genomes(configured())
    asked = {
        name: [function(job(accession=name), attempt) for attempt in (1, 2)]
        for name in genomes.species
        for function in [genomes.download_minutes]
    }
    # 855 MB at a megabyte a second are 14 minutes
    assert asked == {"virus": [5, 10], "mammal": [19, 38]}
    mammal = job(accession="mammal")
    assert [genomes.chunk_megabytes(mammal, attempt) for attempt in (1, 2)] == [4000, 8000]
    assert [genomes.chunk_minutes(mammal, attempt) for attempt in (1, 2)] == [18, 36]
    assert [genomes.encoding_minutes(mammal, attempt) for attempt in (1, 2)] == [30, 60]
    write_species("lungfish\tAus\tvertebrate_other\t\t40000000000")
    assert Genomes(configured()).chunk_megabytes(job(accession="lungfish"), 1) == 8000, "no contig is that long"
