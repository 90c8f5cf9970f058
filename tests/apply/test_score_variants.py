"""From a VCF and a model to scores, and to a VCF with them."""

import gzip
import random
import shutil
from functools import partial

import numpy as np
import pyarrow.parquet as pq
import pysam
import pytest
import torch

from tests.apply.variant_files import write_vcf
from tests.tiny_models import write_bert, write_dnabert2, write_esm
from workflow_scripts.apply import blocks, score_variants, variant_scores, write_variants
from workflow_scripts.common.files import numbered_rows, read_json, write_text
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.outputs import Outputs
from workflow_scripts.inference.predictor import load
from workflow_scripts.model import DnaBert2Config, DnaBert2ForSequenceClassification

DRAW = random.Random(6)
BASES = (
    "".join(DRAW.choices("ACGT", k=400)) + "CACACACACACA" + "".join(DRAW.choices("ACGT", k=200)) + "NNN" + "ACGT" * 4
)
OTHER = dict(zip("ACGTN", "CATGA", strict=True))


def snv(position, *info):
    return (position, BASES[position - 1], OTHER[BASES[position - 1]], *info)


ROWS = [
    snv(1),
    snv(40, "BAD;CLNSIG=Pathogenic"),
    (60, BASES[59].lower(), ",".join(base.lower() for base in "ACGT" if base != BASES[59])),
    snv(90, "CLNSIG=Benign"),
    (120, BASES[119:122], reverse_complement(BASES[119:122])[::-1]),
    (150, BASES[149], BASES[149] + "GGG"),
    (180, BASES[179:184], BASES[179]),
    (200, BASES[199], f"<DEL>,*,{OTHER[BASES[199]]}"),
    (220, BASES[219], "."),
    snv(300, "BAD;CLNSIG=Pathogenic,Likely_pathogenic"),
    (400, BASES[399:402], BASES[399]),
    (409, BASES[408:411], BASES[408]),  # the same deletion of CA
    (460, BASES[459:540], BASES[459]),
    snv(600, "CLNSIG=Uncertain"),
    (613, "N", "A"),
    (614, BASES[613], "A"),
    snv(len(BASES)),
]
UNSCORED = {"symbolic_allele": 1, "deleted_by_another_variant": 1, "no_alternative_allele": 1, "unknown_letters": 2}
UNSCORED["longer_than_the_window"] = 1


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("variants")
    write_text(root / "genome.fa", f">1\n{BASES}\n")
    write_vcf(root / "in.vcf", ROWS, len(BASES))
    write_dnabert2(root / "ours")
    for key in (1, 2):
        write_fit(root / f"fit{key}", root / "ours", Outputs("classification", 2), key)
    return root


def write_fit(folder, base, outputs, key=0, **record):
    """A fit of random weights."""
    torch.manual_seed(key)
    options = read_json(base / "config.json")
    kept = {name: options[name] for name in ("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads")}
    config = DnaBert2Config(**kept, intermediate_size=48, initializer_range=0.3, num_labels=outputs.size)
    DnaBert2ForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(base / name, folder / name)
    FitRecord(outputs, **record).write(folder)
    return folder


def score(root, *options, models=("ours",), name="in.vcf", out="scores.parquet"):
    arguments = ["--input", root / name, "--genome", root / "genome.fa", "--index", root / "index", "--window", 64]
    arguments += ["--model", *(root / model for model in models), "--out", root / out, "--gpus", 0]
    assert score_variants.main([str(argument) for argument in [*arguments, *options]]) == 0
    return root / out


def write(root, *options, parts=("scores.parquet",), name="in.vcf", out="written"):
    arguments = ["--parts", *(root / part for part in parts), "--input", root / name, "--out", root / out]
    assert write_variants.main([str(argument) for argument in [*arguments, *options]]) == 0
    return root / out


def rows_of(path):
    return [row for _, row in numbered_rows(path)]


@pytest.fixture(scope="module")
def written(root):
    score(root)
    return write(root, "--labels", "CLNSIG=Pathogenic:Benign,Uncertain")


def test_the_written_vcf_is_the_input_with_the_scores(root, written):
    scores = pq.read_table(root / "scores.parquet").to_pylist()
    added = ("DNABERT_LLR", "DNABERT_COSINE_LAST", "DNABERT_L2_LAST")
    with (
        pysam.VariantFile(str(root / "in.vcf")) as before,
        pysam.VariantFile(str(written / "variants.vcf.gz")) as after,
    ):
        described = after.header.info["DNABERT_LLR"]
        assert described.number == "A" and "log-odds" in described.description and "ours" in described.description
        lines = [line for line in str(after.header).splitlines() if "DNABERT_" not in line]
        assert lines == str(before.header).splitlines()
        pairs = list(zip(before, after, strict=True))
        for number, (one, other) in enumerate(pairs):
            mine = [row for row in scores if row["record"] == number]
            for name, column in zip(added, ("llr", "cosine_last", "l2_last"), strict=True):
                values = other.info.get(name, (None,) * len(mine))
                for value, row in zip(values, mine, strict=True):
                    assert (
                        value is row[column] if row[column] is None else value == pytest.approx(row[column], rel=1e-4)
                    )
            fields = str(other).split("\t")
            kept = ";".join(field for field in fields[7].split(";") if "DNABERT" not in field) or "."
            assert "\t".join([*fields[:7], kept, *fields[8:]]) == str(one)
    with pysam.VariantFile(str(written / "variants.vcf.gz")) as indexed:
        assert [record.pos for record in indexed.fetch("1", 100, 185)] == [120, 150, 180]


def test_the_table_has_every_allele_and_counts_add_up(written):
    rows, summary = rows_of(written / "variants.tsv"), read_json(written / "record.json")
    assert len(rows) == summary["alleles"] == 21
    assert summary["records"] == len(ROWS) and summary["sorted"]
    assert summary["unscored"] == UNSCORED
    assert summary["scored"] == 21 - sum(UNSCORED.values())
    assert sum(row["unscored"] == "" for row in rows) == summary["scored"]
    assert all((row["llr"] == "") == (row["unscored"] != "") for row in rows)
    assert {row["kind"] for row in rows} == {"SNV", "MNV", "insertion", "deletion", ""}
    by_id = {row["id"]: row for row in rows}
    assert by_id["v5"]["length_change"] == "3"
    assert by_id["v5"]["gc_change"] == "3"
    twins = [{**by_id[name], "position": "", "id": "", "reference": "", "alternative": ""} for name in ("v10", "v11")]
    assert twins[0] == twins[1]


@pytest.mark.parametrize("form", ["in.vcf.gz", "in.bcf"])
def test_compressed_forms_give_the_same(root, written, form):
    if form == "in.bcf":
        source = pysam.VariantFile(str(root / "in.vcf"))
        source.header.info.add("END", 1, "Integer", "of symbolic alleles, which the library writes")
        with pysam.VariantFile(str(root / form), "wb", header=source.header) as out:
            for record in source:
                out.write(record)
    else:
        (root / form).write_bytes(gzip.compress((root / "in.vcf").read_bytes()))
    score(root, name=form, out="form.parquet")
    folder = write(
        root, "--labels", "CLNSIG=Pathogenic:Benign,Uncertain", parts=["form.parquet"], name=form, out="form"
    )
    for name in ("variants.tsv", "evaluation.tsv"):
        assert (folder / name).read_bytes() == (written / name).read_bytes()


def test_labels_are_evaluated_by_kind_beside_floors(root, written):
    rows = rows_of(written / "evaluation.tsv")
    assert read_json(written / "record.json")["labelled"] == 4
    whole = {(row["score"], row["worse"]): row for row in rows if row["kind"] == "all"}
    assert {name for name, _ in whole} == {
        "llr",
        "cosine_last",
        "l2_last",
        "token_change",
        "length_change",
        "gc_change",
    }
    assert {worse for name, worse in whole if name == "gc_change"} == {"low", "high", "both"}
    assert all((row["alleles"], row["positive"]) == ("4", "2") for row in whole.values())
    assert float(whole["length_change", "low"]["auroc"]) == 0.5, "all are substitutions"
    flags = write(root, "--labels", "BAD", out="flags")
    assert rows_of(flags / "evaluation.tsv")[0]["positive"] == "2"
    assert rows_of(flags / "evaluation.tsv")[0]["alleles"] == "15"


def test_any_number_of_parts_gives_the_same_bytes(root, written, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 3)
    whole = score(root, out="whole.parquet")
    parts = [score(root, "--part", f"{part}/3", out=f"{part}of3.parquet") for part in (1, 2, 3)]
    one, three = write(root, parts=(whole,), out="one"), write(root, parts=parts, out="three")
    for name in ("variants.vcf.gz", "variants.tsv", "variants.vcf.gz.tbi", "record.json"):
        assert (one / name).read_bytes() == (three / name).read_bytes()
    close = zip(rows_of(one / "variants.tsv"), rows_of(written / "variants.tsv"), strict=True)
    assert all(
        first["llr"] == second["llr"] or float(first["llr"]) == pytest.approx(float(second["llr"]), abs=1e-4)
        for first, second in close
    )


def test_embeddings_are_compared_per_layer_over_both_strands(root):
    table = pq.read_table(score(root, "--scores", "embedding", "--layers", 0, 2, out="layers.parquet")).to_pylist()
    assert "llr" not in table[0]
    model, row = load(root / "ours"), table[1]
    reference = BASES[39 - 31 : 39 + 33]
    pair = reference, reference[:31] + OTHER[BASES[39]] + reference[32:]
    for layer in (0, 2):
        cosine, length = [], []
        for one, other in (pair, tuple(map(reverse_complement, pair))):
            first, second = model.embed([one, other], layer).astype(float)
            cosine.append(1 - first @ second / np.sqrt(first @ first * (second @ second)))
            length.append(np.sqrt(((first - second) ** 2).sum()))
        assert row[f"cosine_{layer}"] == pytest.approx(np.mean(cosine), abs=1e-6)
        assert row[f"l2_{layer}"] == pytest.approx(np.mean(length), rel=1e-4)


def pair_of(position):
    reference = BASES[position - 32 : position + 32]
    return [reference, reference[:31] + OTHER[BASES[position - 1]] + reference[32:]]


def test_a_fit_gives_the_change_of_its_prediction(root):
    row = pq.read_table(score(root, models=["fit1"], out="fit.parquet")).to_pylist()[1]
    assert {"delta_1", "logit_1"} <= set(row) and not {"llr", "delta_0", "cosine_last"} & set(row)
    before, after = load(root / "fit1").predict(pair_of(40)).probabilities[:, 1]
    assert row["delta_1"] == pytest.approx(after - before, abs=1e-6)
    assert row["logit_1"] == pytest.approx(np.log(after / (1 - after)) - np.log(before / (1 - before)), abs=1e-5)


def test_an_ensemble_gives_mean_and_spread(root):
    rows = [pq.read_table(score(root, models=[name], out="one.parquet")).to_pylist()[1] for name in ("fit1", "fit2")]
    both = pq.read_table(score(root, "--layers", -1, models=["fit1", "fit2"], out="two.parquet")).to_pylist()[1]
    deltas = [row["delta_1"] for row in rows]
    assert both["delta_1"] == pytest.approx(np.mean(deltas), abs=1e-6)
    assert both["sd_delta_1"] == pytest.approx(np.std(deltas, ddof=1), abs=1e-6)
    assert both["cosine_last"] > 0


@pytest.mark.parametrize("problem", ["regression", "multilabel", "classification"])
def test_the_change_is_per_label_and_of_a_regression_on_its_scale(root, tmp_path, problem):
    outputs = Outputs(problem, 1, 5.0, 2.0) if problem == "regression" else Outputs(problem, 3)
    classes = [] if problem == "regression" else ["a b", "a+b", "d"]
    write_fit(root / problem, root / "ours", outputs, classes=classes)
    row = pq.read_table(score(root, models=[problem], out="any.parquet")).to_pylist()[1]
    predicted = load(root / problem).predict(pair_of(40))
    values = predicted.prediction[:, None] if problem == "regression" else predicted.probabilities
    for number, name in enumerate(classes or ["value"]):
        assert row[f"delta_{name}"] == pytest.approx(values[1, number] - values[0, number], abs=1e-5)
    assert ("logit_value" in row) == (problem != "regression") or classes
    with pysam.VariantFile(str(write(root, parts=["any.parquet"], out="any") / "variants.vcf.gz")) as vcf:
        assert ("DNABERT_DELTA_VALUE" if problem == "regression" else "DNABERT_DELTA_A_B_2") in vcf.header.info


def test_log_odds_of_certain_classes_are_finite_and_keep_their_digits():
    certain = np.array([[1e-20, 1.0], [1e-22, 1.0], [0.0, 1.0]])
    found = variant_scores.log_odds(certain, "classification")
    assert np.isfinite(found).all()
    assert found[1, 1] - found[0, 1] == pytest.approx(np.log(100))


@pytest.mark.slow
@pytest.mark.parametrize(("make", "options"), [(write_esm, ""), (write_bert, ', "kmer": 3')])
def test_masked_models_of_the_library_are_scored(root, make, options):
    """Nucleotide Transformer with 6-mers side by side, DNABERT with overlapping 3-mers."""
    if not (folder := root / make.__name__).exists():
        folder.mkdir()
        make(folder)
    arguments = ["--model", f'{{"directory": "{folder}"{options}}}', "--window", 20, "--out", root / "library.parquet"]
    score(root, *arguments)
    rows = pq.read_table(root / "library.parquet").to_pylist()
    scored = [row["llr"] for row in rows if not row["reason"]]
    assert len(scored) == 21 - sum(UNSCORED.values())
    assert np.isfinite(scored).all() and len(set(scored)) > 10


def refused(capfd, program, *arguments):
    assert program.main([str(argument) for argument in arguments]) == 1
    (line,) = [line for line in capfd.readouterr().err.splitlines() if line.startswith("error")]
    return line


def test_mistakes_are_told_in_one_line(root, written, capfd, tmp_path):
    scoring = partial(refused, capfd, score_variants, "--gpus", 0, "--out", tmp_path / "out.parquet", "--index")
    given = [root / "index", "--model", root / "ours", "--input", root / "in.vcf"]
    assert "give it with --genome" in scoring(*given)
    given += ["--genome", root / "genome.fa"]
    assert "--window 0" in scoring(*given, "--window", 0)
    assert "a fit has no likelihood" in scoring(*given, "--scores", "likelihood", "--model", root / "fit1")
    assert "never fitted" in scoring(*given, "--scores", "prediction")
    assert "layer 9: the model has no such layer" in scoring(*given, "--scores", "embedding", "--layers", 9)
    write_vcf(tmp_path / "other.vcf", ROWS[:3], len(BASES))
    writing = partial(refused, capfd, write_variants, "--parts", root / "scores.parquet", "--out", tmp_path / "written")
    assert "the results are of more variants" in writing("--input", tmp_path / "other.vcf")
    assert "no INFO field" in writing("--input", root / "in.vcf", "--labels", "CLNSIC=Pathogenic")
    assert "INFO field DNABERT_LLR already" in writing("--input", written / "variants.vcf.gz")
    assert not (tmp_path / "written").exists()


def test_unsorted_variants_keep_their_order_and_have_no_index(root):
    write_vcf(root / "unsorted.vcf", ROWS[::-1], len(BASES))
    score(root, "--scores", "embedding", name="unsorted.vcf", out="unsorted.parquet")
    folder = write(root, parts=["unsorted.parquet"], name="unsorted.vcf", out="unsorted")
    assert not read_json(folder / "record.json")["sorted"]
    assert not (folder / "variants.vcf.gz.tbi").exists()
    assert int(rows_of(folder / "variants.tsv")[0]["position"]) == len(BASES)


def test_a_vcf_without_records_gives_empty_results(root):
    write_vcf(root / "empty.vcf", [], len(BASES))
    score(root, name="empty.vcf", out="empty.parquet")
    folder = write(root, parts=["empty.parquet"], name="empty.vcf", out="empty")
    assert rows_of(folder / "variants.tsv") == []
    assert read_json(folder / "record.json")["alleles"] == 0
