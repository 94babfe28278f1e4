"""Checksums of bytes that pass by, and which of them is computed first."""

from __future__ import annotations

import hashlib

from reactor.checksums import Hasher, best_algorithm, by_preference


async def test_a_stream_is_hashed_by_our_algorithm_and_by_those_that_were_asked_for() -> None:
    hasher = Hasher(["md5", "xxh128", "md5", None])

    await hasher.update(b"some ")
    await hasher.update(b"bytes")

    algorithms = {checksum.partition(":")[0] for checksum in hasher.checksums}
    assert algorithms == {"xxh128", "md5"}
    assert hasher.checksum("md5") == f"md5:{hashlib.md5(b'some bytes').hexdigest()}"
    assert hasher.size == 10


def test_the_fastest_algorithm_is_preferred() -> None:
    assert best_algorithm({"md5", "sha256", "quickxor"}) == "sha256"
    assert best_algorithm({"md5", "sha256", "blake2b"}) == "blake2b"
    assert best_algorithm({"quickxor"}) is None
    assert by_preference({"quickxor:1", "md5:2", "xxh128:3", "xxh128:0"}) == [
        "xxh128:0",
        "xxh128:3",
        "md5:2",
        "quickxor:1",
    ]
