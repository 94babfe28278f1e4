"""The handlers, written out, in the order in which they are asked."""

from collections.abc import Callable, Iterable

from handlers.flaws import report_flaws
from handlers.missing_entries import add_missing_entries
from handlers.old_shape import migrate_sites
from handlers.staleness import reset_stale_entries
from handlers.transfers import request_transfers
from handlers.unserved import tell_unserved
from reactor.commands import Command
from reactor.events import ChangeEvent
from reactor.model import Topology

Handler = Callable[[ChangeEvent, Topology], Iterable[Command]]

HANDLERS: tuple[Handler, ...] = (
    report_flaws,
    migrate_sites,
    reset_stale_entries,
    add_missing_entries,
    request_transfers,
    tell_unserved,
)
