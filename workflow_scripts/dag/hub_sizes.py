"""What the Hugging Face hub states of models now, for the plan of a run: never an error, and no long waiting."""

from functools import cache
from typing import NamedTuple

from workflow_scripts.common.model_files import chosen

TIMEOUT = 3.0  # seconds


class Stated(NamedTuple):
    """Bytes of the files of a model that are fetched, and the commit of its revision; None if the hub did not say."""

    bytes: int | None = None
    commit: str | None = None


class HubSizes:
    """Asks the hub about models; not again once it could not be reached."""

    def __init__(self) -> None:
        self.reachable = True

    def model(self, hub: str, revision: str, code: bool) -> Stated:
        """What the hub states of a model, of whose own code if ``code``."""
        if not self.reachable:
            return Stated()
        try:
            files, commit = _files(hub, revision)
        except Exception as error:  # whatever is wrong with network, library, address or token: a plan has no errors
            self.reachable = hasattr(error, "response")  # it has answered
            return Stated()
        return Stated(sum(files[name] for name in chosen(files, code)), commit)


@cache
def _files(hub: str, revision: str) -> tuple[dict[str, int], str]:
    """Bytes of each file, and the commit."""
    from huggingface_hub import HfApi  # half a second, for those alone who ask

    info = HfApi().model_info(hub, revision=revision, timeout=TIMEOUT, files_metadata=True)
    return {file.rfilename: file.size or 0 for file in info.siblings or []}, str(info.sha)
