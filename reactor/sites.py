"""
The sites that this process reaches, as it sees them now: open provider, limits, suspension.

A failure of the site suspends it with backoff; no file's `tries` grows for it (DESIGN §5).
"""

from __future__ import annotations

import random
import time
from collections.abc import (
    AsyncGenerator,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import (
    AsyncExitStack,
    asynccontextmanager,
)
from dataclasses import dataclass, field
from typing import cast

import anyio
import structlog

from providers.base import Marker, Provider, SiteError
from providers.services import CopyingProvider
from reactor.backoff import SITE_RETRY
from reactor.border.contained import Contained
from reactor.border.errors import Terms
from reactor.model import Policy, Work
from reactor.sourcing import Candidate, Choice, Way, Ways, best_first

log = structlog.stdlib.get_logger()

_TRY_SECONDS = 15.0  # beyond a timeout, until what came of a try is known


class Throttle:
    """
    Lets so many bytes a second pass, over all who share it; None lets all pass.

    What passes here has to pass `within`, too: the limit of all sites together.
    """

    def __init__(self, bytes_per_second: int | None, within: Throttle | None = None) -> None:
        self._rate = bytes_per_second
        self._within = within
        self._free_at = 0.0

    @property
    def is_limited(self) -> bool:
        """Return whether anything is ever held up."""
        return self._rate is not None or (self._within is not None and self._within.is_limited)

    async def passing(self, size: int) -> None:
        """Return when `size` more bytes may pass."""
        if self._within is not None:
            await self._within.passing(size)
        if self._rate is not None:
            now = time.monotonic()
            start = max(self._free_at, now)
            self._free_at = start + size / self._rate
            await anyio.sleep(start - now)


@dataclass(slots=True)
class Suspension:
    """Why a site rests, and until when (monotonic seconds)."""

    kind: str
    reason: str
    until: float
    failures: int


@dataclass(slots=True)
class Site:
    """
    One reachable site: its provider, transfers at once, bytes a second, and how it is.

    `make` makes a provider; `limit` is of transfers at once, None leaves it to the provider.
    `roots` are the names that its roots have in documents. Every `changes_interval` seconds it is
    asked what others did there, if its service tells that.
    """

    name: str
    make: Callable[[], Provider]
    throttle: Throttle
    limit: int | None = None
    label: str = ""
    own: bool = False
    trust_size: bool = False
    roots: tuple[str, ...] = ()
    policy: Policy = field(default_factory=Policy)
    changes_interval: float = 20.0
    suspension: Suspension | None = None
    terms: Terms = field(default_factory=Terms)
    provider: Contained = field(init=False)
    transfers: int = field(init=False)
    slots: anyio.CapacityLimiter = field(init=False)
    is_open: bool = field(default=False, init=False)
    _opening: anyio.Lock = field(default_factory=anyio.Lock, init=False)

    def __post_init__(self) -> None:
        self.provider = Contained(self.make, self.name, self.terms)
        self.label = self.label or self.name
        self.transfers = self.limit or self.provider.features.transfers
        self.slots = anyio.CapacityLimiter(self.transfers)

    async def open(self) -> None:
        """Enter the provider, once: a site that is out of reach now may be there later."""
        async with self._opening:
            if not self.is_open:
                await self.provider.__aenter__()
                self.is_open = True
                self.transfers = self.limit or self.provider.features.transfers
                self.slots.total_tokens = self.transfers

    async def close(self) -> None:
        """Leave the provider."""
        if self.is_open:
            self.is_open = False
            await self.provider.__aexit__(None, None, None)

    def resting_until(self, now: float) -> float | None:
        """Return until when the site is suspended, or None where it may be tried."""
        if self.suspension is None or self.suspension.until <= now:
            return None
        return self.suspension.until

    def in_trouble(self, now: float) -> Suspension | None:
        """Return why it rests, or has just rested: until it serves, or time is up for the next try."""
        if self.suspension is None:
            return None
        tried_until = self.suspension.until + self.terms.timeout + _TRY_SECONDS
        return self.suspension if now < tried_until else None

    def suspend(self, error: SiteError, now: float) -> Suspension:
        """Rest after a failure of the site as a whole, longer each time in a row."""
        before = self.suspension
        if before is not None and before.until > now:
            return before  # others that ran at the same time met the same failure
        failures = 1 + (before.failures if before else 0)
        wait = error.retry_after or SITE_RETRY.delay(failures, random.random())  # noqa: S311 - jitter
        self.suspension = Suspension(error.kind, str(error), now + wait, failures)
        return self.suspension

    def recovered(self) -> None:
        """Forget the suspension: the site has served."""
        self.suspension = None

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[None]:
        """
        Hold one of the site's transfers as their source, for a file that comes to the own site.

        Not at the own site itself: as a destination it has its own limit, and who waits for
        that holds nothing yet. Between two remote sites, `seats` are held.
        """
        if self.own:
            yield
        else:
            async with self.slots:
                yield

    async def marker(self, root: str) -> Marker:
        """Return a root's marker; without one the site is not served (DESIGN §9)."""
        await self.open()
        marker = await self.provider.marker(root)
        if marker is None:
            error = SiteError(
                "marker",
                f"site {self.name!r} has no marker in its root {root or 'root'!r}: if the right "
                f"disk is mounted there, run `sitesync site init {self.name}` once",
            )
            error.site = self.name
            raise error
        return marker


@asynccontextmanager
async def seats(*sites: Site) -> AsyncGenerator[None]:
    """
    Hold one transfer of each site.

    All who need several take them in one order, the own site's first: so what somebody waits for
    is held by nobody who waits for what that one holds.
    """
    async with AsyncExitStack() as held:
        for site in sorted(sites, key=lambda site: (not site.own, site.label)):
            await held.enter_async_context(site.slots)
        yield


class Sites:
    """
    All sites that this process reaches, by project: a project may override any of them.

    Projects that say nothing of their own share one `Site`, its limits and its suspension.
    `label` names a `Site` for people and for the queue: `vendor`, or `vendor@Bunny`. `ways` is
    what was seen of how files go from one to another.
    """

    def __init__(
        self, shared: Mapping[str, Site], overridden: Mapping[tuple[str, str], Site | None]
    ) -> None:
        self._shared = dict(shared)
        self._overridden = dict(overridden)  # None: that project cannot use the shared one
        sites = (*shared.values(), *(site for site in overridden.values() if site))
        self._by_label = {site.label: site for site in sites}
        self.ways = Ways()

    def __iter__(self) -> Iterator[Site]:
        return iter(self._by_label.values())

    def of(self, project: str, name: str) -> Site:
        """Return a site as one project sees it; KeyError where this process reaches none."""
        site = self.find(project, name)
        if site is None:
            raise KeyError(name)
        return site

    def find(self, project: str, name: str) -> Site | None:
        """Return a site as one project sees it, or None."""
        if (project, name) in self._overridden:
            return self._overridden[project, name]
        return self._shared.get(name)

    def labelled(self, label: str) -> Site | None:
        """Return the site of a label."""
        return self._by_label.get(label)

    def sources(self, work: Work, names: Sequence[str], size: int, begun: str = "") -> list[Choice]:
        """
        Return the sites to bring a file from, the best one first.

        `names` are in the order of the settings; from `begun` part of it has been staged.
        """
        now = time.monotonic()
        destination = self.of(work.project, work.site)

        def seen(name: str, source: Site) -> Candidate:
            return Candidate(
                name,
                disk=source.own or source.provider.features.local_paths,
                copies=service_copies(source, destination),
                begun=name == begun,
                rate=self.ways.rate((source.label, destination.label), now),
                doubtful=bool(source.resting_until(now)) or self.ways.has_failed(work, name),
            )

        return best_first([seen(name, self.of(work.project, name)) for name in names], size)

    def ways_known(self) -> list[Way]:
        """Return the ways between sites of which this process knows more than that they are there."""
        rates = self.ways.rates(time.monotonic())
        return [
            Way(source.label, to.label, rates.get((source.label, to.label)), copies)
            for source in self
            for to in self
            if (copies := source is not to and service_copies(source, to))
            or (source.label, to.label) in rates
        ]

    def suspend(self, site: Site, error: SiteError) -> float:
        """Let a site rest, and return until when (monotonic seconds)."""
        now, before = time.monotonic(), site.suspension
        suspension = site.suspend(error, now)
        if suspension is not before:
            log.warning(
                "site suspended",
                site=site.label,
                kind=suspension.kind,
                why=suspension.reason,
                retry_in=round(suspension.until - now, 1),
            )
        return suspension.until


def service_copies(source: Site, destination: Site) -> bool:
    """Return whether the destination's service copies the source's files by itself."""
    are_open = source.is_open and destination.is_open
    if not are_open or not destination.provider.features.copies:
        return False
    return cast("CopyingProvider", destination.provider).copies_from(source.provider)
