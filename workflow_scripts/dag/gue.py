"""The stage ``gue``: the data sets of a configuration with their sources, and what the rules ask for."""

import re
from pathlib import Path

from workflow_scripts.common import addresses
from workflow_scripts.common.files import read_table
from workflow_scripts.dag.custom_options import made_options, place_options
from workflow_scripts.dag.file_digests import digests, tidy
from workflow_scripts.dag.rule_values import Wildcards, option
from workflow_scripts.settings.configuration import Configuration
from workflow_scripts.settings.custom_datasets import custom_row
from workflow_scripts.settings.gue import HUB
from workflow_scripts.settings.names import HOMOLOGY_TWIN, PROBLEM, SPLITS, TASKS
from workflow_scripts.settings.patterns import matching

ARCHIVE = "published.archive"  # the name, among the sources, of the archive that gue.published gives the address of

PUBLISHED_ENDS = 4  # bytes of a published row beside its bases: comma, label, CRLF
Row = dict[str, str]
FETCHED, RECORDS = "results/gue/sources/", "results/gue/records/"


def dataset_name(wildcards: Wildcards) -> str:
    return f"{wildcards.task}/{wildcards.dataset}"


def _record(source: str) -> str:
    """The record of a file that is fetched; another, such as peaks that are drawn, is small and stands for itself."""
    return f"{RECORDS}{source.removeprefix(FETCHED)}.json" if source.startswith(FETCHED) else source


class Gue:
    """The data sets of a configuration, and the inputs and params of their rules.

    registry: the rows of all data sets, custom ones included, by task/dataset.
    datasets: the names of those that the configuration chooses.
    twins: name of a data set -> that of its homology twin, if there are twins.
    audited: the data sets with classes, and all twins.
    sources: the rows of all files that can be fetched, by name: primary files, candidates, the published archive.
    """

    def __init__(self, settings: Configuration) -> None:
        self.settings = settings.gue
        self.seed = settings.seed
        self.simulated = settings.demo is not None
        custom = settings.gue.custom
        self.registry: dict[str, Row] = {f"{row['task']}/{row['dataset']}": row for row in self._table("registry")}
        self.registry |= {name: custom_row(name, entry.model_dump(exclude_none=True)) for name, entry in custom.items()}
        self.datasets = matching(self.registry, settings.gue.datasets)
        twinned = [name for name in self.datasets if settings.gue.homology_twins and name not in custom]
        self.twins = {name: f"{name}{HOMOLOGY_TWIN}" for name in twinned}
        self.registry |= {twin: self.registry[name] for name, twin in self.twins.items()}
        self.audited = [name for name in self.datasets if self._problem(name) == PROBLEM] + list(self.twins.values())
        self.candidates = self._table("candidates") if settings.gue.calibrate else []
        self.on_hub = settings.gue.origin == "published" and settings.gue.published == HUB
        self.hub_rows: dict[str, Row] = (
            {f"{row['task']}/{row['dataset']}": row for row in self._table("hub_files")} if self.on_hub else {}
        )
        self.sources = self._sources()

    @property
    def tables(self) -> list[str]:
        """The tables that say what the data sets are and where they come from."""
        named = [self.settings.registry, self.settings.sources, self.settings.candidates, self.settings.known_files]
        return [*named, self.settings.hub_files] if self.on_hub else named

    @property
    def benchmark_tasks(self) -> str:
        """A pattern of the tasks of the benchmark."""
        return "|".join(TASKS)

    @property
    def without_twins(self) -> str:
        """A pattern of the data sets that are built or imported, without their tasks."""
        return "|".join(
            {re.escape(name.split("/")[1]): None for name in self.registry if name not in self.twins.values()}
        )

    @property
    def custom_tasks(self) -> str:
        """A pattern of the tasks of custom data sets; it matches nothing if there are none."""
        return "|".join(self.registry[name]["task"] for name in self.settings.custom) or "(?!)"

    # ---- sources

    def simulated_files(self) -> list[str]:
        """What the demo writes of the primary files."""
        return [row["url"] for row in self.sources.values()]

    def made_source(self, wildcards: Wildcards) -> list[str]:
        """A source that the demo makes; none of a real run."""
        return [self.sources[wildcards.source]["url"]] if self.simulated else []

    def local_source(self, wildcards: Wildcards) -> list[str]:
        """A user's file; none of a source on the web, or of one that the demo makes."""
        path = addresses.local_path(self.sources[wildcards.source]["url"])
        return [] if path is None or self.simulated else [tidy(path)]

    def source(self, wildcards: Wildcards) -> list[str]:
        """What makes a source what it is: the checksum that it must have, else a local file's digest or the address."""
        row = self.sources[wildcards.source]
        if row["md5"] or self.simulated:
            return []
        return digests(self.local_source(wildcards)) or [addresses.spelled(row["url"])]

    def source_url(self, wildcards: Wildcards) -> str:
        return self.sources[wildcards.source]["url"]

    def md5_option(self, wildcards: Wildcards) -> list[str]:
        return option("--md5", self.sources[wildcards.source]["md5"])

    def source_files(self, wildcards: Wildcards) -> list[str]:
        """The primary files of a data set."""
        name = dataset_name(wildcards)
        return [self._source_path(name, row) for row in self._sources_of(name)]

    def source_records(self, wildcards: Wildcards) -> list[str]:
        """The records of the primary files of a data set, which have their digests; of peaks that are drawn, these."""
        return list(map(_record, self.source_files(wildcards)))

    def source_options(self, wildcards: Wildcards) -> list[str]:
        """--source ROLE=PATH for each primary file; ROLE:LABEL=PATH for a file of a class."""
        name, words = dataset_name(wildcards), []
        for row in self._sources_of(name):
            role = f"{row['role']}:{row['label']}" if row["label"] else row["role"]
            words += ["--source", f"{role}={self._source_path(name, row)}"]
        return words

    # ---- candidates of the binding tasks

    def candidate_peaks(self, wildcards: Wildcards) -> list[str]:
        return [f"results/gue/sources/peaks/{candidate}" for candidate in self._candidates_of(wildcards)]

    def peak_records(self, wildcards: Wildcards) -> list[str]:
        return list(map(_record, self.candidate_peaks(wildcards)))

    def candidate_records(self, wildcards: Wildcards) -> list[str]:
        """The records of the files that a candidate is scored with."""
        peaks = f"results/gue/sources/peaks/{wildcards.candidate}"
        return list(map(_record, [*self.candidate_genome(wildcards), peaks]))

    def candidate_scores(self, wildcards: Wildcards) -> list[str]:
        folder = f"results/gue/candidates/{wildcards.task}/scores"
        return [f"{folder}/{candidate}.json" for candidate in self._candidates_of(wildcards)]

    def candidate_genome(self, wildcards: Wildcards) -> list[str]:
        """The genome of the first data set of a task, which is that of all."""
        first = f"{wildcards.task}/0"
        return [self._source_path(first, row) for row in self._sources_of(first) if row["role"] == "genome"]

    # ---- data sets

    def length_option(self, wildcards: Wildcards) -> list[str]:
        """The length that replaces the registry's for this task, if any."""
        return option("--length", self.settings.length.get(wildcards.task))

    def max_rows(self) -> list[int]:
        """Rows at most of each split, in their order."""
        return [getattr(self.settings.max_rows, split) for split in SPLITS]

    def hub_options(self, wildcards: Wildcards) -> list[str]:
        """Where the published files of a data set are on the hub."""
        row = self.hub_rows[dataset_name(wildcards)]
        return ["--hub", row["hub"], "--revision", row["commit"], "--folder", row["folder"]]

    def published_bytes(self, wildcards: Wildcards) -> int:
        """Bytes of the published files of a data set, about: its rows, each with comma, label and line end."""
        row = self.registry[dataset_name(wildcards)]
        return sum(int(row[split]) for split in SPLITS) * (int(row["length"]) + PUBLISHED_ENDS)

    def published(self, wildcards: Wildcards) -> str:
        """The folder or archive of the published files; of those on the web, where they are fetched to."""
        if self.on_hub:
            return f"results/gue/hub/{dataset_name(wildcards)}"
        path = addresses.local_path(self.settings.published)
        return f"results/gue/sources/{ARCHIVE}" if path is None else path

    def published_files(self, wildcards: Wildcards) -> list[str]:
        """The published files of a data set in a folder, or the archive that holds them."""
        place = Path(self.published(wildcards))
        if self.on_hub or not place.is_dir():
            return [tidy(str(place))]
        folder = self.registry[dataset_name(wildcards)]["published_dir"]
        return sorted(tidy(str(path)) for path in place.glob(f"**/{folder}/*.csv*"))

    def published_record(self, wildcards: Wildcards) -> list[str]:
        """The record of what is fetched; none of a user's folder or archive."""
        if self.on_hub:
            return [f"{self.published(wildcards)}.json"]
        return [_record(self.published(wildcards))] if ARCHIVE in self.sources else []

    def published_content(self, wildcards: Wildcards) -> list[str]:
        """The digests of the user's files of a published data set."""
        return [] if self.published_record(wildcards) else digests(self.published_files(wildcards))

    def published_split(self) -> list[str]:
        """The option that splits the published rows again, with its seed; none if they keep their splits."""
        return ["--split", "homology", "--seed", str(self.seed)] if self.settings.split == "homology" else []

    def custom_dataset_files(self, wildcards: Wildcards) -> list[str]:
        """The files of a custom data set."""
        return [tidy(str(path)) for path in self.settings.custom[dataset_name(wildcards)].files().values()]

    def custom_content(self, wildcards: Wildcards) -> list[str]:
        return digests(self.custom_dataset_files(wildcards))

    def custom_place(self, wildcards: Wildcards) -> list[str]:
        """Where a custom data set lies, as options."""
        return place_options(self.settings.custom[dataset_name(wildcards)])

    def custom_options(self, wildcards: Wildcards) -> list[str]:
        """How a custom data set is made and split, and what its labels are, as options."""
        name = dataset_name(wildcards)
        row, custom = self.registry[name], self.settings.custom[name]
        # a new seed reruns only what is split here
        values = row if custom.folder else row | {"seed": str(self.seed)}
        words = [word for key in ("split", "seed", "problem", "metric") for word in option(f"--{key}", values.get(key))]
        return [*words, *made_options(custom)]

    def audit(self, wildcards: Wildcards) -> list[str]:
        """The audit of a data set; only those with classes have one."""
        name = dataset_name(wildcards)
        return [f"results/gue/{name}/audit.json"] if name in self.audited else []

    def metric(self, wildcards: Wildcards) -> str:
        return self.registry[dataset_name(wildcards)]["metric"]

    # ---- rows of the tables

    def _table(self, key: str) -> list[Row]:
        return read_table(getattr(self.settings, key))

    def _problem(self, name: str) -> str:
        return self.registry[name].get("problem", PROBLEM)

    def _sources(self) -> dict[str, Row]:
        """Candidates are fetched like other sources, and so is the archive; as such no data set is built from them."""
        sources = {f"peaks/{row['source']}": row | {"datasets": ""} for row in self.candidates}
        sources |= {row["source"]: row for row in self._table("sources")}
        if addresses.local_path(self.settings.published) is None:
            sources[ARCHIVE] = {"url": self.settings.published, "md5": self.settings.published_md5, "datasets": ""}
        return sources

    def _sources_of(self, name: str) -> list[Row]:
        """The rows of the sources that a data set is built from."""
        return [row for row in self.sources.values() if matching([name], row["datasets"].split())]

    def _source_path(self, name: str, row: Row) -> str:
        """Where a source of a data set lies; if the peaks are drawn, where those drawn for it lie."""
        if self.settings.calibrate and row["role"] == "peaks":
            return f"results/gue/candidates/{name}.narrowPeak.gz"
        return f"results/gue/sources/{row['source']}"

    def _candidates_of(self, wildcards: Wildcards) -> list[str]:
        return [row["source"] for row in self.candidates if row["task"] == wildcards.task]
