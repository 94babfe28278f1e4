"""What an S3 server says instead of doing something, before anybody has judged it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import NoReturn

# What an answer without a body means: HEAD has none.
_PLAIN = {
    301: "PermanentRedirect",
    403: "AccessDenied",
    404: "NoSuchKey",
    412: "PreconditionFailed",
    416: "InvalidRange",
}


class RefusedError(Exception):
    """An error of S3: its status and code, as the server gave them."""

    def __init__(self, status: int, code: str, message: str, headers: Mapping[str, str]) -> None:
        super().__init__(f"{code or status}: {message}" if message else code or str(status))
        self.status = status
        self.code = code
        self.message = message
        self.region = headers.get("x-amz-bucket-region")
        self.retry_after = _seconds(headers.get("Retry-After"))
        self.repeated = False  # whether an earlier try got no clear answer


class NoAnswerError(Exception):
    """A request that nobody answered, so far as we know: it may have been carried out."""


def parsed(text: bytes) -> ET.Element | None:
    """Return a document with plain names, or None where it is none."""
    try:
        # A hostile server can only hurt its own site: expat itself bounds what entities grow to.
        root = ET.fromstring(text)  # noqa: S314 - see above
    except ET.ParseError:
        return None
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
    return root


def refuse(status: int, headers: Mapping[str, str], body: bytes) -> NoReturn:
    """Raise what an answer refuses; of its body only code and message are kept."""
    root = parsed(body)
    told = root is not None and root.tag == "Error"
    code = root.findtext("Code", "") if root is not None and told else _PLAIN.get(status, "")
    message = root.findtext("Message", "") if root is not None and told else ""
    raise RefusedError(status, code, " ".join(message.split())[:200], headers)


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
