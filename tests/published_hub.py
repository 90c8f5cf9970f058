"""What a stand-in of the hub serves for config/published.yaml: GUE and GUE+ in their published layout, tiny models."""

import random
from pathlib import Path

from tests.hub import Hub
from workflow_scripts.common.files import read_table

REPOSITORY = Path(__file__).resolve().parents[1]
BASES, ROWS_OF_A_CLASS = 20, 8
CLASSES = {"species": 20}  # where the registry names none


def fill(hub: Hub, root: Path) -> dict[str, dict]:
    """Fill the hub: all data sets, the models of the configuration at their commits, and one of each other family.

    Tiny models are made below ``root``. Returns the entries of the other families, as in finetune.models.
    """
    from tests import tiny_families, tiny_models  # torch, which the data sets do without

    places = read_table(REPOSITORY / "config/gue_hub.tsv")
    hub.add(places[0]["hub"], published_files(places), "dataset", places[0]["commit"])
    ours = tiny_models.write_all(root / "models")
    commits = {row["hub"]: row["commit"] for row in read_table(REPOSITORY / "config/hub_models.tsv")}
    for name, commit in commits.items():
        kind = "published" if "DNABERT-2" in name else "bert" if "DNA_bert" in name else "esm"
        hub.add(name, files_of(Path(ours[kind]["directory"])), commit=commit)
    (root / "families").mkdir()
    others = tiny_families.write_all(root / "families", Path(ours["ours"]["directory"]))
    entries = {}
    for name, entry in others.items():
        commit = hub.add(f"tiny/{name}", files_of(Path(entry.pop("directory"))))
        entries[name] = {"hub": f"tiny/{name}", "revision": commit, **entry}
    return entries


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def published_files(places: list[dict[str, str]]) -> dict[str, bytes]:
    """The three files of each data set, a few rows of every class, which a motif tells from the others."""
    registry = {(row["task"], row["dataset"]): row for row in read_table(REPOSITORY / "config/gue.tsv")}
    files = {"README.md": b"# GUE"}
    for place in places:
        row = registry[place["task"], place["dataset"]]
        classes = len(row["classes"].split(";")) if row["classes"] else CLASSES[row["task"]]
        for split in ("train", "dev", "test"):
            letters = random.Random(f"{place['folder']}/{split}")
            files[f"{place['folder']}/{split}.csv"] = csv_text(letters, classes, row["task"] == "epi").encode()
    return files


def csv_text(letters: random.Random, classes: int, pairs: bool) -> str:
    """Rows with CRLF, as released."""
    lines = ["enhancer,promoter,label" if pairs else "sequence,label"]
    for label in [*range(classes)] * ROWS_OF_A_CLASS:
        motif = "".join("ACGT"[label >> shift & 3] for shift in (4, 2, 0)) * 2
        sequences = [motif + "".join(letters.choices("ACGT", k=BASES - len(motif))) for _ in range(1 + pairs)]
        lines.append(",".join([*sequences, str(label)]))
    return "\r\n".join(lines) + "\r\n"
