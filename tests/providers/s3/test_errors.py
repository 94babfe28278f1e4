"""What servers refuse, as errors that say what to do; no secret in any of them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from providers.base import (
    ChangedFileError,
    FileError,
    MissingFileError,
    PermanentFileError,
    ProviderError,
    SiteError,
)
from providers.conformance.moves import at, content_at, payload, put, stage
from providers.s3 import requests
from providers.s3.provider import S3Provider
from providers.s3.refusals import NoAnswerError
from providers.s3.signing import FixedCredentials, Signing
from providers.s3.wire import Request, Wire
from tests.servers.faulty import Fault, Faulty, refusal
from tests.servers.processes import free_port
from tests.servers.s3 import SECRET_KEY, S3Server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""

    def at_once(_: int) -> float:
        return 0.0

    monkeypatch.setattr("providers.s3.wire._pause", at_once)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (404, "NoSuchBucket", ("settings", "make it, or correct bucket")),
        (403, "InvalidAccessKeyId", ("login", "access_key is not known")),
        (403, "SignatureDoesNotMatch", ("login", "secret_key does not belong")),
        (400, "ExpiredToken", ("login", "aws sso login")),
        (403, "RequestTimeTooSkewed", ("settings", "clock is wrong")),
        (403, "AllAccessDisabled", ("login", "ask its owner")),
        (403, "AccessDenied", ("read-only", "s3:PutObject")),
        (403, "QuotaExceeded", ("quota", "free some room")),
        (507, "XMinioStorageFull", ("full", "free some there")),
        (400, "KMS.DisabledException", ("settings", "the key that encrypts")),
        (501, "NotImplemented", ("settings", "lacks a request")),
        (500, "InternalError", ("unreachable", "an error of its own")),
        (503, "SlowDown", ("rate", "tried again later")),
        (400, "AuthorizationHeaderMalformed", ("settings", "correct region")),
    ],
)
async def test_a_failure_of_the_site_says_what_to_do(
    shaky: S3Provider, proxy: Faulty, status: int, code: str, told: tuple[str, str]
) -> None:
    kind, advice = told
    answers = [refusal(status, code) for _ in range(4)]
    proxy.faults += [Fault(lambda call: call.is_("POST"), answers=answer) for answer in answers]

    with pytest.raises(SiteError, match=advice) as raised:
        await stage(shaky, "file.exr", payload(1))

    assert raised.value.kind == kind
    assert SECRET_KEY not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (403, "AccessDenied", (PermanentFileError, "s3:GetObject")),
        (404, "NoSuchKey", (MissingFileError, "is not at")),
        (412, "PreconditionFailed", (ChangedFileError, "changed")),
        (400, "KeyTooLongError", (PermanentFileError, "rename the file")),
        (400, "SomethingNew", (FileError, "SomethingNew: in short")),
    ],
)
async def test_a_failure_of_a_file_is_the_files_alone(
    shaky: S3Provider,
    proxy: Faulty,
    status: int,
    code: str,
    told: tuple[type[ProviderError], str],
) -> None:
    error, advice = told
    await put(shaky, "file.exr", b"x")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=refusal(status, code)))

    with pytest.raises(error, match=advice):
        await content_at(shaky, "file.exr")


async def test_a_service_that_asks_for_fewer_requests_says_when(
    shaky: S3Provider, proxy: Faulty
) -> None:
    answers = [refusal(503, "SlowDown", Retry_After="0") for _ in range(3)]
    answers.append(refusal(503, "SlowDown", Retry_After="7"))
    proxy.faults += [Fault(lambda call: call.is_("POST"), answers=answer) for answer in answers]

    with pytest.raises(SiteError) as raised:
        await stage(shaky, "file.exr", payload(1))

    assert (raised.value.kind, raised.value.retry_after) == ("rate", 7.0)


async def test_a_busy_service_is_asked_again(shaky: S3Provider, proxy: Faulty) -> None:
    proxy.faults += [
        Fault(lambda call: call.is_("POST"), answers=refusal(503, "SlowDown")) for _ in range(2)
    ]

    await put(shaky, "file.exr", b"content")

    assert await content_at(shaky, "file.exr") == b"content"


async def test_what_is_refused_is_not_asked_again(shaky: S3Provider, proxy: Faulty) -> None:
    proxy.faults.append(Fault(lambda call: call.is_("POST"), answers=refusal(403, "AccessDenied")))

    with pytest.raises(SiteError):
        await stage(shaky, "file.exr", payload(1))

    assert proxy.count("POST") == 1


async def test_a_refusal_without_words_is_asked_for_them(shaky: S3Provider, proxy: Faulty) -> None:
    await put(shaky, "file.exr", b"content")
    async with shaky.read(at("file.exr")) as reader:
        proxy.faults.append(Fault(lambda call: call.is_("HEAD"), answers=refusal(403, "")))
        expired = Fault(lambda call: call.is_("GET"), answers=refusal(403, "ExpiredToken"))
        proxy.faults.append(expired)

        with pytest.raises(SiteError, match="have expired"):
            await reader.unchanged()


async def test_a_look_is_told_why_it_is_refused_and_asks_once(
    shaky: S3Provider, proxy: Faulty
) -> None:
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=refusal(403, "ExpiredToken")))

    with pytest.raises(SiteError, match="have expired"):
        await shaky.facts(at("file.exr"))

    assert proxy.count("HEAD") == 0


@pytest.mark.parametrize("code", ["InvalidObjectState", "InvalidRange"])
async def test_an_object_whose_bytes_cannot_be_had_is_looked_at_all_the_same(
    shaky: S3Provider, proxy: Faulty, code: str
) -> None:
    published = await put(shaky, "file.exr", b"content")
    proxy.faults.append(Fault(lambda call: call.is_("GET"), answers=refusal(403, code)))

    assert await shaky.facts(at("file.exr")) == published


@pytest.mark.parametrize(
    ("changes", "kind", "advice"),
    [
        ({"secret_key": "wrong"}, "login", "secret_key does not belong"),
        ({"access_key": "NOBODY"}, "login", "access_key is not known"),
        ({"bucket": "no-such-bucket"}, "settings", "no bucket 'no-such-bucket'"),
    ],
)
async def test_wrong_settings_are_told_at_once(
    strict_server: S3Server, changes: dict[str, str], kind: str, advice: str
) -> None:
    site = strict_server.provider({"work": "/"}, **changes)

    with pytest.raises(SiteError, match=advice) as raised:
        async with site:
            pass

    assert raised.value.kind == kind
    assert SECRET_KEY not in f"{raised.value} {raised.value.__cause__}"


async def test_a_server_that_is_not_there_is_unreachable(server: S3Server) -> None:
    site = server.provider({"work": "/"}, endpoint=f"http://127.0.0.1:{free_port()}")

    with pytest.raises(SiteError, match=r"no connection \(Connection refused\)") as raised:
        async with site:
            pass

    assert raised.value.kind == "unreachable"


async def test_a_name_that_nobody_knows_is_unreachable(server: S3Server) -> None:
    site = server.provider({"work": "/"}, endpoint="http://nowhere.invalid")

    with pytest.raises(SiteError, match="its name is not known"):
        async with site:
            pass


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and says nothing."""

    async def listen(stream: SocketStream) -> None:
        async with stream:
            await anyio.sleep_forever()

    listening = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listening as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, listen)
        yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}/bucket"
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("body", [(), (b"x" * 1024 * 1024,) * 64])
async def test_a_server_that_says_nothing_is_not_waited_for_for_ever(
    silent: str, body: tuple[bytes, ...]
) -> None:
    signing = Signing(FixedCredentials("AKIA1", "secret"), "us-east-1")
    request = Request("PUT", "key", body=body, digest="0" * 64, patience=0.2)

    async with Wire.opened(silent, signing, None) as wire:
        with pytest.raises(NoAnswerError, match="in time"):
            await wire.ask(request, tries=2)


async def test_a_body_that_ends_early_is_asked_for_again(shaky: S3Provider, proxy: Faulty) -> None:
    await put(shaky, "file.exr", b"whole")
    proxy.faults += [Fault(lambda call: call.is_("GET"), cuts=True) for _ in range(3)]

    subject = shaky.subject(at("file.exr"))

    assert await requests.whole(subject.bucket.wire, subject.key) == b"whole"
