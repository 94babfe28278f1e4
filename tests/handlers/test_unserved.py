"""What waits for a site that nobody can serve says why."""

from __future__ import annotations

from dataclasses import replace

from handlers.unserved import tell_unserved
from reactor.commands import NoteError
from tests.handlers.studio import REF, STUDIO, change, file, held, removed, said, wanted

WHY = "site 'vendor': there is no provider 'sfpt'; did you mean 'sftp'?"
BROKEN = replace(STUDIO, problems={"vendor": WHY, "drive": "not served here"})


def test_a_wanted_entry_of_a_broken_site_tells_the_problem() -> None:
    event = change(file(held("studio"), wanted("vendor")))

    assert said(tell_unserved, event, BROKEN) == [NoteError(REF, frozenset({"vendor"}), WHY)]


def test_an_error_that_somebody_told_before_stays() -> None:
    event = change(file(held("studio"), wanted("vendor", error="told by another machine")))

    assert said(tell_unserved, event, BROKEN) == []


def test_what_is_available_or_not_served_here_is_left_alone() -> None:
    event = change(file(held("studio"), held("vendor"), wanted("drive"), wanted("archive")))

    assert said(tell_unserved, event, BROKEN) == []
    assert said(tell_unserved, removed(), BROKEN) == []


def test_where_all_sites_can_be_served_nothing_is_told() -> None:
    assert said(tell_unserved, change(file(held("studio"), wanted("vendor")))) == []
