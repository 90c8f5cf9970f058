"""The memory that a training needs and may use."""

from pathlib import Path

import pytest

from workflow_scripts.common import bpe_memory
from workflow_scripts.common.errors import UserError

GB = 10**9


@pytest.mark.parametrize("available", [GB, 24 * GB, 256 * GB])
def test_the_suggested_sample_is_close_to_the_largest_that_fits(available):
    cells = bpe_memory.cells_that_fit(available, 4096)
    assert bpe_memory.needed_bytes(cells, 4096) <= available < bpe_memory.needed_bytes(int(cells * 1.01), 4096)
    bpe_memory.check(cells, cells, 4096, available)
    with pytest.raises(UserError) as refused:
        bpe_memory.check(2 * cells, 2 * cells, 4096, available)
    fits = int(str(refused.value).split("sample_bases: ")[1].split()[0])
    assert 0.9 * cells < fits <= cells


def test_nothing_fits_if_the_tables_of_pairs_are_too_large():
    assert bpe_memory.cells_that_fit(GB, 2**16) == 0
    with pytest.raises(UserError, match=r"need 4\d.\d GB of memory, 1.0 GB are free; lower vocab_size"):
        bpe_memory.check(10, 11, 2**16, GB)


def test_a_control_group_limits_the_available_memory(monkeypatch):
    """As set by Slurm: on the job, whose group is the parent of the task's."""
    files = {
        "/proc/meminfo": ["MemTotal: 900 kB", "MemAvailable: 400 kB"],
        "/proc/self/cgroup": ["5:devices:/x", "0::/slurm/job_1/task_0"],
        "/sys/fs/cgroup/slurm/job_1/task_0/memory.max": ["max"],
        "/sys/fs/cgroup/slurm/job_1/memory.max": ["300000"],
    }
    monkeypatch.setattr(bpe_memory, "lines_of", lambda path: files.get(str(path), []))
    assert bpe_memory.available_bytes() == 300_000
    del files["/sys/fs/cgroup/slurm/job_1/memory.max"]
    assert bpe_memory.available_bytes() == 400 * 1024
    files["/proc/self/cgroup"] = ["4:memory:/job_2"]
    files["/sys/fs/cgroup/memory/job_2/memory.limit_in_bytes"] = ["200000"]
    assert bpe_memory.available_bytes() == 200_000


def test_without_system_files_all_memory_is_available(monkeypatch):
    monkeypatch.setattr(bpe_memory, "lines_of", lambda path: [])
    assert bpe_memory.available_bytes() > 10**8
    assert bpe_memory.lines_of(Path("/nowhere")) == []
