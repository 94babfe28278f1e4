"""
Simulated storage: files as inodes, names as what leads to them, so that late hands do real harm.

Renaming moves a name; whoever still has the inode open writes into what is published now.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from providers.base import Facts, Marker

Watcher = Callable[["Root", str, "Inode | None", str], None]


@dataclass(eq=False, slots=True)
class Inode:
    """One file's bytes and time. `claim` is under which it is staged now, "" once published."""

    content: bytearray
    mtime_ns: int
    claim: str = ""

    @property
    def facts(self) -> Facts:
        return Facts(len(self.content), self.mtime_ns)


@dataclass(eq=False, slots=True)
class Root:
    """One folder with a marker: published files by path, staged ones by path and name."""

    marker: Marker | None = None
    published: dict[str, Inode] = field(default_factory=dict[str, Inode])
    staged: dict[tuple[str, str], Inode] = field(default_factory=dict[tuple[str, str], Inode])


@dataclass(eq=False, slots=True)
class Store:
    """
    All folders of one machine's storage. `clock` gives files their times.

    `watchers` are told of each published name that was given or taken, and by whom; `wronged` of
    each write into a file that is not the writer's own. `refused` tells that something staged
    could not be revoked once.
    """

    name: str
    clock: Callable[[], int]
    folders: dict[str, Root] = field(default_factory=dict[str, Root])
    watchers: list[Watcher] = field(default_factory=list[Watcher])
    wronged: Callable[[str], None] = lambda _: None
    full: bool = False
    refused: bool = False

    def root(self, folder: str) -> Root:
        """Return a folder."""
        found = self.folders.get(folder)
        if found is None:
            found = self.folders[folder] = Root()
        return found

    def put(self, root: Root, path: str, inode: Inode | None, author: str) -> None:
        """Let a published name lead to a file, or to none."""
        if inode is None:
            root.published.pop(path, None)
        else:
            root.published[path] = inode
        for watcher in self.watchers:
            watcher(root, path, inode, author)
