"""
What the database refuses, and would refuse each time: told apart from what passes.

Where a server is away, steps down or is busy, asking again helps. A document that is too large, a
value that cannot be written, a collection that may not be read: there it never does, and whoever
asked for many at once has to find the one, and go on with the others.
"""

from __future__ import annotations

from typing import Any

from bson.errors import BSONError
from pymongo.errors import BulkWriteError, ExecutionTimeout, OperationFailure, WTimeoutError

REFUSALS = (OperationFailure, BSONError, OverflowError)

# By MongoDB's error_codes.yml: elections, shutdowns, networks, conflicts, limits of time, Atlas.
_PASSING = frozenset(
    {6, 7, 24, 43, 50, 64, 79, 89, 91, 112, 134, 175, 189, 202, 234, 237, 262, 290, 317, 358, 384}
    | {8000, 9001, 10107, 11600, 11601, 11602, 13435, 13436}
)
_LABELS = (
    "RetryableWriteError",
    "RetryableReadError",
    "TransientTransactionError",
    "UnknownTransactionCommitResult",
)


def is_refusal(error: Exception) -> bool:
    """Return whether asking the same again cannot help."""
    if not isinstance(error, OperationFailure):
        return isinstance(error, BSONError | OverflowError)
    if isinstance(error, ExecutionTimeout | WTimeoutError):
        return False
    if any(error.has_error_label(label) for label in _LABELS):
        return False
    if isinstance(error, BulkWriteError):
        return bool(write_errors(error))
    return error.code not in _PASSING


def write_errors(error: BulkWriteError) -> list[dict[str, Any]]:
    """Return what was refused of many writes."""
    found: list[dict[str, Any]] = [*(error.details or {}).get("writeErrors", ())]
    return found


def refused_document(error: Exception) -> object:
    """Return the `_id` of the document that refuses a write; None where that is not told."""
    if isinstance(error, BulkWriteError) and (problems := write_errors(error)):
        return problems[0]["op"]["q"].get("_id")
    return None


def why(error: Exception) -> str:
    """Return what the database says, without what differs each time."""
    if isinstance(error, BulkWriteError) and (problems := write_errors(error)):
        return str(problems[0]["errmsg"])[:200]
    return str(error).partition(", full error:")[0][:200]
