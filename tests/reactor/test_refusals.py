"""What the database refuses for good, and what passes."""

from __future__ import annotations

import pytest
from bson.errors import InvalidBSON
from pymongo.errors import (
    AutoReconnect,
    BulkWriteError,
    DocumentTooLarge,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
)

from reactor.refusals import is_refusal, refused_document, why

_CONFLICT = {"errorLabels": ["TransientTransactionError"]}
_REFUSED = {"writeErrors": [{"op": {"q": {"_id": 7}}, "errmsg": "too large", "index": 0}]}


@pytest.mark.parametrize(
    "error",
    [
        OperationFailure("not authorized", 13),
        OperationFailure("BSONObj size", 10334),
        OperationFailure("regex", 51156),
        BulkWriteError(_REFUSED),
        DocumentTooLarge("too large"),
        InvalidBSON("no text"),
        OverflowError("8-byte ints"),
    ],
)
def test_what_would_be_refused_again(error: Exception) -> None:
    assert is_refusal(error)


@pytest.mark.parametrize(
    "error",
    [
        AutoReconnect("gone"),
        NotPrimaryError("stepped down"),
        ExecutionTimeout("slow", 50),
        OperationFailure("cursor", 43),
        OperationFailure("conflict", 112, _CONFLICT),
        OperationFailure("unknown", 1, {"errorLabels": ["RetryableWriteError"]}),
        OperationFailure("shutting down", 11600),
        BulkWriteError({"writeErrors": [], "writeConcernErrors": [{"code": 64}]}),
        ValueError("ours"),
    ],
)
def test_what_passes(error: Exception) -> None:
    assert not is_refusal(error)


def test_of_many_writes_the_refusing_document_is_told_and_why() -> None:
    assert refused_document(BulkWriteError(_REFUSED)) == 7
    assert refused_document(OperationFailure("not authorized", 13)) is None
    assert why(BulkWriteError(_REFUSED)) == "too large"
    assert why(OperationFailure("no", 13, {"ok": 0, "at": 5})) == "no"
