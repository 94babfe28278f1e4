"""Sites: each is opened, its markers are read, and something is staged there and revoked."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

import anyio
from rich.filesize import decimal

from providers.base import Features, Handle, Location, Marker, ProviderError, SiteError
from reactor.cli.checks.finding import Finding, ok, problem, warning
from reactor.sites import Site, Sites

_CLEAN_UP_SECONDS = 10.0
_LITTLE = 50  # of so many parts, less than one is left
_TRIED_BYTES = b"sitesync doctor was here; this file can be removed\n"


@dataclass(slots=True)
class SiteReport:
    """What was found at one site, and the markers of its roots that could be read."""

    label: str
    findings: list[Finding] = field(default_factory=list[Finding])
    markers: dict[str, Marker] = field(default_factory=dict[str, Marker])


async def check_sites(sites: Sites) -> list[SiteReport]:
    """Return a report for each site; all are asked at the same time."""
    checked = [(site, SiteReport(site.label)) for site in sites]
    async with anyio.create_task_group() as together:
        for site, report in checked:
            together.start_soon(_check_site, site, report)
    return [report for _, report in checked]


async def _check_site(site: Site, report: SiteReport) -> None:
    about = f"site {site.label}"
    try:
        await site.open()
        for root in site.roots:
            report.findings.append(await _check_root(site, root, report))
    except ProviderError as error:
        report.findings.append(problem(about, _told(error)))
        return
    if all(finding.level == "ok" for finding in report.findings):
        report.findings += _surprises(about, site.provider.features)


async def _check_root(site: Site, root: str, report: SiteReport) -> Finding:
    about = f"site {site.label}"
    named = f"root {root!r}" if root else "its root"
    marker = await site.provider.marker(root)
    if marker is None:
        return problem(
            about,
            f"{named} has no marker; nothing is sent there",
            f"see that the right disk is there, then once run: sitesync site init {site.name}",
        )
    report.markers[root] = marker
    try:
        await _try_to_stage(site, root)
    except ProviderError as error:
        return problem(about, f"{named} cannot be written: {_told(error)}")
    text = f"{named} is reachable, marked and writable; {_proof(site.provider.features)}"
    space = await site.provider.space(root) if site.provider.features.space else None
    if space is None:
        return ok(about, text)
    room = f"{decimal(space.free)} of {decimal(space.total)} are free"
    if space.free * _LITTLE < space.total or not space.free:
        return warning(about, f"{text}; but only {room}", "free some room there, or buy more")
    return ok(about, f"{text}; {room}")


async def _try_to_stage(site: Site, root: str) -> None:
    """Stage a tiny file and revoke it; it is never published."""
    claim = secrets.token_hex(8)
    where = Location(root, "sitesync-doctor")
    handle = Handle(where, claim)
    try:
        handle = await site.provider.stage(where, claim, len(_TRIED_BYTES))
        async with site.provider.write(handle) as sink:
            await sink.write(_TRIED_BYTES)
            await sink.flush()
    finally:
        with anyio.move_on_after(_CLEAN_UP_SECONDS, shield=True):
            await site.provider.revoke(handle)


def _told(error: ProviderError) -> str:
    return f"{error.kind}: {error}" if isinstance(error, SiteError) else str(error)


def _proof(features: Features) -> str:
    if features.checksums or features.read_back:
        return "what arrives is verified by checksum"
    return "what arrives is verified by size only"


def _surprises(about: str, features: Features) -> list[Finding]:
    """Return what this site cannot do and others can."""
    found: list[Finding] = []
    if not features.atomic_replace:
        text = "it cannot replace a file in one step: a replaced file is away for a moment"
        found.append(warning(about, text))
    if not features.durable:
        text = "it does not tell when bytes are safe on its disk: a power cut there may lose some"
        found.append(warning(about, text))
    return found
