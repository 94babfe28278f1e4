"""The queue against a plain dictionary: whatever is asked of it, in whatever order."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from reactor.model import Work
from reactor.workqueue import WorkQueue

# Few names, so that the same ones meet often.
_LIMIT = 4
_LANES = 2
_WORKS = [Work(*name) for name in ("Pax", "Pay", "Pbx", "Pby", "Qax")]
_ANY_WORK = st.sampled_from(_WORKS)
_PRIORITIES = st.integers(0, 3)
_TIMES = st.sampled_from([0.0, 0.0, 1.0, 5.0, 9.0])


class Waiting(NamedTuple):
    priority: int
    at: float

    def merged(self, other: Waiting) -> Waiting:
        return Waiting(max(self.priority, other.priority), min(self.at, other.at))


class QueueMachine(RuleBasedStateMachine):
    """Every rule does the same to the queue and to dictionaries, and compares what is told."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = WorkQueue(limit=_LIMIT, lanes=_LANES)
        self.waiting: dict[Work, Waiting] = {}
        self.busy: dict[Work, int] = {}
        self.again: dict[Work, Waiting] = {}
        self.overflowed: set[str] = set()
        self.now = 0.0

    def wait(self, work: Work, item: Waiting) -> None:
        known = self.waiting.get(work)
        self.waiting[work] = known.merged(item) if known else item
        if len(self.waiting) > _LIMIT:
            [fallen] = self.waiting.keys() - set(self.queue.waiting())
            lowest = min(w.priority for w in self.waiting.values())
            low = {one.project for one, w in self.waiting.items() if w.priority == lowest}
            waiting = Counter(one.project for one in self.waiting)
            assert self.waiting[fallen].priority == lowest
            assert waiting[fallen.project] == max(waiting[project] for project in low)
            del self.waiting[fallen]
            self.overflowed.add(fallen.site)

    def known(self) -> list[Work]:
        return sorted({*self.again, *self.waiting})

    @rule(work=_ANY_WORK, priority=_PRIORITIES, at=_TIMES)
    def add(self, work: Work, priority: int, at: float) -> None:
        self.queue.add(work, priority, at)
        item = Waiting(priority, at)
        if work in self.busy:
            self.again[work] = item.merged(self.again.get(work, item))
        else:
            self.wait(work, item)

    @precondition(lambda self: bool(self.known()))
    @rule(data=st.data(), priority=_PRIORITIES)
    def reprioritise(self, data: st.DataObject, priority: int) -> None:
        work = data.draw(st.sampled_from(self.known()))
        self.queue.reprioritise(work, priority)
        for items in (self.waiting, self.again):
            if work in items:
                items[work] = Waiting(priority, items[work].at)

    @precondition(lambda self: bool(self.known()))
    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        work = data.draw(st.sampled_from(self.known()))
        self.queue.discard(work)
        self.waiting.pop(work, None)
        self.again.pop(work, None)

    @precondition(lambda self: bool(self.known()))
    @rule(project=st.sampled_from("PQ"))
    def discard_project(self, project: str) -> None:
        self.queue.discard_project(project)
        for items in (self.waiting, self.again):
            for work in [work for work in items if work.project == project]:
                del items[work]

    @precondition(lambda self: self.ready())
    @rule(data=st.data(), most=st.integers(1, 3))
    def take(self, data: st.DataObject, most: int) -> None:
        lane = data.draw(st.sampled_from(sorted({work.site for work in self.ready()})))
        taken = self.queue.take(lane, most, self.now)

        ready = {work for work in self.ready() if work.site == lane}
        assert len(taken) == len(set(taken)) == min(most, len(ready))
        assert set(taken) <= ready
        assert not set(taken) & self.busy.keys()
        ranks = [self.waiting[work].priority for work in taken]
        assert ranks == sorted(ranks, reverse=True)
        left = [self.waiting[work].priority for work in ready - set(taken)]
        assert not taken or not left or ranks[-1] >= max(left)
        for work in taken:
            self.busy[work] = self.waiting.pop(work).priority

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), priority=_PRIORITIES, at=_TIMES)
    def add_while_handed_out(self, data: st.DataObject, priority: int, at: float) -> None:
        self.add(data.draw(st.sampled_from(sorted(self.busy))), priority, at)

    @precondition(lambda self: self.busy)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        work = data.draw(st.sampled_from(sorted(self.busy)))
        self.queue.done(work)
        del self.busy[work]
        if work in self.again:
            self.wait(work, self.again.pop(work))

    @precondition(lambda self: self.busy)
    @rule(data=st.data(), at=_TIMES)
    def put_back(self, data: st.DataObject, at: float) -> None:
        work = data.draw(st.sampled_from(sorted(self.busy)))
        self.queue.put_back(work, at)
        item = Waiting(self.busy.pop(work), at)
        self.wait(work, item.merged(self.again.pop(work, item)))

    @rule(seconds=st.sampled_from([0.5, 1.0, 4.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def take_overflow(self) -> None:
        assert self.queue.take_overflow() == self.overflowed
        self.overflowed.clear()

    def ready(self) -> set[Work]:
        return {work for work, item in self.waiting.items() if item.at <= self.now}

    @invariant()
    def each_name_waits_at_most_once(self) -> None:
        waiting = list(self.queue.waiting())
        assert len(self.queue) == len(waiting) == len(set(waiting))
        assert set(waiting) == self.waiting.keys()
        assert all((work in self.queue) == (work in self.waiting) for work in _WORKS)

    @invariant()
    def lanes_are_those_with_something_ready(self) -> None:
        assert set(self.queue.lanes(self.now)) == {work.site for work in self.ready()}

    @invariant()
    def the_next_time_is_that_of_the_first_delayed_name(self) -> None:
        self.queue.lanes(self.now)
        later = [item.at for item in self.waiting.values() if item.at > self.now]
        assert self.queue.next_time() == min(later, default=None)

    @invariant()
    def a_lane_has_room_while_less_than_its_share_of_half_of_the_limit_waits(self) -> None:
        share = _LIMIT // 2 // _LANES
        for lane in "ab":
            waiting = sum(work.site == lane for work in self.waiting)
            assert self.queue.has_room(lane) == (waiting < share and len(self.waiting) < _LIMIT)
            if self.queue.has_room(lane):
                assert all(self.queue.has_room_for(lane, project) for project in "PQ")


TestQueue = QueueMachine.TestCase
TestQueue.settings = settings(max_examples=200, stateful_step_count=50)


def work(path: str, site: str = "a", project: str = "P") -> Work:
    return Work(project, site, path)


def test_of_equal_priority_the_oldest_comes_first() -> None:
    queue = WorkQueue()
    for path in "xyz":
        queue.add(work(path), 50)

    assert queue.take("a", 3, now=0.0) == [work("x"), work("y"), work("z")]


def test_of_a_share_the_own_part_comes_in_order_and_the_rest_from_the_other_end() -> None:
    orders: list[list[Work]] = []
    for index in range(2):
        queue = WorkQueue()
        queue.part = index, 2
        for number in range(100):
            queue.add(work(f"{number:03}"), 50)
        orders.append(queue.take("a", 100, now=0.0))
    one, other = orders
    ours = next(n for n in range(1, 100) if one[n] < one[n - 1])

    assert one[:ours] == sorted(one[:ours])
    assert one[ours:] == sorted(one[ours:], reverse=True)
    assert one[ours:] == [*reversed(other[: 100 - ours])]
    assert 25 < ours < 75


def test_what_is_old_does_not_wait_for_all_that_is_our_part() -> None:
    queue = WorkQueue()
    queue.part = 0, 2
    for number in range(10_000):
        queue.add(work(str(number)), 50)

    taken = queue.take("a", 5_000, now=0.0)

    assert {*taken} > {work(str(number)) for number in range(4_000)}


def test_a_name_that_is_added_once_more_keeps_its_turn() -> None:
    queue = WorkQueue()
    for path in "xyx":
        queue.add(work(path), 50)

    assert queue.take("a", 2, now=0.0) == [work("x"), work("y")]


def test_a_lower_priority_counts_though_the_name_was_ready_with_a_higher_one() -> None:
    queue = WorkQueue()
    queue.add(work("x"), 2)
    queue.add(work("y"), 1)
    queue.lanes(now=0.0)

    queue.reprioritise(work("x"), 0)

    assert queue.take("a", 2, now=0.0) == [work("y"), work("x")]


def test_a_name_that_was_added_while_handed_out_can_be_reprioritised() -> None:
    queue = WorkQueue()
    queue.add(work("x"), 50)
    queue.take("a", 1, now=0.0)
    queue.add(work("x"), 90)
    queue.add(work("y"), 50)

    queue.reprioritise(work("x"), 10)
    queue.done(work("x"))

    assert queue.take("a", 2, now=0.0) == [work("y"), work("x")]


def test_a_name_that_was_added_while_handed_out_can_be_forgotten() -> None:
    queue = WorkQueue()
    queue.add(work("x"), 50)
    queue.take("a", 1, now=0.0)
    queue.add(work("x"), 50)

    queue.discard(work("x"))
    queue.done(work("x"))

    assert len(queue) == 0


def test_when_full_the_youngest_of_the_lowest_falls_out() -> None:
    queue = WorkQueue(limit=2)
    for path in "xyz":
        queue.add(work(path), 50)

    assert queue.take("a", 3, now=0.0) == [work("x"), work("y")]
    assert queue.take_overflow()


def test_lanes_are_what_the_caller_says() -> None:
    queue = WorkQueue(lane_of=lambda work: work.project)
    queue.add(work("x"), 50)

    assert queue.lanes(now=0.0) == ["P"]


def test_only_what_was_handed_out_can_be_put_back() -> None:
    with pytest.raises(KeyError):
        WorkQueue().put_back(work("x"), at=0.0)


def test_reordering_for_ever_takes_no_more_memory() -> None:
    queue = WorkQueue()
    queue.add(work("x"), 1)
    queue.add(work("y", site="b"), 1, at=5.0)

    for turn in range(20_000):
        queue.reprioritise(work("x"), turn % 2)
        queue.reprioritise(work("y", site="b"), turn % 2)
        queue.lanes(now=0.0)

    assert len(queue._lowest) + len(queue._later) + len(queue._ready["a"]) < 5_000
    assert queue.take("a", 2, now=0.0) == [work("x")]
    assert queue.take("b", 2, now=5.0) == [work("y", site="b")]


def test_a_name_is_due_while_it_is_handed_out_or_could_be() -> None:
    queue = WorkQueue()
    work = Work("Bunny", "vendor", "a")
    assert not queue.is_due(work, 10.0)

    queue.add(work, 50, at=5.0)
    assert not queue.is_due(work, 4.0)
    assert queue.is_due(work, 5.0)

    queue.take("vendor", 1, 5.0)
    assert queue.is_due(work, 0.0)
    queue.done(work)
    assert not queue.is_due(work, 10.0)


@given(
    lengths=st.lists(st.integers(1, 40), min_size=2, max_size=5),
    batches=st.lists(st.integers(1, 9), min_size=1),
    order=st.randoms(use_true_random=False),
)
def test_projects_take_turns_whatever_waits_of_each(
    lengths: list[int], batches: list[int], order: Random
) -> None:
    queue = WorkQueue()
    works = [
        work(f"{n}", project=f"P{p}") for p, length in enumerate(lengths) for n in range(length)
    ]
    order.shuffle(works)
    for one in works:
        queue.add(one, 50)
    left, taken = Counter(one.project for one in works), Counter[str]()

    for most in [*batches, len(works)]:
        for one in queue.take("a", most, 0.0):
            taken[one.project] += 1
            left[one.project] -= 1
            ahead = taken[one.project] - 1
            assert all(taken[other] >= ahead for other in left if left[other] > 0)
    assert not +left


def test_one_workfile_comes_before_fifty_thousand_frames_of_another_project() -> None:
    queue = WorkQueue()
    for number in range(50_000):
        queue.add(work(f"frame.{number}.exr", project="Film"), 50)
    queue.take("a", 512, 0.0)

    queue.add(work("scene.ma", project="Spot"), 50)

    assert work("scene.ma", project="Spot") in queue.take("a", 2, 0.0)
    assert queue.take_overflow() == {"a"}


def test_a_higher_priority_comes_first_of_whichever_project() -> None:
    queue = WorkQueue()
    queue.add(work("x", project="Spot"), 50)
    queue.add(work("x", project="Film"), 60)
    queue.add(work("y", project="Film"), 60)

    assert [one.project for one in queue.take("a", 3, 0.0)] == ["Film", "Film", "Spot"]


def test_a_scan_of_one_project_leaves_a_part_of_the_lane_to_every_other() -> None:
    queue = WorkQueue(limit=80)
    for number in range(40):
        queue.add(work(f"{number}", project="Film"), 0)
    assert not queue.has_room_for("a", "Film")

    found = 0
    while queue.has_room_for("a", "Spot"):
        queue.add(work(f"{found}", project="Spot"), 0)
        found += 1

    assert found == 20
    assert not queue.has_room("a")


def test_what_was_taken_or_forgotten_of_a_project_counts_no_more() -> None:
    queue = WorkQueue(limit=80)
    for number in range(40):
        queue.add(work(f"{number}", project="Film"), 0)
    queue.take("a", 10, 0.0)
    queue.discard_project("Film")

    assert queue.has_room_for("a", "Film")
    assert queue.take("a", 1, 0.0) == []
