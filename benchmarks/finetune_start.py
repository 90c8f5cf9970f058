"""What it costs to start a fit: the imports of its libraries, and many small fits with and without the fork server.

In:  a published data set (<folder>/gue/<task>/<set>/{train,dev,test}.csv.gz) and the published tokenizer.json, by
     default those of REAL_DATA.
Out: two tables on standard output, and with --out in a file:
     - processor time to import what a fit needs, library after library; the fastest of three runs counts. What each
       adds is what a lazy import of it could save at most;
     - so many small data sets, cut from the published one, each fitted for some steps, one after the other: in a
       process of its own, and in forks of the server that the workflow uses, its start included. One thread each.

It needs Linux, to count the processor time of the server.
"""

import argparse
import csv
import ctypes
import os
import signal
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from benchmarks.finetune import APART, SERVED, arguments, measured, process, small_model, unpacked  # noqa: E402
from benchmarks.machine import cost, machine  # noqa: E402
from workflow_scripts.common.files import read_json, write_text  # noqa: E402

SETTINGS = {"batch_size": 16, "warmup_steps": 6, "eval_steps": 0, "max_steps": 10, "learning_rate": 1e-3}
ROWS = {"train": 160, "dev": 32, "test": 32}
IMPORTS = {
    "torch": "torch",
    "its compiler, which AdamW imports": "torch._dynamo",
    "the base class of transformers' models": "transformers.modeling_utils",
    "scikit-learn's scores": "sklearn.metrics",
    "pyarrow and the rest of a fit": "workflow_scripts.finetune.fine_tuning",
    "PEFT, for LoRA": "peft",
}
RUNS = 3
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
PROGRAMS = {"in a process of its own": APART, "in a fork of the server": SERVED}


def imports() -> list[str]:
    """Lines of the table of imports: what each adds to those before, and the sum so far."""
    lines, before, statement = [], cost(["-c", "pass"])[0], ""
    for name, module in IMPORTS.items():
        statement += f"import {module}\n"
        total = min(cost(["-c", statement])[0] for _ in range(RUNS))
        lines.append(f"| {name} | {total - before:.2f} | {total:.2f} |")
        before = total
    client = min(cost(["-c", "import workflow_scripts.finetune.finetune_model"])[0] for _ in range(RUNS))
    return [*lines, f"| a fit that asks the server | | {client:.2f} |"]


def cut(folder: Path, number: int, out: Path) -> Path:
    """A small data set: some rows of each split, others for each number."""
    out.mkdir()
    for split, rows in ROWS.items():
        header, *lines = csv.reader((folder / f"{split}.csv").open())
        chosen = [lines[(number * rows + row) * 7 % len(lines)] for row in range(rows)]
        write_text(out / f"{split}.csv", "".join(",".join(line) + "\n" for line in [header, *chosen]))
    return out


def end_server() -> None:
    """End the children that this process has left, and count what they have used."""
    for child in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)
        os.waitpid(int(child), 0)


def many_fits(model: Path, data: Path, count: int, folder: Path) -> list[str]:
    """Lines of the table of many small data sets."""
    sets = [cut(data, number, folder / f"set{number}") for number in range(count)]

    def run(name: str) -> None:
        for part in sets:
            process(*PROGRAMS[name], *arguments(model, part, SETTINGS, folder / name / part.name))
        end_server()

    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # the server becomes a child of this process
    costs = {name: measured(lambda name=name: run(name)) for name in PROGRAMS}
    for part in sets:
        apart, forked = (read_json(folder / name / part.name / "metrics.json")["test"] for name in PROGRAMS)
        assert apart == forked, f"{part.name}: the scores differ"
    lines = [
        f"| {name} | {wall:.0f} | {processor:.0f} | {wall / count:.2f} | {processor / count:.2f} |"
        for name, (wall, processor) in costs.items()
    ]
    (wall, processor), (wall_forked, processor_forked) = costs.values()
    return [*lines, f"| ratio | **{wall / wall_forked:.2f}** | **{processor / processor_forked:.2f}** | | |"]


TEXT = """\
Starts of fits on {hardware}, one thread. Load of the machine before and after: {before:.1f} and {after:.1f}.

| import, after those above it | adds, processor s | in all, s |
|---|---|---|
{imports}

{count} data sets of {rows} training rows, 10 steps each, one after the other.

| | wall, s | processor, s | wall a fit, s | processor a fit, s |
|---|---|---|---|---|
{many}
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=os.environ.get("REAL_DATA"), help="default: REAL_DATA")
    parser.add_argument("--dataset", default="prom/prom_300_tata", help="folder within gue")
    parser.add_argument("--many", type=int, default=36, help="small data sets")
    parser.add_argument("--out", type=Path, help="write the tables to this file too (.md)")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if not args.folder:
        raise SystemExit("error: --folder or REAL_DATA must name the folder with real data")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        os.environ |= {"TMPDIR": scratch, "OMP_NUM_THREADS": "1"}  # and so a server of its own
        folder = Path(scratch)
        model = small_model(args.folder / "published_model", folder / "model")
        data = unpacked(args.folder / "gue" / args.dataset, folder / "data")
        many = many_fits(model, data, args.many, folder)
    text = TEXT.format(
        hardware=machine("torch", "transformers"),
        before=before,
        after=os.getloadavg()[0],
        imports="\n".join(imports()),
        count=args.many,
        rows=ROWS["train"],
        many="\n".join(many),
    )
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
