"""Explanations of windows: how they are computed, and the rows that the programs pass on."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.special import expit

from workflow_scripts.apply.integrated_gradients import integrated_gradients
from workflow_scripts.apply.models import Ensemble
from workflow_scripts.apply.mutagenesis import importance, mutagenesis, token_spans, values_of
from workflow_scripts.apply.windows import Window
from workflow_scripts.common.dinucleotide_shuffle import dinucleotide_shuffled
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.randomness import generator
from workflow_scripts.common.sequences import BASES

LONGEST = 10_000
"""Bases of a window, each of which is three predictions."""
MAPPED = pa.struct(
    [
        ("letters", pa.string()),
        ("predicted", pa.int32()),
        ("value", pa.float64()),
        ("effects", pa.list_(pa.float32())),
        ("tokens", pa.list_(pa.int32())),
    ]
)
"""The mutagenesis of a sequence: see Map, flattened."""
COLUMNS = [
    *(("record", pa.int64()), ("start", pa.int64()), ("end", pa.int64()), ("output", pa.int32())),
    *(("map", MAPPED), ("shuffled", MAPPED), ("gradients", pa.list_(pa.float32())), ("delta", pa.float64())),
]


@dataclass(frozen=True)
class Map:
    """The mutagenesis of a sequence, the mean over the models.

    ``predicted``: the likeliest class or label; 0 of a regression. ``value``: the explained number. ``effects``: its
    changes [bases, 4], see mutagenesis. ``tokens``: first base and end of each token of the first model [tokens, 2].
    """

    letters: str
    predicted: int
    value: float
    effects: np.ndarray
    tokens: np.ndarray

    @property
    def importance(self) -> np.ndarray:
        """That of each base, [bases]; NaN where there is none."""
        return importance(self.effects)

    def row(self) -> dict[str, Any]:
        flat = {"effects": self.effects.ravel(), "tokens": self.tokens.ravel()}
        return {"letters": self.letters, "predicted": self.predicted, "value": self.value} | flat

    @classmethod
    def of_row(cls, row: dict[str, Any]) -> "Map":
        shaped = {
            "effects": np.array(row["effects"], dtype=float).reshape(-1, len(BASES)),
            "tokens": np.array(row["tokens"], dtype=int).reshape(-1, 2),
        }
        return cls(**row | shaped)


@dataclass(frozen=True)
class Explainer:
    """What is computed for a window.

    ``output``: the number of the class that is explained; None for the predicted one. ``steps``: of integrated
    gradients, 0 for none. ``shuffle``: a dinucleotide shuffle is explained as well, for the same output.
    """

    ensemble: Ensemble
    output: int | None
    steps: int
    shuffle: bool

    @property
    def schema(self) -> pa.Schema:
        """The columns of the results; what the values mean is in the metadata."""
        meaning = {
            "problem": self.ensemble.record.outputs.problem,
            "classes": self.ensemble.classes,
            "models": [str(member.folder) for member in self.ensemble.members],
            "both_strands": self.ensemble.record.both_strands,
            "output": self.output,
            "shuffled": self.shuffle,
            "steps": self.steps,
        }
        return pa.schema(COLUMNS, metadata={"explanations": json.dumps(meaning)})

    def explain(self, windows: list[Window]) -> pa.Table:
        """A row for each window. Raises UserError for a pair of sequences, and for a window above LONGEST."""
        return pa.Table.from_pylist([self._row(window) for window in windows], schema=self.schema)

    def _row(self, window: Window) -> dict[str, Any]:
        letters = window.sequence
        if not isinstance(letters, str):
            raise UserError(f"record {window.record + 1}: a pair of sequences; only single sequences are explained")
        if len(letters) > LONGEST:
            raise UserError(f"record {window.record + 1}: {len(letters):,} bases at once; give --window to explain it")
        predicted = self._predicted(letters)
        output = predicted if self.output is None else self.output
        shares, delta = self._gradients(letters, output) if self.steps else (None, None)
        # of overlapping windows only the bases that belong to each, but shuffles are compared with whole windows
        own = None if self.shuffle else (window.own[0] - window.start, window.own[1] - window.start)
        shuffled = None
        if self.shuffle:
            other = dinucleotide_shuffled(letters, generator("explain", window.record, window.start))
            shuffled = self._map(other, output, self._predicted(other), own).row()
        return {
            **{"record": window.record, "start": window.start, "end": window.end, "output": output},
            **{"map": self._map(letters, output, predicted, own).row(), "shuffled": shuffled},
            **{"gradients": shares, "delta": delta},
        }

    def _predicted(self, letters: str) -> int:
        """The output with the highest mean probability over the models."""
        odds = np.array([values_of(member, [letters])[0] for member in self.ensemble.members])
        return int(expit(odds).mean(axis=0).argmax())

    def _map(self, letters: str, output: int, predicted: int, own: tuple[int, int] | None) -> Map:
        members = self.ensemble.members
        return Map(
            letters,
            predicted,
            float(np.mean([values_of(member, [letters])[0, output] for member in members])),
            np.mean([mutagenesis(member, letters, output, own) for member in members], axis=0),
            token_spans(members[0], letters),
        )

    def _gradients(self, letters: str, output: int) -> tuple[np.ndarray, float]:
        """Mean share of each base over the models, and the largest miss of their sums."""
        found = [integrated_gradients(member, letters, output, self.steps) for member in self.ensemble.members]
        return np.mean([one.shares for one in found], axis=0), max((one.delta for one in found), key=abs)


@dataclass(frozen=True)
class Meaning:
    """What the values of explain_sequences are, from the metadata of its files; see Explainer."""

    problem: str
    classes: list[str]
    models: list[str]
    both_strands: bool
    output: int | None
    shuffled: bool
    steps: int

    @property
    def unit(self) -> str:
        """The unit of the explained number."""
        return "unit of the labels" if self.problem == "regression" else "log odds (natural logarithm)"

    def name(self, output: int) -> str:
        """The name of an output."""
        return self.classes[output] if self.classes else "value"


def read_meaning(part: Path) -> Meaning:
    """The metadata of a file of explain_sequences. Raises UserError for another file."""
    metadata = pq.read_schema(part).metadata or {}
    if b"explanations" not in metadata:
        raise UserError(f"{part}: no file of explain_sequences")
    return Meaning(**json.loads(metadata[b"explanations"]))
