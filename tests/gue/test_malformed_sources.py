"""Malformed sources, through the command line: one line with the place and the bad value, and no file written."""

import gzip

import pytest

from workflow_scripts.gue import build_dataset

LENGTH = 30_000  # bases of the one contig
PAIRS = "enhancer_chrom\tenhancer_start\tenhancer_end\tpromoter_chrom\tpromoter_start\tpromoter_end\tlabel\n"
# task -> (dataset, length, classes, roles)
TASKS = {
    "promoter": ("notata", 60, "no;yes", ("genome", "tss", "tata_motifs")),
    "tf_human": ("0", 21, "no;yes", ("genome", "peaks")),
    "tf_mouse": ("0", 21, "no;yes", ("genome", "peaks")),
    "splice": ("reconstructed", 40, "acceptor;donor;none", ("genome", "genes")),
    "emp": ("H3", 50, "no;yes", ("histone",)),
    "covid": ("variants", 50, "Alpha;Beta", ("variants:simulated", "lineages")),
    "epi": ("K562", 50, "no;yes", ("genome", "pairs")),
    "species": ("virus", 50, "", ("species_genome:a", "species_genome:b")),
}


@pytest.fixture
def contents(bases):
    """Role -> content of a valid file."""
    starts = range(500, 29_000, 400)
    return {
        "genome": f">chr1\n{bases(LENGTH)}\n",
        "tss": "".join(f"chr1 {at} {at + 1} P{at} 1 {'+-'[at % 3 == 0]}\n" for at in starts),
        "tata_motifs": "#Name TATA-box\n" + "".join(f"P{at} 0\n" for at in starts),
        "peaks": "".join(f"chr1\t{at}\t{at + 60}\t.\t1\t.\t1\t-1\t-1\t30\n" for at in starts),
        "genes": "".join(f"G{at}\t0\tchr1\t+\t{at}\t{at + 390}\t{at + 90},\t{at + 290},\n" for at in starts),
        "histone": "".join(f">r{n}\n{bases(50, n)}{n % 2}\n" for n in range(60)),
        "variants:simulated": f">V1\n{bases(3000, 1)}\n>V2\n{bases(3000, 2)}\n",
        "lineages": "name\tpango\nV1\tB.1.1.7\nV2\tB.1.351\n",
        "pairs": PAIRS + "".join(f"chr1\t{at}\t{at + 50}\tchr1\t{at + 90}\t{at + 99}\t{at % 3 % 2}\n" for at in starts),
        "species_genome:a": f">a\n{bases(4000, 1)}\n",
        "species_genome:b": f">b\n{bases(4000, 2)}\n",
    }


@pytest.fixture
def run(contents, registry, tmp_path, capsys):
    """``run(task, {role: content or None})``: exit status, standard error, output folder; ``None`` omits a role."""

    def start(task, changes):
        dataset, length, classes, roles = TASKS[task]
        table = registry(task=task, dataset=dataset, length=length, classes=classes, train=32, dev=4, test=4)
        out = tmp_path / "out"
        arguments = ["--task", task, "--dataset", dataset, "--registry", str(table), "--out", str(out)]
        for role in roles:
            content = changes.get(role, contents[role])
            if content is not None:
                path = tmp_path / f"{role.replace(':', '_')}.txt"
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
                arguments.append(f"--source={role}={path}")
        return build_dataset.main(arguments), capsys.readouterr().err, out

    return start


@pytest.fixture
def fails(run):
    """``fails(task, changes, *complaints)``: the build fails with one line with the complaints and no file."""

    def check(task, changes, *complaints):
        status, message, out = run(task, changes)
        assert status == 1 and message.startswith("error: ") and message.count("\n") == 1, message
        assert all(complaint in message for complaint in complaints), message
        assert not out.exists()

    return check


@pytest.mark.parametrize("task", TASKS)
def test_the_unchanged_sources_are_valid(run, task):
    status, message, out = run(task, {})
    assert status == 0, message
    assert {"train.csv", "dev.csv", "test.csv", "datasheet.json"} <= {path.name for path in out.iterdir()}


PEAK = "chr1\t{}\t{}\t.\t1\t.\t1\t-1\t-1\t{}"
PAIR = "chr1\t{}\t{}\tchr1\t{}\t{}\t{}"
GENE = "G\t0\tchr1\t+\t{}\t{}\t{}\t{}"


@pytest.mark.parametrize(
    ("task", "role", "line", "complaint"),
    [
        ("promoter", "tss", "chr1 500 500 A 1 +", "start 500 is not before end 500"),
        ("promoter", "tss", "chr1 501 500 A 1 +", "start 501 is not before end 500"),
        ("promoter", "tss", "chr1 -1 5 A 1 +", "start '-1' is not a non-negative integer"),
        ("promoter", "tss", "chr1 5 6.0 A 1 +", "end '6.0' is not a non-negative integer"),
        ("promoter", "tss", "chr1 30000 30001 A 1 +", "position 30001 is outside chr1 of 30000 bp"),
        ("promoter", "tss", "chrUn_7 5 6 A 1 +", "contig 'chrUn_7' is not in the genome"),
        ("promoter", "tss", "chr1 5 6 A +", "5 columns, expected 6"),
        ("promoter", "tss", "chr1 5 6 A 1 + x", "7 columns, expected 6"),
        ("promoter", "tss", "chr1 5 6 A 1 *", "strand '*' is neither + nor -"),
        ("promoter", "tss", "chr1 5 6 A 1 +", "promoter 'A' has no row in the motif table"),
        ("promoter", "tata_motifs", "A 2", "the TATA-box flag must be 0 or 1, not '2'"),
        ("promoter", "tata_motifs", "A", "the TATA-box flag must be 0 or 1, not ''"),
        ("tf_human", "peaks", PEAK.format(80, 80, 0), "start 80 is not before end 80"),
        ("tf_human", "peaks", PEAK.format(-8, 80, 0), "start '-8' is not a non-negative integer"),
        ("tf_human", "peaks", PEAK.format("1e3", 2000, 0), "start '1e3' is not a non-negative integer"),
        ("tf_human", "peaks", PEAK.format(29_990, 30_001, 5), "position 30001 is outside chr1 of 30000 bp"),
        ("tf_human", "peaks", PEAK.format(5, 90, 5).replace("chr1", "1"), "contig '1' is not in the genome"),
        ("tf_human", "peaks", PEAK.format(5, 90, 86), "summit offset 86 is outside the peak of 85 bp"),
        ("tf_human", "peaks", PEAK.format(5, 90, -2), "summit offset '-2' is not a non-negative integer"),
        ("tf_human", "peaks", PEAK.format(5, 90, 9).rpartition("\t")[0], "9 columns, expected 10"),
        ("tf_human", "peaks", PEAK.format(5, 90, 9) + "\tx", "11 columns, expected 10"),
        ("tf_human", "peaks", "chr1 5 90 . 1 . 1 -1 -1 9", "1 columns, expected 10"),
        ("tf_mouse", "peaks", PEAK.format(29_990, 30_001, 5), "position 30001 is outside chr1 of 30000 bp"),
        ("splice", "genes", GENE.format(9, 99, "20,", "30,40,"), "1 exon ends but 2 exon starts"),
        ("splice", "genes", GENE.format(9, 99, "20,40,", "30,"), "2 exon ends but 1 exon starts"),
        ("splice", "genes", GENE.format(9, 99, "20,", "20,"), "an exon starts before the previous one ends"),
        ("splice", "genes", GENE.format(9, 99, "5,", "20,"), "an exon ends or starts at 5, outside the gene, 9 to 99"),
        (
            "splice",
            "genes",
            GENE.format(9, 99, "50,", "120,"),
            "starts at 120, outside the gene, 9 to 99",
        ),
        ("splice", "genes", GENE.format(9, 99, "20,x,", "30,40,"), "exon end 'x' is not a non-negative integer"),
        ("splice", "genes", GENE.format(99, 9, "20,", "30,"), "start 99 is not before end 9"),
        ("splice", "genes", GENE.format(0, 9, "3,", "6,"), "start 0; positions in a gene table count from 1"),
        ("splice", "genes", GENE.format(9, 30_001, "20,", "30,"), "position 30001 is outside chr1 of 30000 bp"),
        ("splice", "genes", GENE.format(9, 99, "20,", "30,").replace("chr1", "chr9"), "contig 'chr9' is not in"),
        ("splice", "genes", GENE.format(9, 99, "20,", "30,").replace("+", "?"), "strand '?' is neither + nor -"),
        ("splice", "genes", "G\t0\tchr1\t+\t9\t99\t20,", "7 columns, expected 8"),
        ("epi", "pairs", PAIR.format(5, 9, 20, 30, 2), "label '2' is neither 0 nor 1"),
        ("epi", "pairs", PAIR.format(9, 9, 20, 30, 1), "start 9 is not before end 9"),
        ("epi", "pairs", PAIR.format(5, 9, 30, 20, 1), "start 30 is not before end 20"),
        ("epi", "pairs", PAIR.format(-5, 9, 20, 30, 1), "start '-5' is not a non-negative integer"),
        ("epi", "pairs", PAIR.format(5, 9, 20, 30_001, 1), "position 30001 is outside chr1 of 30000 bp"),
        ("epi", "pairs", PAIR.format(5, 9, 20, 30, 1).replace("chr1", "chr2"), "contig 'chr2' is not in the genome"),
        ("epi", "pairs", PAIR.format(5, 9, 20, 30, 1).replace("chr1", '"chr1"x', 1), "not CSV ("),
        ("epi", "pairs", PAIR.format(5, 9, 20, 30, 1) + "\tx", "8 columns where the header has 7"),
        ("covid", "lineages", "\n".join(["V1"] * 11), "1 columns where the header has 2"),
        ("emp", "histone", ">r\nACGT2\n>s\nACGT1", "the record must end in its label, 0 or 1; it ends in '2'"),
        ("emp", "histone", ">r\n>s\nACGT1", "the record must end in its label, 0 or 1; it ends in ''"),
    ],
)
def test_a_bad_line_and_its_value_are_named(fails, contents, task, role, line, complaint):
    number = contents[role].count("\n") + 1
    fails(task, {role: contents[role] + line + "\n"}, f"{role}.txt:{number}: ", complaint)


@pytest.mark.parametrize(
    ("task", "role", "content", "complaint"),
    [
        ("promoter", "tata_motifs", "#Name Inr\nP500 0\n", "tata_motifs.txt:1: no column TATA-box"),
        ("promoter", "tata_motifs", "", "tata_motifs.txt:1: no column TATA-box"),
        ("promoter", "tss", "# nothing\n", "tss.txt: no row; expected BED6"),
        ("tf_human", "peaks", "", "peaks.txt: no row; expected narrowPeak"),
        ("splice", "genes", "\n", "genes.txt: no row; expected"),
        ("emp", "histone", "", "histone.txt: no record"),
        ("emp", "histone", "ACGT1\n", "histone.txt:1: sequence before the first header"),
        ("epi", "pairs", "", "pairs.txt: the header lacks enhancer_chrom"),
        ("epi", "pairs", PAIRS, "pairs.txt: no pair"),
        ("epi", "pairs", "enhancer_chrom\tlabel\n", "pairs.txt:1: the header lacks enhancer_start"),
        ("covid", "lineages", "strain\tclade\nV1\t20I\n", "lineages.txt:1: the header has no column of lineages"),
        ("covid", "lineages", "name\tpango\nV1\tB.1.1.7\nV2\tC.37\n", "lineages.txt: unknown variant 'Lambda'"),
        ("covid", "lineages", "name\tpango\nV1\tB.1.1.7\nX\tB.1.351\n", "no genome of Beta with 50 bp or more"),
        ("covid", "variants:simulated", "", "variants_simulated.txt: no FASTA record"),
        ("covid", "variants:simulated", ">V1\nAC=T\n", "variants_simulated.txt:2: contig V1 has '='"),
        ("species", "species_genome:a", ">a\nACGT\n", "species_genome_a.txt: no contig of 50 bp or more"),
        ("species", "species_genome:a", "a,b,c\n", "before the first header"),
        ("tf_human", "genome", "", "genome.txt: no FASTA record"),
        ("tf_human", "genome", ">chr1\nACGT\n>chr1\nAC\n", "contig 'chr1' appears twice"),
        ("tf_human", "genome", ">chr1\nACGTJ\n", "'J'"),
    ],
)
def test_a_file_of_other_content_is_named(fails, task, role, content, complaint):
    fails(task, {role: content}, f"{role.replace(':', '_')}.txt", complaint)


ROLES = sorted({(role, task) for task, (_, _, _, roles) in TASKS.items() for role in roles if task != "tf_mouse"})
NEEDED = [(role, task) for role, task in ROLES if role != "tata_motifs"]  # optional


@pytest.mark.parametrize(("role", "task"), ROLES)
def test_a_truncated_gzip_file_is_named(fails, contents, task, role):
    packed = gzip.compress(contents[role].encode(), mtime=0)
    fails(task, {role: packed[: len(packed) // 2]}, f"{role.replace(':', '_')}.txt")


@pytest.mark.parametrize(("role", "task"), ROLES)
def test_a_file_that_is_not_text_is_named(fails, contents, task, role):
    fails(task, {role: contents[role].encode() + b"\xff\xfe\t\x80\n"}, f"{role.replace(':', '_')}.txt")


@pytest.mark.parametrize(("role", "task"), NEEDED)
def test_a_missing_role_is_named(fails, task, role):
    name = role.partition(":")[0]
    fails(task, {role: None}, f"--source {name}", "give two or more" if name == "species_genome" else "given 0 times")
