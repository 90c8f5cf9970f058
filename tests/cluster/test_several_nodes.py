"""Pre-training as one job over two nodes: the same losses as one process has."""

import json

import pytest

from tests.pretrain.working import ALONE, configured
from tests.workflow.harness import snakemake

pytestmark = pytest.mark.slow
LOG = "pretrain/dnabert2/log.jsonl"


def losses(run) -> dict[tuple[int, str], float]:
    entries = [json.loads(line) for line in (run.results / LOG).open()]
    return {(entry["step"], key): entry[key] for entry in entries for key in entry if key.endswith("loss")}


def test_two_processes_on_two_nodes_train_as_one_does(training):
    alone, together = training("alone"), training("together")
    snakemake(*configured(alone.root, steps=60, micro_batch_size=8), "--cores", "1", *ALONE)
    together.start(*configured(together.root, {"gpus": 1, "nodes": 2}, steps=60, micro_batch_size=8), *ALONE)
    together.finish(minutes=20)
    (job,) = together.jobs("pretrain_model")
    assert (job["State"], job["Partition"], job["NodeList"]) == ("COMPLETED", "gpu", "n[1-2]")
    assert "gres/gpu=2" in job["ReqTRES"]
    assert "2 x " in (together.results / "logs/pretrain/pretrain_model/dnabert2.log").read_text()
    assert losses(together) == pytest.approx(losses(alone), rel=1e-4)
