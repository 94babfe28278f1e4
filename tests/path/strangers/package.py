"""
A package of a stranger's whose sites misbehave as their settings say; else each is a disk.

It stands for itself: one module, made of `Faulty` and of what follows.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from tests.packages import Packages
from tests.reactor.border import faulty

PASSWORD = "tr0ub4dor & co"
_MODULE = '''

import logging, sys, time
from dataclasses import replace

import anyio
from pydantic import BaseModel, SecretStr

from providers.base import Kind, Setup
from providers.local_drive import KIND as DISK


class Options(BaseModel):
    call: str = ""
    fault: str = ""
    password: SecretStr


class Talkative(Faulty):
    """Says its password whenever it is asked for anything."""

    secret = ""

    async def _do(self, call, act):
        print("doing", call, "with", self.secret)
        print("doing", call, "with", self.secret, file=sys.stderr)
        logging.getLogger("odd").warning("doing %s with %s", call, self.secret)
        return await super()._do(call, act)


def fault_of(name, secret):
    async def raises():
        raise RuntimeError(f"cannot log in with {secret}")

    async def hangs():
        await anyio.sleep_forever()

    async def blocks():
        time.sleep(600)

    async def lies():
        return 3

    async def tells_less():
        return [Facts(3)]

    async def floods():
        return bytes(1024)

    return locals()[name]


def make(setup):
    options = setup.options
    secret = options.password.get_secret_value()
    disk = DISK.make(Setup(setup.site, setup.roots, DISK.options()))
    provider = (Talkative if options.fault == "talks" else Faulty)(disk)
    provider.secret = secret
    if options.fault == "lies":
        provider.features = replace(disk.features, checksums=frozenset())
    if options.fault != "talks":
        provider.faults[options.call] = fault_of(options.fault, secret)
    if options.call == "make":
        coroutine = provider.faults["make"]()
        coroutine.send(None)
    return provider


KIND = Kind("odd", Options, make, api=1)
'''


def install(packages: Packages) -> None:
    """Install the package: its sites are of the kind `odd`."""
    path = Path(inspect.getfile(faulty))
    packages.install("sitesync-odd", path.read_text() + _MODULE, kind="odd")
