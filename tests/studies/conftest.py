"""Planted results of models: losses on held-out chunks, summaries, and fits, for the programs that judge claims."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workflow_scripts.common.files import read_json, read_table, write_json

GENOMES, BLOCKS, BASES = 6, 20, 100
ROWS = 300
BETTER, WORSE, SAME = "better", "worse", "same"
EXPECTED = {BETTER: "holds here", WORSE: "does not hold here", SAME: "not decided"}


class Planted:
    """Writes what studies read, below ``root``. ``seeds`` and ``datasets`` are those of all fits."""

    seeds = (1, 2, 3)
    datasets = ("tf_human/0", "promoter/tata")

    def __init__(self, root: Path):
        self.root = root

    def losses(
        self, name: str, bits: float, noise: float = 0.02, windows: tuple[int, ...] = (30,), key: int = 0
    ) -> None:
        """Losses of a model with ``bits`` per base, which vary by genome (the same in all models) and by block."""
        random, of_genomes = np.random.default_rng(key), np.random.default_rng(99).normal(0, 0.1, GENOMES)
        rows = []
        for window in windows:
            for genome in range(GENOMES):
                for block in range(BLOCKS):
                    found = bits + of_genomes[genome] + random.normal(0, noise)
                    sums = {"nats": found * BASES * np.log(2), "unigram_nats": 2 * BASES * np.log(2)}
                    place = {"accession": f"G{genome}", "chunk": block, "block": block, "window": window}
                    rows.append(place | sums | {"masked": BASES, "hidden_bases": BASES})
        path = self.root / "losses" / f"{name}.parquet"
        path.parent.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows), path)
        facts = {"parameters": 1000, "tokens_seen": 10_000, "hardware": "an invented machine"}
        write_json(self.root / "pretrain" / name / "summary.json", facts)

    def fits(self, model: str, right: float, key: int = 0, **settings: Any) -> None:
        """Fits that are right on a share of the rows; the same rows of different models are right if ``key`` is."""
        for number, dataset in enumerate(self.datasets):
            for seed in self.seeds:
                random = np.random.default_rng([key, number, seed])
                labels = np.arange(ROWS) % 2
                predicted = np.where(random.random(ROWS) < right, labels, 1 - labels)
                self.write_fit(model, dataset, seed, labels, predicted, settings)

    def write_fit(
        self, model: str, dataset: str, seed: int, labels: np.ndarray, predicted: np.ndarray, settings: dict[str, Any]
    ) -> None:
        folder = self.root / "fits" / model / "full" / dataset / f"seed{seed}"
        task, name = dataset.split("/")
        probabilities = np.where(predicted[:, None] == [0, 1], 0.8, 0.2)
        mcc = float(np.corrcoef(labels, predicted)[0, 1])
        metrics = {
            **{"model": model, "method": "full", "task": task, "dataset": name, "seed": seed, "metric": "mcc"},
            **{"test": {"mcc": mcc, "rows": ROWS}, "collapse": None, "chance": 0.5, "truncated": {}},
            **{"parameters": 1000, "trainable_parameters": 1000, "hardware": "an invented machine"},
            "settings": {"train_share": 1.0} | settings,
        }
        write_json(folder / "metrics.json", metrics)
        table = pa.table({"label": labels, "prediction": predicted, "probabilities": list(probabilities)})
        pq.write_table(table, folder / "predictions.parquet")

    def loss_options(self) -> list[str]:
        return ["--losses", str(self.root / "losses"), "--pretrained", str(self.root / "pretrain")]

    def fit_options(self) -> list[str]:
        seeds = map(str, self.seeds)
        return ["--fits", str(self.root / "fits"), "--datasets", *self.datasets, "--seeds", *seeds]

    def judge(self, main: Callable[[list[str]], int], *options: str) -> dict[str, Any]:
        """The result of a program; its table must have rows."""
        out, table = self.root / "result.json", self.root / "table.tsv"
        assert main([*options, "--scale", "planted", "--out", str(out), "--table", str(table)]) == 0
        assert read_table(table)
        result = read_json(out)
        assert result["setting"]["scale"] == "planted"
        assert result["question"].endswith("?") and result["why"].endswith(".")
        return result


@pytest.fixture
def planted(tmp_path) -> Planted:
    return Planted(tmp_path)
