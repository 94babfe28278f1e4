"""Recorded campaigns: their figures in a file, and the page that these add up to."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faults.campaign import Result
from tests.faults.faults import impossible
from tests.faults.large import Resent

RECORDED = Path(__file__).with_name("recorded.json")
_LARGE = Path(__file__).with_name("recorded_large.json")
PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
_TEXT = Path(__file__).with_name("reliability.md.in")

Run = dict[str, Any]


def record(result: Result) -> None:
    """Add one campaign's figures to the file, and write the page anew."""
    figures = asdict(result)
    figures["order"]["only"] = sorted(result.order.only)
    figures["impossible"] = impossible(as_root=result.order.as_root)
    _add(RECORDED, [figures])


def record_large(measured: Sequence[Resent]) -> None:
    """Add what kills during large transfers cost, and write the page anew."""
    _add(_LARGE, [asdict(each) for each in measured])


def page() -> str:
    """Return docs/reliability.md: what stands in its text, with the figures that were recorded."""
    text, runs, large = _TEXT.read_text(), _read(RECORDED), _read(_LARGE)
    parts = {"CAMPAIGN": _totals(runs), "FAULTS": _faults(runs), "RUNS": _runs(runs)}
    parts["LARGE"] = _resent(large)
    for name, part in parts.items():
        text = text.replace(f"@{name}@", part)
    return text


def _add(file: Path, figures: Sequence[Run]) -> None:
    file.write_text(json.dumps([*_read(file), *figures], indent=1) + "\n")
    PAGE.write_text(page())


def _read(file: Path) -> list[Run]:
    found: list[Run] = json.loads(file.read_text()) if file.exists() else []
    return found


def _resent(large: Sequence[Run]) -> str:
    rows = {
        f"1 GiB to {site}, {len(again)} kills": f"{max(again) / 2**20:.1f} MiB, "
        f"{sum(again) / len(again) / 2**20:.1f} MiB"
        for site in sorted({run["site"] for run in large})
        if (again := [run["again"] for run in large if run["site"] == site])
    }
    return _table(("", "sent again after a kill: at most, on average"), rows)


def _totals(runs: Sequence[Run]) -> str:
    def added(key: str) -> int:
        return sum(run[key] for run in runs)

    if not runs:
        return ""
    extra = sum(run["carried"] - run["needed"] for run in runs)
    servers = ("kill the primary", "kill the sshd", "kill the Drive")
    killed = sum(run["struck"].get(kind, 0) for run in runs for kind in servers)
    minutes = sum(run["order"]["seconds"] for run in runs) / 60
    slowest = max(runs, key=lambda run: float(run["settled"]))
    bounded = [run["settled"] / run["allowed"] for run in runs if "rate" in run]
    rows = {
        "campaigns, minutes of faults": f"{len(runs)}, {minutes:.0f}",
        "reactors killed, whatever for; servers killed": f"{added('kills'):,}; {killed:,}",
        "files published (republished ones each time)": f"{added('files'):,}",
        "bytes published": f"{added('bytes') / 1e6:,.0f} MB",
        "transfers recorded": f"{added('transfers'):,}",
        "available entries judged while things ran": f"{added('looks'):,}",
        "available entries judged at the end": f"{added('judged'):,}",
        "bytes read by the judge at the end": f"{added('judged_bytes') / 1e6:,.0f} MB",
        "bytes over the SFTP line beyond those of recorded transfers (SSH itself, and what "
        "was sent again)": f"{extra / 1e6:,.1f} of {added('carried') / 1e6:,.1f} MB",
        "longest time to settle after the last fault": f"{slowest['settled']:.0f} s, with "
        f"{slowest['backlog']:,} wanted: {slowest['backlog'] / slowest['settled']:.0f} a second",
        "time to settle, of twice the lease and the backlog at the rate before the faults": "at most "
        f"{max(bounded, default=0):.0%}, in {len(bounded)} campaigns",
        "reactors that ended by themselves": f"{added('crashes')}",
        "**violations**": f"**{sum(len(run['violations']) for run in runs)}**",
    }
    return _table(("", "in all"), rows)


def _faults(runs: Sequence[Run]) -> str:
    struck = _counted(runs, lambda run: run["struck"])
    steps = _counted(runs, lambda run: run["steps"])
    rows = {kind: f"{count:,}" for kind, count in sorted(struck.items())}
    rows |= {f"– at *{step}*": f"{count:,}" for step, count in sorted(steps.items())}
    rows |= {kind: why for run in runs for kind, why in run["impossible"].items()}
    return _table(("fault", "times"), rows)


def _runs(runs: Sequence[Run]) -> str:
    rows = {
        f"`{_command(run['order'])}`": f"{run['files']:,} files, "
        f"{sum(run['struck'].values()):,} faults: {len(run['violations'])} violations"
        for run in runs
    }
    return _table(("run, as it is carried out again", ""), rows)


def _command(order: Run) -> str:
    options = {
        "minutes": order["seconds"] / 60,
        "pace": order["pace"],
        "reactors": order["reactors"],
        "publishers": order["publishers"],
        "burst": order["burst"],
    }
    told = " ".join(f"--{name} {value:g}" for name, value in options.items() if value)
    return f'make chaos SEED={order["seed"]} ARGS="{told}"'


def _counted(runs: Sequence[Run], of: Callable[[Run], dict[str, int]]) -> Counter[str]:
    found: Counter[str] = Counter()
    for run in runs:
        found.update(of(run))
    return found


def _table(head: tuple[str, str], rows: dict[str, str]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    return "\n".join([*lines, *(f"| {key} | {value} |" for key, value in rows.items())])
