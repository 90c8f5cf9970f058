"""What a fit costs in comparison with a plain Trainer of transformers.

In:  published data sets (<folder>/<task>/<set>/{train,dev,test}.csv.gz) and the published tokenizer.json, by default
     those of REAL_DATA.
Out: a table on standard output, and with --out in a file: one data set with the released settings (batch, warm-up,
     limit of tokens, evaluation every 200 steps) for equal steps. Wall and processor time of the whole program, and
     scores on the test rows, of the fit of this workflow and of the Trainer (finetune_peer.py: padding to the longest
     row of the split) with this project's model and with a plain one, each in float32 and in bfloat16, which is the
     workflow's default; the released scripts ask for float16, which a CPU does not compute.

All fits start from the same small encoder; its learning rate is higher than the released one, which is for the
pre-trained encoder of twelve layers. The programs take turns, and the fastest of --repeats runs counts.
"""

import argparse
import gzip
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

import torch  # noqa: E402

from benchmarks.machine import machine  # noqa: E402
from workflow_scripts.common.files import read_json, write_text  # noqa: E402
from workflow_scripts.model import DnaBert2Config, DnaBert2ForMaskedLM  # noqa: E402
from workflow_scripts.settings.names import SPLITS  # noqa: E402

SIZES = {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 8, "intermediate_size": 1024}
# released values of prom_300_tata, except for the learning rate
RELEASED = {"batch_size": 32, "warmup_steps": 50, "eval_steps": 200, "max_tokens": 70, "learning_rate": 3e-4}
SEED = 42
# Python's arguments for a fit that imports its libraries itself, and for one in a fork of the server
APART = ("-c", "import sys; from workflow_scripts.finetune.finetune_model import main; sys.exit(main())")
SERVED = ("-m", "workflow_scripts.finetune.finetune_model")
PLAIN = "Trainer, plain model"
NAMES = ("fit", "Trainer", PLAIN)


def unpacked(folder: Path, out: Path) -> Path:
    """Write the three files of a data set to ``out`` in the workflow's format."""
    out.mkdir()
    for split in SPLITS:
        with gzip.open(folder / f"{split}.csv.gz", "rt", newline="") as handle:
            write_text(out / f"{split}.csv", handle.read().replace("\r\n", "\n"))
    return out


def small_model(tokenizer: Path, out: Path) -> Path:
    """An encoder with random weights and the published tokenizer."""
    torch.manual_seed(SEED)
    DnaBert2ForMaskedLM(DnaBert2Config(vocab_size=4096, initializer_range=0.04, **SIZES)).save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        write_text(out / name, (tokenizer / name).read_text())
    return out


def arguments(model: Path, data: Path, settings: dict[str, Any], out: Path) -> list[str]:
    """Command line of a fit of the workflow, with a separate token cache."""
    return [
        *("--model", json.dumps({"directory": str(model)}), "--name", "small", "promoter", data.name),
        *("--method", "full", "--data", str(data), "--seed", str(SEED), "--settings", json.dumps(settings)),
        *("--tokens", str(out / "tokens"), "--state", str(out / "state"), "--out", str(out)),
    ]


def process(*words: str) -> None:
    """Run a Python program to its end."""
    subprocess.run([sys.executable, *words], check=True, cwd=REPOSITORY, stderr=subprocess.DEVNULL, stdout=sys.stderr)


def measured(work: Callable[[], None]) -> tuple[float, float]:
    """Wall and CPU seconds of the programs that ``work`` runs."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - began, used


def one_fit(model: Path, data: Path, steps: int, repeats: int, folder: Path) -> list[str]:
    """Table rows of the one data set."""
    best: dict[tuple[str, str], tuple[float, float]] = {}
    tested: dict[tuple[str, str], dict[str, Any]] = {}
    for repeat, precision, name in itertools.product(range(repeats), ("fp32", "bf16"), NAMES):
        settings, out = RELEASED | {"max_steps": steps, "precision": precision}, folder / f"{name}-{precision}-{repeat}"
        common = ("--data", str(data), "--settings", json.dumps(settings), "--seed", str(SEED), "--out", str(out))
        words = {
            "fit": (*APART, *arguments(model, data, settings, out)),
            "Trainer": ("benchmarks/finetune_peer.py", "--model", str(model), *common),
            PLAIN: ("benchmarks/finetune_peer.py", "--model", str(model), "--plain", *common),
        }[name]
        cost = measured(lambda words=words: process(*words))
        key = name, precision
        best[key] = min(best.get(key, cost), cost)
        tested[key] = read_json(out / "metrics.json")["test"] if name == "fit" else read_json(out / "test.json")
    peer = best[PLAIN, "fp32"]
    return [
        f"| {name}, {precision} | {wall:.0f} | {processor:.0f} | {peer[0] / wall:.2f} | {peer[1] / processor:.2f} "
        f"| {tested[name, precision]['mcc']:.3f} | {tested[name, precision]['loss']:.3f} |"
        for (name, precision), (wall, processor) in best.items()
    ]


HEAD = """\
Data set {name}, {steps} steps with the released settings, except for a learning rate of 3e-4. The encoder has {layers}
layers of width {hidden} and {weights} weights. {hardware}, {threads} threads. Load average before and after:
{before:.1f} and {after:.1f}.

| | wall, s | CPU, s | speed-up over the plain model in fp32: wall | CPU | MCC | loss |
|---|---|---|---|---|---|---|
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=os.environ.get("REAL_DATA"), help="default: REAL_DATA")
    parser.add_argument("--dataset", default="prom/prom_300_tata", help="folder within gue/")
    parser.add_argument(
        "--model", type=Path, help="model directory to start from; default: a small model with random weights"
    )
    parser.add_argument("--steps", type=int, default=1540, help="of the one fit; 1,540 are the released 10 epochs")
    parser.add_argument("--repeats", type=int, default=2, help="runs of the one fit")
    parser.add_argument("--out", type=Path, help="write the tables to this file too (.md)")
    return parser


def main(argv: list[str] | None = None) -> None:
    args = build_parser().parse_args(argv)
    if not args.folder:
        raise SystemExit("error: --folder is missing; give the folder with real data, or set REAL_DATA")
    before = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        model = args.model or small_model(args.folder / "published_model", folder / "model")
        data = unpacked(args.folder / "gue" / args.dataset, folder / "data")
        sizes = read_json(model / "config.json")
        one = one_fit(model, data, args.steps, args.repeats, folder)
    head = HEAD.format(
        name=args.dataset,
        steps=f"{args.steps:,}",
        layers=sizes["num_hidden_layers"],
        hidden=sizes["hidden_size"],
        weights="pre-trained" if args.model else "random",
        hardware=machine("torch", "transformers"),
        threads=torch.get_num_threads(),
        before=before,
        after=os.getloadavg()[0],
    )
    text = head + "\n".join(one) + "\n"
    print(text)
    if args.out:
        write_text(args.out, text)


if __name__ == "__main__":
    main()
