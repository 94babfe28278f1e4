"""What this machine sees at the site itself, where it reaches it."""

from __future__ import annotations

from collections.abc import Iterator

from reactor.model import File
from reactor.story.finding import Finding, command, note, reason
from reactor.story.situation import Situation


def sight_findings(file: File, case: Situation, *, decides: bool) -> Iterator[Finding]:
    """Yield what is wrong with a file's root; it `decides` where no reactor works around it."""
    trouble = case.sight.trouble(file.path)
    if trouble is not None:
        say = reason if decides else note
        text = f"From this machine, {case.site!r} cannot be served: {trouble.text}"
        yield say(trouble.code, text)


def look(file: File, case: Situation) -> Iterator[Finding]:
    """Yield whether a file that is marked is really there, as far as it was looked at."""
    trouble = case.sight.trouble(file.path)
    why = trouble.text if trouble else case.sight.failures.get(file.path)
    if why is not None:
        yield note("not_seen", f"It was not seen from this machine: {why}")
    elif file.path in case.sight.files:
        yield _compared(file, case)


def _compared(file: File, case: Situation) -> Finding:
    site, found = case.site, case.sight.files[file.path]
    todo = _send_again(file, case)
    if found is None:
        text = f"The document says that it is at {site!r}, but no file is there."
        return reason("gone", text, todo)
    if file.size is not None and found.size != file.size:
        text = f"The file at {site!r} has another size than was published."
        return reason("other_size", text, todo, found_size=found.size, size=file.size)
    text = "Seen from this machine: the file is there" + (
        ", of the size that was published." if file.size is not None else "."
    )
    return note("seen", text)


def _send_again(file: File, case: Situation) -> str:
    validate = command("validate", "--site", case.site, "--project", case.project)
    if all(entry.name in case.group for entry in file.entries if file.available_at(entry.name)):
        return f"no other copy is known: put the file back or publish it again, then: {validate}"
    reset = command("site", "reset", case.site, "--representation", case.representation)
    return f"send it again: {reset} (or hold the whole site against the documents: {validate})"
