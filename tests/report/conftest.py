"""Fixtures of the report tests: the files of a fictitious run, with invented numbers."""

import json
import math
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.common import fit_results
from workflow_scripts.common.bootstrap import resampled_scores

CONFIG = Path(__file__).parents[2] / "config"
DATASETS = {
    "emp": ["H3", "H3K14ac", "H4"],
    "promoter": ["all", "tata"],
    "tf_human": ["0", "1", "2"],
    "covid": ["variants"],
    "species": ["fungi"],
}


def metric_of(task: str) -> str:
    return "f1" if task in ("covid", "species") else "mcc"


def write_json(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
    return path


def write_tsv(path: Path, rows: list[dict]) -> Path:
    lines = ["\t".join(rows[0])] + ["\t".join(str(value) for value in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return path


def predictions(share_right: float, rows: int = 400) -> pa.Table:
    """Two classes of the same size, each with this share right: MCC is 2 x share - 1, F1 and accuracy are the share."""
    labels = np.repeat([0, 1], rows // 2)
    right = np.tile(np.arange(rows // 2), 2) < round(share_right * rows / 2)
    predicted = np.where(right, labels, 1 - labels)
    probabilities = np.where(predicted[:, None] == [0, 1], 0.8, 0.2).astype(np.float32)
    return pa.table({"label": labels, "prediction": predicted, "probabilities": list(probabilities)})


class FictitiousRun:
    """Writes the files of a run below ``root``."""

    datasets: ClassVar = DATASETS

    def __init__(self, root: Path):
        self.root = root
        self.paper = CONFIG / "paper_results.tsv"
        self.paper_models = CONFIG / "paper_models.tsv"
        self.reruns = CONFIG / "reruns.tsv"
        self.metrics: list[Path] = []
        self.planned: dict[tuple[str, str], dict[str, None]] = {}
        self.seeds: dict[int, None] = {}
        self.simulated = False
        self.floors: list[str] = []

    def registry(self) -> Path:
        rows = [
            {"task": task, "dataset": dataset, "name": dataset, "metric": metric_of(task)}
            for task, datasets in self.datasets.items()
            for dataset in datasets
        ]
        return write_tsv(self.root / "gue.tsv", [*rows, {**rows[0], "task": "epi", "dataset": "K562"}])

    def fit(
        self, model: str, method: str, task: str, dataset: str, seed: int, score: float, rows: int = 400, **more
    ) -> Path:
        """Metrics and predictions of a fit; ``score`` is a multiple of 0.01, and a multiple of 400 ``rows``."""
        metric = metric_of(task)
        share = score if metric == "f1" else (1 + score) / 2
        value = {
            **{"model": model, "method": method, "task": task, "dataset": dataset, "seed": seed, "metric": metric},
            **{"test": {"mcc": 2 * share - 1, "f1": share, "accuracy": share, "auroc": share, "rows": rows}},
            **{"collapse": None, "chance": 0.52, "truncated": {"train": 0.02, "dev": 0.0, "test": 0.03}},
            "unknown_tokens": {"train": 0.0, "dev": 0.0, "test": 0.004},
            **{"parameters": 117_000_000, "trainable_parameters": 890_000, "hardware": "an invented machine"},
        } | more
        self.plan(model, method, f"{task}/{dataset}", seed)
        folder = self.root / "fits" / model / method / task / dataset / f"seed{seed}"
        self.metrics.append(write_json(folder / "metrics.json", value))
        pq.write_table(predictions(0.5 if math.isnan(share) else share, rows), folder / "predictions.parquet")
        return self.metrics[-1]

    def plan(self, model: str, method: str, dataset: str, seed: int) -> None:
        """Plan a fit; a fit that is only planned is missing."""
        self.planned.setdefault((model, method), {})[dataset] = None
        self.seeds[seed] = None

    def fit_arguments(self) -> list[str]:
        """The options for the fits and for those that are planned."""
        planned = [{"model": m, "method": how, "datasets": [*sets]} for (m, how), sets in self.planned.items()]
        seeds = map(str, self.seeds)
        return ["--fits", str(self.root / "fits"), "--planned", json.dumps(planned), "--seeds", *seeds]

    def arguments(self) -> list[str]:
        """The options of collect_results."""
        for task, dataset in {tuple(name.split("/")) for sets in self.planned.values() for name in sets}:
            if not (self.root / "sheets" / task / dataset).exists():
                self.datasheet(task, dataset)
        command = ["--datasheets", self.root / "sheets", "--registry", self.registry(), "--seed", 42]
        command += ["--paper", self.paper, "--paper-models", self.paper_models]
        command += ["--reruns", self.reruns, "--out", self.root / "results.tsv"]
        command += ["--verdicts", self.root / "verdicts.tsv"]
        command += ["--pairs", self.root / "pairs.tsv", "--summary", self.root / "summary.json"]
        command += ["--simulated"] if self.simulated else []
        command += ["--floors", *self.floors] if self.floors else []
        return [*self.fit_arguments(), *map(str, command)]

    def cost_arguments(self, models: dict) -> list[str]:
        """The options of count_costs, which runs after collect_results."""
        command = ["--summary", self.root / "summary.json", "--benchmarks", self.root / "benchmarks"]
        command += ["--models", json.dumps(models), "--paper-models", self.paper_models]
        return [*self.fit_arguments(), *map(str, command), "--out", str(self.root / "efficiency.tsv")]

    def corpus(self) -> Path:
        rows = []
        for index, name in enumerate(["bacteria", "bacteria", "fungi", "vertebrate_mammalian"]):
            kept = 4_000_000 * 8**index
            drops = {"dropped_N": kept // 40, "dropped_other": 7, "dropped_short_contig": kept // 90}
            rare = ("organelle", "plasmid", "repeat", "border", "cap")
            drops |= {f"dropped_{reason}": 0 for reason in rare} | {"dropped_duplicate": kept // 50}
            counts = {"kept_bases": kept, **drops, "dropped_tail": 1234}
            rows.append(
                {"accession": f"GCF_{index}", "organism": "invented", "group": name, "url": "-", "md5": "-"}
                | {"status": "replaced" if index == 2 else "current"}
                | {"bases": sum(counts.values()), **counts}
                | {"chunks": kept // 1000, "train_chunks": kept // 1000 - 40, "validation_chunks": 40}
                | {"soft_masked": 0}
            )
        return write_tsv(self.root / "corpus.tsv", rows)

    def species(self) -> Path:
        rows = [{"accession": "GCF_0", "organism": "Inventia prima"}, {"accession": "", "organism": "Inventia absens"}]
        return write_tsv(self.root / "species.tsv", rows)

    def tokenizer(self, name: str = "bpe_4096") -> Path:
        stats = {"kind": "bpe", "vocab_size": 4096, "merges": 4087, "sample_bases": 2_000_000}
        stats |= {"bases_per_token": 4.71, "token_length_histogram": {"1": 4, "6": 928, "32": 3}}
        stats |= {"longest_tokens": ["ACACACACACACACACACACACACACACACAC", "TGTGTGTGTGTGTG"]}
        return write_json(self.root / name / "stats.json", stats)

    def pretraining(self, model: str = "demo", validation: bool = True) -> tuple[Path, Path]:
        folder = self.root / model
        summary = {"model": model, "parameters": 4_100_000, "steps": 2000, "tokens_seen": 16_384_000}
        summary |= {"mask_loss": 6.9, "mask_accuracy": 0.031, "mask_bits_per_base": 1.93, "unchanged_accuracy": 0.97}
        references = {"places": 6_543, "unigram_loss": 7.4, "both_sides_loss": [7.3, 7.1, 7.2]}
        references |= {"markov_bits_per_base": [2.0, 1.97, 1.95], "copy": {"k": 11, "bits_per_base": 1.94}}
        summary |= {"references": references}
        summary |= {"hardware": "an invented machine", "settings": {}, "versions": {}}
        lines = [
            {"step": n, "training_mask_loss": 8.3 - 1.3 * n / 2000 + 0.1 * (n % 30) / 30} for n in range(0, 2001, 10)
        ]
        if validation:
            lines += [{"step": n, "mask_loss": 8.3 - 1.4 * n / 2000} for n in range(0, 2001, 250)]
        write_json(folder / "summary.json", summary)
        (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        return folder / "summary.json", folder / "log.jsonl"

    def datasheet(self, task: str, dataset: str, origin: str = "published", published: int = 400) -> Path:
        rows = {"train": 800, "dev": 100, "test": 400}
        sheet = {
            **{"task": task, "dataset": dataset, "name": f"Invented {dataset}", "species": "none"},
            **{"origin": origin, "classes": ["no", "yes"], "length": {"min": 70, "median": 70, "max": 70}},
            **{
                "splits": {split: {"rows": n} for split, n in rows.items()},
                "registry_rows": rows | {"test": published},
            },
            **{"dropped": {"N": 12}, "split": {"method": "random"}},
        }
        return write_json(self.root / "sheets" / task / dataset / "datasheet.json", sheet)

    def dataset(self, task: str, dataset: str, rows: int = 400) -> None:
        """The test rows of a data set, with the labels of :func:`predictions`, and what the audit says of them.

        The first quarter of each class are copies of train rows, the second has its partner there.
        """
        folder = self.root / "sheets" / task / dataset
        folder.mkdir(parents=True, exist_ok=True)
        labels = np.repeat([0, 1], rows // 2).tolist()
        sequences = ["".join("ACGT"[row // 4**place % 4] for place in range(6)) * 12 for row in range(rows)]
        write_tsv(folder / "ids.tsv", [{"split": "test", "line": n, "id": f"<row {n}>"} for n in range(2, rows + 2)])
        write_json(folder / "classes.json", ["no", "yes"])
        lines = [f"{sequence},{label}\n" for sequence, label in zip(sequences, labels, strict=True)]
        (folder / "test.csv").write_text("sequence,label\n" + "".join(lines))
        kinds = ["exact", "derived", "none", "none"]
        found = [kinds[row % (rows // 2) * 4 // (rows // 2)] for row in range(rows)]
        rows_of_audit = [
            {"line": row + 2, "relation": kind, "nearest_line": 2, "similarity": row % 7 / 7, "nearest_label": 0}
            | {"partner_line": 9 if kind == "derived" else "", "partner_label": 1 if kind == "derived" else ""}
            for row, kind in enumerate(found)
        ]
        write_tsv(folder / "test_rows.tsv", rows_of_audit)

    def audit(self, task: str, dataset: str, **more) -> Path:
        none = {"exact": 0, "reverse_complement": 0, "near": 0, "derived": 0, "overlap": 0}
        names = ("train", "dev", "test", "dev_in_train", "test_in_dev")
        relations = dict.fromkeys(names, none) | {"train": none | {"exact": 3, "near": 40}}
        figures = {
            **{"task": task, "dataset": dataset, "rows": {"train": 800, "dev": 100, "test": 100}},
            "relations": relations | {"test_in_train": none | {"exact": 2, "near": 5, "overlap": None}},
            **{"leaks": {"dev": 0, "test": 7}, "conflicting_labels": {"exact": 1, "either_strand": 4}},
            **{"non_acgt": {"rows": 6, "first": []}, "lengths": {"other": {"rows": 9, "first": []}}},
            "unknown_letters": {"train": 0.0, "dev": 0.02, "test": 0.01},
            **{"gc": {"auroc": 0.7654}, "baseline": {"mcc": 0.4321, "f1": 0.71, "accuracy": 0.72}},
            "nearest_neighbour": {"mcc": 0.31, "f1": 0.65, "accuracy": 0.66},
            "partner_flip": {"mcc": 0.52, "f1": 0.75, "accuracy": 0.76, "rows": 300, "other_label": 290},
        } | more
        return write_json(self.root / "sheets" / task / dataset / "audit.json", figures)


@pytest.fixture
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer resamples: they only change digits of intervals on the page."""
    monkeypatch.setattr(fit_results, "resampled_scores", partial(resampled_scores, resamples=100))


@pytest.fixture
def run(tmp_path: Path) -> FictitiousRun:
    """A run without fits, which the tests add."""
    return FictitiousRun(tmp_path)
