"""The tokenization study: measures against simple cases, smaller vocabularies against trained ones."""

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from workflow_scripts.common import kmer_tokenizers
from workflow_scripts.common.files import open_text, read_json, read_table, write_json
from workflow_scripts.common.special_tokens import SPECIAL_TOKENS
from workflow_scripts.model import DnaBert2Config, DnaBert2Model
from workflow_scripts.studies import measures, study_tokenization, token_motifs
from workflow_scripts.studies.vocabularies import SWEEP, Vocabulary, prefix

pytestmark = pytest.mark.slow

NAMES = ["bpe", "overlapping 6-mer", "6-mer", "nucleotide"]


def train_bpe(sequences: list[str], vocab_size: int) -> Tokenizer:
    """A tokenizer trained by the library."""
    tokenizer = Tokenizer(models.BPE(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    options = {"vocab_size": vocab_size, "min_frequency": 2, "show_progress": False}
    tokenizer.train_from_iterator(sequences, trainers.BpeTrainer(special_tokens=SPECIAL_TOKENS, **options))
    return tokenizer


def repeats(count: int, key: int) -> list[str]:
    """Sequences of short repeated words, with many equally frequent pairs."""
    random = np.random.default_rng(key)
    return ["".join(random.choice(["AC", "CA", "AA", "ACAC", "GT"], 60)) for _ in range(count)]


@pytest.fixture
def trained(random_sequences, tmp_path):
    """A BPE directory of 600 entries."""
    folder = tmp_path / "bpe"
    folder.mkdir()
    train_bpe(random_sequences(60, 1000, key=5) + repeats(40, 5), 600).save(str(folder / "tokenizer.json"))
    write_json(folder / "stats.json", {"kind": "bpe"})
    return folder


@pytest.fixture
def corpus(write_chunks, random_sequences, tmp_path):
    """Three chunk files of two groups, every second chunk for validation, and their corpus table."""
    paths = []
    for key, share in enumerate((0.0, 0.25, 0.5)):
        path = write_chunks(f"GCA_{key}.1", random_sequences(40, 600, key), ["train", "validation"] * 20)
        table = pq.read_table(path)
        column = pa.array([share + 0.01 * (number % 4) for number in range(40)], pa.float32())
        pq.write_table(table.set_column(table.column_names.index("soft_masked"), "soft_masked", column), path)
        paths.append(path)
    table = tmp_path / "corpus.tsv"
    table.write_text("accession\tgroup\nGCA_0.1\tviral\nGCA_1.1\tfungi\nGCA_2.1\tfungi\n")
    return paths, table


@pytest.fixture
def run(trained, corpus, tmp_path):
    """Runs the study; returns the exit status, and the paths of its two files."""

    def run(name: str = "study", paths=corpus[0], table=corpus[1], folders=(trained,), **options):
        out = [tmp_path / name / file for file in ("tokenization.json", "table.tsv", "result.json")]
        command = ["--tokenizers", *map(str, folders), "--chunks", *map(str, paths), "--measurements", str(out[0])]
        command += ["--table", str(out[1]), "--out", str(out[2]), *(["--corpus", str(table)] if table else [])]
        return study_tokenization.main(
            [*command, *(f"--{key.replace('_', '-')}={value}" for key, value in options.items())]
        ), out

    return run


# ---- measures -------------------------------------------------------------------------------------


def test_flops_equal_those_that_torch_counts():
    """Except those of the pooler, 2 x 768^2 for the first token, which are not in the formula."""
    model = DnaBert2Model(DnaBert2Config()).eval()
    for tokens in (16, 64):
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH), torch.no_grad():
            model(torch.zeros((1, tokens), dtype=torch.long))
        assert counter.get_total_flops() == measures.flops(np.array([tokens]))["total"] + 2 * 768**2


def test_flops_of_the_parts_and_their_mean():
    gated, plain = measures.flops(np.array([100])), measures.flops(np.array([100]), gated=False)
    assert gated["attention"] == plain["attention"] == 12 * (8 * 100 * 768**2 + 4 * 100**2 * 768)
    assert gated["mlp"] == 1.5 * plain["mlp"] == 12 * 6 * 100 * 768 * 3072
    assert measures.flops(np.array([50, 100]))["mlp"] == 0.75 * gated["mlp"]


def test_an_edit_changes_one_base():
    sequence = "ACGTTGCA" * 5
    for number in range(200):
        random = np.random.default_rng(number)
        substituted, inserted, deleted = (measures.apply_edit(sequence, edit, random) for edit in measures.EDITS)
        assert sum(a != b for a, b in zip(sequence, substituted, strict=True)) == 1
        assert any(inserted[:place] + inserted[place + 1 :] == sequence for place in range(41))
        assert len(inserted) == 41
        assert any(sequence[:place] + sequence[place + 1 :] == deleted for place in range(40))


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ([1, 2, 3, 4], [1, 2, 3, 4], 0),
        ([1, 2, 3, 4], [1, 9, 3, 4], 1),
        ([1, 2, 3, 4], [1, 8, 9, 3, 4], 2),
        ([1, 2, 3, 4], [1, 2, 4], 1),
        ([1, 2, 3, 4], [5, 6, 7, 8], 4),
        ([7, 7, 7], [7, 7, 7, 7], 1),  # prefix and suffix do not overlap
        ([1, 2], [2, 1], 2),
    ],
)
def test_tokens_outside_of_the_common_prefix_and_suffix_are_changed(before, after, changed):
    assert measures.changed_tokens(np.array(before), np.array(after)) == changed
    assert measures.changed_tokens(np.array(after), np.array(before)) == changed


def test_a_frame_shift_changes_every_token_after_an_insertion():
    def encode(sequence: str) -> np.ndarray:
        return kmer_tokenizers.encode([sequence], "kmer", 3)[0]

    before = encode("ACGTTGCATGGCACC")
    assert measures.changed_tokens(before, encode("ACGTTGCATGCCACC")) == 1
    assert measures.changed_tokens(before, encode("ACGTTGACATGGCACC")) == 4  # three k-mers become three and a base


def test_overlapping_tokens_reveal_a_single_masked_token_but_not_a_run():
    starts, lengths = np.arange(8), np.full(8, 3)  # ten bases
    single, run, everything = np.arange(8) == 4, (np.arange(8) >= 2) & (np.arange(8) < 5), np.ones(8, dtype=bool)
    assert measures.leaked_tokens(starts, lengths, single) == (1, 1, 3, 3)
    assert measures.leaked_tokens(starts, lengths, run) == (3, 0, 9, 6)  # base 4 is hidden and in all three
    assert measures.leaked_tokens(starts, lengths, everything) == (8, 0, 24, 0)
    assert measures.leaked_tokens(starts, lengths, ~everything) == (0, 0, 0, 0)


def test_non_overlapping_tokens_reveal_nothing():
    lengths = np.array([3, 1, 5, 2])
    starts = np.cumsum(lengths) - lengths
    assert measures.leaked_tokens(starts, lengths, np.array([True, False, True, False])) == (2, 0, 8, 0)


def test_contiguous_masks_are_runs_with_about_the_given_share():
    random = np.random.default_rng(0)
    chosen = measures.contiguous_mask(100_000, 0.15, 6, random)
    edges = np.flatnonzero(np.diff(chosen.astype(int)))
    runs = edges[1::2] - edges[::2] if not chosen[0] else edges[2::2] - edges[1:-1:2]
    assert runs[:-1].min() == 6
    assert chosen.mean() == pytest.approx(0.14, abs=0.01)  # runs that meet overlap


# ---- smaller vocabularies -------------------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 64, 256, 511])
@pytest.mark.parametrize("corpus_of", ["random", "repeats"])
def test_a_smaller_vocabulary_is_a_prefix_of_a_larger_one(random_sequences, size, corpus_of):
    sequences = random_sequences(40, 600) if corpus_of == "random" else repeats(200, 1) + random_sequences(20, 400)
    large, small = (train_bpe(sequences, entries) for entries in (512, size))
    assert large.get_vocab_size() == 512 and small.get_vocab_size() == size
    assert prefix(large, size).to_str() == small.to_str()


def test_a_merge_that_spells_an_existing_word_adds_no_entry():
    """A-AA after AA-A: the second merge has its own rank, but the word has one id."""
    state = json.loads(train_bpe(["ACGT"] * 3, 10).to_str())
    names = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]", "A", "C", "G", "T", "AA", "AAA", "AC"]
    state["model"]["vocab"] = {word: number for number, word in enumerate(names)}
    state["model"]["merges"] = [["A", "A"], ["AA", "A"], ["A", "AA"], ["A", "C"]]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    merges = {size: json.loads(prefix(tokenizer, size).to_str())["model"]["merges"] for size in (10, 11, 12)}
    assert merges == {10: state["model"]["merges"][:1], 11: state["model"]["merges"][:2], 12: state["model"]["merges"]}


# ---- motifs ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "labels"),
    [
        ("AAAA", ["homopolymer"]),
        ("AAA", []),
        ("ACACAC", ["dinucleotide repeat"]),
        ("ACACA", []),
        ("GAAGAAGAA", ["tandem repeat"]),
        ("GAAGAAGAC", []),
        ("TAATCCCAGCAC", ["Alu"]),
        ("GTGCTGGGATTA", ["Alu"]),  # its reverse complement
        ("TAATCCCAGGAC", []),
        ("CTATAAAAG", ["TATA box"]),
        ("TTTTTATA", ["TATA box"]),
        ("CAATAAAC", ["poly-A signal"]),
        ("TTTATT", ["poly-A signal"]),
        ("ACGT", ["CpG"]),
        ("CGCGCG", ["dinucleotide repeat", "CpG"]),
    ],
)
def test_labels_are_those_of_the_matching_rules(word, labels):
    assert token_motifs.labels(word) == labels


def test_shuffled_words_keep_their_bases():
    words = ["AACGT", "TTTTT", "ACGTACGTAC"]
    shuffled = token_motifs.shuffled(words, np.random.default_rng(1))
    assert [sorted(word) for word in shuffled] == [sorted(word) for word in words] and shuffled != words


# ---- the study ------------------------------------------------------------------------------------


def test_there_is_a_row_for_every_tokenizer_and_size(run):
    status, (out, table, _) = run()
    results, rows = read_json(out), read_table(table)
    assert status == 0
    assert [row["name"] for row in results["tokenizers"]] == NAMES
    assert [row["vocab_size"] for row in results["sweep"]] == [size for size in SWEEP if size <= 600] == [256, 512]
    assert [row["name"] for row in rows] == [*NAMES, "bpe, first 256", "bpe, first 512"]
    for row in results["tokenizers"] + results["sweep"]:
        assert sum(row["token_lengths"].values()) == pytest.approx(1)
        if row["kind"] != "kmer_overlapping":
            mean = sum(int(length) * share for length, share in row["token_lengths"].items())
            assert mean == pytest.approx(row["bases_per_token"])
    larger = [row["bases_per_token"] for row in results["sweep"]]
    assert larger == sorted(larger)


def test_claims_about_tokens_have_verdicts_from_intervals_over_chunks(run):
    out, _, result = run()[1]
    found = read_json(result)
    leaked = {row["name"]: row["given_away"] for row in read_json(out)["tokenizers"]}[NAMES[1]]
    alone, *in_runs = found["comparisons"][:3]
    shares = [leaked["independent"]["tokens"], *leaked["contiguous"].values()]
    assert sorted(part["value"] for part in (alone, *in_runs)) == pytest.approx(sorted(100 * share for share in shares))
    assert [part["verdict"] for part in (alone, *in_runs)] == ["holds here", "not decided", "holds here"]


def test_results_of_fixed_tokenizers_are_as_computed_by_hand(run):
    rows = {row["name"]: row for row in read_json(run()[1][0])["tokenizers"]}
    overlapping, blocks, single = (rows[name] for name in NAMES[1:])
    assert (overlapping["window_tokens"], single["window_tokens"]) == (495 + 2, 500 + 2)
    assert blocks["window_tokens"] == 500 // 6 + 500 % 6 + 2
    assert overlapping["tokens_per_base"] == 595 / 600 and blocks["tokens_per_base"] == 100 / 600
    assert overlapping["relative_flops"] == 1 and blocks["relative_flops"] < 1 < single["relative_flops"]
    assert [single["changed"][edit]["tokens"] for edit in measures.EDITS] == [1, 1, 1]
    assert blocks["changed"]["substitution"]["tokens"] == 1 and overlapping["changed"]["substitution"]["tokens"] < 6.001
    for edit in ("insertion", "deletion"):
        assert blocks["changed"][edit]["share"] == pytest.approx(0.5, abs=0.12)
        assert rows["bpe"]["changed"][edit]["share"] < 0.1
    assert overlapping["given_away"]["independent"]["tokens"] > 0.98
    assert overlapping["given_away"]["contiguous"]["tokens"] < 0.01
    for name in ("bpe", "6-mer", "nucleotide"):
        assert rows[name]["given_away"] == {"independent": {"tokens": 0, "bases": 0}, "contiguous": None}


def test_the_sample_has_validation_chunks_and_the_same_number_of_each_group(run, corpus, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(study_tokenization, "CHUNKS_PER_GROUP", 15)
        sample = read_json(run()[1][0])["sample"]
    assert sample["chunks_by_group"] == {"fungi": 15, "viral": 15} and sample["bases"] == 30 * 600
    assert read_json(run("all")[1][0])["sample"]["chunks_by_group"] == {"fungi": 40, "viral": 20}
    assert read_json(run("one group", table=None)[1][0])["sample"]["chunks_by_group"] == {"all": 60}
    before = run("before")[1][0].read_bytes()
    for path in corpus[0]:
        table = pq.read_table(path)
        training = [word == "train" for word in table["split"].to_pylist()]
        words = [
            "A" * 600 if train else word for word, train in zip(table["sequence"].to_pylist(), training, strict=True)
        ]
        pq.write_table(table.set_column(table.column_names.index("sequence"), "sequence", pa.array(words)), path)
    assert run("after")[1][0].read_bytes() == before


def test_another_seed_draws_other_chunks(corpus):
    drawn = [study_tokenization.draw_sample(corpus[0], None, 15, 500, seed).sequences for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_bytes_depend_on_the_seed_but_not_on_the_order_of_files(run, corpus, monkeypatch):
    monkeypatch.setattr(study_tokenization, "CHUNKS_PER_GROUP", 15)
    first = [path.read_bytes() for path in run("first")[1]]
    assert [path.read_bytes() for path in run("second", paths=corpus[0][::-1])[1]] == first
    assert [path.read_bytes() for path in run("third", seed=7)[1]] != first


def test_words_have_their_counts_and_soft_masked_shares(run, corpus, trained):
    results = read_json(run()[1][0])
    words = results["words"]
    tokenizer = Tokenizer.from_file(str(trained / "tokenizer.json"))
    counts, masked = {}, {}
    for path in corpus[0]:
        for row in pq.read_table(path).to_pylist():
            for word in tokenizer.encode(row["sequence"], add_special_tokens=False).tokens * (row["split"] != "train"):
                counts[word] = counts.get(word, 0) + 1
                masked[word] = masked.get(word, 0) + row["soft_masked"]
    top = words["most_frequent"]
    assert [entry["count"] for entry in top] == sorted(counts.values(), reverse=True)[:20]
    for entry in top:
        assert entry["count"] == counts[entry["word"]]
        assert entry["soft_masked"] == pytest.approx(masked[entry["word"]] / counts[entry["word"]])
        assert 0 <= entry["soft_masked_genome"] <= 0.53
    longest = sorted(map(len, set(tokenizer.get_vocab()) - set(SPECIAL_TOKENS)), reverse=True)[:20]
    assert [entry["length"] for entry in words["longest"]] == longest
    unseen = [entry for entry in words["longest"] if not entry["count"]]
    assert all(entry["soft_masked"] is None for entry in unseen)
    assert {row["label"] for row in words["motifs"]} == set(token_motifs.RULES)


def test_the_soft_masked_share_of_genomes_is_the_mean_of_their_chunks(corpus):
    sample = study_tokenization.draw_sample(*corpus[:1], None, 1000, 500, 1)
    means = {name: sample.soft_masked[sample.genomes == name].mean() for name in set(sample.genomes.tolist())}
    assert sample.genome_soft_masked.tolist() == pytest.approx([means[name] for name in sample.genomes.tolist()])


def test_a_tokenizer_of_a_fixed_kind_is_not_measured_twice(run, tmp_path):
    folder = tmp_path / "blocks"
    folder.mkdir()
    kmer_tokenizers.build("kmer", 6).save(str(folder / "tokenizer.json"))
    write_json(folder / "stats.json", {"kind": "kmer"})
    status, (out, _, _) = run(folders=[folder])
    results = read_json(out)
    assert status == 0
    assert [row["name"] for row in results["tokenizers"]] == ["blocks", "overlapping 6-mer", "nucleotide"]
    assert results["sweep"] == [] and results["words"] is None


def test_short_chunks_give_short_windows(run, write_chunks, random_sequences):
    paths = [write_chunks("GCA_7.1", random_sequences(8, 120), ["validation"] * 8)]
    status, (out, _, _) = run(paths=paths, table=None)
    assert status == 0 and read_json(out)["sample"]["window_bases"] == 120


def test_a_vocabulary_and_its_tokenizer_give_the_same_ids(random_sequences):
    sequences = random_sequences(5, 200)
    for kind, k in (("kmer_overlapping", 6), ("kmer", 6), ("nucleotide", 1)):
        tokenizer = kmer_tokenizers.build(kind, k)
        found = Vocabulary("any", kind, tokenizer).encode(sequences)
        expected = tokenizer.encode_batch(sequences, add_special_tokens=False)
        assert [ids.tolist() for ids in found] == [encoding.ids for encoding in expected]


# ---- bad input ------------------------------------------------------------------------------------


def fails(run, capsys, message: str, **options) -> None:
    status, out = run(**options)
    error = capsys.readouterr().err
    assert status == 1 and message in error and error.count("\n") == 1
    assert not any(path.exists() for path in out)


def test_bad_input_is_refused_in_one_line_and_nothing_is_written(run, capsys, write_chunks, corpus, trained, tmp_path):
    training = [write_chunks("GCA_0.1", ["ACGT" * 200])]
    fails(run, capsys, "GCA_0.1.parquet: no validation chunks", paths=training)
    unlisted = [write_chunks("GCA_9.1", ["ACGT" * 200], ["validation"])]
    fails(run, capsys, "GCA_9.1 is not in the corpus table", paths=unlisted)
    broken = tmp_path / "GCA_2.1.parquet"
    broken.write_bytes(b"PAR1 but not for long")
    fails(run, capsys, f"{broken}: not a chunk file", paths=[broken])
    fails(run, capsys, f"{tmp_path / 'none/tokenizer.json'}: no such file", folders=[tmp_path / "none"])
    write_json(trained / "stats.json", {"kind": "wordpiece"})
    fails(run, capsys, "kind 'wordpiece' is not one of bpe, kmer_overlapping, kmer, nucleotide")


# ---- real sequences -------------------------------------------------------------------------------

real = pytest.mark.skipif(not os.environ.get("REAL_DATA"), reason="REAL_DATA does not name the folder of real data")


@pytest.mark.real
@real
def test_every_part_of_the_alu_consensus_occurs_in_a_human_chromosome():
    path = Path(os.environ["REAL_DATA"]) / "genomes/vertebrate_mammalian/aug_chr3_42M.fa.gz"
    with open_text(path) as lines:
        text = "".join(line.strip().upper() for line in lines if not line.startswith(">"))
    for start in range(0, len(token_motifs.ALU_Y) - 24, 24):
        word = token_motifs.ALU_Y[start : start + 24]
        assert text.count(word) + text.count(token_motifs.reverse_complement(word)) >= 2, start


@pytest.mark.real
@real
def test_the_published_vocabulary_has_alu_and_dinucleotide_repeats():
    published = Tokenizer.from_file(str(Path(os.environ["REAL_DATA"]) / "published_model/tokenizer.json"))
    words = [word for word in published.get_vocab() if word not in SPECIAL_TOKENS]
    found = token_motifs.label_counts(words)
    chance = token_motifs.label_counts(token_motifs.shuffled(words, np.random.default_rng(0)))
    assert found["Alu"] >= 20 and chance["Alu"] <= 3
    assert found["dinucleotide repeat"] > 2 * chance["dinucleotide repeat"]
    assert found["CpG"] < 0.5 * chance["CpG"]
