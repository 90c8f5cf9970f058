"""The table of audits: figures in their columns, and empty cells for unknown figures."""

import pytest

from workflow_scripts.common.files import read_table
from workflow_scripts.report import collect_audits, page_content


def collect(run, sheets, figures):
    out = run.root / "gue_audit.tsv"
    arguments = ["--datasheets", *map(str, sheets), "--audits", *map(str, figures), "--out", str(out)]
    return collect_audits.main(arguments), out


def test_figures_are_in_their_columns_and_rows_in_the_order_of_the_datasheets(run):
    names = [("promoter", "tata"), ("emp", "H3")]
    sheets = [run.datasheet(*name) for name in names]
    figures = [run.audit(*name) for name in reversed(names)]
    status, out = collect(run, sheets, figures)
    rows = read_table(out)
    assert status == 0 and [(row["task"], row["dataset"]) for row in rows] == names
    assert rows[0] == {
        **{"task": "promoter", "dataset": "tata", "origin": "published", "split": "random", "rows": "1000"},
        **{"duplicates": "3", "dev_rows": "100", "dev_leaks": "0", "test_rows": "100", "test_leaks": "7"},
        **{"dev_exact": "0", "dev_reverse_complement": "0", "dev_near": "0", "dev_overlap": "0"},
        **{"dev_derived": "0", "test_derived": "0", "test_partners": "300", "test_flipped": "290"},
        **{"test_exact": "2", "test_reverse_complement": "0", "test_near": "5", "test_overlap": ""},
        **{"conflicting_labels": "4", "non_acgt": "6", "other_length": "9", "unknown_letters": "0.02"},
        **{"gc_auroc": "0.7654", "kmer_mcc": "0.4321", "kmer_f1": "0.71", "kmer_accuracy": "0.72"},
        **{"nearest_mcc": "0.31", "nearest_f1": "0.65", "nearest_accuracy": "0.66"},
        **{"partner_mcc": "0.52", "partner_f1": "0.75", "partner_accuracy": "0.76"},
    }


def test_unknown_figures_are_empty_cells(run):
    sheet = run.datasheet("emp", "H3")
    _, out = collect(run, [sheet], [run.audit("emp", "H3", gc={"auroc": None})])
    [row] = page_content.read_audits(out)
    assert row["test_overlap"] is None and row["gc_auroc"] is None and row["dev_overlap"] == 0


@pytest.mark.parametrize(
    ("sheets", "figures", "complaint"),
    [
        (["H3", "H4"], ["H3"], "no audit of emp/H4 was given"),
        (["H3"], ["H3", "H4"], "no datasheet of this data set was given"),
    ],
)
def test_datasheets_and_audits_must_match(run, capsys, sheets, figures, complaint):
    status, out = collect(
        run, [run.datasheet("emp", name) for name in sheets], [run.audit("emp", name) for name in figures]
    )
    message = capsys.readouterr().err.strip()
    assert status == 1 and complaint in message and message.count("\n") == 0 and not out.exists()


def test_an_audit_without_a_figure_is_an_error(run, capsys):
    status, out = collect(run, [run.datasheet("emp", "H3")], [run.audit("emp", "H3", baseline={})])
    assert status == 1 and "audit.json: no 'mcc' in it or its datasheet" in capsys.readouterr().err
    assert not out.exists()
