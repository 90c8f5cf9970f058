"""A user's data set of labelled sequences: its rows by split, its classes, and everything that is wrong with it.

One truth for the check before a run and for the program that takes the data set in.
"""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from workflow_scripts.common.column_roles import plain_name
from workflow_scripts.common.errors import UserError
from workflow_scripts.common.labelled_csv import parse_number, parse_properties
from workflow_scripts.common.labelled_file import LabelledFile, Mistakes, Row, understand
from workflow_scripts.common.labelled_sources import SPLITS, WHOLE

FEWEST = 10  # rows of a file that is to be split
MANY = 20  # classes, from which on labels that hardly repeat are taken for a mistake
SPLIT_NAMES = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "val", "valid", "validation", "development"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}

Labels = dict[str, dict[str, list[int]]]
"""Split -> text of a label -> its first line, and its number of rows."""


@dataclass(frozen=True)
class LabelledSet:
    """What was understood of a data set.

    ``understood``: one line a file. ``columns``: the header of its canonical files. ``classes``: the names of the
    classes in the order of their numbers; empty if labels are none. ``numbers``: the class of each text of a label.
    ``letters``: rows with lower case, rows with U, and unknown letters. ``split``: whether the rows have splits.
    """

    understood: list[str]
    columns: tuple[str, ...]
    classes: list[str]
    numbers: dict[str, int]
    letters: dict[str, int]
    split: bool


def read_labelled_set(
    files: dict[str, Path], problem: str, resplit: bool, take: Callable[[str, Row], None]
) -> LabelledSet:
    """Read the files of a data set, by split or one file under WHOLE, and hand each row with its split to ``take``.

    In a single file a column of splits decides, unless ``resplit``. ``problem``: classification, regression or
    multilabel. Raises UserError with all mistakes, one line each.
    """
    mistakes = Mistakes()
    tables = understand_all(files, mistakes)
    by_column = WHOLE in tables and tables[WHOLE].roles.split is not None and not resplit
    if not by_column:
        tables = {name: table.without_split() for name, table in tables.items()}
    labels: Labels = {}
    letters: Counter[str] = Counter()
    for name, table in tables.items():
        for row in table.rows(mistakes, letters):
            split = SPLIT_NAMES.get(row.split.casefold(), "") if by_column else name
            label = canonical_label(row.label, problem)
            if not split:
                mistakes.add(table.path, row.line, f"split {row.split!r} is none of train, dev and test")
            elif problem_with := label_problem(label, problem):
                mistakes.add(table.path, row.line, f"label {row.label!r} {problem_with}")
            else:
                seen = labels.setdefault(split, {}).setdefault(label, [row.line, 0])
                seen[1] += 1
                take(split, row._replace(label=label))
    mistakes.check()
    paths = {split: files.get(split, files.get(WHOLE, Path())) for split in labels}
    check_rows(files, labels, by_column)
    classes, numbers = name_classes(paths, labels, mistakes) if problem == "classification" else ([], {})
    if problem == "multilabel":
        check_property_counts(paths, labels, mistakes)
    mistakes.check()
    first = next(iter(tables.values()))
    return LabelledSet(
        [table.understood() for table in tables.values()],
        (*column_names(first), "label"),
        classes,
        numbers,
        dict(letters),
        by_column or WHOLE not in files,
    )


def understand_all(files: dict[str, Path], mistakes: Mistakes) -> dict[str, LabelledFile]:
    """Each file, understood. Raises UserError with all mistakes if one is not, or if they differ in their sequences."""
    tables = {}
    for name, path in files.items():
        try:
            tables[name] = understand(path)
        except UserError as error:
            mistakes.found.setdefault(str(path), []).append(str(error))
    mistakes.check()
    first = next(iter(tables.values()))
    for table in tables.values():
        if column_names(table) != column_names(first):
            theirs, ours = " and ".join(column_names(table)), " and ".join(column_names(first))
            mistakes.add(table.path, 1, f"the sequences are {theirs}, in {first.path} {ours}; name them alike")
    mistakes.check()
    return tables


def column_names(table: LabelledFile) -> tuple[str, ...]:
    """The canonical names of the columns of sequences: ``sequence``, or the two names of a pair."""
    names = tuple(plain_name(table.names[column]) for column in table.roles.sequences)
    return names if len(names) == 2 else ("sequence",)


def canonical_label(text: str, problem: str) -> str:
    """The text of a label, of whole numbers as 1 and not 1.0, of several labels without blanks."""
    if problem == "multilabel":
        return re.sub(r"\s*;\s*", ";", text)
    whole = re.fullmatch(r"([+-]?\d+)(\.0*)?", text, re.ASCII) if problem == "classification" else None
    return str(int(whole[1])) if whole else text


def label_problem(label: str, problem: str) -> str | None:
    """What is wrong with a label, to follow it; None if nothing is."""
    try:
        if problem == "multilabel":
            parse_properties(label)
        elif problem == "regression":
            parse_number(label)
        elif re.fullmatch(r"[+-]?\d*[.,]\d+(e[+-]?\d+)?", label, re.ASCII | re.IGNORECASE):
            return "is a number, not a class; set problem: regression"
    except ValueError as error:
        return str(error)
    return None


def check_rows(files: dict[str, Path], labels: Labels, by_column: bool) -> None:
    """Raise UserError if a split has no rows, or if there are too few to make splits of."""
    for split in SPLITS if by_column else files:
        if split not in labels:
            path = files.get(split, files.get(WHOLE))
            where = f"the column of splits has no {split}; add it, or set split: random" if by_column else "no rows"
            raise UserError(f"{path}: {where}")
    if WHOLE in labels and (rows := sum(count for _, count in labels[WHOLE].values())) < FEWEST:
        raise UserError(f"{files[WHOLE]}: {rows} rows; {FEWEST} at least are needed to split them")


def name_classes(paths: dict[str, Path], labels: Labels, mistakes: Mistakes) -> tuple[list[str], dict[str, int]]:
    """The names of the classes, sorted, numbers by their value, and the number of each; all are in the first split."""
    known = {text for texts in labels.values() for text in texts}
    numeric = {text for text in known if re.fullmatch(r"-?\d+", text)}
    if numeric and numeric != known:
        for split, texts in labels.items():
            for text in set(texts) - numeric:
                mistakes.add(paths[split], texts[text][0], f"label {text!r} among numbers; use numbers or names only")
        return [], {}
    classes = sorted(known, key=int if numeric else str)
    train = labels["train" if "train" in labels else WHOLE]
    path = paths["train" if "train" in labels else WHOLE]
    if len(train) < 2:
        mistakes.add(path, next(iter(train.values()))[0], f"the only class is {next(iter(train))!r}; two are needed")
        return [], {}
    rows = sum(count for _, count in train.values())
    if len(classes) > MANY and 2 * len(train) > rows:
        mistakes.add(path, 1, f"{len(train):,} classes in {rows:,} rows; for numbers set problem: regression")
    for split, texts in labels.items():
        for text in texts:
            if text not in train:
                mistakes.add(paths[split], texts[text][0], f"class {text!r} does not occur in train")
    folded: dict[str, str] = {}
    for text in classes:
        other = folded.setdefault(text.casefold(), text)
        if other != text:
            line = next(texts[text][0] for texts in labels.values() if text in texts)
            mistakes.add(path, line, f"classes {other!r} and {text!r} differ in case only; write them alike")
    return classes, {name: number for number, name in enumerate(classes)}


def classes_of_file(path: Path, labels: dict[str, list[int]]) -> list[str]:
    """The classes of one file that is still to be split; ``labels``: as Labels has them for a split.

    Raises UserError if they cannot be classes, see name_classes.
    """
    mistakes = Mistakes()
    classes, _ = name_classes({WHOLE: path}, {WHOLE: labels}, mistakes)
    mistakes.check()
    return classes


def check_property_counts(paths: dict[str, Path], labels: Labels, mistakes: Mistakes) -> None:
    """Add a mistake for each label that has not as many properties as the first one."""
    expected = next(iter(next(iter(labels.values())))).count(";") + 1
    for split, texts in labels.items():
        for text, (line, _) in texts.items():
            if (count := text.count(";") + 1) != expected:
                mistakes.add(paths[split], line, f"{count} properties where the first row has {expected}")
