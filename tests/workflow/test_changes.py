"""Kinds of change on a finished run, each with the exact jobs that a plan then has: content decides, and no clock."""

import copy
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflow import user_world
from tests.workflow.harness import job_counts

pytestmark = pytest.mark.slow

Change = Callable[[Path], object]
Jobs = dict[str, int]

FROM_FITS = ("collect_results", "collect_evidence", "score_by_similarity", "count_costs", "record_run", "write_report")
TABLES: Jobs = dict.fromkeys(FROM_FITS, 1)
NOTHING: Jobs = {}


def configured(**sections: dict) -> Change:
    """Set keys of the configuration; a section is given as {dotted key: value}, its name and dots as underscores."""

    def change(root: Path) -> None:
        settings = copy.deepcopy(user_world.configuration())
        for section, keys in sections.items():
            for dotted, value in keys.items():
                *path, last = [section, *dotted.split(".")]
                place = settings
                for key in path:
                    place = place.setdefault(key, {})
                place[last] = value
        user_world.write_configuration(root, settings)

    return change


def edited(path: str, old: str, new: str, before: float = 0) -> Change:
    """Replace text in a file; ``before``: seconds that its time then lies before the results'."""

    def change(root: Path) -> None:
        file = root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        if before:
            os.utime(file, (file.stat().st_mtime - before,) * 2)

    return change


def touched(*patterns: str) -> Change:
    def change(root: Path) -> None:
        files = [file for pattern in patterns for file in root.glob(pattern) if file.is_file()]
        assert files
        for file in files:
            os.utime(file)

    return change


def copied_mirror(root: Path) -> None:
    """Another mirror with the same files."""
    shutil.copytree(root / "user/mirror", root / "elsewhere")
    configured(genomes={"mirror": "elsewhere/"})(root)


def moved(path: str, target: str, *then: Change) -> Change:
    def change(root: Path) -> None:
        (root / path).rename(root / target)
        for more in then:
            more(root)

    return change


def switched_link(same: bool) -> Change:
    """The folder of a data set becomes a link to another, older folder, with the same or with other rows."""

    def change(root: Path) -> None:
        folder = root / "user/fly"
        folder.rename(root / "user/other")
        folder.symlink_to("other")
        if not same:
            for file in folder.iterdir():
                file.write_text(file.read_text().replace("A", "C", 1))
                os.utime(file, (1e9, 1e9))

    return change


def replaced(path: str) -> Change:
    """A file becomes another one with the same bytes, size and time of change."""

    def change(root: Path) -> None:
        shutil.copy2(root / path, root / "copy")
        (root / "copy").replace(root / path)

    return change


def in_another_order(root: Path) -> None:
    """The configuration with its sections in another order."""
    before = (root / "user/mine.yaml").read_text()
    user_world.write_configuration(root, dict(reversed(user_world.configuration().items())))
    assert (root / "user/mine.yaml").read_text() != before


FITS: Jobs = {"finetune_model": 6, **TABLES}
OF_THE_MODEL: Jobs = {"finetune_model": 3, **TABLES}
FROM_THE_CORPUS: Jobs = {
    "summarize_corpus": 1,
    "train_tokenizer": 1,
    "encode_genome": 2,
    "study_tokenization": 1,
    "pretrain_model": 2,
    **OF_THE_MODEL,
}
OF_A_SET: Jobs = {"take_dataset": 1, "audit_dataset": 1, "collect_audits": 1, "finetune_model": 2, **TABLES}
OF_THE_TABLE: Jobs = {"summarize_corpus": 1, "study_tokenization": 1, "record_run": 1, "write_report": 1}
OF_LETTERS: Jobs = {"download_genome": 2, "chunk_genome": 2, "build_dataset": 1, "take_dataset": 2, "audit_dataset": 3}
OF_LETTERS |= FROM_THE_CORPUS | {"collect_audits": 1, "finetune_model": 6}
CASES: dict[str, tuple[Change, Jobs]] = {
    # times and spellings
    "nothing": (lambda root: None, NOTHING),
    "a touch of all that is the user's": (touched("user/**/*"), NOTHING),
    "a touch of all code and tables": (
        touched("workflow_scripts/**/*", "config/**/*", "rules/*", "Snakefile"),
        NOTHING,
    ),
    "a FASTA copied over itself": (replaced("user/own.fa"), NOTHING),
    "data sets copied over themselves": (replaced("user/whole.csv"), NOTHING),
    "weights copied over themselves": (replaced("user/model/model.safetensors"), NOTHING),
    "another mirror": (copied_mirror, NOTHING),
    "a folder spelled with a dot": (
        configured(
            gue={
                "custom": {
                    "fly/folder": {"folder": "./user/fly/"},
                    "fly/whole": {"file": "./user//whole.csv", "split": "random"},
                }
            }
        ),
        NOTHING,
    ),
    "a model's directory spelled with a dot": (
        configured(finetune={"models": {"theirs": {"directory": "./user/../user/model"}}}),
        NOTHING,
    ),
    "a folder that becomes a link to the same": (switched_link(same=True), NOTHING),
    "the order of the keys": (in_another_order, NOTHING),
    "threads of the fits": (configured(finetune={"threads": 2}), NOTHING),
    "a smaller micro-batch": (configured(pretrain={"dnabert2.training.micro_batch_size": 2}), NOTHING),
    "a url spelled with a dot": (edited("user/species.tsv", "user/own.fa", "./user/own.fa"), OF_THE_TABLE),
    "a source's url spelled with a dot": (
        edited("user/sources.tsv", "user/H3.txt", "./user/H3.txt"),
        {"record_run": 1, "write_report": 1},
    ),
    # content
    "a FASTA edited to the same size": (
        edited("user/own.fa", "A", "C"),
        {"download_genome": 1, "chunk_genome": 1, **FROM_THE_CORPUS},
    ),
    "the same, older than the results": (
        edited("user/own.fa", "A", "C", before=1e6),
        {"download_genome": 1, "chunk_genome": 1, **FROM_THE_CORPUS},
    ),
    "an older CSV file": (edited("user/fly/test.csv", "A", "C", before=1e6), OF_A_SET),
    "an older file that is split here": (edited("user/whole.csv", "A", "C", before=1e6), OF_A_SET),
    "a folder that becomes a link to an older one": (switched_link(same=False), OF_A_SET),
    "an older primary file": (
        edited("user/H3.txt", "A", "C", before=1e6),
        {"fetch_source": 1, "build_dataset": 1, **{k: v for k, v in OF_A_SET.items() if k != "take_dataset"}},
    ),
    "an older tokenizer of a user's model": (
        edited("user/model/tokenizer_config.json", "{", "{ ", before=1e6),
        OF_THE_MODEL,
    ),
    "a data set that moves": (
        moved(
            "user/whole.csv",
            "user/all.csv",
            configured(
                gue={
                    "custom": {
                        "fly/folder": {"folder": "user/fly"},
                        "fly/whole": {"file": "user/all.csv", "split": "random"},
                    }
                }
            ),
        ),
        OF_A_SET,
    ),
    "a model that moves": (
        moved("user/model", "user/theirs", configured(finetune={"models": {"theirs": {"directory": "user/theirs"}}})),
        {"count_costs": 1, "write_report": 1},
    ),
    # settings
    "one more seed": (configured(finetune={"seeds": [42, 43]}), FITS),
    "the learning rate of the fits": (configured(finetune={"settings.learning_rate": 2e-3}), FITS),
    "the learning rate of the training": (
        configured(pretrain={"dnabert2.training.learning_rate": 1e-3}),
        {"pretrain_model": 1, **OF_THE_MODEL},
    ),
    "the length of chunks": (
        configured(genomes={"chunk": {"length": 250, "min_contig": 250}}),
        {"download_genome": 2, "chunk_genome": 2, **FROM_THE_CORPUS},
    ),
    "the rows of the benchmark": (
        configured(gue={"max_rows": {"train": 30, "dev": 10, "test": 20}}),
        {"build_dataset": 1, "audit_dataset": 1, "collect_audits": 1, "finetune_model": 2, **TABLES},
    ),
    "the way to split": (
        configured(
            gue={
                "custom": {
                    "fly/folder": {"folder": "user/fly"},
                    "fly/whole": {"file": "user/whole.csv", "split": "homology"},
                }
            }
        ),
        OF_A_SET,
    ),
    "the title of the page": (configured(report={"title": "Mine"}), {"write_report": 1}),
    "a data set less": (configured(gue={"datasets": ["emp/H3", "fly/folder"]}), {"collect_audits": 1, **TABLES}),
    # code
    "the program that cuts": (
        edited("workflow_scripts/genomes/chunk_genome.py", '"""', '"""Now '),
        {"download_genome": 2, "chunk_genome": 2, **FROM_THE_CORPUS},
    ),
    "a module that programs share": (edited("workflow_scripts/common/letters.py", '"""', '"""Now '), OF_LETTERS),
    "a module that writes files": (edited("workflow_scripts/common/files.py", '"""', '"""Now '), NOTHING),
    "the program of the page": (
        edited("workflow_scripts/report/write_report.py", '"""', '"""Now '),
        {"write_report": 1},
    ),
    # results
    "FASTA files that are gone": (lambda root: shutil.rmtree(root / "results/genomes/fasta"), {}),
    "a page that is gone": (lambda root: (root / "results/report/index.html").unlink(), {"write_report": 1}),
}


@pytest.mark.parametrize("name", list(CASES))
def test_a_change_plans_exactly_what_depends_on_it(root, name):
    change, expected = CASES[name]
    change(root)
    assert job_counts(user_world.run(root, "-n")) == expected
