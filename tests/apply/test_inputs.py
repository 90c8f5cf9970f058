"""However sequences are written, the same records come out; what is wrong is said with file and line."""

import datetime
import gzip

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.apply.inputs import open_input
from workflow_scripts.common.errors import UserError

SEQUENCES = {"one": "ACGTNACGTT", "two": "GGGTTTRYAC", "three": "TTTTTTTTTT"}
FASTA = "".join(f">{name} kind {name}\n{letters[:6]}\n{letters[6:]}\n" for name, letters in SEQUENCES.items())
TABLE = "id,sequence,label,note\n" + "".join(
    f'{name},{letters},1,"of {name}, true"\n' for name, letters in SEQUENCES.items()
)


def read(path, genome=None):
    return list(open_input(path, genome).records())


def written(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def rna(text):
    """As RNA in lower case, but for headers."""
    return "".join(line if ">" in line else line.lower().replace("t", "u") for line in text.splitlines(keepends=True))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.fa", FASTA),
        ("named.csv", FASTA),
        ("crlf.fasta", FASTA.replace("\n", "\r\n")),
        ("cr.fna", FASTA.replace("\n", "\r")),
        ("bom.fa", "\ufeff" + FASTA),
        ("blank_first.fa", "\n\n" + FASTA),
        ("comment_first.fa", "; made by hand\n" + FASTA),
        ("rna.ffn", rna(FASTA)),
        ("without_last_line_end.fa", FASTA.rstrip()),
        ("gzipped.fa.gz", gzip.compress(FASTA.encode(), mtime=0)),
        (
            "in_two_members.fa.gz",
            gzip.compress(FASTA[:20].encode(), mtime=0) + gzip.compress(FASTA[20:].encode(), mtime=0),
        ),
    ],
)
def test_fasta_however_it_is_written(tmp_path, name, content):
    source = open_input(written(tmp_path, name, content), None)
    assert source.columns == ("description",)
    for _ in range(2):  # an input can be read again
        records = list(source.records())
        assert {record.name: record.text for record in records} == SEQUENCES
        assert [record.columns for record in records] == [(f"kind {name}",) for name in SEQUENCES]


def test_names_of_fasta_records_may_repeat_and_descriptions_lack(tmp_path):
    records = read(written(tmp_path, "a.fa", ">x\nAC\n>x\tsecond one \nGT\n"))
    assert [(record.name, record.text, record.columns) for record in records] == [
        ("x", "AC", ("",)),
        ("x", "GT", ("second one",)),
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("plain.csv", TABLE),
        ("named.fa", TABLE),
        ("tabs.tsv", TABLE.replace(",", "\t").replace('"of one\t', '"of one,').replace("two\t true", "two, true")),
        ("semicolons.csv", TABLE.replace(",", ";").replace("; true", ", true")),
        ("crlf.csv", TABLE.replace("\n", "\r\n")),
        ("utf16.csv", TABLE.encode("utf-16")),
        ("gzipped.csv.gz", gzip.compress(TABLE.encode(), mtime=0)),
    ],
)
def test_tables_however_they_are_written(tmp_path, name, content):
    source = open_input(written(tmp_path, name, content), None)
    assert source.columns == ("label", "note")
    for _ in range(2):
        records = list(source.records())
        assert {record.name: record.text for record in records} == SEQUENCES
        assert [record.columns[0] for record in records] == ["1"] * 3


def test_tables_need_neither_label_nor_id(tmp_path):
    records = read(written(tmp_path, "a.csv", "Sequence\nacgu\nGGG\n"))
    assert [(record.name, record.text, record.columns) for record in records] == [("1", "ACGT", ()), ("2", "GGG", ())]
    records = read(written(tmp_path, "b.csv", "name;length;dna\n;3;ACG\nx y;2;AC\n"))
    assert [(record.name, record.text, record.columns) for record in records] == [
        ("1", "ACG", ("3",)),
        ("x y", "AC", ("2",)),
    ]


def test_a_semicolon_first_is_an_empty_name_of_a_column_not_a_comment_of_fasta(tmp_path):
    source = open_input(written(tmp_path, "a.csv", ";sequence;cell\n0;ACGT;HeLa\n"), None)
    assert source.columns == ("", "cell")
    assert [(record.text, record.columns) for record in source.records()] == [("ACGT", ("0", "HeLa"))]


def test_pairs_of_a_table(tmp_path):
    (record,) = read(written(tmp_path, "a.csv", "enhancer,promoter,gene\nACGT,gg,G1\n"))
    assert record.text == ("ACGT", "GG") and record.columns == ("G1",)


def parquet(folder, **columns):
    pq.write_table(pa.table(columns), folder / "a.parquet", row_group_size=2)
    return folder / "a.parquet"


def test_parquet_with_all_its_columns(tmp_path):
    path = parquet(
        tmp_path,
        label=[1, None, 0],
        sequence=pa.array([rna(text) for text in SEQUENCES.values()]).dictionary_encode(),
        score=[0.5, 1e-30, None],
        tags=[["a"], [], None],
        name=["one", "two", "three"],
        day=[datetime.date(2024, 1, 2)] * 3,
    )
    source = open_input(path, None)
    assert source.columns == ("label", "score", "tags", "day")
    for _ in range(2):
        records = list(source.records())
        assert {record.name: record.text for record in records} == SEQUENCES
        assert [record.columns for record in records] == [
            ("1", "0.5", "['a']", "2024-01-02"),
            ("", "1e-30", "[]", "2024-01-02"),
            ("0", "", "", "2024-01-02"),
        ]


def test_parquet_of_pairs_and_bytes_without_names(tmp_path):
    records = read(parquet(tmp_path, seq1=[b"AC", b"GG"], seq2=[b"acg", b"u"]))
    assert [(record.name, record.text) for record in records] == [("1", ("AC", "ACG")), ("2", ("GG", "T"))]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"sequence": pa.array([], pa.string())}, "a.parquet: no rows"),
        ({"sequence": ["AC", "AC", "MEF"]}, "a.parquet: row 3: 'E' at letter 2 is not a nucleotide code"),
        ({"sequence": ["AC", None]}, "a.parquet: row 2: the sequence is empty"),
        ({"text": ["hello"], "n": [1]}, "a.parquet: columns text, n; no column holds sequences of nucleotides"),
    ],
)
def test_what_is_wrong_in_parquet_is_said(tmp_path, columns, problem):
    with pytest.raises(UserError, match=problem):
        read(parquet(tmp_path, **columns))


@pytest.mark.parametrize("kept", [20, 400])
def test_a_damaged_parquet_file_is_said(tmp_path, kept):
    path = parquet(tmp_path, sequence=["ACGT" * 100] * 10)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(UserError, match=r"a\.parquet: damaged or truncated parquet file"):
        read(path)


def test_a_damaged_page_of_parquet_is_said(tmp_path):
    pq.write_table(pa.table({"sequence": list(SEQUENCES.values()) * 9}), tmp_path / "a.parquet", compression="zstd")
    content = bytearray((tmp_path / "a.parquet").read_bytes())
    content[4:34] = bytes(30)
    (tmp_path / "a.parquet").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.parquet: damaged or truncated parquet file"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.fa", "", "a.fa: the file is empty"),
        ("a.fa", "\n \n", "a.fa: the file is empty"),
        ("a.fa.gz", gzip.compress(b"", mtime=0), "a.fa.gz: the file is empty"),
        ("a.fa.gz", gzip.compress(FASTA.encode(), mtime=0)[:60], "a.fa.gz: damaged or truncated file"),
        ("a.fa", ">one\nACGT\n>prot\nACMELF\n", "a.fa:4: contig prot has 'EFL', .* this looks like protein"),
        ("a.fa", ">one\nACGT\n>two\n>three\nAC\n", "a.fa: record 2, 'two': the sequence is empty"),
        ("a.fa", ">one\nACGT\n>two\n", "a.fa: record 2, 'two': the sequence is empty"),
        ("a.csv", "sequence,label\n", "a.csv:1: no rows"),
        ("a.csv", "sequence,label\nACGT,1\nACMELF,1\n", "a.csv:3: 'E' at letter 4 is .*; this looks like a protein"),
        ("a.csv", "sequence,label\nACGT,1\n,1\n", "a.csv:3: the sequence is empty"),
        ("a.csv", "sequence,label\nACGT,1\nACGT\n", "a.csv:3: 1 columns where the header has 2"),
        ("a.csv", "text,label\nhello,1\nworld,0\n", "a.csv:1: header 'text,label'; no column holds sequences"),
        ("a.csv", "seq_x,seq_y\nACGT,AC\nACGT,GG\n", "'seq_x' and 'seq_y' may be sequences"),
        ("a.csv", 'sequence\nAC\n"AC\n', "a.csv:3: not CSV"),
        ("a.vcf", "##fileformat=VCFv4.2\n#CHROM\tPOS\n", "a.vcf: holds variants, not sequences; use variants"),
        ("a.vcf.gz", gzip.compress(b"##fileformat=VCFv4.2\n", mtime=0), "holds variants"),
        ("a.bcf", gzip.compress(b"BCF\2\2\0\0\0", mtime=0), "a.bcf: holds variants"),
        ("a.fq", "@read1\nACGT\n+\nIIII\n", "a.fq: is FASTQ; convert it to FASTA"),
        ("a.bam", gzip.compress(b"BAM\1\0", mtime=0), "a.bam: holds reads; convert them to FASTA"),
        ("a.gff3", "##gff-version 3\n", "a.gff3: is GFF; convert it to BED"),
        ("a.gtf", '#!build 1\nchr1\tx\texon\t3\t9\t.\t+\t.\tgene_id "1";\n', "a.gtf: is GFF; convert it to BED"),
        ("a.txt", "ACGT\nGGG\n", "a.txt:1: header 'ACGT'; a sequence where names of columns are expected"),
        ("a.csv", "x1,ACGT\nx2,GGG\n", "a.csv:1: header 'x1,ACGT'; a sequence where names of columns are"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(tmp_path, name, content, problem):
    with pytest.raises(UserError, match=problem) as error:
        read(written(tmp_path, name, content))
    assert "\n" not in str(error.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(UserError, match=r"x\.fa: no such file"):
        open_input(tmp_path / "x.fa", None)
