"""What may wait waits, not for long, and nothing is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reactor.events import Key, Notice, Origin
from reactor.sources.haste import MOST_TOGETHER, WAIT_SECONDS, Haste

OURS, THEIRS = "ours", "theirs"
_LONGEST = 3.5
_DOCUMENTS = 6


def _first(key: Key) -> object:
    return OURS if key.representation in range(0, _DOCUMENTS, 2) else THEIRS


def _key(document: int) -> Key:
    return Key("Show", document)


def _published(document: int) -> Notice:
    return Notice(_key(document), Origin.STREAM, thorough=True)


def _recorded(document: int, *positions: int) -> Notice:
    return Notice(_key(document), Origin.STREAM, positions=frozenset(positions))


@pytest.fixture
def haste() -> Haste:
    return Haste(lambda session: session == OURS, _first)


def test_what_is_ours_to_begin_is_looked_at_at_once(haste: Haste) -> None:
    assert haste.take(_published(0), None, "before", 100.0) == _published(0)
    assert haste.patience(100.0) is None
    assert haste.place("taken") == "taken"


def test_what_is_anothers_to_begin_waits_for_a_moment(haste: Haste) -> None:
    assert haste.take(_published(1), None, "before", 100.0) is None
    assert haste.patience(100.0) == pytest.approx(0.8)
    assert haste.due(100.5) == []
    assert haste.place("taken") == "before"
    assert haste.due(100.8) == [_published(1)]
    assert haste.place("taken") == "taken"


def test_while_the_other_gets_through_quickly_it_waits_longer_but_not_for_ever(
    haste: Haste,
) -> None:
    haste.take(_published(1), None, "before", 100.0)
    looked = list[float]()
    for tenths in range(1, 60):
        now = 100.0 + tenths / 10
        haste.take(_recorded(1, *range(tenths * 10, tenths * 10 + 10)), THEIRS, "later", now)
        if haste.due(now):
            looked.append(now)

    assert looked[0] == pytest.approx(103.2, abs=0.1)


def test_when_the_other_gets_stuck_it_waits_no_longer(haste: Haste) -> None:
    haste.take(_published(1), None, "before", 100.0)
    haste.take(_recorded(1, *range(40)), THEIRS, "later", 100.4)

    assert haste.due(100.8) == []
    (notice,) = haste.due(102.0)
    assert notice.thorough


def test_who_was_quick_lately_is_given_some_more_time_to_begin(haste: Haste) -> None:
    haste.take(_recorded(5, *range(40)), THEIRS, "before", 99.0)
    haste.due(99.5)
    haste.take(_published(1), None, "before", 100.0)

    assert haste.due(100.8) == []
    assert haste.due(102.0) == [_published(1)]


def test_what_waits_is_forgotten_where_the_stream_tells_it_again(haste: Haste) -> None:
    haste.take(_published(1), None, "before", 100.0)

    haste.begin_anew()

    assert haste.patience(200.0) is None
    assert haste.place("taken") == "taken"


def test_a_change_by_hand_is_looked_at_at_once(haste: Haste) -> None:
    assert haste.take(_recorded(1, 4), None, "before", 100.0) == _recorded(1, 4)


def test_echoes_of_our_own_are_looked_at_together(haste: Haste) -> None:
    for position in range(3):
        assert haste.take(_recorded(0, position), OURS, "before", 100.0) is None

    assert haste.due(100.0 + WAIT_SECONDS) == [_recorded(0, 0, 1, 2)]


def test_of_what_others_record_the_first_in_a_while_is_news(haste: Haste) -> None:
    assert haste.take(_recorded(0, 0), THEIRS, "before", 100.0) == _recorded(0, 0)
    assert haste.take(_recorded(0, 1), THEIRS, "before", 100.1) is None
    assert haste.take(_recorded(2, 1), THEIRS, "before", 100.1) == _recorded(2, 1)
    assert haste.due(100.4) == [_recorded(0, 1)]
    assert haste.take(_recorded(0, 2), THEIRS, "before", 100.8) == _recorded(0, 2)


def test_of_very_many_some_are_looked_at_at_a_time(haste: Haste) -> None:
    for document in range(1_001, 1_001 + MOST_TOGETHER + 10):
        haste.take(_published(document), None, document, 100.0)

    first, second = haste.due(101.0), haste.due(101.0)

    assert (len(first), len(second)) == (MOST_TOGETHER, 10)


def test_only_so_many_wait(haste: Haste) -> None:
    waiting = [haste.take(_published(document), None, 0, 100.0) for document in range(7, 20_000)]

    assert waiting.count(None) == 10_000


_Step = tuple[int, str | None, bool, float]
_STEPS: st.SearchStrategy[list[_Step]] = st.lists(
    st.tuples(
        st.integers(0, _DOCUMENTS - 1),
        st.sampled_from((None, OURS, THEIRS)),
        st.booleans(),
        st.floats(0.0, 2.0),
    ),
    max_size=60,
)


class Owed:
    """What is to be looked at yet, of which documents and positions: since when, from which place."""

    def __init__(self) -> None:
        self._since: dict[tuple[Key, int], tuple[float, int]] = {}

    def add(self, document: int, position: int, now: float, place: int) -> None:
        self._since[_key(document), position] = now, place

    def looked_at(self, *notices: Notice) -> None:
        for notice in notices:
            for key, position in [*self._since]:
                if notice.key == key and position in (notice.positions or {position}):
                    del self._since[key, position]

    def longest(self, now: float) -> float:
        return max((now - since for since, _ in self._since.values()), default=0.0)

    def place(self, taken: int) -> int:
        return min((place for _, place in self._since.values()), default=taken)


@given(_STEPS)
def test_everything_is_looked_at_in_time_and_its_place_is_kept(steps: list[_Step]) -> None:
    haste, owed, now = Haste(lambda session: session == OURS, _first), Owed(), 0.0

    for place, (document, author, thorough, pause) in enumerate(steps):
        owed.add(document, place, now, place)
        anew = thorough and author is None
        notice = _published(document) if anew else _recorded(document, place)
        if told := haste.take(notice, author, place, now):
            owed.looked_at(told)
        kept = haste.place(place + 1)
        assert isinstance(kept, int)
        assert kept <= owed.place(place + 1)
        now += pause
        while haste.patience(now) == 0.0:
            owed.looked_at(*haste.due(now))
        assert owed.longest(now) <= _LONGEST + pause

    for _ in range(10):
        now += 1.0
        owed.looked_at(*haste.due(now))
    assert owed.longest(now) == 0.0
    assert haste.place("taken") == "taken"
