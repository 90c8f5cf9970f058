"""A real Slurm on this machine: controller, accounts, four partitions, and two nodes with two GPUs each that are none.

Each one has a folder, ports and a key of its own, so several can run beside each other. A node is a PID namespace that
sees the configuration at its usual place, /etc/slurm: taking it down ends everything that runs on it, as a power cut
does. Needs root and the Debian packages of PACKAGES.
"""

import contextlib
import csv
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

NODES = ("n1", "n2")
PROGRAMS = ("munged", "mariadbd", "slurmdbd", "slurmctld", "slurmd", "sbatch", "srun")
PACKAGES = "slurm-wlm slurmdbd munge mariadb-server-core"
# Of sacct; the comment is the name of the rule with the wildcards, and known when a job has ended.
FIELDS = (
    "JobIDRaw",
    "WorkDir",
    "State",
    "Comment",
    "ReqTRES",
    "Timelimit",
    "Start",
    "End",
    "NodeList",
    "NNodes",
    "Partition",
)
CGROUPS = "/sys/fs/cgroup"  # slurmd does not start where it is not mounted
PATIENCE = 300.0  # seconds for a daemon to answer, or for jobs to end
BOUND = ("setpriv", "--pdeathsig", "KILL")  # a program that ends with the one that started it, however that ends
T = TypeVar("T")

CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
# A requeued job may start so many seconds later.
AuthInfo=socket={folder}/munge.socket,cred_expire=5
SlurmctldPort={controller}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool.%n
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=2
JobAcctGatherParams=OverMemoryKill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
AccountingStorageTRES=gres/gpu
ReturnToService=2
KillWait=5
SlurmdTimeout=10
SlurmctldTimeout=30
# A busy machine answers late.
MessageTimeout=60
SchedulerParameters=bf_interval=2,sched_interval=2,sched_min_interval=0,batch_sched_delay=0
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={accounts}
AccountingStoragePass={folder}/munge.socket
AccountingStoreFlags=job_comment
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
NodeName=DEFAULT CPUs=2 RealMemory=8000 Gres=gpu:2 State=UNKNOWN
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={n1}
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={n2}
PartitionName=DEFAULT Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=cpu Default=YES
PartitionName=gpu
PartitionName=short MaxTime=2
PartitionName=urgent PriorityTier=10
"""
ACCOUNTS = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
SlurmUser=root
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={accounts}
LogFile={folder}/slurmdbd.log
PidFile={folder}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser=root
"""
# Device files that any machine has stand for the GPUs.
GPUS = "NodeName=n1,n2 Name=gpu File=/dev/null,/dev/zero\n"


def free_ports(count: int) -> list[int]:
    """Ports of this machine that nothing listens at."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def wait_for(what: str, look: Callable[[], T], seconds: float = PATIENCE) -> T:
    """What ``look`` gives as soon as it gives something. Raises AssertionError if it does not in time."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, f"no {what} in {seconds} seconds"
        time.sleep(0.2)
    return seen


class Slurm:
    """Daemons and folder of one Slurm; between ``start`` and ``stop`` it takes jobs."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = os.environ | {"SLURM_CONF": str(folder / "etc/slurm.conf")}
        self.daemons: dict[str, subprocess.Popen] = {}

    def configure(self) -> None:
        """Write the configuration, with ports that are free now."""
        self.ports = ports = dict(zip(("controller", "accounts", "database", *NODES), free_ports(5), strict=True))
        host = socket.gethostname().split(".")[0]
        for name in ("etc", "state", "database", *(f"spool.{node}" for node in NODES)):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "etc/slurm.conf").write_text(CONFIGURATION.format(folder=self.folder, host=host, **ports))
        (self.folder / "etc/slurmdbd.conf").touch(mode=0o600)
        (self.folder / "etc/slurmdbd.conf").write_text(ACCOUNTS.format(folder=self.folder, **ports))
        (self.folder / "etc/gres.conf").write_text(GPUS)
        (self.folder / "munge.key").touch(mode=0o600)
        (self.folder / "munge.key").write_bytes(secrets.token_bytes(128))

    def daemon(self, name: str, *command: str) -> None:
        """Start a daemon in the foreground."""
        with (self.folder / f"{name}.out").open("a") as out:
            self.daemons[name] = subprocess.Popen(
                [*BOUND, *command],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def start(self) -> None:
        """Start everything; returns when both nodes take jobs."""
        self.configure()
        kinds = ("key", "seed", "pid", "log")
        files = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in kinds]
        self.daemon("munged", "munged", "--force", "--foreground", f"--socket={self.folder}/munge.socket", *files)
        wait_for("munge socket", (self.folder / "munge.socket").exists)
        self.start_accounts()
        self.start_controller()
        for node in NODES:
            self.start_node(node)
        wait_for("idle nodes", lambda: self.run("sinfo", "-h", "-N", "-p", "cpu", "-o", "%T").split() == ["idle"] * 2)

    def start_accounts(self) -> None:
        """Start the accounts upon an empty database, which this machine alone reaches, without a password."""
        places = [f"--datadir={self.folder}/database", f"--socket={self.folder}/database.socket"]
        open_to_all = ["--skip-grant-tables", "--bind-address=127.0.0.1", f"--port={self.ports['database']}"]
        self.daemon("mariadbd", "mariadbd", "--no-defaults", "--user=root", *places, *open_to_all)
        wait_for("database", (self.folder / "database.socket").exists)
        self.daemon("slurmdbd", "slurmdbd", "-D")
        wait_for("accounts", lambda: "test" in self.run("sacctmgr", "-i", "add", "cluster", "test", check=False))

    def start_controller(self) -> None:
        self.daemon("slurmctld", "slurmctld", "-D")
        wait_for("controller", lambda: "UP" in self.run("scontrol", "ping", check=False))

    def stop_controller(self) -> None:
        self.end("slurmctld", signal.SIGTERM)

    def start_node(self, node: str) -> None:
        seen = f"mount --bind {self.folder}/etc /etc/slurm && exec slurmd -D -N {node}"
        self.daemon(node, "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", seen)

    def cut_power(self, node: str) -> None:
        """End a node, and at once everything that runs on it."""
        self.end(node, signal.SIGKILL)

    def end(self, name: str, number: signal.Signals) -> None:
        daemon = self.daemons.pop(name)
        daemon.send_signal(number)
        daemon.wait(timeout=PATIENCE)

    def stop(self) -> None:
        """End every daemon, and with the nodes whatever still runs on them."""
        for name in reversed(list(self.daemons)):
            self.end(name, signal.SIGKILL if name in NODES else signal.SIGTERM)

    def run(self, *command: str, check: bool = True) -> str:
        """What a command of Slurm prints."""
        done = subprocess.run(command, env=self.environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0 or not check, f"{command} ended with {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout

    def jobs(self) -> list[dict[str, str]]:
        """Slurm's accounts, FIELDS: a row for each time that a job ran or waits to run; a restarted job has several."""
        command = ("sacct", "-X", "-D", "-P", "-S", "now-2days", "-o", ",".join(FIELDS))
        # on a busy machine the accounts are out of reach for a moment, without a word; there is always a header
        table = wait_for("accounts", lambda: self.run(*command, check=False))
        rows = csv.DictReader(table.splitlines(), delimiter="|")
        return sorted(rows, key=lambda job: (int(job["JobIDRaw"]), job["Start"]))  # "Unknown" comes behind all times


def missing() -> list[str]:
    """What a Slurm needs and this process has not."""
    lacking = ["the rights of root"] if os.geteuid() else []
    lacking += [] if os.path.ismount(CGROUPS) else [f"control groups at {CGROUPS}"]
    return [*lacking, *(name for name in PROGRAMS if shutil.which(name) is None)]
