"""`sitesync validate`: what it takes, and how it ends."""

from __future__ import annotations

import sys

from reactor.cli.commands import command
from reactor.cli.garbage import collect_garbage_less_often
from reactor.cli.shell import Shell, pass_shell, print_json, run_async
from reactor.cli.validate.asked import Asked, asking
from reactor.cli.validate.full_pass import carry_out
from reactor.cli.validate.report import exit_code, report_json, show


@command("validate")
@asking
@pass_shell
def validate(shell: Shell, asked: Asked, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """
    Hold a site against the documents, both ways: its folders are listed, and compared.

    A file that is there and proved, and not marked, is marked as available. One that is marked
    and is gone, or has another size, is dealt with as the site's on_missing says: "restore"
    brings it back, "forget" lets it be gone, "report" only tells it. Files that no document
    knows are listed. Begin with --dry-run.

    With --checksum the bytes are read and held against known checksums: that tells rot (other
    bytes of the same size) from truncation.

    More files gone than the site's deletion_limit look like a disk that lost its folders: then
    nothing is reset without --confirm-removals. Interrupted, the same command goes on where it
    was, within a day.

    Exit code 0: all is right now. 1: something differs or failed. 2: wrong use or settings.

    \b
    sitesync validate --site studio --dry-run               what would be done
    sitesync validate --site vendor --project Bunny         one project
    sitesync validate --site archive --checksum --json      proved, for a script
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    collect_garbage_less_often()
    settings = shell.settings()
    outcome = run_async(lambda: carry_out(settings, asked))
    print_json(report_json(outcome)) if as_json else show(outcome)
    sys.exit(exit_code(outcome))
