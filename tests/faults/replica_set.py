"""
A replica set of three real mongods that can be killed, started again, and cut off.

Where this is root on Linux each node has a network namespace of its own, and cutting it off
takes its cable away: packets get lost, nobody is told. Elsewhere nodes share the loopback.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from reactor.embedded import find_mongod
from tests.servers.processes import die_with_parent, free_port

Document = dict[str, Any]

NAME = "chaos"
OPLOG_MB = 64
_OPTIONS = (
    *("--replSet", NAME, "--nounixsocket", "--quiet", "--wiredTigerCacheSizeGB", "0.25"),
    *("--oplogSize", str(OPLOG_MB), "--syncdelay", "3"),  # what a checkpoint needs is kept
    *("--setParameter", "diagnosticDataCollectionEnabled=false"),
)
_PATIENCE = 30.0


@dataclass
class Node:
    """One mongod; `namespace` and `cable` are empty where it shares the loopback."""

    number: int
    host: str
    port: int
    folder: Path
    namespace: str = ""
    cable: str = ""
    process: subprocess.Popen[bytes] | None = None
    is_cut_off: bool = False

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def is_out(self) -> bool:
        """Return whether it is dead or cut off."""
        return self.process is None or self.is_cut_off

    def start(self) -> None:
        """Start it, with the data it had."""
        self.folder.mkdir(exist_ok=True)
        inside = ["ip", "netns", "exec", self.namespace] if self.namespace else []
        where = ["--bind_ip", self.host, "--port", str(self.port), "--dbpath", str(self.folder)]
        with (self.folder.parent / f"mongod-{self.number}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*inside, str(find_mongod()), *where, *_OPTIONS],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509  # it calls nothing but the kernel
            )

    def explained(self) -> str:
        """Return how it is, and the last that it said, for people."""
        code = "down" if self.process is None else self.process.poll()
        how = "runs" if code is None else f"ended: {code}"
        said = (self.folder.parent / f"mongod-{self.number}.log").read_text()[-300:]
        return f"{self.address} {'is cut off' if self.is_cut_off else how} ({said})"

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def cut_off(self) -> None:
        """Take its network away."""
        run("ip", "link", "set", self.cable, "down")
        self.is_cut_off = True

    def mend(self) -> None:
        """Give its network back."""
        run("ip", "link", "set", self.cable, "up")
        self.is_cut_off = False


@dataclass
class ReplicaSet:
    """Three nodes, and a client that follows the primary."""

    nodes: Sequence[Node]
    client: MongoClient[Document] = field(init=False)
    one_fault: threading.Lock = field(default_factory=threading.Lock)

    @property
    def uri(self) -> str:
        """The address, as settings have it."""
        return f"mongodb://{','.join(node.address for node in self.nodes)}/?replicaSet={NAME}"

    @property
    def has_cables(self) -> bool:
        """Return whether nodes can be cut off."""
        return bool(self.nodes[0].cable)

    def begin(self) -> None:
        """Make them a replica set, and return when it takes writes."""
        members = [{"_id": node.number, "host": node.address} for node in self.nodes]
        settings = {"electionTimeoutMillis": 1000, "heartbeatIntervalMillis": 200}
        config = {"_id": NAME, "members": members, "settings": settings}
        first = self.nodes[0]
        with MongoClient[Document](first.host, first.port, directConnection=True) as server:
            server.admin.command("replSetInitiate", config)
        self.client = MongoClient[Document](
            self.uri, tz_aware=True, w="majority", serverSelectionTimeoutMS=30_000, timeoutMS=30_000
        )
        self.client.admin.command("ping")

    def primary(self) -> Node | None:
        """Return the primary, as those nodes that can be asked see it."""
        told = self.status()
        names = [each["name"] for each in told if each["stateStr"] == "PRIMARY"]
        return next((node for node in self.nodes if node.address in names), None)

    def is_whole(self) -> bool:
        """Return whether all three serve and follow, so that one may be lost."""
        states = sorted(each["stateStr"] for each in self.status())
        return states == ["PRIMARY", "SECONDARY", "SECONDARY"]

    def status(self) -> list[Document]:
        """Return the members as the primary sees them; nothing where there is none now."""
        if any(node.is_out for node in self.nodes):
            return []
        with contextlib.suppress(PyMongoError):
            members: list[Document] = self.client.admin.command("replSetGetStatus")["members"]
            return members
        return []

    def wait_until_whole(self) -> None:
        """Return when all three serve and follow."""
        deadline = time.monotonic() + 3 * _PATIENCE
        while not self.is_whole():
            if time.monotonic() > deadline:
                raise RuntimeError(f"the replica set does not heal: {self._explained()}")
            time.sleep(0.1)

    def _explained(self) -> str:
        states = {each["name"]: each["stateStr"] for each in self.status()}
        return "; ".join(f"{node.explained()}, {states.get(node.address)}" for node in self.nodes)


@contextmanager
def replica_set(folder: Path, *, namespaces: bool) -> Generator[ReplicaSet]:
    """Run three nodes until the block ends."""
    with ExitStack() as stack:
        if namespaces:
            places = stack.enter_context(_namespaces())
        else:
            places = [("127.0.0.1", free_port(), "", "") for _ in range(3)]
        nodes = [
            Node(number, host, port, folder / f"node-{number}", space, cable)
            for number, (host, port, space, cable) in enumerate(places)
        ]
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        for node in nodes:
            _wait_until_it_answers(node)
        made = ReplicaSet(nodes)
        made.begin()
        stack.callback(made.client.close)
        yield made


def can_cut_cables() -> bool:
    """Return whether this process may make network namespaces."""
    return os.geteuid() == 0 and shutil.which("ip") is not None


def run(*command: str) -> None:
    """Run a command, and raise what it says if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")


@contextmanager
def _namespaces() -> Generator[list[tuple[str, int, str, str]]]:
    """Make a bridge and three namespaces that hang on it by a cable each."""
    number = os.getpid() % 250 + 1
    bridge, net = f"chaos{number}", f"10.77.{number}"
    with ExitStack() as stack:
        run("ip", "link", "add", bridge, "type", "bridge")
        stack.callback(run, "ip", "link", "delete", bridge)
        run("ip", "address", "add", f"{net}.1/24", "dev", bridge)
        run("ip", "link", "set", bridge, "up")
        places: list[tuple[str, int, str, str]] = []
        for node in range(3):
            space, cable, host = f"{bridge}-{node}", f"cc{number}-{node}", f"{net}.{node + 11}"
            run("ip", "netns", "add", space)
            stack.callback(run, "ip", "netns", "delete", space)
            run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            run("ip", "link", "set", cable, "master", bridge, "up")
            for command in (
                ("address", "add", f"{host}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
            ):
                run("ip", "-n", space, *command)
            places.append((host, 27017, space, cable))
        yield places


def _wait_until_it_answers(node: Node) -> None:
    with MongoClient[Document](
        node.host, node.port, directConnection=True, serverSelectionTimeoutMS=20_000
    ) as server:
        server.admin.command("ping")
