"""Which reactors could bring a file, and what keeps them from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reactor.pauses import Pause
from reactor.sourcing import Way
from tests.handlers.studio import file, held, wanted
from tests.reactor.story.story_cases import (
    PUBLISHED,
    codes,
    first,
    runs,
    settings,
    situation,
    told,
    trouble,
)


@pytest.mark.parametrize(
    ("pause", "todo"),
    [
        (Pause(None, None), "sitesync resume"),
        (Pause("Bunny", None), "sitesync resume --project Bunny"),
        (Pause(None, "vendor"), "sitesync resume --site vendor"),
        (Pause("Bunny", "vendor"), "sitesync resume --project Bunny --site vendor"),
    ],
)
def test_everything_a_project_or_a_site_can_be_paused(pause: Pause, todo: str) -> None:
    found = first(PUBLISHED, situation(runs(), pause))

    assert (found.code, found.todo) == ("paused", todo)


def test_a_pause_is_told_with_who_and_when() -> None:
    pause = Pause("Bunny", None, by="ada@desk", ago=60.0)

    assert first(PUBLISHED, situation(runs(), pause)).facts == {"by": "ada@desk", "ago_seconds": 60}


@pytest.mark.parametrize("pause", [Pause("Other", None), Pause(None, "drive")])
def test_other_pauses_stop_nothing(pause: Pause) -> None:
    assert codes(PUBLISHED, situation(runs(), pause)) == ["queued", "alternatives"]


def test_a_pause_of_an_alternative_that_is_not_sent_to_stops_nothing() -> None:
    assert codes(PUBLISHED, situation(runs(), Pause(None, "vendor_web")))[0] == "queued"


def test_without_a_reactor_the_pauses_of_the_site_are_told() -> None:
    assert codes(PUBLISHED, situation(Pause(None, "vendor")))[:2] == ["paused", "no_reactor"]
    assert "paused" not in codes(PUBLISHED, situation(Pause(None, "drive")))


def test_a_pause_of_the_alternative_that_is_sent_to_stops_both() -> None:
    both = file(held("studio"), wanted("vendor_web"))
    case = situation(runs(), Pause(None, "vendor"), site="vendor_web")

    assert codes(both, case)[0] == "paused"


def test_a_pause_that_one_reactor_is_not_under_stops_nothing() -> None:
    others = runs("vendor_web", process="p2")

    assert codes(PUBLISHED, situation(runs(), others, Pause(None, "vendor")))[0] == "queued"


def test_a_reactor_must_run() -> None:
    found = first(PUBLISHED, situation())

    assert found.code == "no_reactor"
    assert found.todo == "start one on this machine: sitesync run"


def test_a_reactor_is_best_started_right_here() -> None:
    found = first(PUBLISHED, situation(rules=settings(own="vendor")))

    assert found.todo == "start one on this machine: sitesync run"


def test_this_machine_is_no_help_where_it_does_not_reach_both_ends() -> None:
    rules = replace(settings(), reached=frozenset({"studio"}))

    found = first(PUBLISHED, situation(rules=rules))

    start = "sitesync run --active-site studio"
    assert found.todo == f"start one on a machine that reaches 'studio': {start}"


def test_a_reactor_is_rather_started_where_the_file_is() -> None:
    rules = settings(own="drive", always=("archive",))
    case = situation(rules=rules, site="archive")

    found = first(file(held("studio"), wanted("archive")), case)

    assert found.todo.endswith("sitesync run --active-site studio")


def test_a_reactor_is_rather_started_at_a_site_of_the_settings() -> None:
    everywhere = file(held("artist-7"), held("studio"), wanted("vendor"))
    case = situation(rules=settings(own="drive", strangers=("artist-7",)))

    assert first(everywhere, case).todo.endswith("sitesync run --active-site studio")


def test_a_reactor_that_was_seen_long_ago_does_not_run_and_is_told() -> None:
    found = first(PUBLISHED, situation(runs(seen=3600)))

    assert found.code == "no_reactor"
    assert found.facts == {"seen_ago_seconds": 3600, "host": "render-07"}


def test_a_reactor_of_a_site_that_is_no_end_of_the_transfer_does_not_help() -> None:
    assert codes(PUBLISHED, situation(runs("drive")))[0] == "no_reactor"


def test_what_only_another_machine_has_waits_for_its_reactor() -> None:
    local = file(held("artist-7"), wanted("vendor"))

    found = first(local, situation(runs(), rules=settings(strangers=("artist-7",))))

    assert found.code == "no_reactor"
    assert found.todo == "start the reactor of the machine whose site is 'artist-7'"


def test_another_machine_serves_what_its_settings_alone_know() -> None:
    local = file(held("artist-7"), wanted("vendor"))
    rules = settings(strangers=("artist-7",))

    assert codes(local, situation(runs("artist-7"), rules=rules))[0] == "queued"


def test_the_site_of_another_machine_is_told_to_be_that() -> None:
    rules = settings(strangers=("artist-7",))
    case = situation(runs(), site="artist-7", rules=rules)

    assert codes(file(held("studio"), wanted("artist-7")), case) == ["no_reactor", "unknown_site"]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        (settings(remote=""), "no_remote_site"),
        (settings(remote="studio"), "same_site"),
        (settings(remote="vendor"), "not_served"),
    ],
)
def test_settings_that_send_nothing_there_come_first(rules: Any, code: str) -> None:
    case = situation(runs(), site="drive", rules=rules)

    found = first(file(held("studio"), wanted("drive")), case)

    assert found.code == code
    assert 'set remote_site = "drive" under [projects.Bunny]' in found.todo


@pytest.mark.parametrize("remote", ["", "studio"])
def test_a_site_in_between_may_be_one_that_is_always_served(remote: str) -> None:
    rules = settings(remote=remote, always=("archive",))

    found = first(file(held("studio"), wanted("drive")), situation(site="drive", rules=rules))

    assert found.code == "not_served"
    between = remote or "archive"
    assert found.todo.endswith(f"sitesync site add {between} --representation r1")


def test_the_own_site_needs_no_remote_site() -> None:
    back = file(wanted("studio"), held("vendor"))

    assert codes(back, situation(site="studio")) == ["no_reactor"]


def test_a_site_that_somebody_fetches_to_needs_no_remote_site() -> None:
    case = situation(runs("drive"), site="drive")

    assert codes(file(held("studio"), wanted("drive")), case)[0] == "queued"


@pytest.mark.parametrize("spoilt", ["vendor", "studio"])
def test_a_site_that_nobody_can_serve_is_told_with_why(spoilt: str) -> None:
    rules = settings(own="archive", spoilt=(spoilt, "vendor_web"))

    found = first(PUBLISHED, situation(runs(), rules=rules))

    assert found.code == "site_problem"
    assert found.text == f"Nobody can serve {spoilt!r}: unknown provider 'gdrve'"


def test_a_site_that_others_serve_is_no_problem() -> None:
    rules = replace(settings(), problems={"vendor": "it has no root"}, reached=frozenset())

    assert codes(PUBLISHED, situation(rules=rules)) == ["no_reactor", "alternatives"]


def test_a_site_that_rests_is_told_with_why() -> None:
    found = first(PUBLISHED, situation(runs(resting={"vendor": "the password is refused"})))

    assert found.code == "suspended"
    assert found.text == (
        "The reactor on render-07 lets 'vendor' rest, login: the password is refused"
    )


def test_a_source_that_rests_is_as_bad_as_a_destination() -> None:
    assert codes(PUBLISHED, situation(runs(resting={"studio": "no marker"})))[0] == "suspended"


def test_another_source_makes_up_for_one_that_rests() -> None:
    both = file(held("studio"), held("vendor"), wanted("drive"))

    assert (
        codes(both, situation(runs("drive", resting={"studio": "no marker"}), site="drive"))[0]
        == "queued"
    )


def test_a_source_that_rests_for_one_project_is_known_by_its_label() -> None:
    rules = settings(labels={"studio": "studio@Bunny"})
    resting = runs(resting={"studio@Bunny": "no marker"})

    assert codes(PUBLISHED, situation(resting, rules=rules))[0] == "suspended"


def test_a_reactor_without_the_trouble_makes_up_for_one_with_it() -> None:
    resting = runs(resting={"vendor": "unreachable from here"})

    found = told(PUBLISHED, situation(resting, runs(process="p2")))

    assert found[0].code == "queued"
    assert {(one.code, one.level) for one in found} >= {("suspended", "note")}


def test_a_suspension_in_another_project_is_none_here() -> None:
    rules = settings(labels={"vendor": "vendor@Bunny"})

    assert codes(PUBLISHED, situation(runs(resting={"vendor": "full"}), rules=rules))[0] == "queued"


def test_a_missing_marker_is_seen_from_here() -> None:
    missing = trouble("no_marker", "it has no marker")

    found = told(PUBLISHED, situation(sight=missing))

    reasons = [one.code for one in found if one.level == "reason"]
    assert reasons == ["no_reactor", "no_marker"]


def test_what_is_out_of_reach_from_here_may_be_in_reach_of_a_reactor() -> None:
    found = told(PUBLISHED, situation(runs(), sight=trouble("unreachable", "no answer")))

    assert found[0].code == "queued"
    assert "unreachable" in [one.code for one in found if one.level == "note"]


BETWEEN = file(held("drive"), wanted("vendor"))
RELAYED = settings(always=("drive",))


def test_what_is_at_a_remote_site_alone_waits_for_a_reactor_that_relays() -> None:
    found = first(BETWEEN, situation(runs(), rules=RELAYED))

    assert found.code == "no_reactor"
    assert found.todo.endswith("or let one that runs relay: sitesync run --relay")


def test_where_no_reactor_of_an_end_would_serve_it_one_that_relays_is_the_way() -> None:
    rules = settings(remote="archive", always=("drive",))
    neither = {own: view for own, view in rules.views.items() if own not in ("archive", "drive")}
    case = situation(runs(), site="archive", rules=replace(rules, views=neither))

    found = first(file(held("drive"), wanted("archive")), case)

    assert found.code == "not_served"
    assert found.todo == "let one that reaches both sites relay: sitesync run --relay"


def test_a_reactor_that_relays_brings_a_file_from_one_remote_site_to_another() -> None:
    found = first(BETWEEN, situation(runs(relays=True), rules=RELAYED))

    assert found.code == "queued"
    assert "from 'drive'; nothing stands" in found.text


def test_a_reactor_that_relays_has_its_sources_told_in_the_order_in_which_it_asks_them() -> None:
    everywhere = file(held("archive"), held("drive"), wanted("vendor"))
    rules = settings(always=("archive", "drive"))
    fast = [Way("archive", "vendor", 1e6), Way("drive", "vendor", 9e6)]
    copies = [Way("archive", "vendor", 1e6, copies=True), Way("drive", "vendor", 9e6)]

    unknown = first(everywhere, situation(runs(relays=True), rules=rules))
    measured = first(everywhere, situation(runs(relays=True, ways=fast), rules=rules))
    service = first(everywhere, situation(runs(relays=True, ways=copies), rules=rules))
    resting = runs(relays=True, ways=fast, resting={"drive": "login refused"})
    rests = told(everywhere, situation(resting, rules=rules))[0]

    order = "'archive' and 'drive', 'archive' first (the order of the settings)"
    assert order in unknown.text
    assert "'drive' and 'archive', 'drive' first (measured to be the fastest)" in measured.text
    assert "'archive' first (its service copies by itself)" in service.text
    assert "'archive' first (what is better fails or rests)" in rests.text


def test_the_own_site_is_told_first_of_a_reactor_that_relays() -> None:
    both = file(held("drive"), held("studio"), wanted("vendor"))

    found = first(both, situation(runs(relays=True), rules=RELAYED))

    assert "'studio' first (a disk of this machine)" in found.text
