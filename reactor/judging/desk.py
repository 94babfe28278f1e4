"""Where documents and claims are read and written: what every judge of bytes needs together."""

from __future__ import annotations

from dataclasses import dataclass

from reactor.claims import Claims
from reactor.clock import DatabaseClock
from reactor.reader import Reader
from reactor.recorder import Recorder


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts of one process that speak to MongoDB."""

    reader: Reader
    recorder: Recorder
    claims: Claims
    clock: DatabaseClock
