"""`sitesync doctor --end-claim`: end what no lease ends, when its process is gone."""

from __future__ import annotations

import click
from pymongo.asynchronous.database import AsyncDatabase

from config.models import Settings
from reactor.claims import Claim, Claims, Place
from reactor.cli.checks.reactors import claim_text
from reactor.cli.compose import open_database
from reactor.cli.shell import confirm, fail, print_json
from reactor.presence import Document, Presence, SeenClaim, SeenReactor, read_presence
from reactor.registry import Registry, host


async def end_claim(settings: Settings, claim_id: str, *, sure: bool, as_json: bool) -> None:
    """
    End one claim, after showing it; whoever comes next goes on from what it left.

    Refused while its process may still act. Whoever is not `sure` is asked, on a terminal.
    """
    async with open_database(settings) as client:
        state = client[settings.mongo.state_database]
        presence = await read_presence(state)
        claim = _found(presence, claim_id)
        await _refuse_if_alive(claim, presence, Registry(state, settings.machine.site_id))
        click.echo(f"claim {claim_text(claim, presence)}", err=True)
        if not sure:
            confirm(
                "Is its process gone for good, so that it can never go on where it was?",
                hint="add --yes if its process is gone for good",
                otherwise="the claim stands",
            )
        await _end(state, claim)
    if as_json:
        print_json({"ended": claim.id, "project": claim.project, "path": claim.path})
    else:
        click.echo(f"claim {claim.id} is ended: the next reactor that wants this place takes it")


def _found(presence: Presence, claim_id: str) -> SeenClaim:
    named = [claim for claim in presence.claims if claim.process and claim.id == claim_id]
    if not named:
        fail(f"there is no claim {claim_id!r}; it may have ended by itself: see `sitesync doctor`")
    return named[0]


async def _refuse_if_alive(claim: SeenClaim, presence: Presence, registry: Registry) -> None:
    owner = next((one for one in presence.reactors if one.process == claim.process), None)
    if owner is None:
        return
    if owner.is_alive or (owner.place == host() and owner.process not in await registry.dead()):
        fail(
            f"claim {claim.id} is that of a running process: pid {owner.pid} on {owner.host}, "
            f"{_seen(owner)}. End that process first; its claim goes with it"
        )


def _seen(owner: SeenReactor) -> str:
    return "seen lately" if owner.is_alive else "which does not answer but is there"


async def _end(state: AsyncDatabase[Document], claim: SeenClaim) -> None:
    place = Place(claim.key, claim.project, claim.site, root="", path="")
    await Claims(state["claims"], process="").give_up([Claim(place, claim.id)])
