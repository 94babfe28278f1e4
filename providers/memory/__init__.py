"""A site in this process's memory: a provider like any other, on no disk and no network."""

from __future__ import annotations

from pathlib import Path

from providers.base import Kind
from providers.memory.provider import Memory, MemoryOptions

__all__ = ["KIND", "Memory", "MemoryOptions"]

KIND = Kind("memory", MemoryOptions, Memory, icon=Path(__file__).with_name("icon.png"))
