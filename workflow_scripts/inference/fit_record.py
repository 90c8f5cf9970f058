"""What predictions with a saved fit need beyond its weights; each fit writes it into its model folder."""

import dataclasses
from pathlib import Path

from workflow_scripts.common.errors import UserError
from workflow_scripts.common.files import digest, read_json, write_json
from workflow_scripts.inference.outputs import PROBLEMS, Outputs

NAME = "inference.json"


@dataclasses.dataclass(frozen=True)
class FitRecord:
    """How a fit has read its texts and what its outputs mean.

    ``kmer``, ``max_tokens``: see TokenizerEncoder. ``both_strands``: predictions are the mean over both strands.
    ``precision``: "fp32", "bf16" or "fp16". ``pooling``: what the head reads; a DNABERT-2 has it in its configuration
    too. ``base_sha256``: of an adapter or a head on a frozen encoder, the digest of each file of weights of its model.
    ``head``: "probe" or "knn" on a frozen encoder, else empty. ``classes``: their names in the order of the outputs, if
    they have any. ``window``: bases of the longest training sequence; 0 if that is not known, or of pairs.
    """

    outputs: Outputs
    kmer: int = 0
    max_tokens: int = 0
    both_strands: bool = False
    precision: str = "fp32"
    pooling: str = "cls"
    base_sha256: dict[str, str] | None = None
    head: str = ""
    classes: list[str] = dataclasses.field(default_factory=list)
    window: int = 0

    def write(self, folder: Path) -> None:
        write_json(folder / NAME, dataclasses.asdict(self))

    @classmethod
    def read(cls, folder: Path) -> "FitRecord":
        """The record in a folder, without keys of other versions. Raises UserError if it is missing or damaged."""
        path = folder / NAME
        if not path.is_file():
            raise UserError(f"{path}: no such file; a saved fit holds it, fit the model again")
        try:
            values = read_json(path)
            known = {field.name: values[field.name] for field in dataclasses.fields(cls) if field.name in values}
            record = cls(**known | {"outputs": Outputs(**values["outputs"])})
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{path}: no record of a fit ({error}); fit the model again") from error
        if record.outputs.problem not in PROBLEMS:
            raise UserError(f"{path}: problem {record.outputs.problem!r} is not known; fit the model again")
        return record


def weights_sha256(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file of weights in a model directory, by its name."""
    paths = [*folder.glob("*.safetensors"), *folder.glob("pytorch_model*.bin")]
    return {path.name: digest(path) for path in paths}
