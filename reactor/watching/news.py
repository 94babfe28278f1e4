"""
Which events of a file system are news, and when it is time to look. Pure; no clock.

An event only says where something happened: what is there is looked at once nothing has
happened there for a moment.
"""

from __future__ import annotations

import re
from collections import OrderedDict

from providers.names import is_ours

_TEMPORARY = re.compile(
    r"""
      ^\.(?!sitesync).*\.[A-Za-z0-9]{6}$     # rsync
    | ^\.~lock\. | ^~\$                      # office programs
    | ^\.nfs[0-9a-f]+$ | ^\.fuse_hidden      # deleted while open
    | ^\.goutputstream- | ^\._               # GNOME; macOS's side files
    | ^(\.DS_Store|Thumbs\.db|desktop\.ini)$
    | (~|\.(tmp|temp|part|partial|filepart|crdownload|swp|swx|bak\d*))$
    """,
    re.VERBOSE | re.IGNORECASE,
)


def is_news(path: str) -> bool:
    """Return whether a path below a root may be that of a published file."""
    folders, _, name = path.rpartition("/")
    ours = is_ours(name) or any(is_ours(part) for part in folders.split("/"))
    return bool(name) and not ours and not _TEMPORARY.search(name)


class Quiet:
    """
    Paths that something happened to, handed out once nothing has happened there for a moment.

    Bounded: where more than `most` wait, all is forgotten and `overflowed` tells it.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._last: OrderedDict[str, float] = OrderedDict()
        self.overflowed = False

    def __len__(self) -> int:
        return len(self._last)

    def note(self, path: str, now: float) -> None:
        """Take note that something happened; times never go back."""
        self._last[path] = now
        self._last.move_to_end(path)
        if len(self._last) > self._most:
            self._last.clear()
            self.overflowed = True

    def due(self, now: float, most: int) -> list[str]:
        """Return, and forget, up to so many paths that have been quiet for long enough."""
        due: list[str] = []
        while self._last and len(due) < most:
            path, last = next(iter(self._last.items()))
            if last + self._seconds > now:
                break
            del self._last[path]
            due.append(path)
        return due

    def next_time(self) -> float | None:
        """Return when the next path is due, or None."""
        return next(iter(self._last.values())) + self._seconds if self._last else None
