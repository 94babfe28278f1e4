"""What a document says of one file at one site: available, wanted, paused, failed, or nothing."""

from __future__ import annotations

from collections.abc import Iterator

from reactor.model import DEFAULT_PRIORITY, Entry, File
from reactor.story.finding import Finding, command, names, note, reason
from reactor.story.situation import Moments, Situation

_NO_ERROR = "no error was noted"


def available(file: File, case: Situation) -> Iterator[Finding]:
    """Yield since when a file is there, and what proves it."""
    entry = file.at(case.site)
    if entry is None:
        return
    since = case.moments.get(file.position, Moments()).created
    text = f"It is available at {case.site!r}: {_proof(entry)}."
    facts = {"since": since, "verified": entry.verified, "checksum": entry.checksum}
    known = {key: value for key, value in facts.items() if value is not None}
    yield Finding("available", "ok", text, facts=known)


def _proof(entry: Entry) -> str:
    made_for = ", made for the content that the document means now" if entry.source_hash else ""
    match entry.verified:
        case "checksum":
            return f"its own bytes were hashed and are right{made_for}"
        case "size":
            return f"its size is known to be right, its bytes were not hashed{made_for}"
        case _:
            return "another program marked it, SiteSync has not proved it"


def entry_findings(file: File, case: Situation) -> Iterator[Finding]:
    """Yield what keeps a file that is not available from being tried now."""
    if file.at(case.site) is None:
        yield _no_entry(file, case)
    wanted = wanted_entries(file, case)
    if not any(_is_due(entry, case) for entry in wanted):
        for entry in wanted:
            yield from _blocked(entry, file, case)


def wanted_entries(file: File, case: Situation) -> list[Entry]:
    """Return the wanted entries of the site and its alternatives, its own first."""
    entries = [file.at(name) for name in case.group]
    return [one for one in entries if one is not None and not file.available_at(one.name)]


def due_entries(file: File, case: Situation) -> list[Entry]:
    """Return the wanted entries that are neither paused nor failed."""
    return [entry for entry in wanted_entries(file, case) if _is_due(entry, case)]


def turn_priority(file: File, case: Situation) -> int:
    """Return the priority by which a file waits for its turn."""
    known = [one.priority for one in due_entries(file, case) if one.priority is not None]
    return max(known, default=DEFAULT_PRIORITY)


def _is_due(entry: Entry, case: Situation) -> bool:
    return not entry.paused and not case.view.failed(entry)


def _no_entry(file: File, case: Situation) -> Finding:
    site, project = case.site, case.project
    named = frozenset(entry.name for entry in file.entries)
    known = named & case.view.known
    if site in case.view.together((*case.view.always, *known)):
        why = "always_accessible_on" if site in case.view.always else "its alternative sites"
        return reason(
            "entry_missing",
            f"The document does not name {site!r} yet, though the settings ask for it ({why}).",
            f"let a full scan add it: {command('reconcile', '--project', project)}",
        )
    text = f"Nobody asked for it at {site!r}: the document has no entry of that name"
    others = f"; it names {names(sorted(named))}." if named else "."
    add = command("site", "add", site, "--representation", case.representation)
    if site == case.rules.remote_site:
        every = command("site", "add", site, "--project", project, "--all")
        add += f" (for all that was published before remote_site was set: {every})"
    return reason("no_entry", text + others, f"ask for it: {add}")


def _blocked(entry: Entry, file: File, case: Situation) -> Iterator[Finding]:
    if entry.paused:
        resume = command("resume", "--representation", case.representation, "--site", entry.name)
        yield reason("paused", f"Its entry for {entry.name!r} is paused.", resume)
    if case.view.failed(entry):
        error = entry.error or _NO_ERROR
        retry = _retry(entry.name, case)
        yield reason(
            "failed",
            f"It failed at {entry.name!r}, and its {case.view.retry_count} tries are used up: "
            f"{error}",
            f"mend what the error says, then: {retry}",
            tries=entry.tries,
            last_failed=case.moments.get(file.position, Moments()).failed,
        )


def _retry(site: str, case: Situation) -> str:
    return command("retry", "--representation", case.representation, "--site", site)


def resting(file: File, case: Situation) -> Iterator[Finding]:
    """Yield that a file waits for its next attempt."""
    due = due_entries(file, case)
    times = [one.retry_at for one in due if one.tries and one.retry_at and one.retry_at > case.now]
    if due and len(times) == len(due):
        entry = due[0]
        yield reason(
            "retry",
            f"It waits for its next attempt after {entry.tries} of {case.view.retry_count} "
            f"tries: {entry.error or _NO_ERROR}",
            f"at once: {_retry(entry.name, case)}",
            retry_in_seconds=round((min(times) - case.now).total_seconds(), 1),
            last_failed=case.moments.get(file.position, Moments()).failed,
        )


def unseen_by_scans(file: File, case: Situation) -> Iterator[Finding]:
    """Yield what only a change, or a full scan, brings to a reactor's notice."""
    scan = f"let a full scan find it: {command('reconcile', '--project', case.project)}"
    entry = file.at(case.site)
    if file.legacy and wanted_entries(file, case):
        text = "Its sites are in the old form, a mapping, which the quick scan does not see."
        yield reason("old_shape", text, scan)
    if entry is not None and entry.available:
        text = f"It was published again: what is at {case.site!r} was made from earlier content."
        yield reason("stale", text, scan)


def entry_notes(file: File, case: Situation) -> Iterator[Finding]:
    """Yield what is worth knowing of a file's entries, whatever its state."""
    others = case.group[1:]
    if others:
        text = f"{case.site!r} and {names(others)} are alternatives: they hold the same bytes."
        marked = [name for name in others if file.available_at(name)]
        if marked and not file.available_at(case.site):
            text += f" It is marked at {names(marked)} already, so its bytes need proof only."
        yield note("alternatives", text)
    if case.site not in case.view.known:
        yield note(
            "unknown_site",
            f"{case.site!r} is not in this machine's settings: it is another machine's own "
            "site, or was removed from them. Only a reactor of that site serves it.",
        )
    if file.oddity:
        yield note("oddity", f"The document has {file.oddity}: one wanted makes all wanted.")
    entry = file.at(case.site)
    if entry is not None and entry.error and not case.view.failed(entry):
        tries = f"{entry.tries} of {case.view.retry_count} tries"
        yield note("tried", f"Its last attempt failed ({tries}): {entry.error}")
