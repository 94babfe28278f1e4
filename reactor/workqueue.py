"""
The only queue: names of work, each at most once, handed out by priority, projects by turns.

Pure: no tasks, no clock (times are seconds of the caller's monotonic clock, given as `now`).

It may be lost at any moment: what it holds is in the documents, and a scan finds it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import count
from zlib import crc32

from reactor.model import Work

_ABOUT = 4_096  # names that came so close to each other are of about the same age


@dataclass(slots=True)
class _Item:
    """What is known of one name; `serial` tells a live heap entry from an outdated one."""

    work: Work
    priority: int
    at: float
    serial: int


_Rank = tuple[int, int, bool, int, int, Work]
"""A name's place among those that are ready, the lowest first; it ends with serial and name."""


class WorkQueue:
    """
    Names of work, waiting or handed out, each in the lane that `lane_of` says.

    A name is handed out to one taker at a time. Added again meanwhile, it comes back when
    that taker is done. When `limit` names wait, the lowest priority falls out, of the project
    with the most names, and `take_overflow` tells of which lanes. `lanes` share half of the
    room: that much each of them may be filled up by scans.

    `part` tells that the work is shared: our place among so many reactors. Of names of about the same
    age each begins with a part of its own, and meets the others from the other end.

    Of equal priority, projects take turns: fifty thousand frames of one do not keep the only
    file of another waiting.
    """

    def __init__(
        self,
        lane_of: Callable[[Work], str] = lambda work: work.site,
        limit: int = 20_000,
        lanes: int = 1,
    ) -> None:
        self.part: tuple[int, int] = 0, 1
        self._lane_of = lane_of
        self._limit = limit
        self._share = max(1, limit // (2 * max(1, lanes)))
        self._lengths: Counter[str] = Counter()
        self._of_project: Counter[str] = Counter()
        self._in_lane: dict[str, Counter[str]] = {}
        self._items: dict[Work, _Item] = {}
        self._busy: dict[Work, _Item] = {}
        self._again: dict[Work, _Item] = {}
        self._ready: dict[str, dict[str, list[_Rank]]] = {}  # of each lane's projects
        self._turns: dict[tuple[str, str], int] = {}  # when a lane's project had its last one
        self._later: list[tuple[float, int, Work]] = []
        self._lowest: dict[str, list[tuple[int, int, Work]]] = {}
        self._serial = count()
        self._overflowed: set[str] = set()

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, work: Work) -> bool:
        return work in self._items

    def __repr__(self) -> str:
        return f"<WorkQueue waiting={len(self._items)} handed_out={len(self._busy)}>"

    def is_due(self, work: Work, now: float) -> bool:
        """Return whether a name is handed out, or would be if there was room."""
        waiting = self._items.get(work)
        return work in self._busy or (waiting is not None and waiting.at <= now)

    def has_room(self, lane: str) -> bool:
        """Return whether a scan may add more to a lane: less than the lane's share waits there."""
        return self._lengths[lane] < self._share and len(self._items) < self._limit

    def has_room_for(self, lane: str, project: str) -> bool:
        """Return whether a scan of a project may add more to a lane: at least its part of it."""
        if self.has_room(lane):
            return True
        waiting = self._in_lane.get(lane, Counter[str]())
        part = self._share // len({*waiting, project})
        return waiting[project] < part and len(self._items) < self._limit

    def add(self, work: Work, priority: int, at: float = 0.0) -> None:
        """
        Add a name, not to be handed out before `at`.

        A name that waits already keeps the higher priority and the earlier time.
        """
        if work in self._busy:
            self._again[work] = self._merged(self._again.get(work), work, priority, at)
            return
        self._put(self._merged(self._items.get(work), work, priority, at))

    def reprioritise(self, work: Work, priority: int) -> None:
        """Give a waiting name another priority, higher or lower."""
        if again := self._again.get(work):
            again.priority = priority
        item = self._items.get(work)
        if item is not None and item.priority != priority:
            self._put(_Item(work, priority, item.at, next(self._serial)))

    def discard(self, work: Work) -> None:
        """Forget a waiting name."""
        self._again.pop(work, None)
        if work in self._items:
            self._remove(work)

    def discard_project(self, project: str) -> None:
        """Forget all names of a project."""
        for work in [work for work in (*self._items, *self._busy) if work.project == project]:
            self.discard(work)

    def take(self, lane: str, most: int, now: float) -> list[Work]:
        """Hand out up to `most` names of a lane: the highest priority, projects by turns, the oldest."""
        self._promote(now)
        ready = self._ready.get(lane, {})
        heads = [head for project in [*ready] if (head := self._head(lane, project))]
        heapify(heads)
        taken: list[Work] = []
        while heads and len(taken) < most:
            _, _, project = heappop(heads)
            work = heappop(ready[project])[-1]
            self._busy[work] = self._remove(work)
            self._turns[lane, project] = next(self._serial)
            taken.append(work)
            if head := self._head(lane, project):
                heappush(heads, head)
        return taken

    def _head(self, lane: str, project: str) -> tuple[int, int, str] | None:
        """Return the rank of a project's first name in a lane; forget it where it has none."""
        first = self._first(self._ready[lane][project])
        if first is not None:
            return first[0], self._turns.get((lane, project), -1), project
        del self._ready[lane][project]
        return None

    def done(self, work: Work) -> None:
        """Take a name back from its taker; it waits again if it was added meanwhile."""
        self._busy.pop(work, None)
        if again := self._again.pop(work, None):
            self._put(again)

    def put_back(self, work: Work, at: float) -> None:
        """Take a name back that could not be served, to be handed out again from `at` on."""
        taken = self._busy[work]
        self.done(work)
        self._put(self._merged(self._items.get(work), work, taken.priority, at))

    def lanes(self, now: float) -> list[str]:
        """Return the lanes in which something is ready."""
        self._promote(now)
        return [
            lane
            for lane, ready in self._ready.items()
            if any(self._first(ranks) is not None for ranks in ready.values())
        ]

    def next_time(self) -> float | None:
        """Return when the next delayed name becomes ready, or None."""
        while self._later and not self._is_live(self._later[0][2], self._later[0][1]):
            heappop(self._later)
        return self._later[0][0] if self._later else None

    def waiting(self) -> Iterator[Work]:
        """Iterate over the waiting names."""
        return iter(self._items)

    def take_overflow(self) -> frozenset[str]:
        """Return the lanes of which names fell out since the last call."""
        overflowed = frozenset(self._overflowed)
        self._overflowed.clear()
        return overflowed

    def _merged(self, item: _Item | None, work: Work, priority: int, at: float) -> _Item:
        if item is None:
            return _Item(work, priority, at, next(self._serial))
        better = max(item.priority, priority), min(item.at, at)
        if better == (item.priority, item.at):
            return item
        return _Item(work, *better, next(self._serial))

    def _put(self, item: _Item) -> None:
        if self._items.get(item.work) is item:
            return
        if item.work not in self._items:
            self._count(item.work, 1)
        self._items[item.work] = item
        heappush(self._later, (item.at, item.serial, item.work))
        lowest = self._lowest.setdefault(item.work.project, [])
        heappush(lowest, (item.priority, -item.serial, item.work))
        self._compact(item.work)
        if len(self._items) > self._limit:
            self._drop_lowest()

    def _drop_lowest(self) -> None:
        """Drop the youngest name of the lowest priority, of the project with the most names."""
        found: list[tuple[int, int, Work]] = []
        for project, ranks in [*self._lowest.items()]:
            while ranks and not self._is_live(ranks[0][2], -ranks[0][1]):
                heappop(ranks)
            if ranks:
                found.append((ranks[0][0], -self._of_project[project], ranks[0][2]))
            else:
                del self._lowest[project]
        _, _, work = min(found)
        self._remove(work)
        self._overflowed.add(self._lane_of(work))

    def _remove(self, work: Work) -> _Item:
        self._count(work, -1)
        return self._items.pop(work)

    def _count(self, work: Work, change: int) -> None:
        lane = self._lane_of(work)
        self._lengths[lane] += change
        self._of_project[work.project] += change
        in_lane = self._in_lane.setdefault(lane, Counter())
        in_lane[work.project] += change
        if not in_lane[work.project]:
            del in_lane[work.project]

    def _promote(self, now: float) -> None:
        """Move names whose time has come to the heap of their lane and project."""
        while self._later and self._later[0][0] <= now:
            _, serial, work = heappop(self._later)
            if self._is_live(work, serial):
                ready = self._ready.setdefault(self._lane_of(work), {})
                rank = self._rank(self._items[work])
                heappush(ready.setdefault(work.project, []), rank)

    def _rank(self, item: _Item) -> _Rank:
        """Return a name's place: by priority, then by age, of about the same age our part first."""
        index, count = self.part
        ours = count == 1 or crc32(item.work.path.encode()) % count == index
        order = item.serial if ours else -item.serial
        return -item.priority, item.serial // _ABOUT, not ours, order, item.serial, item.work

    def _first(self, ready: list[_Rank]) -> _Rank | None:
        while ready and not self._is_live(ready[0][-1], ready[0][-2]):
            heappop(ready)
        return ready[0] if ready else None

    def _is_live(self, work: Work, serial: int) -> bool:
        item = self._items.get(work)
        return item is not None and item.serial == serial

    def _compact(self, work: Work) -> None:
        """Outdated heap entries are skipped when met; here they are kept from piling up."""
        project, bound = work.project, 2 * self._of_project[work.project] + 1_000
        if len(lowest := self._lowest[project]) > bound:
            self._lowest[project] = [rank for rank in lowest if self._is_live(rank[2], -rank[1])]
            heapify(self._lowest[project])
        of_lane = self._ready.get(self._lane_of(work), {})
        if len(ready := of_lane.get(project, [])) > bound:
            of_lane[project] = [rank for rank in ready if self._is_live(rank[-1], rank[-2])]
            heapify(of_lane[project])
        if len(self._later) > 2 * len(self._items) + 1_000:
            self._later = [late for late in self._later if self._is_live(late[2], late[1])]
            heapify(self._later)
