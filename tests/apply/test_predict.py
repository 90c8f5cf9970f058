"""Predictions are those of a plain loop over the library's models; windows, parts and strands add up."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from peft import PeftModel
from transformers import AutoTokenizer, BertForSequenceClassification

from tests.apply.tiny_fits import CLASSES, mixed_sequences, write_fasta
from workflow_scripts.apply import blocks, predict, write_predictions
from workflow_scripts.apply.windows import spans
from workflow_scripts.common.files import read_json, write_text
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.baselines import read_baseline
from workflow_scripts.inference.encoders import kmers
from workflow_scripts.model import DnaBert2ForSequenceClassification

SEQUENCES = mixed_sequences(500, 5000)
PROBABILITIES = [f"probability_{name}" for name in CLASSES]


def run(tmp_path: Path, models: list[Path], source: Path, *options: str, parts: int = 1) -> Path:
    """Predict in parts and join them; returns the folder of the results."""
    files = [tmp_path / f"{number}of{parts}.parquet" for number in range(1, parts + 1)]
    shared = ["--input", str(source), "--index", str(tmp_path / "index")]
    genome = list(options[options.index("--genome") :][:2]) if "--genome" in options else []
    for number, file in enumerate(files, start=1):
        named = ["--model", *map(str, models), "--part", f"{number}/{parts}", "--out", str(file), "--gpus", "0"]
        assert predict.main([*named, *shared, *options]) == 0
    out = tmp_path / f"results{parts}"
    assert write_predictions.main(["--parts", *map(str, files), *shared, *genome, "--out", str(out)]) == 0
    return out


def table(path: Path) -> list[dict[str, str]]:
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    return list(csv.DictReader(content.decode().splitlines(), delimiter="\t"))


def canonical(text: str) -> str:
    return text.upper().replace("U", "T")


@torch.no_grad()
def plain(folder: Path, kind: str, texts: list[str]) -> np.ndarray:
    """Probabilities by a loop over single texts with the library alone, as its documentation has it."""
    if kind == "cnn":
        model, encoder = read_baseline(folder)
        ids = [torch.tensor(encoder.encode([text], 0).ids[0])[None] for text in texts]
        logits = [model.eval()(one, torch.ones_like(one)).logits[0] for one in ids]
        return torch.stack(logits).softmax(-1).numpy()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    limit = None
    if kind == "lora":
        base = DnaBert2ForSequenceClassification.from_pretrained(folder / "base")
        model = PeftModel.from_pretrained(base, folder)
    elif kind == "kmers":
        model = BertForSequenceClassification.from_pretrained(folder)
        limit = model.config.max_position_embeddings
    else:
        model = DnaBert2ForSequenceClassification.from_pretrained(folder)
    found = []
    for text in texts:
        words = kmers(text, 3) if kind == "kmers" else text
        batch = tokenizer(words, return_tensors="pt", truncation=limit is not None, max_length=limit)
        inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
        found.append(model.eval()(**inputs).logits[0])
    return torch.stack(found).softmax(-1).numpy()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["full", "lora", "kmers", "cnn"])
def test_whole_sequences_are_predicted_as_by_a_plain_loop(fits, tmp_path, kind):
    source = write_fasta(tmp_path / "in.fa", SEQUENCES)
    found = table(run(tmp_path, [fits[kind]], source, "--window", "0") / "predictions.tsv")
    expected = plain(fits[kind], kind, [canonical(text) for text in SEQUENCES])
    assert [row["name"] for row in found] == [f"s{number}" for number in range(1, 501)]
    values = np.array([[float(row[name]) for name in PROBABILITIES] for row in found])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert np.ptp(expected[:, 0]) > 1e-3, "a constant would pass as well"
    assert [row["prediction"] for row in found] == [CLASSES[place] for place in expected.argmax(1)]
    cut = {row["name"] for row in found if row["cut"] == "yes"}
    assert bool(cut) == (kind == "kmers"), "only the model with a table of positions cuts"
    for row, text in zip(found, SEQUENCES, strict=True):
        assert float(row["unknown"]) == pytest.approx(
            sum(c not in "ACGT" for c in canonical(text)) / len(text), abs=1e-5
        )


def test_a_long_sequence_is_the_mean_of_its_windows_by_the_bases_that_belong_to_each(fits, tmp_path):
    texts = mixed_sequences(30, 200)
    source = write_fasta(tmp_path / "in.fa", texts)
    out = run(tmp_path, [fits["full"]], source, "--window", "40", "--step", "15")
    pieces = [(record, span) for record, text in enumerate(texts) for span in spans(len(text), 40, 15)]
    expected = plain(fits["full"], "full", [canonical(texts[record])[a:b] for record, (a, b) in pieces])
    windows = table(out / "windows.tsv.gz")
    assert [(int(row["record"]) - 1, (int(row["from"]), int(row["to"]))) for row in windows] == pieces
    np.testing.assert_allclose([float(row[PROBABILITIES[1]]) for row in windows], expected[:, 1], atol=1e-5)
    for record, (row, text) in enumerate(zip(table(out / "predictions.tsv"), texts, strict=True)):
        mine = [(span, value) for (number, span), value in zip(pieces, expected[:, 1], strict=True) if number == record]
        nearest = [  # of every base: the window in which it is farthest from the edges, the first of equals
            max(
                mine,
                key=lambda one, at=base: min(at - one[0][0], one[0][1] - 1 - at) if one[0][0] <= at < one[0][1] else -1,
            )
            for base in range(len(text))
        ]
        assert float(row[PROBABILITIES[1]]) == pytest.approx(np.mean([value for _, value in nearest]), abs=1e-5)
        best = max(mine, key=lambda one: one[1])
        assert float(row["highest"]) == pytest.approx(best[1], abs=1e-5)
        assert int(row["windows"]) == len(mine)


def test_the_default_window_is_the_longest_training_sequence(fits, tmp_path):
    longest = read_json(fits["full"] / "inference.json")["window"]
    assert longest == 34
    out = run(tmp_path, [fits["full"]], write_fasta(tmp_path / "in.fa", ["ACGT" * 30]))
    assert {int(row["to"]) - int(row["from"]) for row in table(out / "windows.tsv.gz")} == {longest}


def test_any_number_of_parts_gives_the_same_bytes(fits, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 7)
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(60, 300))
    outs = [run(tmp_path, [fits["full"]], source, "--window", "50", parts=parts) for parts in (1, 2, 5)]
    names = ["predictions.tsv", "windows.tsv.gz", "record.json"]
    assert len({tuple((out / name).read_bytes() for name in names) for out in outs}) == 1


def test_a_killed_run_goes_on_with_the_same_bytes(fits, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 7)
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(40, 100))
    command = ["--model", str(fits["full"]), "--input", str(source), "--gpus", "0"]
    assert predict.main([*command, "--out", str(tmp_path / "whole.parquet")]) == 0
    calls = []

    def dies(windows, **options):
        calls.append(windows[0].record)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return original(windows, **options)

    original = predict.predict_windows
    monkeypatch.setattr(predict, "predict_windows", dies)
    out = tmp_path / "killed.parquet"
    assert predict.main([*command, "--out", str(out)]) == 130 and not out.exists()
    assert predict.main([*command, "--out", str(out)]) == 0
    assert out.read_bytes() == (tmp_path / "whole.parquet").read_bytes()
    assert calls.count(calls[0]) == 1 and calls.count(calls[2]) == 2, "only the block that was killed is repeated"


def test_an_ensemble_has_the_mean_and_the_spread_of_its_members(fits, tmp_path):
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(20, 60))
    members = []
    for name in ("full", "seed2", "lora"):
        (tmp_path / name).mkdir()
        rows = table(run(tmp_path / name, [fits[name]], source) / "predictions.tsv")
        members.append([float(row[PROBABILITIES[1]]) for row in rows])
    found = table(run(tmp_path, [fits[name] for name in ("full", "seed2", "lora")], source) / "predictions.tsv")
    mean, spread = np.mean(members, axis=0), np.std(members, axis=0, ddof=1)
    np.testing.assert_allclose([float(row[PROBABILITIES[1]]) for row in found], mean, atol=2e-6)
    np.testing.assert_allclose([float(row[f"sd_{PROBABILITIES[1]}"]) for row in found], spread, atol=2e-6)
    assert spread.max() > 1e-3


def test_both_strands_are_the_same_for_a_sequence_and_its_reverse_complement(fits, tmp_path):
    texts = [canonical(text) for text in mixed_sequences(20, 60)]
    ahead = write_fasta(tmp_path / "ahead.fa", texts)
    back = write_fasta(tmp_path / "back.fa", [reverse_complement(text) for text in texts])

    def values(source: Path, *options: str) -> list[float]:
        rows = table(run(tmp_path, [fits["full"]], source, "--window", "0", *options) / "predictions.tsv")
        return [float(row[PROBABILITIES[1]]) for row in rows]

    np.testing.assert_allclose(values(ahead, "--both-strands"), values(back, "--both-strands"), atol=1e-6)
    assert not np.allclose(values(ahead), values(back), atol=1e-3)
    mean = (np.array(values(ahead)) + values(back)) / 2
    np.testing.assert_allclose(values(ahead, "--both-strands"), mean, atol=2e-6)


def test_numbers_are_on_the_scale_of_their_labels(fits, tmp_path):
    source = write_fasta(tmp_path / "in.fa", mixed_sequences(40, 40))
    rows = table(run(tmp_path, [fits["regression"]], source) / "predictions.tsv")
    values = [float(row["prediction"]) for row in rows]
    assert 5 < np.mean(values) < 20, "labels are 10 and 15"
    assert not any(name.startswith("probability") for name in rows[0])


def test_each_of_several_labels_has_its_probability(fits, tmp_path):
    rows = table(run(tmp_path, [fits["labels"]], write_fasta(tmp_path / "in.fa", ["ACGTACGT"])) / "predictions.tsv")
    chosen = [str(int(float(rows[0][f"probability_{number}"]) >= 0.5)) for number in (0, 1)]
    assert rows[0]["prediction"] == ";".join(chosen)


def test_pairs_and_further_columns_of_a_table(fits, tmp_path):
    source = tmp_path / "pairs.csv"
    write_text(source, 'id,enhancer,promoter,prediction,note\na,ACGTAC,TTTTGC,old,"x, y"\nb,ACGTTT,GGGTGC,older,z\n')
    rows = table(run(tmp_path, [fits["pairs"]], source) / "predictions.tsv")
    assert [row["name"] for row in rows] == ["a", "b"]
    assert [row["prediction_of_input"] for row in rows] == ["old", "older"]
    assert [row["note"] for row in rows] == ["x, y", "z"]
    assert all(row["prediction"] in CLASSES and row["windows"] == "1" for row in rows)


def test_each_base_of_intervals_has_the_value_of_its_window(fits, tmp_path):
    random = np.random.default_rng(3)
    contig = "".join(random.choice(list("ACGT"), 400))
    genome = write_fasta(tmp_path / "genome.fa", [contig])
    intervals = [(20, 140, "+"), (100, 180, "-"), (300, 330, "+"), (305, 325, "-")]
    lines = [f"s1\t{start}\t{end}\tregion{start}\t0\t{strand}" for start, end, strand in intervals]
    write_text(tmp_path / "in.bed", "\n".join(lines) + "\n")
    out = run(tmp_path, [fits["full"]], tmp_path / "in.bed", "--genome", str(genome), "--window", "40")
    windows = table(out / "windows.tsv.gz")
    values: list[list[float]] = [[] for _ in contig]
    for number, (start, end, strand) in enumerate(intervals, start=1):
        mine = [row for row in windows if int(row["record"]) == number]
        for row in mine:  # what is written maps back to its letters
            letters = contig[int(row["start"]) : int(row["end"])]
            text = contig[start:end] if strand == "+" else reverse_complement(contig[start:end])
            expected = text[int(row["from"]) : int(row["to"])]
            assert (letters if strand == "+" else reverse_complement(letters)) == expected
        for base in range(start, end):
            inside = [row for row in mine if int(row["start"]) <= base < int(row["end"])]
            depth = [min(base - int(row["start"]), int(row["end"]) - 1 - base) for row in inside]
            values[base].append(
                {float(row[PROBABILITIES[1]]) for row, d in zip(inside, depth, strict=True) if d == max(depth)}
            )
    shown = [line.split("\t") for line in (out / "TATA_box.bedgraph").read_text().splitlines()[1:]]
    covered = np.zeros(len(contig), dtype=int)
    for name, start, end, value in shown:
        assert name == "s1"
        for base in range(int(start), int(end)):
            covered[base] += 1
            options = [
                np.mean(chosen)
                for chosen in np.array(np.meshgrid(*map(list, values[base]))).T.reshape(-1, len(values[base]))
            ]
            assert min(abs(float(value) - option) for option in options) < 1e-5
    assert (covered == np.array([bool(found) for found in values])).all()
    assert [int(start) for _, start, _, _ in shown] == sorted(int(start) for _, start, _, _ in shown)


@pytest.mark.parametrize(
    ("models", "content", "expected"),
    [
        (["base"], ">a\nACGT\n", "its head was never fitted"),
        (["full", "regression"], ">a\nACGT\n", "problem regression where"),
        (["full"], ">a\nMKVLAAGIE\n", "not nucleotide codes; give DNA or RNA; this looks like protein"),
        (["full"], "", "the file is empty"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_output(fits, tmp_path, capsys, models, content, expected):
    write_text(tmp_path / "in.fa", content)
    command = ["--model", *(str(fits[name]) for name in models), "--input", str(tmp_path / "in.fa"), "--gpus", "0"]
    assert predict.main([*command, "--out", str(tmp_path / "out.parquet")]) == 1
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and expected in told[0]
    assert not (tmp_path / "out.parquet").exists()


def test_results_of_another_input_are_refused(fits, tmp_path, capsys):
    out = tmp_path / "part.parquet"
    source = write_fasta(tmp_path / "in.fa", ["ACGTACGT", "ACGT"])
    command = ["--model", str(fits["full"]), "--input", str(source), "--gpus", "0", "--out", str(out)]
    assert predict.main(command) == 0
    for texts in (["ACGTACGT"], ["ACGTACGT", "ACG"], ["ACGTACGT", "ACGT", "A"]):
        other = write_fasta(tmp_path / "other.fa", texts)
        joined = ["--parts", str(out), "--input", str(other), "--out", str(tmp_path / "results")]
        assert write_predictions.main(joined) == 1 and not (tmp_path / "results").exists()
        assert "the results are of" in capsys.readouterr().err


def test_the_record_says_what_was_applied_to_what(fits, tmp_path):
    source = write_fasta(tmp_path / "in.fa", ["ACGTNN", "ACGT"])
    record = read_json(run(tmp_path, [fits["full"]], source) / "record.json")
    assert (record["records"], record["windows"], record["letters"], record["unknown"]) == (2, 2, 10, 2)
    assert sum(record["predicted"].values()) == 2 and record["classes"] == CLASSES
    assert json.loads(pq.read_schema(tmp_path / "1of1.parquet").metadata[b"predictions"])["problem"] == "classification"
