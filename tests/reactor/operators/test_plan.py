"""A plan tells exactly what a pass would do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given

from handlers.table import HANDLERS
from reactor.commands import Command, Edit, RequestTransfer
from reactor.documents import parse_representation
from reactor.edits import file_edit
from reactor.events import ChangeEvent, Key, Origin
from reactor.model import Topology, source_hash
from reactor.operators.plan import Plan, Step
from tests.reactor.studio_documents import PAST, PROJECT, REPRESENTATIONS, TOPOLOGIES
from tests.reactor.update_model import carried_out

Document = dict[str, Any]

TOPOLOGY = Topology(
    project=PROJECT,
    own="studio",
    served=("studio", "vendor", "drive"),
    alternatives={"studio": [], "vendor": ["vendor_web"], "vendor_web": [], "drive": []},
    reachable=frozenset({"studio", "vendor", "drive"}),
    always=("drive",),
)


def commands(document: Document, topology: Topology) -> list[Command]:
    representation = parse_representation(PROJECT, document)
    event = ChangeEvent(Key(PROJECT, representation.id), Origin.SCAN, representation)
    return [command for handler in HANDLERS for command in handler(event, topology)]


def edits(said: list[Command]) -> list[Edit]:
    return [command for command in said if isinstance(command, Edit)]


def requested(said: list[Command]) -> set[tuple[str, ...]]:
    return {command.work for command in said if isinstance(command, RequestTransfer)}


def moves(steps: list[Step]) -> set[tuple[str, ...]]:
    return {(s.project, s.site, s.path) for s in steps if s.what in ("bring", "prove")}


@given(REPRESENTATIONS, TOPOLOGIES)
def test_a_plan_has_the_transfers_of_before_and_after_the_edits(
    document: Document, topology: Topology
) -> None:
    said = commands(document, topology)
    written = carried_out(document, [file_edit(edit) for edit in edits(said)], PAST)
    plan = Plan(topology, HANDLERS)
    representation = parse_representation(PROJECT, document)

    planned = [*plan.edits(representation), *plan.transfers(representation)]

    now, after = requested(said), requested(commands(written, topology))
    assert moves(planned) == now | after


@given(REPRESENTATIONS, TOPOLOGIES)
def test_a_plan_is_empty_exactly_where_handlers_ask_for_nothing(
    document: Document, topology: Topology
) -> None:
    said = commands(document, topology)
    plan = Plan(topology, HANDLERS)
    representation = parse_representation(PROJECT, document)

    planned = [*plan.edits(representation), *plan.transfers(representation)]

    assert bool(planned) == bool(requested(said) or edits(said))


def planned(*sites: Document, topology: Topology = TOPOLOGY, **fields: object) -> list[Step]:
    """Return the plan for one file, without its path and project."""
    file = {"path": "{root[work]}/a", "size": 64, "sites": [*sites], **fields}
    representation = parse_representation(PROJECT, {"_id": 1, "files": [file]})
    plan = Plan(topology, HANDLERS)
    steps = [*plan.edits(representation), *plan.transfers(representation)]
    assert all((step.project, step.path) == (PROJECT, "{root[work]}/a") for step in steps)
    return steps


def here(*names: str, **fields: object) -> list[Document]:
    return [{"name": name, "created_dt": PAST, **fields} for name in names]


def what(steps: list[Step]) -> list[tuple[str, str, int]]:
    return [(step.what, step.site, step.size) for step in steps]


def test_what_is_wanted_is_brought_from_the_best_site() -> None:
    [step] = planned(*here("studio", "drive"), {"name": "vendor"}, {"name": "vendor_web"})

    assert (step.what, step.site, step.size, step.why) == ("bring", "vendor", 64, "from studio")


def test_an_entry_that_a_setting_asks_for_is_added_and_then_served() -> None:
    assert what(planned(*here("studio"))) == [("add entry", "drive", 0), ("bring", "drive", 64)]


def test_an_alternative_of_an_available_site_is_added_and_proved() -> None:
    steps = planned(*here("vendor", "drive"))

    assert what(steps) == [("add entry", "vendor_web", 0), ("prove", "vendor", 0)]


def test_what_was_made_from_older_bytes_is_reset_and_brought_again() -> None:
    old = source_hash("old")
    steps = planned(*here("studio"), *here("drive", source_hash=old), hash="new")

    assert what(steps) == [("reset entry", "drive", 0), ("bring", "drive", 64)]


def test_a_mapping_is_migrated() -> None:
    steps = planned(sites={"studio": {"created_dt": PAST}, "drive": {"created_dt": PAST}})

    assert what(steps) == [("migrate entries", "drive", 0), ("migrate entries", "studio", 0)]


def test_a_file_that_cannot_be_served_is_stopped() -> None:
    representation = parse_representation(
        PROJECT, {"_id": 1, "files": [{"path": "/etc", "sites": [{"name": "vendor"}]}]}
    )

    [step] = Plan(TOPOLOGY, HANDLERS).edits(representation)

    assert (step.what, step.site) == ("stop entry", "vendor")
    assert "{root" in step.why


def test_why_a_site_cannot_be_served_is_noted() -> None:
    broken = replace(
        TOPOLOGY, reachable=frozenset({"studio", "drive"}), problems={"vendor": "it has no root"}
    )

    [step] = planned(
        *here("studio", "drive"), {"name": "vendor"}, {"name": "vendor_web"}, topology=broken
    )

    assert (step.what, step.site, step.why) == ("note error", "vendor", "it has no root")


def test_several_documents_that_name_one_path_are_one_transfer() -> None:
    sites = [*here("studio", "drive"), {"name": "vendor"}, {"name": "vendor_web"}]
    file = {"path": "{root}/a", "sites": sites}
    plan = Plan(TOPOLOGY, HANDLERS)
    steps = [
        step
        for number in (1, 2)
        for step in plan.transfers(parse_representation(PROJECT, {"_id": number, "files": [file]}))
    ]

    assert what(steps) == [("bring", "vendor", 0)]


def test_a_topology_can_be_narrowed_to_some_sites_and_their_alternatives() -> None:
    narrowed = TOPOLOGY.only(frozenset({"vendor_web"}))

    assert narrowed is not None
    assert narrowed.served == ("vendor",)
    assert narrowed.always == ()
    assert narrowed.alternatives_of("vendor") == {"vendor", "vendor_web"}
    assert narrowed.own == "studio"
    assert TOPOLOGY.only(frozenset({"nowhere"})) is None


def test_a_narrowed_topology_asks_for_nothing_elsewhere() -> None:
    narrowed = TOPOLOGY.only(frozenset({"vendor"}))
    assert narrowed is not None

    steps = planned(*here("studio"), {"name": "vendor"}, {"name": "drive"}, topology=narrowed)

    assert {step.site for step in steps} == {"vendor", "vendor_web"}
