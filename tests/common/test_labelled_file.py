"""However a table of sequences is written, the same rows come out; what a column is follows from names and letters."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.column_roles import find_roles
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_set import read_labelled_set
from workflow_scripts.common.labelled_sources import WHOLE

LONG = "ACGT" * 40_000  # beyond csv's limit of 131,072 characters
ROWS = [("ACGTACGTNN", "0"), ("GGGTTTAACC", "1"), ("TTTTTTTTTT", "0"), (LONG, "1")] * 3
DNA, WORD = ["ACGTAC", "GGGTTA"], ["hello", "world"]


def read(path, problem="classification"):
    """The rows of one file: sequences, class or label, and id."""
    rows = []
    known = read_labelled_set({WHOLE: path}, problem, False, lambda _, row: rows.append(row))
    return [(*row.sequences, known.numbers.get(row.label, row.label), row.id) for row in rows], known


SPELLINGS = {
    "upper": str.upper,
    "lower": str.lower,
    "mixed": lambda text: text[:5].lower() + text[5:],
    "rna": lambda text: text.replace("T", "U"),
    "lower rna": lambda text: text.lower().replace("t", "u"),
}
COLUMNS = {
    "none": lambda n: [],
    "id": lambda n: [f"seq{n}"],
    "organism": lambda n: ["CAT"],
    "": lambda n: [str(n)],
    "Unnamed: 0": lambda n: [str(n)],
    "strand": lambda n: ["+-"[n % 2]],
    "allele": lambda n: ["ACGT"[n % 4]],
}


@given(
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    separator=st.sampled_from([",", ";", "\t", ", "]),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    header=st.sampled_from([("sequence", "label"), ("Sequence", "LABEL"), (" seq ", "label "), ("DNA", "Label")]),
    extra=st.sampled_from(sorted(COLUMNS)),
    label_first=st.booleans(),
    label=st.sampled_from(["{}", "{}.0", '"{}"']),
    empty_end=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]),
)
def test_every_way_of_writing_gives_the_same_rows(
    tmp_path_factory, end, separator, spelling, header, extra, label_first, label, empty_end, encoding
):
    lines = []
    for number, (sequence, text) in enumerate([header, *ROWS], start=-1):
        is_header = number < 0
        cells = [sequence if is_header else SPELLINGS[spelling](sequence), text if is_header else label.format(text)]
        cells = cells[::-1] if label_first else cells
        added = COLUMNS[extra](number)
        lines.append([*([extra] if is_header and added else added), *cells, *([""] if empty_end else [])])
    path = tmp_path_factory.mktemp("set") / "all.csv"
    path.write_bytes("".join(separator.join(line) + end for line in lines).encode(encoding))
    rows, known = read(path)
    assert [row[:2] for row in rows] == [(sequence, int(text)) for sequence, text in ROWS]
    assert [row[2] for row in rows] == [f"seq{n}" if extra == "id" else "" for n in range(len(ROWS))]
    assert known.columns == ("sequence", "label") and known.classes == ["0", "1"]


@pytest.mark.parametrize(
    ("names", "columns", "sequences"),
    [
        (["sequence1", "sequence2", "label"], [DNA, DNA, "01"], (0, 1)),
        (["label", "Seq_B", "Seq_A"], ["01", DNA, DNA], (2, 1)),
        (["promoter", "enhancer", "label"], [DNA, DNA, "01"], (1, 0)),
        (["seq", "seq2", "label"], [DNA, DNA, "01"], (0, 1)),
        (["sequence1", "sequence2", "label"], [WORD, DNA, "01"], (0, 1)),  # its rows are refused, not the half taken
        (["organism", "sequence", "label"], [["CAT", "DAN"], DNA, "01"], (1,)),
        (["left", "right", "sequence", "label"], [WORD, WORD, DNA, "01"], (2,)),
        (["ref", "alt", "sequence", "label"], [["A", "C"], ["G", "T"], DNA, "01"], (2,)),
        (["type", "reads", "label"], [["A", "B"], DNA, "01"], (1,)),
        (["note", "text", "label"], [WORD, DNA, "01"], (1,)),
        (["sequence", "label", "class"], [DNA, "01", ["x", "y"]], (0,)),
    ],
)
def test_a_pair_is_only_what_is_named_so(names, columns, sequences):
    assert find_roles(names, columns).sequences == sequences


@pytest.mark.parametrize(
    ("names", "columns", "complaint"),
    [
        (["mirna", "target", "label"], [DNA, DNA, "01"], "'mirna' and 'target' may be sequences"),
        (["sequence", "target_sequence", "label"], [DNA, DNA, "01"], "'sequence' and 'target_sequence' may be"),
        (["sequence", "left", "right", "label"], [DNA, DNA, DNA, "01"], "'left' and 'right' and 'sequence' may be"),
        (["organism", "description", "label"], [DNA, WORD, "01"], "no column holds sequences"),
        (["Label", "label", "sequence"], ["01", "01", DNA], "two columns are named 'label'"),
        (["sequence", "value"], [DNA, "01"], "no column is named label"),
    ],
)
def test_what_is_ambiguous_is_refused(names, columns, complaint):
    with pytest.raises(ValueError, match=complaint):
        find_roles(names, columns)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_several_labels_may_use_the_separator_in_quotes(tmp_path, separator):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator)
    writer.writerows([("sequence", "label"), *[("ACGT" + base, "0; 1;1") for base in "ACGTACGTAC"]])
    (tmp_path / "all.csv").write_text(text.getvalue())
    assert read(tmp_path / "all.csv", "multilabel")[0][0] == ("ACGTA", "0;1;1", "")


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("sequence;label\nACGT;0;1\n", ":2: 3 columns where the header has 2; put a label such as 0;1 in quotes"),
        ('sequence,note,label\nACGT,"a,0\nACGT,b,1\n', "not CSV"),
        ("sequence,label\nACGT,NA\n", ":2: label 'NA' is missing"),
        ("sequence,label\nACGT,virus\nACGA,Virus\n", ":2: classes 'Virus' and 'virus' differ in case only"),
    ],
)
def test_rows_that_cannot_be_read_are_refused(tmp_path, content, complaint):
    filler = "".join(f"{'ACGT' * n},{'virus' if 'irus' in content else n % 2}\n" for n in range(1, 12))
    (tmp_path / "all.csv").write_text(content + (filler if "note" not in content and ";" not in content else ""))
    with pytest.raises(UserError, match=complaint.replace("(", r"\(")):
        read(tmp_path / "all.csv")
