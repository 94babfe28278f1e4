"""The suite, put together from its parts."""

from __future__ import annotations

from providers.conformance.content import ContentConformance
from providers.conformance.folders import FolderConformance
from providers.conformance.names import NameConformance
from providers.conformance.pressure import PressureConformance
from providers.conformance.roots import RootConformance
from providers.conformance.services import ChangeConformance, CopyConformance
from providers.conformance.staging import StagingConformance

__all__ = ["ChangeConformance", "CopyConformance", "FolderConformance", "ProviderConformance"]


class ProviderConformance(
    ContentConformance,
    NameConformance,
    PressureConformance,
    RootConformance,
    StagingConformance,
):
    """All that holds for every provider, whatever it stores its bytes in."""
