"""Amounts as people read them."""

from __future__ import annotations

from rich.filesize import decimal

from reactor.presence import Amount


def files_text(count: int) -> str:
    """Return a number of files: "1 file", "12 files"."""
    return "1 file" if count == 1 else f"{count} files"


def rate_text(rate: int) -> str:
    """Return bytes per second: "12.0 MB/s"."""
    return f"{decimal(rate)}/s"


def duration_text(seconds: float) -> str:
    """Return a duration with at most two units: "12 s", "3 min 5 s", "2 h 5 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def progress_text(amount: Amount) -> str:
    """Return how far a transfer is: "42 % 12.0 MB/s ETA 3 min 5 s"."""
    parts = [f"{min(100, 100 * amount.done // max(1, amount.size))} %"]
    if amount.eta is not None:
        parts += [rate_text(amount.rate), "ETA", duration_text(amount.eta)]
    return " ".join(parts)
