"""Who looks first: one of those alike, and all agree on which."""

from __future__ import annotations

from bson import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from reactor.company import Company
from reactor.events import Key

_SESSIONS = st.lists(st.binary(min_size=16, max_size=16), min_size=2, max_size=6, unique=True)


def test_who_is_alone_looks_first_at_everything() -> None:
    key = Key("Show", ObjectId())

    assert Company("ours").first(key) == "ours"
    assert Company("ours", (0, 2), ("ours",)).first(key) == "ours"


@given(_SESSIONS, st.one_of(st.text(), st.integers(), st.binary(min_size=12, max_size=12)))
def test_all_agree_on_who_looks_first(sessions: list[bytes], name: object) -> None:
    alike = tuple(sessions)
    firsts = {
        Company(ours, (place, len(alike)), alike).first(Key("Show", name))
        for place, ours in enumerate(alike)
    }

    assert len(firsts) == 1
    assert firsts <= set(alike)


def test_each_of_those_alike_has_documents_to_begin_with() -> None:
    company = Company("a", (0, 3), ("a", "b", "c"))

    firsts = [company.first(Key("Show", f"{number:024x}")) for number in range(300)]

    assert min(firsts.count(name) for name in "abc") > 50
