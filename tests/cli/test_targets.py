"""What people call a representation finds it, and nothing else; a wrong name finds the nearest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from pymongo import AsyncMongoClient

from config.errors import SettingsError
from reactor.cli.compose import load_settings
from reactor.cli.targets import Target, find_representation
from reactor.operators import naming
from reactor.reader import Reader
from tests.cli.machine import PROJECT, Machine

Document = dict[str, Any]
Client = AsyncMongoClient[Document]


async def find(
    client: Client, machine: Machine, text: object, projects: Sequence[str] = ()
) -> Target:
    settings = load_settings(machine.folder / "sitesync.toml")
    return await find_representation(client, settings, str(text), projects)


async def refusal(
    client: Client, machine: Machine, text: object, projects: Sequence[str] = ()
) -> str:
    """Return why a name is refused."""
    with pytest.raises(SettingsError) as refused:
        await find(client, machine, text, projects)
    return str(refused.value)


def insert(machine: Machine, identity: object, path: str, **fields: Any) -> None:
    file: Document = {"path": path, "sites": []}
    document = {"_id": identity, "type": "representation", "files": [file]}
    machine.documents.insert_one({**document, **fields})


async def test_an_object_id_is_found_in_whichever_project(client: Client, machine: Machine) -> None:
    machine.publish("other")
    representation = machine.publish("a", project="Bunny")

    assert await find(client, machine, representation) == Target("Bunny", representation)


async def test_capital_digits_are_the_same_id(client: Client, machine: Machine) -> None:
    representation = machine.publish("a")

    assert (await find(client, machine, str(representation).upper())).representation == (
        representation
    )


async def test_an_id_can_be_any_text(client: Client, machine: Machine) -> None:
    insert(machine, "hero_exr", "{root}/a")

    assert await find(client, machine, "hero_exr") == Target(PROJECT, "hero_exr")


async def test_only_the_named_projects_are_searched(client: Client, machine: Machine) -> None:
    machine.publish("other")
    representation = machine.publish("a", project="Bunny")

    assert "in project Show" in await refusal(client, machine, representation, [PROJECT])


async def test_an_unknown_project_is_refused_with_the_nearest(
    client: Client, machine: Machine
) -> None:
    representation = machine.publish("a")

    assert "did you mean 'Show'?" in await refusal(client, machine, representation, ["Shwo"])


@pytest.mark.parametrize(
    "wrong", ["a higher last digit", "a lower last digit", "a digit too few", "a digit too many"]
)
async def test_a_wrong_id_is_answered_with_those_that_begin_like_it(
    client: Client, machine: Machine, wrong: str
) -> None:
    for first in ("01", "ff"):
        for last in range(10):
            insert(machine, ObjectId(first * 11 + f"{last:02}"), "{root}/far")
    digits = "5f" * 11 + "a1"
    insert(machine, ObjectId(digits), "{root[work]}/near.exr")
    typed = {
        "a higher last digit": digits[:-1] + "2",
        "a lower last digit": digits[:-1] + "0",
        "a digit too few": digits[:-1],
        "a digit too many": digits + "0",
    }

    told = await refusal(client, machine, typed[wrong])

    assert f"{digits} in project 'Show', {{root[work]}}/near.exr" in told
    assert "far" not in told


async def test_documents_of_other_types_are_no_suggestion(client: Client, machine: Machine) -> None:
    insert(machine, ObjectId("5f" * 12), "", type="version")

    assert "nearest" not in await refusal(client, machine, "5f" * 11 + "5e")


async def test_the_id_of_a_version_is_told_from_that_of_a_representation(
    client: Client, machine: Machine
) -> None:
    insert(machine, ObjectId("5f" * 12), "", type="version")

    assert "is the _id of a version" in await refusal(client, machine, "5f" * 12)


async def test_a_path_as_documents_have_it_is_found(client: Client, machine: Machine) -> None:
    machine.publish("shots/b.exr")
    representation = machine.publish("shots/a.exr")

    for text in ("{root[work]}/shots/a.exr", "{root[work]}/shots//./a.exr"):
        assert (await find(client, machine, text)).representation == representation


async def test_a_path_on_this_machine_is_found(client: Client, machine: Machine) -> None:
    representation = machine.publish("shots/a.exr")

    there = machine.root("studio") / "shots" / "a.exr"
    assert (await find(client, machine, there)).representation == representation


async def test_a_path_through_a_link_is_found(client: Client, machine: Machine) -> None:
    representation = machine.publish("a.exr")
    link = machine.folder / "link"
    link.symlink_to(machine.root("studio"), target_is_directory=True)

    assert (await find(client, machine, link / "a.exr")).representation == representation


async def test_a_path_below_the_only_root_has_whichever_name_documents_give_it(
    client: Client, machine: Machine
) -> None:
    sites = {site: {"root": str(machine.root(site))} for site in ("studio", "vendor")}
    machine.write_settings(sites)
    representation = machine.publish("a.exr")

    there = machine.root("studio") / "a.exr"
    assert (await find(client, machine, there)).representation == representation


async def test_a_path_below_the_work_root_is_found_where_documents_name_no_root(
    client: Client, machine: Machine
) -> None:
    insert(machine, "old", "{root}/a.exr")

    there = machine.root("studio") / "a.exr"
    assert (await find(client, machine, there)).representation == "old"


async def test_a_path_that_a_mac_spells_in_its_own_way_is_found(
    client: Client, machine: Machine
) -> None:
    representation = machine.publish("caf\u00e9.exr")

    there = "{root[work]}/cafe\u0301.exr"
    assert (await find(client, machine, there)).representation == representation


async def test_a_path_below_no_root_is_refused_with_the_roots(
    client: Client, machine: Machine
) -> None:
    machine.publish("a.exr")

    told = await refusal(client, machine, Path("/elsewhere/a.exr"))

    assert "lies below no root" in told
    assert str(machine.root("studio")) in told


async def test_a_wrong_path_is_answered_with_the_nearest_of_its_folder(
    client: Client, machine: Machine
) -> None:
    machine.publish("shots/x_v003.1001.exr")
    machine.publish("shots2/x_v003.1000.exr")

    told = await refusal(client, machine, "{root[work]}/shots/x_v003.1000.exr")

    assert "{root[work]}/shots/x_v003.1001.exr" in told
    assert "shots2" not in told


async def test_a_path_of_several_documents_is_refused_with_their_ids(
    client: Client, machine: Machine
) -> None:
    hero, version = machine.publish("a.exr"), machine.publish("a.exr")

    told = await refusal(client, machine, "{root[work]}/a.exr")

    assert f"{hero} in project 'Show'" in told
    assert f"{version} in project 'Show'" in told


async def test_no_look_up_reads_more_than_it_answers(client: Client, machine: Machine) -> None:
    for number in range(100):
        machine.publish(f"other/{number}")
    machine.publish("shots/a")
    database = client[machine.database]
    await Reader(database).make_indexes(PROJECT)

    for pipeline in (
        naming.having_path(["{root[work]}/shots/a"], 5),
        naming.in_folder("{root[work]}/shots/b"),
        *naming.beside("5f" * 12, 1),
    ):
        command: Document = {"aggregate": PROJECT, "pipeline": pipeline, "cursor": {}}
        plan = await database.command("explain", command, verbosity="executionStats")
        stats = plan.get("executionStats") or plan["stages"][0]["$cursor"]["executionStats"]
        assert stats["totalDocsExamined"] <= 1, pipeline
        assert stats["totalKeysExamined"] <= 3, pipeline


async def test_an_id_can_be_a_number(client: Client, machine: Machine) -> None:
    insert(machine, 12345, "{root[work]}/a")

    assert await find(client, machine, 12345) == Target(PROJECT, 12345)
    for digits in (str(2**63), "1" * 24):
        assert "there is no representation" in await refusal(client, machine, digits)


@pytest.mark.parametrize("text", ["12345", "{root[work]}/a"])
async def test_without_any_project_that_is_what_is_said(
    client: Client, machine: Machine, text: str
) -> None:
    said = await refusal(client, machine, text)

    assert f"there is no project in the database {machine.database!r}" in said
