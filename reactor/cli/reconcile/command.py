"""`sitesync reconcile`: looks at everything once, brings what is wanted, says what came of it."""

from __future__ import annotations

import sys

from reactor.cli.commands import command
from reactor.cli.garbage import collect_garbage_less_often
from reactor.cli.reconcile.dry_run import plan, plan_json, show_plan
from reactor.cli.reconcile.full_pass import carry_out
from reactor.cli.reconcile.summary import show_summary, summary_json
from reactor.cli.scopes import Asked
from reactor.cli.shell import (
    DONE,
    FAILED,
    Shell,
    pass_shell,
    print_json,
    run_async,
)


@command("reconcile")
@pass_shell
def reconcile(
    shell: Shell,
    projects: tuple[str, ...],
    sites: tuple[str, ...],
    dry_run: bool,  # noqa: FBT001 - a flag
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """
    Look at every document once, and bring what is wanted, as this machine's own site.

    It finds what no event told, mends entries, brings files, records them, and ends when
    there is nothing left to do now. It may run alone, from cron, or beside reactors: nothing
    is sent twice. With --site, only what is wanted at that site is brought.

    Exit code 0: every file is where it should be, or paused. 1: something has failed, or waits
    for a site or for another process. With --dry-run, 1 says that there is something to do.

    \b
    sitesync reconcile                      everything that this machine serves
    sitesync reconcile -p Bunny -s vendor   one project, one site
    sitesync reconcile --dry-run --json     the plan, for a script
    """  # noqa: D301 - click looks for this very character
    shell.logs(quiet=True)
    collect_garbage_less_often()
    settings, asked = shell.settings(), Asked(projects, sites)
    if dry_run:
        planned = run_async(lambda: plan(settings, asked))
        print_json(plan_json(planned)) if as_json else show_plan(planned)
        sys.exit(FAILED if planned.steps else DONE)
    done, code = run_async(lambda: carry_out(settings, asked))
    print_json(summary_json(done)) if as_json else show_summary(done)
    sys.exit(code or (DONE if done.is_complete else FAILED))
