"""The suite, put together from its parts."""

from __future__ import annotations

from providers.conformance.cancelling import CancellationConformance
from providers.conformance.content import ContentConformance
from providers.conformance.features import FeatureConformance
from providers.conformance.folders import FolderConformance
from providers.conformance.large import LargeConformance
from providers.conformance.names import NameConformance
from providers.conformance.pauses import PauseConformance
from providers.conformance.pressure import PressureConformance
from providers.conformance.roots import RootConformance
from providers.conformance.services import ChangeConformance, CopyConformance
from providers.conformance.staging import StagingConformance
from providers.conformance.trouble import ServerConformance, TroubleConformance

__all__ = [
    "ChangeConformance",
    "CopyConformance",
    "FolderConformance",
    "LargeConformance",
    "ProviderConformance",
    "ServerConformance",
]


class ProviderConformance(
    CancellationConformance,
    ContentConformance,
    FeatureConformance,
    NameConformance,
    PauseConformance,
    PressureConformance,
    RootConformance,
    StagingConformance,
    TroubleConformance,
):
    """All that holds for every provider, whatever it stores its bytes in."""
