"""Whatever a document says and whoever runs, the story of each file has an end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from providers.base import Facts
from reactor.documents import parse_representation
from reactor.model import Topology
from reactor.pauses import Pause
from reactor.presence import Presence, SeenClaim, SeenReactor, Suspended
from reactor.sourcing import Way
from reactor.story.finding import Level
from reactor.story.situation import Rules, Sight, Situation, Trouble, moments_of
from reactor.story.telling import Story, chapters_of, flaw_of, tell
from tests.reactor.story.story_cases import NOW
from tests.reactor.studio_documents import (
    PATHS,
    PROJECT,
    REPRESENTATIONS,
    SITES,
    STRANGER,
    TOPOLOGIES,
)

Document = dict[str, Any]

_NAMES = st.sampled_from([*SITES, STRANGER])
_PROCESSES = ("p1", "p2")
_SUSPENDED = st.builds(Suspended, _NAMES, st.just("login"), st.just("refused"))
_REACTORS = st.builds(
    SeenReactor,
    process=st.sampled_from(_PROCESSES),
    place=st.just("render-07/aa/pid:[1]"),
    pid=st.just(4711),
    site=_NAMES,
    running=st.just(0),
    waiting=st.just(0),
    seen=st.sampled_from([1.0, 3600.0]),
    suspended=st.lists(_SUSPENDED, max_size=2).map(tuple),
    relays=st.booleans(),
    ways=st.lists(st.builds(Way, _NAMES, _NAMES, st.none() | st.just(1e6), st.booleans())).map(
        tuple
    ),
)
_CLAIMS = st.builds(
    SeenClaim,
    id=st.just("c1"),
    key=st.just("k"),
    process=st.sampled_from([*_PROCESSES, "gone", ""]),
    project=st.sampled_from([PROJECT, "Other"]),
    site=_NAMES,
    path=st.sampled_from(PATHS),
    lease=st.sampled_from([-1.0, 20.0]),
    held=st.booleans(),
    taken=st.just(5.0),
    amount=st.none(),
)
_PAUSES = st.builds(Pause, st.sampled_from([None, PROJECT, "Other"]), st.none() | _NAMES)
_PRESENCES = st.builds(
    Presence,
    st.lists(_REACTORS, max_size=3).map(tuple),
    st.lists(_CLAIMS, max_size=2).map(tuple),
    st.lists(_PAUSES, max_size=2).map(tuple),
)
_SIGHTS = st.builds(
    Sight,
    st.dictionaries(
        st.sampled_from(["work", ""]), st.just(Trouble("no_marker", "none")), max_size=1
    ),
    st.dictionaries(
        st.sampled_from(PATHS), st.none() | st.builds(Facts, st.sampled_from([64, 1])), max_size=2
    ),
    st.dictionaries(st.sampled_from(PATHS), st.just("permission denied"), max_size=1),
)


def _rules(views: list[Topology], switches: tuple[bool, bool], named: tuple[str, str]) -> Rules:
    return Rules(
        own=views[0].own,
        studio_enabled=switches[0],
        project_enabled=switches[1],
        active_site=named[0],
        remote_site=named[1],
        reached=views[0].reachable,
        problems={"drive": "turned off"},
        views={view.own: replace(view, relays=frozenset()) for view in views},
    )


_RULES = st.builds(
    _rules,
    st.lists(TOPOLOGIES, min_size=1, max_size=4),
    st.tuples(st.booleans(), st.booleans()),
    st.tuples(_NAMES, st.sampled_from(["", *SITES])),
)


def situation(
    document: Document, site: str, rules: Rules, presence: Presence, sight: Sight
) -> Situation:
    moments = moments_of(document, site)
    return Situation(site, document["_id"], rules, presence, NOW, sight, moments)


_SITUATIONS = st.tuples(REPRESENTATIONS, _NAMES, _RULES, _PRESENCES, _SIGHTS)


def stories(asked: tuple[Any, ...]) -> list[tuple[Story, Situation]]:
    """Return the story of each file of a document."""
    case = situation(*asked)
    representation = parse_representation(PROJECT, asked[0])
    return [(tell(file, case), case) for file in representation.files]


def levels(story: Story) -> list[Level]:
    return [finding.level for finding in story.findings]


@settings(max_examples=300, deadline=None)
@given(_SITUATIONS)
def test_what_is_not_available_has_a_reason_and_what_is_available_says_so(
    asked: tuple[Any, ...],
) -> None:
    for story, case in stories(asked):
        if story.file.available_at(case.site):
            assert "available" in [finding.code for finding in story.findings]
        else:
            assert levels(story)[0] == "reason"
            assert "ok" not in levels(story)


@settings(max_examples=150, deadline=None)
@given(_SITUATIONS)
def test_nothing_is_queued_or_running_that_has_another_reason_not_to_be(
    asked: tuple[Any, ...],
) -> None:
    for story, _ in stories(asked):
        reasons = [finding.code for finding in story.findings if finding.level == "reason"]
        assert len(reasons) == 1 or not {"queued", "running"}.intersection(reasons)
        if reasons == ["queued"]:
            assert "the reactor on render-07 (pid 4711) brings it" in story.findings[0].text


@settings(max_examples=150, deadline=None)
@given(_SITUATIONS)
def test_notes_come_last(asked: tuple[Any, ...]) -> None:
    for story, _ in stories(asked):
        told = [level == "note" for level in levels(story)]
        assert told == sorted(told)


@settings(max_examples=150, deadline=None)
@given(_SITUATIONS)
def test_every_file_is_in_one_chapter_or_the_document_has_a_flaw(asked: tuple[Any, ...]) -> None:
    representation = parse_representation(PROJECT, asked[0])

    chapters = chapters_of(representation, situation(*asked))

    assert sum(chapter.files for chapter in chapters) == len(representation.files)
    assert bool(chapters) is (flaw_of(representation) is None)
