"""How often this process looks for cycles of objects that nobody needs."""

from __future__ import annotations

import gc


def collect_garbage_less_often() -> None:
    """Look for cycles a tenth as often: a burst makes many objects, and few cycles (a tenth faster)."""
    gc.set_threshold(50_000, 20, 20)
