"""What the claim on a file's place means for its story."""

from __future__ import annotations

import pytest

from reactor.presence import SeenClaim
from tests.handlers.studio import PATH, file, held, wanted
from tests.reactor.story.story_cases import (
    PUBLISHED,
    claims,
    codes,
    entry,
    first,
    runs,
    situation,
    told,
)


def test_a_transfer_that_runs_is_told_with_how_far_it_is() -> None:
    found = told(PUBLISHED, situation(runs(), claims()))

    assert [one.code for one in found if one.level == "reason"] == ["running"]
    assert found[0].facts["eta_seconds"] == 5.8
    assert "from 'studio' now" in found[0].text


def test_a_transfer_to_an_alternative_runs_for_both() -> None:
    assert codes(PUBLISHED, situation(runs(), claims(), site="vendor_web"))[0] == "running"


@pytest.mark.parametrize("claim", [claims(project="Other"), claims(site="drive")])
def test_a_transfer_of_the_same_path_elsewhere_is_another(claim: SeenClaim) -> None:
    assert codes(PUBLISHED, situation(runs(), claim))[0] == "queued"


def test_a_claim_on_another_spelling_of_the_path_is_a_claim_on_the_file() -> None:
    doubled = file(held("studio"), wanted("vendor"), path=PATH.replace("/shots", "//shots"))

    assert codes(doubled, situation(runs(), claims()))[0] == "running"


def test_a_claim_that_no_lease_ends_needs_the_doctor() -> None:
    found = first(PUBLISHED, situation(claims(held=True, lease=-60)))

    assert found.code == "claim_held"
    assert found.todo.endswith("sitesync doctor --end-claim c1")


def test_a_claim_of_a_process_that_is_gone_ends_with_its_lease() -> None:
    found = first(PUBLISHED, situation(runs(seen=25), claims(lease=5)))

    assert found.code == "claim_of_lost_process"
    assert "The reactor on render-07 (pid 4711) works on it" in found.text
    assert (found.facts["lease_seconds"], found.facts["seen_ago_seconds"]) == (5, 25)


@pytest.mark.parametrize("claim", [claims("gone", lease=-1), claims(lease=-1)])
def test_a_claim_that_was_given_up_stops_nothing(claim: SeenClaim) -> None:
    found = codes(PUBLISHED, situation(runs(), claim))

    assert found[0] == "queued"
    assert "begun" in found


def test_progress_that_no_reactor_makes_points_to_the_predecessor() -> None:
    assert "progress" in codes(entry(progress=0.4), situation(runs()))
