"""What every builder takes and returns: a recipe, and examples with an account of every dropped candidate."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from workflow_scripts.common.randomness import generator
from workflow_scripts.gue.labelled_examples import Example


@dataclass(slots=True)
class Recipe:
    """The data set to build. ``length`` is in bp, ``rows`` the total over all splits, ``classes`` the class names."""

    task: str
    dataset: str
    length: int
    rows: int
    seed: int
    classes: list[str]

    def random(self, *names: object) -> np.random.Generator:
        """A random generator for one named step of this data set."""
        return generator(self.seed, "gue", self.task, self.dataset, *names)

    def quota(self, label: int) -> int:
        """Rows of one class if all classes get the same number; the first classes take the remainder."""
        share, rest = divmod(self.rows, len(self.classes))
        return share + (label < rest)


@dataclass(slots=True)
class BuildResult:
    """What a builder made; ``candidates`` is the number of examples plus the total of ``dropped``.

    ``dropped`` counts candidates by the reason for dropping them, ``construction`` describes the rule for the data
    card, ``balanced`` asks for classes of equal size, and ``material`` is the origin of the genomes if it is part of
    the name of the data set (covid).
    """

    examples: list[Example] = field(default_factory=list)
    candidates: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    construction: str = ""
    balanced: bool = True
    material: str = ""
