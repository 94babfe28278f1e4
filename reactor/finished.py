"""A transfer that has come to its end, who is told, and the one line that is said of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from providers.base import Facts, FileError, SiteError
from reactor.claims import Claim
from reactor.jobs import Job
from reactor.outcomes import AlreadyRight, Outcome, ProvedWrong, Staged
from reactor.progress import Progress

log = structlog.stdlib.get_logger()


@dataclass(slots=True)
class Finished:
    """A transfer whose bytes are staged, proved, or not to be had; `facts` once published."""

    job: Job
    claim: Claim
    progress: Progress
    result: Outcome | FileError
    facts: Facts | None = None

    @property
    def outcome(self) -> str:
        """Return the word for the log: available, right, wrong or failed."""
        match self.result:
            case Staged():
                return "available"
            case AlreadyRight():
                return "right"
            case ProvedWrong():
                return "wrong"
            case FileError():
                return "failed"


class Listener(Protocol):
    """Who is told what became of a transfer, once its claim has ended."""

    @property
    def running(self) -> int:
        """How many transfers have begun and have not ended."""
        ...

    def ended(self, finished: Finished) -> None:
        """Take note that it was recorded, or that its claim was lost to another process."""
        ...

    async def site_failed(self, finished: Finished, error: SiteError) -> None:
        """Take note that the site failed while publishing; the claim stands."""
        ...


def line_of(finished: Finished) -> dict[str, Any]:
    """Return the canonical line of a finished transfer, for the log and the attempts."""
    job, result = finished.job, finished.result
    line: dict[str, Any] = {
        "outcome": finished.outcome,
        "project": job.work.project,
        "site": job.work.site,
        "path": job.work.path,
        "source": finished.progress.source or None,
        "how": finished.progress.how,
        "chosen": finished.progress.chosen or None,
        "bytes": finished.progress.size,
        "sent": finished.progress.sent,
        "ms": round((time.monotonic() - finished.progress.started) * 1000, 1),
    }
    if isinstance(result, Staged | AlreadyRight):
        line["verified"] = result.proof.verified
    elif isinstance(result, ProvedWrong):
        line["error"] = result.reason
    else:
        line["error"] = str(result)
    return line


def tell(finished: Finished) -> None:
    """Log the canonical line of a finished transfer."""
    line = line_of(finished)
    if "error" in line:
        log.warning("transfer", **line)
    else:
        log.info("transfer", **line)
