"""The models that are applied: one, or several that agree on what they predict (an ensemble, such as all seeds)."""

import json
from argparse import ArgumentTypeError
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workflow_scripts.common.errors import UserError
from workflow_scripts.inference.encoding import Text
from workflow_scripts.inference.fit_record import FitRecord
from workflow_scripts.inference.predictor import Predictor, Read, load

KEYS = {"directory", "kmer", "trust_remote_code", "base"}


def parse_model(text: str) -> dict[str, Any]:
    """For argparse: a folder, or JSON with ``directory`` and other arguments of inference.load (KEYS)."""
    if not text.lstrip().startswith("{"):
        return {"directory": text}
    try:
        options = json.loads(text)
    except ValueError as error:
        raise ArgumentTypeError(f"{text}: no JSON ({error})") from None
    if "directory" not in options or set(options) - KEYS:
        raise ArgumentTypeError(f"{text}: needs directory, and may have {', '.join(sorted(KEYS - {'directory'}))}")
    return options


def load_models(options: Sequence[dict[str, Any]]) -> list[Predictor]:
    """The models of some directories; ``options``: see parse_model. Raises UserError for one that does not load."""
    return [load(**one) for one in options]


@dataclass(frozen=True)
class Ensemble:
    """Fitted models that predict the same outputs."""

    members: list[Predictor]

    def __post_init__(self) -> None:
        first = self.members[0].fitted
        for member in self.members[1:]:
            other = member.fitted
            for name, one, two in (
                ("problem", first.outputs.problem, other.outputs.problem),
                ("outputs", first.outputs.size, other.outputs.size),
                ("classes", first.classes, other.classes),
            ):
                if one != two:
                    raise UserError(f"{member.folder}: {name} {two} where {self.members[0].folder} has {one}")

    @property
    def record(self) -> FitRecord:
        """That of the first member: problem, outputs and classes are the same of all."""
        return self.members[0].fitted

    @property
    def classes(self) -> list[str]:
        """Names of the classes or labels; their numbers if they have none; empty for a regression."""
        if self.record.outputs.problem == "regression":
            return []
        return self.record.classes or [str(number) for number in range(self.record.outputs.size)]

    @property
    def window(self) -> int:
        """Bases of the longest training sequence of any member; 0 if that is not known."""
        return max(member.fitted.window for member in self.members)

    def read(self, texts: Sequence[Text], both_strands: bool) -> Read:
        """Of each member, ``values`` [members, texts, outputs], see Outputs.values; one output of a regression.

        ``cut``: the texts that any member did not read to their end.
        """
        found = [member.read(texts, both_strands=both_strands) for member in self.members]
        values = np.stack([one.values.reshape(len(texts), -1) for one in found])
        return Read(values, np.any([one.cut for one in found], axis=0))
