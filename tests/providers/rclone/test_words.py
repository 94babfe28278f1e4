"""What services say through rclone, in rclone's own words, and what it means."""

from __future__ import annotations

import pytest

from providers.rclone.words import Meaning, meaning_of, seconds_to_wait

_SAID = {
    'didn\'t find section in config file ("dropbx")': Meaning.NO_REMOTE,
    'panic received: fatal error: Failed to load config file "/c": using RCLONE_CONFIG_PASS env '
    "password, unable to decrypt configuration": Meaning.LOCKED,
    'Failed to load config file "/c": could not parse line: [[': Meaning.UNREADABLE,
    'didn\'t find backend called "dropbocks"': Meaning.NO_BACKEND,
    "upload failed: too_many_write_operations/...": Meaning.RATE,
    "too_many_requests/.. Too many requests or write operations. Trying again in 15 seconds.": (
        Meaning.RATE
    ),
    "read metadata failed: slow: 429 Too Many Requests": Meaning.RATE,
    "googleapi: Error 403: User Rate Limit Exceeded, userRateLimitExceeded": Meaning.RATE,
    'HTTP error 429 (429 Too Many Requests) returned body: ""': Meaning.RATE,
    "SlowDown: Please reduce your request rate": Meaning.RATE,
    "upload failed: path/insufficient_space/..": Meaning.QUOTA,
    "googleapi: Error 403: The user's Drive storage quota has been exceeded.": Meaning.QUOTA,
    "Insufficient Storage: 507 Insufficient Storage": Meaning.QUOTA,
    "write /mnt/x: disk quota exceeded": Meaning.QUOTA,
    "preallocate: file too big for remaining disk space: no space left on device": Meaning.FULL,
    "open /mnt/x: read-only file system": Meaning.READ_ONLY,
    "http remotes are read only": Meaning.READ_ONLY,
    "couldn't list files: expired_access_token/..": Meaning.LOGIN,
    "couldn't fetch token: invalid_grant: maybe token expired? - try refreshing": Meaning.LOGIN,
    'failed to configure dropbox: empty token found - please run "rclone config reconnect d:"': (
        Meaning.LOGIN
    ),
    "read metadata failed: no: 401 Unauthorized": Meaning.LOGIN,
    "operation error S3: HeadObject, api error InvalidAccessKeyId: unknown": Meaning.LOGIN,
    "ssh: handshake failed: ssh: unable to authenticate, attempted methods [none]": Meaning.LOGIN,
    'Propfind "https://x": tls: failed to verify certificate: x509: unknown authority': (
        Meaning.CERTIFICATE
    ),
    'Propfind "http://127.0.0.1:1/": dial tcp 127.0.0.1:1: connect: connection refused': (
        Meaning.UNREACHABLE
    ),
    "dial tcp: lookup nowhere.example: no such host": Meaning.UNREACHABLE,
    "read tcp 1.2.3.4:5->6.7.8.9:443: i/o timeout": Meaning.UNREACHABLE,
    "unexpected EOF": Meaning.UNREACHABLE,
    "read metadata failed: oops: 500 Internal Server Error": Meaning.UNREACHABLE,
    "failed to find object: object not found": Meaning.MISSING,
    "error in ListJSON: directory not found": Meaning.MISSING,
    "open /mnt/xxx: file name too long": Meaning.NAME,
    "upload failed: path/malformed_path/..": Meaning.NAME,
    "is a directory not a file": Meaning.IN_THE_WAY,
    "mkdir /mnt/a/b: not a directory": Meaning.IN_THE_WAY,
    "413 Request Entity Too Large": Meaning.TOO_LARGE,
    "can't upload empty files to this remote": Meaning.EMPTY,
    "open /mnt/x: permission denied": Meaning.FORBIDDEN,
    "operation error S3: PutObject, api error AccessDenied: Access Denied": Meaning.FORBIDDEN,
    "read metadata failed: forbidden: 403 Forbidden": Meaning.FORBIDDEN,
    "copy mkParentDir failed: Locked: 423 Locked": Meaning.BUSY,
    "something that nobody has heard of": None,
}


@pytest.mark.parametrize("text", _SAID)
def test_what_is_said_means_what_is_to_be_done(text: str) -> None:
    assert meaning_of(text) is _SAID[text]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("quota exceeded/x.exr", "open /r/quota exceeded/x.exr: permission denied"),
        ("a/429 Too.exr", "open /r/a/429 Too.exr: permission denied"),
        ("read-only", "open /r/read-only: permission denied"),
        ("e", "open /r/e: permission denied"),
    ],
)
def test_the_names_of_files_mean_nothing(path: str, text: str) -> None:
    assert meaning_of(text, [path]) is Meaning.FORBIDDEN


def test_the_frames_of_a_sequence_are_no_status_of_http() -> None:
    assert meaning_of("open /r/x.0429.exr, x.429.exr and x 401: strange") is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("too_many_requests: trying again in 15 seconds", 15),
        ("try again in 1.5s", 1.5),
        ("Retry-After: 300", 300),
        ("retry after 500ms", 0.5),
        ("retry after 2m", 120),
        ("too_many_requests", None),
    ],
)
def test_a_service_may_say_how_long_it_wants_to_be_left_alone(
    text: str, seconds: float | None
) -> None:
    assert seconds_to_wait(text) == seconds
