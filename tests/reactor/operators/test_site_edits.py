"""Whatever the documents are: a wish asks only for what is left to do, and loses no last copy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase

from reactor.documents import parse_representation
from reactor.edits import FileEdit
from reactor.model import Representation
from reactor.operators.site_edits import Refused, Wish, adding, removing, resetting
from reactor.operators.sweep import EntryEdits, Scope, Sweep
from reactor.reader import Reader
from reactor.recorder import Recorder
from tests.reactor.studio_documents import PAST, REPRESENTATIONS, SITES, STRANGER
from tests.reactor.update_model import carried_out

Document = dict[str, Any]
Database = AsyncDatabase[Document]

_SITES = st.sampled_from([*SITES, STRANGER])
_GROUPS = st.frozensets(_SITES, min_size=1, max_size=3)


def _reset(group: frozenset[str]) -> Wish:
    return resetting(min(group), group)


def _removed(group: frozenset[str]) -> Wish:
    return removing(min(group), group)


_KINDS: st.SearchStrategy[Callable[[frozenset[str]], Wish]] = st.sampled_from(
    [adding, _reset, _removed]
)


def _asked(wish: Wish, representation: Representation) -> list[FileEdit]:
    judged = [wish.judge(representation, file) for file in representation.files]
    return [verdict for verdict in judged if isinstance(verdict, FileEdit)]


def _holders(representation: Representation) -> list[frozenset[str]]:
    return [file.holders for file in representation.files]


@given(REPRESENTATIONS, _KINDS, _GROUPS)
def test_carrying_it_out_leaves_nothing_to_do(
    document: Document, kind: Callable[[frozenset[str]], Wish], group: frozenset[str]
) -> None:
    wish = kind(group)
    before = _parsed(document)

    after = _parsed(carried_out(document, _asked(wish, before), PAST))

    assert _asked(wish, after) == []


@given(REPRESENTATIONS, _KINDS, _GROUPS)
def test_no_file_loses_its_last_copy_and_no_other_site_anything(
    document: Document, kind: Callable[[frozenset[str]], Wish], group: frozenset[str]
) -> None:
    before = _parsed(document)

    after = _parsed(carried_out(document, _asked(kind(group), before), PAST))

    for had, has in zip(_holders(before), _holders(after), strict=True):
        assert bool(had) == bool(has)
        assert had - group == has - group


_ON_SERVER = settings(
    max_examples=10,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking asks for minutes
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # each example empties the collection
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
_DOCUMENTS = st.lists(REPRESENTATIONS, min_size=12, max_size=20)


async def _publish(database: Database, documents: list[Document]) -> list[Document]:
    whole = [{**document, "_id": number} for number, document in enumerate(documents)]
    await database["Bunny"].delete_many({})
    await database["Bunny"].insert_many(whole)
    return whole


def _parsed(document: Document) -> Representation:
    """Parse a whole document, of which an element may look as if it came with its position."""
    files = document.get("files")
    if isinstance(files, list):
        numbered = [{"i": n, "f": file} for n, file in enumerate(cast("list[object]", files))]
        document = {**document, "files": numbered}
    return parse_representation("Bunny", document)


@_ON_SERVER
@given(_DOCUMENTS, _KINDS, _GROUPS)
async def test_the_server_holds_back_what_is_plain_or_as_it_should_be(
    database: Database,
    documents: list[Document],
    kind: Callable[[frozenset[str]], Wish],
    group: frozenset[str],
) -> None:
    wish = kind(group)
    whole = await _publish(database, documents)

    examined = Reader(database).examine("Bunny", wish.condition, None, wish.plain)
    found = [one async for one in examined]

    for document, one in zip(whole, found, strict=True):
        there = _parsed(document)
        asked = {file.position for file in one.representation.files}
        held_back = [wish.judge(there, file) for file in there.files if file.position not in asked]
        assert not any(isinstance(verdict, Refused) for verdict in held_back)
        assert sum(isinstance(verdict, FileEdit) for verdict in held_back) == one.plain
        assert one.files == len(there.files)
        assert one.representation.flaw == there.flaw


@_ON_SERVER
@given(_DOCUMENTS, _KINDS, _GROUPS)
async def test_carried_out_on_the_server_documents_are_what_the_model_says(
    client: AsyncMongoClient[Document],
    database: Database,
    documents: list[Document],
    kind: Callable[[frozenset[str]], Wish],
    group: frozenset[str],
) -> None:
    wish = kind(group)
    whole = await _publish(database, documents)
    carrier = EntryEdits(Reader(database), Recorder(client, database, database), wish)
    sweep = Sweep(carrier.reader, carrier, lambda _: None, lambda: False)

    await sweep.run(Scope("Bunny"), wish)

    changed = 0
    for document in whole:
        asked = _asked(wish, _parsed(document))
        changed += len(asked)
        found = await database["Bunny"].find_one({"_id": document["_id"]})
        assert found == carried_out(document, asked, PAST)
    assert sweep.tally.changed == changed


@pytest.mark.parametrize("kind", [_reset, _removed])
def test_a_refusal_names_the_site(kind: Callable[[frozenset[str]], Wish]) -> None:
    sites = [{"name": "vendor", "created_dt": PAST}]
    document = {"_id": 1, "files": [{"path": "{root}/a", "sites": sites}]}
    representation = parse_representation("Bunny", document)

    verdict = kind(frozenset({"vendor"})).judge(representation, representation.files[0])

    assert isinstance(verdict, Refused)
    assert "'vendor'" in verdict.why
