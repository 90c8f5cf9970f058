"""The programs of explanations, from sequences and intervals to tables, bedGraph, pictures and motifs."""

import csv
import gzip
import shutil
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.apply.planted import MOTIF, sequence, without
from workflow_scripts.apply import blocks, explain_sequences, find_motifs, write_explanations
from workflow_scripts.common.files import read_json, read_table, write_json, write_text
from workflow_scripts.common.sequences import reverse_complement
from workflow_scripts.inference.predictor import load

pytestmark = pytest.mark.slow
MATRICES = "".join(
    f">{name}\n" + "".join(f"{base} [ {' '.join('97' if one == base else '1' for one in word)} ]\n" for base in "ACGT")
    for name, word in {"PLANTED": MOTIF, "OTHER": "ACTTGATC"}.items()
)


def lines(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt") as handle:
        return list(csv.DictReader(handle, delimiter="\t"))


def explain(model: Path | list[Path], source: Path, out: Path, *options: str, parts: int = 1) -> list[Path]:
    """The files of all parts."""
    folders = model if isinstance(model, list) else [model]
    files = [out.with_name(f"{out.name}-{number}of{parts}.parquet") for number in range(1, parts + 1)]
    for number, file in enumerate(files, start=1):
        command = ["--model", *map(str, folders), "--input", str(source), "--out", str(file), *options]
        assert explain_sequences.main([*command, "--part", f"{number}/{parts}"]) == 0
    return files


def write(files: list[Path], source: Path, out: Path, *options: str) -> Path:
    command = ["--parts", *map(str, files), "--input", str(source), "--out", str(out), *options]
    assert write_explanations.main(command) == 0
    return out


@pytest.fixture
def fasta(tmp_path) -> Path:
    rows = [sequence("fasta", number)[0] for number in range(5)]
    write_text(tmp_path / "in.fa", "".join(f">s{number}\n{letters}\n" for number, letters in enumerate(rows)))
    return tmp_path / "in.fa"


@pytest.fixture
def intervals(tmp_path) -> tuple[Path, Path, str]:
    """A BED with both strands, overlaps and none in order, its genome, and the letters of that."""
    letters = "".join(sequence("genome", number)[0] for number in range(4))
    write_text(tmp_path / "genome.fa", f">chr1\n{letters}\n")
    rows = [("a", 50, 98, "+"), ("b", 20, 60, "-"), ("c", 100, 192, "-"), ("d", 0, 15, ".")]
    write_text(tmp_path / "in.bed", "".join(f"chr1\t{start}\t{end}\t{name}\t0\t{s}\n" for name, start, end, s in rows))
    return tmp_path / "in.bed", tmp_path / "genome.fa", letters


def test_parts_and_blocks_give_the_same_tables_and_pictures(planted, fasta, tmp_path, monkeypatch):
    monkeypatch.setattr(explain_sequences, "BLOCK", 2)
    monkeypatch.setattr(blocks, "BLOCK", 2)
    options = ["--steps", "5", "--window", "20"]
    one = write(explain(planted["cnn"], fasta, tmp_path / "one", *options), fasta, tmp_path / "a")
    two = write(explain(planted["cnn"], fasta, tmp_path / "two", *options, parts=2), fasta, tmp_path / "b")
    names = sorted(str(path.relative_to(one)) for path in one.rglob("*") if path.is_file())
    assert "explanations.tsv.gz" in names and "pictures/5.svg" in names and "importance.bedgraph" not in names
    for name in names:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_the_table_has_the_effects_of_the_model(planted, fasta, tmp_path):
    out = write(explain(planted["cnn"], fasta, tmp_path / "part", "--class", "1"), fasta, tmp_path / "out")
    rows = [row for row in lines(out / "explanations.tsv.gz") if row["name"] == "s2"]
    letters, _ = sequence("fasta", 2)
    assert "".join(row["base"] for row in rows) == letters and {row["explained"] for row in rows} == {"1"}
    model = load(planted["cnn"])
    changed = letters[:7] + ("A" if letters[7] != "A" else "C") + letters[8:]
    before, after = model.predict([letters, changed]).probabilities[:, 1]
    effect = np.log(after / (1 - after)) - np.log(before / (1 - before))
    assert float(rows[7][f"effect_{changed[7]}"]) == pytest.approx(effect, abs=1e-3)
    effects = [float(rows[7][f"effect_{base}"]) for base in "ACGT"]
    assert float(rows[7]["importance"]) == pytest.approx(-sum(effects) / 3, rel=1e-4)
    record = read_json(out / "record.json")
    assert record["bases"] == record["explained_bases"] == 5 * 48 and 0 < record["largest_miss_of_gradients"] < 1


@pytest.mark.parametrize("window", ["0", "16"])
def test_every_base_lies_where_the_table_and_the_bedgraph_say(planted, intervals, tmp_path, window):
    source, genome, letters = intervals
    options = ["--genome", str(genome), "--index", str(tmp_path / "index")]
    parts = explain(planted["cnn"], source, tmp_path / "part", *options, "--steps", "0", "--window", window)
    out = write(parts, source, tmp_path / "out", *options)
    rows = lines(out / "explanations.tsv.gz")
    assert len(rows) == 48 + 40 + 92 + 15 and not read_json(out / "record.json")["both_strands"]
    expected: dict[int, list[float]] = {}
    for row in rows:
        place = int(row["genome_position"])
        base = reverse_complement(row["base"]) if row["strand"] == "-" else row["base"]
        assert base == letters[place] and row["contig"] == "chr1" and row["integrated_gradient"] == ""
        expected.setdefault(place, []).append(float(row["importance"]))
    tracks = [line.split("\t") for line in (out / "importance.bedgraph").read_text().splitlines()[1:]]
    places = [int(start) for _, start, _, _ in tracks]
    assert places == sorted(set(expected)) and all(int(end) == int(start) + 1 for _, start, end, _ in tracks)
    for _, start, _, value in tracks:
        assert float(value) == pytest.approx(np.mean(expected[int(start)]), rel=1e-4, abs=1e-6)


def test_the_minus_strand_is_the_reverse_complement_explained(planted, intervals, tmp_path):
    source, genome, letters = intervals
    options = ["--genome", str(genome), "--index", str(tmp_path / "index"), "--steps", "0"]
    parts = explain(planted["cnn"], source, tmp_path / "part", *options)
    rows = lines(write(parts, source, tmp_path / "out", *options[:4]) / "explanations.tsv.gz")
    minus = [row for row in rows if row["name"] == "b"]
    text = reverse_complement(letters[20:60])
    write_text(tmp_path / "text.fa", f">b\n{text}\n")
    parts = explain(planted["cnn"], tmp_path / "text.fa", tmp_path / "text", "--steps", "0")
    alone = lines(write(parts, tmp_path / "text.fa", tmp_path / "text_out") / "explanations.tsv.gz")
    assert [row["importance"] for row in minus] == [row["importance"] for row in alone]
    assert [int(row["genome_position"]) for row in minus] == list(range(59, 19, -1))


def test_pictures_show_title_letters_and_coordinates(planted, intervals, tmp_path):
    source, genome, _ = intervals
    options = ["--genome", str(genome), "--index", str(tmp_path / "index")]
    parts = explain(planted["cnn"], source, tmp_path / "part", *options, "--steps", "5")
    out = write(parts, source, tmp_path / "out", *options, "--pictures", "2")
    assert sorted(path.name for path in (out / "pictures").iterdir()) == ["1.svg", "2.svg"]
    comments = (out / "pictures/2.svg").read_text()
    assert ElementTree.fromstring(comments).tag.endswith("svg")
    for shown in ("b; explained:", "minus strand, which runs down", "log odds", "<!-- 60 -->", "<!-- gradients -->"):
        assert shown in comments, shown


def test_an_ensemble_is_the_mean_of_its_models(planted, fasta, tmp_path):
    columns = []
    for name, models in {"cnn": "cnn", "ours": "ours", "both": ["cnn", "ours"]}.items():
        folders = [planted[kind] for kind in ([models] if isinstance(models, str) else models)]
        parts = explain(folders, fasta, tmp_path / name, "--class", "1", "--steps", "0")
        rows = lines(write(parts, fasta, tmp_path / f"{name}_out", "--pictures", "0") / "explanations.tsv.gz")
        columns.append([float(row["importance"]) for row in rows])
    np.testing.assert_allclose((np.array(columns[0]) + columns[1]) / 2, columns[2], atol=1e-4)


def set_of(folder: Path, count: int = 60) -> Path:
    rows = [sequence("set", number)[0] for number in range(count)]
    write_text(folder / "set.fa", "".join(f">{number}\n{letters}\n" for number, letters in enumerate(rows)))
    write_text(folder / "motifs.jaspar", MATRICES)
    return folder / "set.fa"


def motifs_of(model: Path, folder: Path, explained: str = "1") -> Path:
    source = set_of(folder)
    parts = explain(model, source, folder / "set", "--class", explained, "--steps", "0", "--shuffled")
    out = folder / "motifs"
    command = ["--parts", *map(str, parts), "--motifs", str(folder / "motifs.jaspar"), "--out", str(out)]
    assert find_motifs.main(command) == 0
    return out


@pytest.mark.parametrize("kind", ["cnn", "ours"])
def test_the_planted_motif_carries_the_predictions(planted, kind, tmp_path):
    out = motifs_of(planted[kind], tmp_path)
    rows = {row["name"]: row for row in read_table(out / "motifs.tsv")}
    assert float(rows["PLANTED"]["q"]) < 1e-4 and int(rows["PLANTED"]["sequences"]) > 40
    assert "OTHER" not in rows or float(rows["OTHER"]["q"]) > 0.05
    if kind == "ours":
        significant = [row["name"] for row in read_table(out / "tokens.tsv") if float(row["q"]) < 0.05]
        assert significant and all(token in MOTIF or MOTIF[:2] in token or MOTIF[-2:] in token for token in significant)


def untrained(model: Path, folder: Path, seed: int) -> Path:
    """A copy of a model whose matrices are drawn anew, as large as they were."""
    shutil.copytree(model, folder)
    torch.manual_seed(seed)
    weights = load_file(folder / "model.safetensors")
    drawn = {
        name: torch.randn_like(tensor) * tensor.std() if tensor.dim() > 1 else tensor
        for name, tensor in weights.items()
    }
    save_file(drawn, folder / "model.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize("kind", ["cnn", "ours"])
def test_an_untrained_model_finds_none(planted, kind, tmp_path):
    """The motif is in every sequence, and in no shuffle; what the model predicts most is explained."""
    folder = untrained(planted[kind], tmp_path / "untrained", 5)
    predicted = load(folder).predict([sequence("set", number)[0] for number in range(60)]).prediction
    out = motifs_of(folder, tmp_path, str(int(predicted.mean() > 0.5)))
    record = read_json(out / "record.json")
    assert record["tested"]["tokens"] > 0 and record["significant"] == {"tokens": 0, "motifs": 0}


def refused(capsys, *command: str, program=explain_sequences) -> str:
    assert program.main([*command]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("error: ")
    return line


def test_mistakes_are_one_line_each(planted, fasta, tmp_path, capsys):
    base = ["--model", str(planted["cnn"]), "--input", str(fasta), "--out", str(tmp_path / "x.parquet")]
    assert "has the classes 0, 1" in refused(capsys, *base, "--class", "promoter")
    assert "--shuffled needs --class" in refused(capsys, *base, "--shuffled")
    parts = explain(planted["cnn"], fasta, tmp_path / "plain", "--steps", "0")
    command = ["--parts", str(parts[0]), "--out", str(tmp_path / "y")]
    assert "has no shuffles" in refused(capsys, *command, program=find_motifs)
    write_text(tmp_path / "pairs.csv", "enhancer,promoter\nACGTACGT,ACGTAC\n")
    pair = [*base[:3], str(tmp_path / "pairs.csv"), *base[4:]]
    assert "a pair of sequences" in refused(capsys, *pair)
    record = read_json(planted["cnn"] / "inference.json")
    shutil.copytree(planted["cnn"], tmp_path / "number")
    write_json(tmp_path / "number/inference.json", record | {"outputs": record["outputs"] | {"problem": "regression"}})
    number = ["--model", str(tmp_path / "number"), *base[2:]]
    assert "predicts a number, which has no classes" in refused(capsys, *number, "--class", "1")


def test_sequences_without_the_motif_are_not_called(planted, tmp_path):
    """The letters of the motif in another order: composition and dinucleotides are not what the model reads."""
    rows = [without("none", number) for number in range(40)]
    write_text(tmp_path / "set.fa", "".join(f">{number}\n{letters}\n" for number, letters in enumerate(rows)))
    parts = explain(planted["cnn"], tmp_path / "set.fa", tmp_path / "set", "--class", "0", "--steps", "0", "--shuffled")
    assert find_motifs.main(["--parts", *map(str, parts), "--out", str(tmp_path / "out")]) == 0
    assert read_json(tmp_path / "out/record.json")["significant"]["tokens"] == 0
