"""The memory that a training may take, and what fits it."""

from pathlib import Path

import pytest

from workflow_scripts.common.errors import UserError
from workflow_scripts.tokenizer import memory

GB = 10**9


@pytest.mark.parametrize("available", [GB, 24 * GB, 256 * GB])
def test_the_sample_that_fits_fits_and_not_much_more_would(available):
    cells = memory.cells_that_fit(available, 4096)
    assert memory.needed_bytes(cells, 4096) <= available < memory.needed_bytes(int(cells * 1.01), 4096)
    memory.check(cells, cells, 4096, available)
    with pytest.raises(UserError) as refused:
        memory.check(2 * cells, 2 * cells, 4096, available)
    fits = int(str(refused.value).split("sample_bases: ")[1].split()[0])
    assert 0.9 * cells < fits <= cells


def test_nothing_fits_where_the_tables_alone_are_too_large():
    assert memory.cells_that_fit(GB, 2**16) == 0
    with pytest.raises(UserError, match=r"need 4\d.\d GB of memory, 1.0 GB are free; lower vocab_size"):
        memory.check(10, 11, 2**16, GB)


def test_a_control_group_limits_the_machine(monkeypatch):
    """As Slurm sets it: on the job, above the group of the task."""
    files = {
        "/proc/meminfo": ["MemTotal: 900 kB", "MemAvailable: 400 kB"],
        "/proc/self/cgroup": ["5:devices:/x", "0::/slurm/job_1/task_0"],
        "/sys/fs/cgroup/slurm/job_1/task_0/memory.max": ["max"],
        "/sys/fs/cgroup/slurm/job_1/memory.max": ["300000"],
    }
    monkeypatch.setattr(memory, "lines_of", lambda path: files.get(str(path), []))
    assert memory.available_bytes() == 300_000
    del files["/sys/fs/cgroup/slurm/job_1/memory.max"]
    assert memory.available_bytes() == 400 * 1024
    files["/proc/self/cgroup"] = ["4:memory:/job_2"]
    files["/sys/fs/cgroup/memory/job_2/memory.limit_in_bytes"] = ["200000"]
    assert memory.available_bytes() == 200_000


def test_without_these_files_it_is_the_memory_of_the_machine(monkeypatch):
    monkeypatch.setattr(memory, "lines_of", lambda path: [])
    assert memory.available_bytes() > 10**8
    assert memory.lines_of(Path("/nowhere")) == []
