"""What tells of changes below one root of a site, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from providers.base import Facts

Mode = Literal["starting", "live", "surveyed", "silent", "elsewhere"]


@dataclass(frozen=True, slots=True)
class Told:
    """
    Whom a root tells.

    Something `happened` at a path. A file of a service's own id may be `lost` from wherever
    documents have it, but for the path that it has now, if any. It is `unsure` what happened: a
    survey tells it, in so many seconds.
    `settled` says whether all that was told has been followed up.
    """

    happened: Callable[[str], None]
    lost: Callable[[str, str | None], None]
    unsure: Callable[[float], None]
    settled: Callable[[], bool]


class RootSource(Protocol):
    """
    One root, and what tells of it.

    `mode` is live where changes are told by this process, `elsewhere` where another one follows
    them. Where none are told, the root is `surveyed` from time to time, or `silent` until its
    service answers again; `why` says what is wrong. `folder` is for people.
    """

    @property
    def root(self) -> str:
        """The root's name."""
        ...

    @property
    def folder(self) -> str:
        """Where it is."""
        ...

    @property
    def mode(self) -> Mode:
        """How changes are told."""
        ...

    @property
    def why(self) -> str:
        """What is wrong, if anything is."""
        ...

    async def run(self) -> None:
        """Tell, for ever."""
        ...

    async def seen(self, paths: Sequence[str]) -> Mapping[str, Facts | None]:
        """
        Return what is at some paths, or below them, as far as that is known or cheap to know.

        Facts are those of a file now. None: nothing is there, or it has to be asked for. A path
        that is no published file's is left out.
        """
        ...

    def again(self) -> None:
        """Tell again what was told and not followed up: it was forgotten here."""
        ...
