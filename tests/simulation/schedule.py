"""
Schedules: a small studio, what befalls it at which steps, and whether it comes to rest.

A seed is a studio with a few of them, one after the other: each begins where the last one came to
rest, with something published anew. First things happen while reactors serve; then all trouble ends, and within bounded time everything
that is wanted has to be there, nothing may be left over, and nothing more may happen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from reactor.events import Key, Notice, Origin
from tests.simulation.judge import Judge
from tests.simulation.server import Change
from tests.simulation.studio import AT, PROJECT, Studio
from tests.simulation.trouble import Agenda, Trouble
from tests.simulation.world import Process, Step, World

ROUNDS = 5
_MOST_STEPS = 6_000
_SETTLING_SECONDS = 1_000.0
_A_DAY = 86_500.0
_BEAT = 20.0
_ONE_IN_TEN = 0.1
_SPANS = (60, 120, 240)
_PATIENCE = 100.0

# Before such a step something is most likely to matter.
_TENDER = (
    *("bulk claims",) * 4,
    *("marker",) * 2,
    *("publish",) * 4,
    *("bulk Show",) * 4,
    *("commit",) * 2,
    *("update_many claims",) * 3,
    *("stage", "stage small", "stage from disk", "stage small", "stage from disk") * 2,
    *("remove",) * 3,
    "aggregate Show",
    "find claims",
    "insert claims",
    "update claims",
    "delete claims",
    "take away",
    "open staged",
    "hash both",
    "look again",
    "facts",
    "checksum",
    "staged size",
    "open to write",
    "write",
    "flush",
    "open to read",
    "read",
    "revoke",
    "adopt",
    "open to copy",
    "copy staged",
)


@dataclass(slots=True)
class Schedule:
    """A schedule, drawn from its seed. `tracing` keeps what happens, for people."""

    seed: int
    tracing: bool = False
    world: World = field(init=False)
    studio: Studio = field(init=False)
    judge: Judge = field(init=False)
    trouble: Trouble = field(init=False)
    round: int = field(default=0, init=False)
    _agenda: Agenda = field(default_factory=Agenda, init=False)
    _ambushes: list[tuple[int, str, Callable[[Process], None]]] = field(
        default_factory=list[tuple[int, str, Callable[[Process], None]]], init=False
    )

    def __post_init__(self) -> None:
        self.world = World(self.seed)
        if self.tracing:
            self.world.trace = []
        self.studio = Studio(self.world)
        self.judge = Judge(self.studio)
        self.trouble = Trouble(self.studio, self._agenda)
        self.world.server.watchers.append(self._tell)

    def _open(self) -> None:
        """Start the reactors of the first schedule."""
        dice = self.world.dice
        hosts = (("one", "one"), ("one", "one"), ("one", "two"), ("one",))
        for host in hosts[-1] if "artist" in self.studio.kinds else dice.choice(hosts):
            self.trouble.start("studio", host)
        if "artist" in self.studio.kinds:
            for _ in range(dice.choice((1, 2, 2, 2))):
                self.trouble.start("artist", self.studio.hosts["artist"])

    def _draw(self) -> None:
        """Draw what is to befall, and when."""
        dice, now = self.world.dice, self.world.steps
        span = dice.choice(_SPANS)
        if dice.random() < 0.7:
            self._ambushes.append((now, dice.choice(_TENDER), self.trouble.overtake))
        for _ in range(dice.choice((0, 0, 1, 1, 2))):
            act = dice.choice(self.trouble.kinds())
            if dice.random() < 0.5:
                self._agenda.add(now + int(dice.random() * span), self._to_somebody(act))
            else:
                begin = now + int(dice.random() * span / 2)
                self._ambushes.append((begin, dice.choice(_TENDER), act))

    def _to_somebody(self, act: Callable[[Process], None]) -> Callable[[], None]:
        def to_somebody() -> None:
            processes = self.world.processes
            act(self.world.dice.choice([p for p in processes if not p.dead] or processes))

        return to_somebody

    def _tell(self, change: Change) -> None:
        """Tell reactors of a document, as their streams would."""
        document = change.after or change.before
        if change.namespace != AT or document is None:
            return
        thorough, positions = _difference(change)
        notice = Notice(Key(PROJECT, document["_id"]), Origin.STREAM, thorough, positions)
        for process in self.trouble.reactors:
            if process.source is not None and not process.dead:
                process.source.tell(notice, is_own=change.author == process.name)

    # How it goes on.

    def run(self) -> list[str]:
        """Return what was violated."""
        world = self.world
        self._open()
        try:
            for self.round in range(ROUNDS):
                if self.round:
                    world.say("world", f"--- schedule {self.round + 1} of {ROUNDS}")
                    self.trouble.forget_dead()
                    self.trouble.publish_anew()
                self._draw()
                self._run()
                if world.violations:
                    break
        finally:
            world.end()
        return world.violations

    def _run(self) -> None:
        """Run one schedule."""
        world = self.world
        last = world.steps + _MOST_STEPS
        while not world.violations and self._go_on():
            if world.steps > last:
                world.wrong("it never comes to an end")
        if not world.violations:
            self._settle()

    def _go_on(self) -> bool:
        """Do one more thing; return whether there is trouble to come."""
        world = self.world
        while self._agenda.next <= world.steps:
            self._agenda.take()()
        world.settle_tasks()
        step = world.choose()
        if step is None:
            return self._pass()
        if self._ambushes:
            self._ambush(step)
        if step.by.dead:
            return True
        if step.local and step.by.paused:
            world.waiting.append(step)
            return True
        self._do(step)
        return bool(self._agenda or self._ambushes)

    def _do(self, step: Step) -> None:
        if self.trouble.errors:
            self.world.do(step, *self.trouble.fault(step))
        else:
            self.world.do(step)

    def _ambush(self, step: Step) -> None:
        """Let happen what waits for such a step: before it is sent, or while it is under way."""
        for ambush in self._ambushes:
            begin, label, act = ambush
            if begin <= self.world.steps and step.label == label:
                self._ambushes.remove(ambush)
                step.local = step.local or self.world.dice.random() < 0.5
                act(step.by)
                return

    def _pass(self) -> bool:
        """Let time pass, or what is next on the agenda; return whether anything was left."""
        world = self.world
        if self._agenda and world.dice.random() < 0.5:
            self._agenda.take()()
            return True
        at = world.next_time()
        if at is not None and at < world.now + _PATIENCE:
            world.pass_time(at)
        elif self._agenda:
            self._agenda.take()()
        else:
            return False
        if self._ambushes and not self._agenda and world.dice.random() < 0.2:
            self._ambushes.pop()
        return True

    # How it ends.

    def _settle(self) -> None:
        """Let all come to rest, and judge what is there then."""
        world = self.world
        world.say("world", "--- no more trouble")
        self.trouble.errors = 0
        self.trouble.retry_all()
        began, next_day, last = world.now, world.now, world.steps + _MOST_STEPS
        while not world.violations:
            world.settle_tasks()
            if self.trouble.start_missing():
                continue
            if step := world.choose():
                world.do(step)
                if world.steps > last:
                    world.wrong("it never comes to rest")
            elif self._is_settled() and not self.judge.left_over():
                if world.dice.random() < _ONE_IN_TEN:
                    self._look_again()
                return
            elif self._is_settled() and world.now >= next_day:
                next_day = world.now + _BEAT
                self._pass_day()
            else:
                self._wait(began)

    def _wait(self, began: float) -> None:
        """Let time pass, or say what is left where that does not help any more."""
        world, at = self.world, self.world.next_time()
        if at is not None and world.now - began < _SETTLING_SECONDS:
            world.pass_time(at)
            return
        busy = [f"{one.name} is busy" for one in self.trouble.reactors if not one.is_idle]
        for left in self.judge.unserved() or self.judge.left_over() or busy:
            world.wrong(left)

    def _is_settled(self) -> bool:
        return not self.judge.unserved() and all(one.is_idle for one in self.trouble.reactors)

    def _look_again(self) -> None:
        """Let all reactors look at everything once more: there is nothing left to do."""
        world, documents = self.world, self.world.server.collections[AT]
        before = dict(documents)
        for one in self.trouble.reactors:
            if one.source is not None and not one.dead:
                one.source.scan(thorough=True)
        world.settle_tasks()
        while step := world.choose():
            world.do(step)
            world.settle_tasks()
        if documents != before:
            world.wrong(f"a scan found more to do: {before} became {documents}")

    def _pass_day(self) -> None:
        """A day passes: what nobody renews is cleared away."""
        self.world.say("time", "a day passes")
        self.world.server.ahead += _A_DAY
        for process in self.trouble.reactors:
            if not process.dead:
                process.clear()


def _difference(change: Change) -> tuple[bool, frozenset[int] | None]:
    """Return whether more than entries changed, and which elements did."""
    if change.before is None or change.after is None:
        return True, None
    before, after = change.before["files"], change.after["files"]
    if len(before) != len(after):
        return True, None
    changed = [i for i, (one, other) in enumerate(zip(before, after, strict=True)) if one != other]
    if any(before[i].get("hash") != after[i].get("hash") for i in changed):
        return True, None
    return False, frozenset(changed)
