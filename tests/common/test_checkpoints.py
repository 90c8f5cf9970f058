"""The folder of a run's states belongs to one process, and what a killed one left half written goes."""

from workflow_scripts.common import checkpoints


def test_what_a_killed_process_has_half_written_is_removed(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir()
    kept = folder / "step-000000010.safetensors"
    kept.touch()
    for name in (".step-000000020.safetensors.17.tmp", ".tmpAb3dEf"):
        (folder / name).touch()
    with checkpoints.locked_folder(folder):
        assert set(folder.iterdir()) == {kept, folder / "lock"}


def test_a_lock_that_was_removed_with_its_folder_is_not_taken(tmp_path):
    """Who held it has finished and removed the folder: the one that comes next locks a file that is there."""
    folder = tmp_path / "state"
    with checkpoints.locked_folder(folder):
        (folder / "lock").rename(tmp_path / "gone")
        with checkpoints.locked_folder(folder):
            assert (folder / "lock").exists()
