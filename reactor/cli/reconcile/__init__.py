"""`sitesync reconcile`: one full pass, from the command line."""

from reactor.cli.reconcile.command import reconcile

__all__ = ["reconcile"]
