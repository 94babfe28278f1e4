"""Settings of a site on a disk or a mounted share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LocalDriveOptions(BaseModel):
    """What a site of provider `local_drive` may say beside its roots."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    transfers: int = Field(default=8, ge=1, description="files copied at once")
