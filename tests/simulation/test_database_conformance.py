"""
The simulated database beside a real mongod: the same commands, from the same production classes.

What both hold afterwards, and what both have answered, must be the same; of times that the server
writes, each to its own clock.
"""

from __future__ import annotations

from typing import Any, cast
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymongo.errors import BulkWriteError

from reactor.edits import FileEdit
from reactor.events import Key, Notice, Origin
from reactor.model import Topology
from reactor.reader import Reader
from reactor.registry import Registry
from reactor.updates import update_of
from tests.reactor.edited import on_server
from tests.reactor.studio_documents import REPRESENTATIONS, SITES
from tests.reactor.test_edits_of_anything import _CASES, _ON_SERVER, rounds_of
from tests.simulation.beside import Database, Document, Owners, kept, same, simulated
from tests.simulation.pipelines import updated
from tests.simulation.values import is_array, path_of

NAMES = ("a", "b", "c")
OWNERS = ("one", "two", "three")
_TOPOLOGY = Topology(
    "Bunny", "studio", ("studio", "vendor"), dict.fromkeys(SITES, ()), frozenset(SITES)
)


# Expressions and queries.


@_ON_SERVER
@given(st.lists(_CASES, min_size=12, max_size=20))
async def test_updates_do_to_any_document_what_the_server_does(
    database: Database, documents: list[tuple[Document, list[FileEdit]]]
) -> None:
    once = [(document, rounds_of(wanted)[0]) for document, wanted in documents]

    for number, (found, now) in enumerate(await on_server(database, once)):
        document, wanted = once[number]
        made = updated({**document, "_id": number}, update_of(wanted), {"NOW": now})
        assert found == {**made, "_id": number}


@_ON_SERVER
@given(st.lists(REPRESENTATIONS, min_size=8, max_size=15), st.sets(st.integers(0, 4), min_size=1))
async def test_the_router_and_workers_read_the_same(
    database: Database, documents: list[Document], positions: set[int]
) -> None:
    memory = simulated()
    named = [{**document, "_id": n} for n, document in enumerate(documents)]
    await database["Bunny"].delete_many({})
    for where in (database, memory["avalon"]):
        await where["Bunny"].insert_many([dict(one) for one in named])
    paths = sorted({path for one in named for path in _paths(one)})
    notices = [
        Notice(Key("Bunny", n), Origin.STREAM, n % 2 == 0, frozenset(positions) if n % 3 else None)
        for n in range(len(named))
    ]

    real, made = Reader(database), Reader(cast("Any", memory["avalon"]))

    found = [await reader.at_paths("Bunny", paths) for reader in (made, real)]
    by_id = [sorted(some, key=lambda one: str(one.id)) for some in found]
    assert by_id[0] == by_id[1]
    for some in (notices, notices[:4]):
        assert await made.events(_TOPOLOGY, some) == await real.events(_TOPOLOGY, some)


def _paths(document: Document) -> list[str]:
    """Return the paths of a document, whatever else is in it."""
    files: Any = document.get("files")
    elements = files if is_array(files) else []
    found = [path_of(one, ("path",)) for one in elements]
    return [path for path in found if isinstance(path, str)]


# Claims.


_SOME = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True)
_TAKING = st.tuples(
    st.just("take"), st.sampled_from(OWNERS), _SOME, st.lists(st.sampled_from(OWNERS))
)
_ACTING = st.tuples(
    st.sampled_from(
        ["renew", "hold", "give up", "give up all", "release", "journal", "expire", "expire"]
    ),
    st.sampled_from(OWNERS),
    _SOME,
    st.just(list[str]()),
)


@_ON_SERVER
@given(st.lists(st.one_of(_TAKING, _ACTING), min_size=5, max_size=25))
async def test_claims_pass_from_hand_to_hand_in_the_same_way(
    database: Database, commands: list[tuple[str, str, list[str], list[str]]]
) -> None:
    await database["claims"].delete_many({})
    both = Owners(database), Owners(simulated()["sitesync"])

    for what, owner, names, dead in commands:
        answers = [
            await (it.take(owner, names, dead) if what == "take" else it.act(what, owner, names))
            for it in both
        ]
        assert answers[0] == answers[1], (what, owner, names)
        real, made = [await kept(it.database, "claims") for it in both]
        assert same(real, made), (what, owner, names, real, made)


async def test_many_fresh_claims_meet_others_in_the_same_way(database: Database) -> None:
    both = Owners(database), Owners(simulated()["sitesync"])
    names = [f"n{number}" for number in range(12)]

    for it in both:
        await it.take("one", names[3:5], ())
        await it.take("two", names, ())

    assert both[0].held == both[1].held
    assert same(*[await kept(it.database, "claims") for it in both])


async def test_inserts_that_meet_are_told_in_the_same_way(database: Database) -> None:
    told: list[object] = []
    for where in (database, simulated()["avalon"]):
        await where["claims"].insert_many([{"_id": "b"}])
        with pytest.raises(BulkWriteError) as caught:
            await where["claims"].insert_many([{"_id": n} for n in "abc"], ordered=False)
        problems = caught.value.details["writeErrors"]
        told.append([(one["index"], one["code"], one["op"]["_id"]) for one in problems])
        told.append([one["_id"] for one in await kept(where, "claims")])

    assert told[:2] == told[2:]


async def test_reactors_appear_and_disappear_in_the_same_way(database: Database) -> None:
    found: list[list[Document]] = []
    for where in (database, simulated()["sitesync"]):
        with patch("reactor.registry.secrets.token_hex", return_value="id"):
            registry = Registry(cast("Any", where), "studio")
        await registry.register("session")
        await registry.beat({"waiting": 3})
        found.append(await kept(where, "reactors"))
        await registry.leave()
        found.append(await kept(where, "reactors"))

    assert same(found[0], found[2]), (found[0], found[2])
    assert found[1] == found[3] == []
