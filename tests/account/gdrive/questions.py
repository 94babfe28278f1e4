"""
The questions that only the service can answer, and what the emulator assumes of each.

A question returns what it found, in words that are the same for the same behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.account.gdrive import sessions, time_lags
from tests.account.gdrive.service import Account
from tests.servers.drive.calls import FILES, Answer

Ask = Callable[[Account], str]


@dataclass(frozen=True)
class Question:
    """What is asked, how, and what is assumed; None where it is only measured."""

    subject: str
    ask: Ask
    assumed: str | None = None


@dataclass(frozen=True)
class Finding:
    """What was found."""

    question: Question
    found: str

    @property
    def agrees(self) -> bool:
        """Whether the emulator does the same."""
        return self.question.assumed in (None, self.found)


def reused_id(account: Account) -> str:
    """Ask to make a second file with an id that is taken."""
    file_id = account.calls.get(f"{FILES}/generateIds", count="1").json["ids"][0]
    first = account.put("with an id", b"bytes", id=file_id)
    second = account.calls.begin({**account.body("with an id"), "id": file_id})
    if second.status == 200:
        session = second.headers["Location"].removeprefix(account.calls.server.url)
        second = account.calls.send(session, b"bytes", 0, 5)
        return f"{first.status}; then, with the last byte, {told(second)}"
    return f"{first.status}; then, before any byte, {told(second)}"


def invented_id(account: Account) -> str:
    """Ask to make a file with an id that nobody handed out."""
    return told(account.put("with an id", b"bytes", id="1" + "x" * 32))


def names_and_case(account: Account) -> str:
    """Ask for a name in other letters, and for parts of it."""
    account.put("Frame_sh010.EXR", b"")
    account.put("frame_SH010.exr", b"")
    same = len(account.named("name = 'frame_sh010.exr'"))
    begins = len(account.named("name contains 'frame'"))
    within = len(account.named("name contains 'rame'"))
    return f"= finds {same} of 2, contains {begins} by a beginning and {within} by a middle"


def unknown_folder(account: Account) -> str:
    """List a folder that is not there."""
    return told(account.calls.get(FILES, q="'1xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' in parents"))


def capital_true(account: Account) -> str:
    """Spell a boolean as Python does."""
    return told(account.calls.get(f"{FILES}/{account.folder}", supportsAllDrives="True"))


def long_property(account: Account) -> str:
    """Set a property whose key and value take more than 124 bytes together."""
    return told(account.put("with a property", b"", appProperties={"key": "x" * 122}))


def large_multipart(account: Account) -> str:
    """Send more in one request than the 5 MB that the documentation allows."""
    return told(account.put("large.exr", bytes(6 * 1024 * 1024)))


def checksums(account: Account) -> str:
    """Look which checksums a binary file carries."""
    file = account.put("sums.exr", b"bytes").json
    return " ".join(name for name in ("md5", "sha1", "sha256") if f"{name}Checksum" in file)


def times(account: Account) -> str:
    """Set a time to the millisecond, and rename the file."""
    file = account.put("time.exr", b"x", modifiedTime="2020-01-02T03:04:05.678Z").json
    path = f"{FILES}/{file['id']}?supportsAllDrives=true&fields=modifiedTime"
    renamed = account.calls.ask("PATCH", path, {"name": "time.2.exr"}).json
    kept = "kept" if file["modifiedTime"] == "2020-01-02T03:04:05.678Z" else "rounded"
    same = renamed["modifiedTime"] == file["modifiedTime"]
    return f"milliseconds {kept}; renaming {'leaves' if same else 'changes'} it"


def empty_range(account: Account) -> str:
    """Ask for a range of an empty file."""
    file = account.put("empty.exr", b"").json
    path = f"{FILES}/{file['id']}?alt=media"
    return told(account.calls.ask("GET", path, headers={"Range": "bytes=0-"}))


def media_of_shared_drives(account: Account) -> str:
    """Download from a shared drive without saying that one knows them."""
    if account.drive is None:
        return "not asked: the folder is in no shared drive"
    file = account.put("media.exr", b"bytes").json
    bare = account.calls.get(f"{FILES}/{file['id']}")
    media = account.calls.get(f"{FILES}/{file['id']}", alt="media")
    return f"metadata {told(bare)}, media {told(media)}"


def own_storage(account: Account) -> str:
    """Put a file into the service account's own My Drive."""
    answer = account.calls.put({"name": "sitesync asks.exr"}, b"bytes")
    if answer.status == 200:
        account.calls.ask("DELETE", f"{FILES}/{answer.json['id']}")
    return told(answer)


def told(answer: Answer) -> str:
    """Return what was answered, in short."""
    return f"{answer.status} {answer.reason}".strip()


QUESTIONS: Sequence[Question] = (
    Question("a chunk that begins too late", sessions.gap, "400; 0 committed"),
    Question("a chunk sent once more", sessions.overlap, "308; 524288 committed"),
    Question(
        "a chunk that is no multiple of 256 KiB", sessions.odd, "308; 262144 of 263144 committed"
    ),
    Question("a chunk below 256 KiB", sessions.small, "400; 0 committed"),
    Question("a chunk cut off", sessions.cut, "524288 of 700000 sent are kept"),
    Question("a size declared otherwise", sessions.other_size, "400; 0 committed"),
    Question("an empty file", sessions.empty, "200"),
    Question("a question after the end", sessions.after_the_end, "200, the same file"),
    Question("a cancelled session", sessions.cancelled, "499; then 499"),
    Question("a session that never was", sessions.invented, "404"),
    Question("a session of former days", sessions.lifetime),
    Question("an id used twice", reused_id, "200; then, before any byte, 409 fileIdInUse"),
    Question("an id that was invented", invented_id, "400 fileIdNotUsable"),
    Question(
        "names in a query",
        names_and_case,
        "= finds 2 of 2, contains 2 by a beginning and 0 by a middle",
    ),
    Question("a listing of no folder", unknown_folder, "404 notFound"),
    Question("supportsAllDrives=True", capital_true, "400 invalidParameter"),
    Question("a property too long", long_property, "400 invalid"),
    Question("6 MiB in one request", large_multipart, "200"),
    Question("checksums of a file", checksums, "md5 sha1 sha256"),
    Question("modifiedTime", times, "milliseconds kept; renaming changes it"),
    Question("a range of an empty file", empty_range, "416 requestedRangeNotSatisfiable"),
    Question(
        "downloads from shared drives", media_of_shared_drives, "metadata 404 notFound, media 200"
    ),
    Question("the account's own storage", own_storage, "403 storageQuotaExceeded"),
    Question("changes of a trashed folder", time_lags.trashed_folder, "the folder alone"),
    Question("until a listing shows a file", time_lags.listing),
    Question("until the changes tell of a file", time_lags.changes),
)
