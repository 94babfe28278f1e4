"""What upload sessions do where the documentation is silent."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from platformdirs import user_cache_path

from tests.account.gdrive.service import Account
from tests.servers.drive.calls import GRAIN, Answer


def gap(account: Account) -> str:
    """Send a chunk that leaves a gap before it."""
    session = account.calls.start(account.body("gap.exr"))
    return _and_committed(
        account, session, account.calls.send(session, bytes(GRAIN), GRAIN, 4 * GRAIN)
    )


def overlap(account: Account) -> str:
    """Send from the beginning once more, and further."""
    session = account.calls.start(account.body("overlap.exr"))
    account.calls.send(session, bytes(GRAIN), 0, 4 * GRAIN)
    return _and_committed(
        account, session, account.calls.send(session, bytes(2 * GRAIN), 0, 4 * GRAIN)
    )


def odd(account: Account) -> str:
    """Send a chunk whose size is no multiple of 256 KiB, and that is not the last."""
    session = account.calls.start(account.body("odd.exr"))
    size = GRAIN + 1000
    answer = account.calls.send(session, bytes(size), 0, 4 * GRAIN)
    return f"{answer.status}; {_committed(account, session)} of {size} committed"


def small(account: Account) -> str:
    """Send a chunk below 256 KiB that is not the last."""
    session = account.calls.start(account.body("small.exr"))
    return _and_committed(account, session, account.calls.send(session, bytes(1000), 0, 4 * GRAIN))


def cut(account: Account) -> str:
    """Hang up in the middle of a chunk."""
    session = account.calls.start(account.body("cut.exr"))
    headers = {"Content-Range": f"bytes 0-{4 * GRAIN - 1}/{4 * GRAIN}"}
    account.service.break_off(session, headers, 4 * GRAIN, bytes(700_000))
    return f"{_committed(account, session)} of 700000 sent are kept"


def other_size(account: Account) -> str:
    """Send a whole content of another size than was declared."""
    session = account.calls.start(account.body("size.exr"), 6)
    return _and_committed(account, session, account.calls.send(session, b"bytes", 0, 5))


def empty(account: Account) -> str:
    """Send no byte, and no Content-Range."""
    session = account.calls.start(account.body("empty.exr"), 0)
    return str(account.service.request("PUT", session, b"", {}).status)


def after_the_end(account: Account) -> str:
    """Ask for the state of a session that has become a file."""
    session = account.calls.start(account.body("done.exr"))
    done = account.calls.send(session, b"bytes", 0, 5)
    again = account.calls.where(session, 5)
    if again.status != 200:
        return str(again.status)
    same = again.json.get("id") == done.json["id"]
    return f"{again.status}, {'the same file' if same else 'another answer'}"


def cancelled(account: Account) -> str:
    """Cancel a session, and go on with it."""
    session = account.calls.start(account.body("cancelled.exr"))
    first = account.service.request("DELETE", session, b"", {})
    late = account.calls.send(session, b"bytes", 0, 5)
    return f"{first.status}; then {late.status}"


def invented(account: Account) -> str:
    """Go on with a session that nobody opened."""
    session = account.calls.start(account.body("invented.exr"))
    other = re.sub(r"upload_id=[^&]+", "upload_id=" + "A" * 80, session)
    return str(account.calls.where(other).status)


def lifetime(account: Account) -> str:
    """Look after the sessions that earlier runs left open, and leave one."""
    kept = user_cache_path("sitesync") / "gdrive-sessions.json"
    earlier = _read(kept)
    mine = [each for each in earlier if each["url"] == account.service.url]
    lines = [
        f"{_days(each):.1f} days: {account.calls.where(each['session']).status}" for each in mine
    ]
    session = account.calls.start(account.body("session.exr"))
    left = {"url": account.service.url, "session": session, "opened": time.time()}
    kept.parent.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps([*earlier, left]))
    kept.chmod(0o600)  # a session's address is enough to write to it
    return ", ".join(lines) or "none yet; one was left open: ask again in some days"


def _days(left: dict[str, Any]) -> float:
    return float((time.time() - left["opened"]) / 86400)


def _read(file: Path) -> list[dict[str, Any]]:
    try:
        told: list[dict[str, Any]] = json.loads(file.read_text())
    except (OSError, ValueError):
        return []
    return told


def _committed(account: Account, session: str) -> int:
    answer = account.calls.where(session)
    match = re.fullmatch(r"bytes=0-(\d+)", answer.headers.get("Range", ""))
    return int(match.group(1)) + 1 if match else 0


def _and_committed(account: Account, session: str, answer: Answer) -> str:
    return f"{answer.status}; {_committed(account, session)} committed"
