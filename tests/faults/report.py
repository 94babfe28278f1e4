"""What came of a campaign, for people."""

from __future__ import annotations

from collections.abc import Mapping

from tests.faults.campaign import Result

_MOST = 30


def told(result: Result) -> str:
    """Return the result of one campaign as lines of text."""
    order = result.order
    extra = result.carried - result.needed
    lines = [
        f"seed {order.seed}, {order.seconds / 60:.1f} minutes, {order.reactors} reactors",
        f"faults: {_counted(result.struck)}",
        f"  found nothing to strike: {_counted(result.missed)}",
        f"  kills at a step: {_counted(result.steps)}",
        f"publishers: {_counted(result.published)}",
        f"published: {result.files:,} files, {result.bytes / 1e6:,.0f} MB",
        f"transfers recorded: {result.transfers:,}",
        f"over the SFTP line: {result.carried / 1e6:,.1f} MB, "
        f"{extra / 1e6:,.1f} MB more than recorded transfers needed",
        f"judged while running: {result.looks:,} available entries; at the end: "
        f"{result.judged:,} entries, {result.judged_bytes / 1e6:,.0f} MB read",
        f"settled in {result.settled:.1f} s after the last fault, with {result.backlog:,} wanted "
        f"(allowed, at the {result.rate:.0f} a second of before the faults: {result.allowed:.0f} s)",
        f"reactors killed {result.kills} times, ended with {result.exit_codes}; "
        f"{result.crashes} ended by themselves",
        *(f"trouble: {trouble}" for trouble in result.trouble[:_MOST]),
        f"violations: {len(result.violations)}",
        *result.violations[:_MOST],
    ]
    return "\n".join(lines)


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())) or "none"
