"""
The world: processes, what they have asked for, and the one who decides what happens next.

All that happens is drawn from one seed. What processes ask of the database or of storage waits
until it is chosen; between any two such steps a process may be paused, killed or overtaken. Time
passes where nothing else can happen.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from tests.simulation.backend import Backend
from tests.simulation.kernel import Cancelled, DeadError, Kernel, Task, is_cancelled
from tests.simulation.server import TRANSACTION_SECONDS, LockedError, Server
from tests.simulation.storage import Store

_A_MOMENT = 0.001


class Step:
    """Something that a process has asked for and that has not been done yet."""

    __slots__ = ("act", "by", "label", "local", "site", "task")

    def __init__(
        self, by: Process, label: str, site: str, act: Callable[[], Any], *, local: bool
    ) -> None:
        self.by = by
        self.label = label
        self.site = site
        self.act = act
        self.local = local
        self.task: Task | None = None


class Process:
    """
    One process: its tasks, and what it is called. `host` names its machine.

    While it is paused none of its tasks runs, and no system call of its own is done; what it has
    sent to a server may still be carried out there.
    """

    def __init__(self, world: World, name: str, host: str) -> None:
        self.world = world
        self.name = name
        self.host = host
        self.kernel = Kernel(lambda: world.now)
        self.paused = False
        self.dead = False
        self.is_killed = False
        self.behind = 0.0  # its wall clock, in seconds
        self.abandoned = 0  # how many requests are under way whose answer nobody wants
        self.pid = world.add(self)

    def start(self, main: Coroutine[Any, Any, Any]) -> None:
        """Begin with a first task; the process ends with it."""
        self.kernel.spawn(main, "main")

    def call(self, label: str, act: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Send a command to the database."""
        return self._ask(Step(self, label, "", act, local=False))

    def reach(self, site: str, label: str, act: Callable[[], Any]) -> Coroutine[Any, Any, Any]:
        """Ask something of a site: of a disk of this machine by a system call."""
        return self._ask(Step(self, label, site, act, local=site in self.world.disks))

    async def _ask(self, step: Step) -> Any:
        if self.dead:
            raise DeadError
        kernel = self.kernel
        task = kernel.running()
        scope = task.scope
        if is_cancelled(scope):
            raise Cancelled
        step.task = task
        self.world.waiting.append(step)

        def forget() -> None:
            step.task = None
            self.abandoned += 1

        # Like a call that is under way in a thread, one on a disk is not given up.
        return await kernel.park(forget, shielded=step.local)

    def new_marker(self) -> str:
        return self.world.new_marker()

    def store(self, name: str) -> Store:
        return self.world.stores[name]

    def kill(self) -> None:
        """End at once: what it had in memory is gone; what it has sent may still be done, at once."""
        self.dead = self.is_killed = True
        world = self.world
        world.deaths += 1
        sent = [step for step in world.waiting if step.by is self]
        world.waiting = [step for step in world.waiting if step.by is not self]
        world.blocked = [step for step in world.blocked if step.by is not self]
        for step in sent:
            step.task = None
            if not step.local and world.dice.random() < 0.5:
                world.do(step)

    def bury(self) -> None:
        """Throw its tasks away, which nobody outside notices."""
        self.dead = True
        kernel = self.kernel
        for task in list(kernel.tasks.values()):
            try:
                task.coro.close()
            except BaseException:  # noqa: BLE001 - what ends there has no effect any more
                continue
        kernel.tasks.clear()
        kernel.ready.clear()
        kernel.timers.clear()


class World:
    """All there is, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.dice = Random(seed)
        self.now = 0.0
        self.steps = 0
        self.server = Server(lambda: self.now)
        self.server.released = self._unblock
        self.stores: dict[str, Store] = {}
        self.disks: frozenset[str] = frozenset()
        self.processes: list[Process] = []
        self.pids: list[Process] = []
        self.waiting: list[Step] = []
        self.blocked: list[Step] = []
        self.violations: list[str] = []
        self.trace: list[str] | None = None
        self.fifo = self.dice.random() < 0.5
        self.stays = self.dice.choice((0.0, 0.0, 0.5, 0.9))
        self.last: Process | None = None
        self.deaths = 0
        self._markers = 0

    def add(self, process: Process) -> int:
        """Take note of a new process, and return its number."""
        self.pids.append(process)
        self.processes.append(process)
        return len(self.pids) - 1

    def was_killed(self, name: str) -> bool:
        """Return whether a process of such a name was killed."""
        return any(process.is_killed for process in self.pids if process.name == name)

    def forget_dead(self) -> None:
        """Let nobody look at processes any more that have ended long ago."""
        self.processes = [process for process in self.processes if not process.dead]

    def new_marker(self) -> str:
        self._markers += 1
        return f"marker{self._markers}"

    def say(self, who: str, what: str) -> None:
        """Note what happens, for who reads the trace."""
        if self.trace is not None:
            self.trace.append(f"{self.steps:5d} {self.now:8.2f}s  {who:10} {what}")

    def wrong(self, what: str) -> None:
        """Note that something does not hold."""
        self.say("VIOLATION", what)
        self.violations.append(what)

    def settle_tasks(self) -> None:
        """Let all that is ready in running processes run, until each waits for something."""
        for process in self.processes:
            kernel = process.kernel
            if not kernel.ready or process.paused or process.dead:
                continue
            Backend.kernel = kernel
            CURRENT[0] = process
            ready = kernel.ready
            while ready:
                if self.fifo or len(ready) == 1:
                    kernel.run(0)
                else:
                    kernel.run(int(self.dice.random() * len(ready)))
            Backend.kernel = None
            CURRENT[0] = None
            if not kernel.tasks or kernel.failure is not None:
                self.ended(process)

    def ended(self, process: Process) -> None:
        """Take note that a process has ended by itself."""
        if process.kernel.failure is not None:
            self.wrong(f"{process.name} ended with {process.kernel.failure!r}")
        process.dead = True
        self.deaths += 1

    def choose(self) -> Step | None:
        """Return what is done next: often something of the same process as before."""
        waiting = self.waiting
        if not waiting:
            return None
        dice = self.dice.random
        if self.last is not None and self.stays and dice() < self.stays:
            for index, step in enumerate(waiting):
                if step.by is self.last and not (step.local and step.by.paused):
                    return self._taken(index)
        index = int(dice() * len(waiting))
        for offset in range(len(waiting)):
            at = (index + offset) % len(waiting)
            step = waiting[at]
            if not (step.local and step.by.paused):
                return self._taken(at)
        return None

    def _taken(self, index: int) -> Step:
        """
        Take a step out; what its process has given up before it at the same place is done first.

        A request that nobody waits for any more is not overtaken by the next one on its connection.
        """
        step = self.waiting[index]
        if step.by.abandoned:
            for before in self.waiting:
                if before is step:
                    break
                if before.task is None and before.by is step.by and before.site == step.site:
                    step = before
                    break
        self.waiting.remove(step)
        if step.task is None and step.by.abandoned:
            step.by.abandoned -= 1
        return step

    def do(self, step: Step, fails: Exception | None = None, is_done: bool = True) -> None:  # noqa: FBT001, FBT002 - how it fails
        """Do what was chosen, unless it fails, and let its process know, if it still wants to."""
        self.steps += 1
        self.last = step.by
        value: Any = None
        error = fails
        if is_done or fails is None:
            try:
                value = step.act()
            except LockedError:
                self.blocked.append(step)
                return
            except Exception as raised:  # noqa: BLE001 - the answer to who asked
                error = fails or raised
        if self.trace is not None:
            outcome = f" -> {error!r}" if error else ""
            done = ", but it is done" if fails and is_done else ""
            self.say(step.by.name, f"{step.label} {step.site}".rstrip() + outcome + done)
        task = step.task
        if task is not None and not step.by.dead:
            task.wake(value, error)

    def _unblock(self) -> None:
        self.waiting += self.blocked
        self.blocked = []

    def end(self) -> None:
        """Throw all processes away, and what holds them together."""
        for process in self.pids:
            process.bury()
        self.processes.clear()
        self.pids.clear()
        self.waiting.clear()
        self.blocked.clear()
        self.server.watchers.clear()
        for store in self.stores.values():
            store.watchers.clear()

    def next_time(self) -> float | None:
        """Return when something happens by itself."""
        times = [
            at
            for process in self.processes
            if not (process.paused or process.dead)
            and (at := process.kernel.next_timer()) is not None
        ]
        if self.blocked:
            times += [
                transaction.began + TRANSACTION_SECONDS + _A_MOMENT - self.server.ahead
                for transaction in self.server.transactions.values()
                if transaction.is_open
            ]
        return min(times, default=None)

    def pass_time(self, until: float) -> None:
        """Let time pass, and all timers go off that are due."""
        self.now = max(self.now, until)
        for process in self.processes:
            if not (process.paused or process.dead):
                process.kernel.fire(self.now)
        if self.blocked:
            self._unblock()


CURRENT: list[Process | None] = [None]  # which process runs now
