"""Whatever a provider raises, answers or says comes out as what callers know, without a secret."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from providers.base import (
    ChangedFileError,
    Facts,
    Features,
    FileError,
    Handle,
    Listed,
    Location,
    Marker,
    PermanentFileError,
    ProviderError,
    Reader,
    SiteError,
)
from reactor.border.contained import Contained
from reactor.border.errors import Terms
from reactor.border.secrets import SECRETS
from tests.reactor.border.faulty import Faulty
from tests.reactor.border.using import CALLS, WHERE, faulty_memory, opened, use

apart = pytest.mark.parametrize("apart", [False, True], ids=["ours", "apart"])
_OF_SITE = ("marker", "make_marker", "publish", "listing")


class OddError(BaseException):
    """What no `except Exception` catches."""


def _raising(error: BaseException) -> Callable[[], Awaitable[Any]]:
    async def fail() -> None:
        raise error

    return fail


def _answering(answer: object) -> Callable[[], Awaitable[Any]]:
    async def answering() -> object:
        return answer

    return answering


@apart
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error",
    [
        KeyError("odd"),
        OddError("odd"),
        SystemExit(3),
        asyncio.CancelledError("odd"),
        ExceptionGroup("some", [ValueError("odd")]),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_whatever_is_raised_is_a_failure_of_the_file_or_the_site(
    call: str,
    error: BaseException,
    apart: bool,  # noqa: FBT001 - a parameter
) -> None:
    faulty = faulty_memory()
    faulty.faults[call] = _raising(error)

    async with opened(faulty, apart=apart) as provider:
        with capture_logs() as logs, pytest.raises(ProviderError) as raised:
            await use(provider, call)

    expected = SiteError if call in _OF_SITE else FileError
    assert type(raised.value) is expected
    if isinstance(raised.value, SiteError):
        assert (raised.value.kind, raised.value.site) == ("provider", "site")
    assert "its provider 'faulty' failed unexpectedly" in str(raised.value)
    assert [one["provider"] for one in logs if one["event"] == "provider failed"] == ["faulty"]


async def test_apart_nobody_can_interrupt_the_program() -> None:
    faulty = faulty_memory()
    faulty.faults["facts"] = _raising(KeyboardInterrupt())

    async with opened(faulty, apart=True) as provider:
        with pytest.raises(FileError, match="KeyboardInterrupt"):
            await use(provider, "facts")


@apart
@pytest.mark.parametrize("error", [ConnectionResetError("gone"), TimeoutError("slow")])
async def test_what_means_out_of_reach_fails_the_site(error: Exception, apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults["facts"] = _raising(error)

    async with opened(faulty, apart=apart) as provider:
        with pytest.raises(SiteError) as raised:
            await use(provider, "facts")

    assert raised.value.kind == "unreachable"


@apart
@pytest.mark.parametrize("group", [False, True])
async def test_an_error_of_the_family_comes_out_as_it_is(group: bool, apart: bool) -> None:  # noqa: FBT001 - parameters
    faulty, error = faulty_memory(), PermanentFileError("rename it")
    faulty.faults["stage"] = _raising(ExceptionGroup("some", [error]) if group else error)

    async with opened(faulty, apart=apart) as provider:
        with pytest.raises(PermanentFileError) as raised:
            await use(provider, "stage")

    assert raised.value is error


async def test_a_kind_of_failure_that_nobody_knows_is_the_providers_fault() -> None:
    faulty = faulty_memory()
    faulty.faults["marker"] = _raising(SiteError("bananas", "no idea"))

    async with opened(faulty) as provider:
        with pytest.raises(SiteError) as raised:
            await use(provider, "marker")

    assert (raised.value.kind, raised.value.site) == ("provider", "site")


@apart
async def test_a_secret_is_in_no_message(apart: bool) -> None:  # noqa: FBT001 - a parameter
    SECRETS.keep(["tr0ub4dor & co"])
    faulty = faulty_memory()
    said = "tr0ub4dor & co, tr0ub4dor%20%26%20co, tr0ub4dor+%26+co, Basic c3R1ZGlvOnNlY3JldA=="
    async with opened(faulty, apart=apart) as provider:
        for error in (FileError(said), SiteError("login", said), KeyError(said)):
            faulty.faults["facts"] = _raising(error)
            with pytest.raises(ProviderError) as raised:
                await use(provider, "facts")

            assert "tr0ub4dor" not in str(raised.value)
            assert "c3R1ZGlv" not in str(raised.value)
            assert "********" in str(raised.value)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("marker", "a marker"),
        ("make_marker", None),
        ("facts", {"size": 3}),
        ("facts", Facts(-1)),
        ("checksum", 5),
        ("checksum", "sha1:0123"),
        ("stage", None),
        ("stage", Handle(Location("work", "other.exr"), "new")),
        ("staged_size", "3"),
        ("staged_size", -3),
        ("adopt", Handle(WHERE, "somebody")),
        ("publish", None),
        ("publish", []),
        ("publish", [Facts(3), Facts(3)]),
        ("publish", ["done"]),
        ("unchanged", "yes"),
        ("chunk", "text"),
        ("chunk", b""),
    ],
)
async def test_an_answer_of_another_form_is_the_providers_fault(call: str, answer: object) -> None:
    faulty = faulty_memory()
    faulty.faults[call] = _answering(answer)

    async with opened(faulty) as provider:
        with pytest.raises(SiteError) as raised:
            await use(provider, call)

    assert (raised.value.kind, raised.value.site) == ("provider", "site")
    assert "its provider 'faulty' is broken" in str(raised.value)


@apart
async def test_more_bytes_than_were_announced_are_not_read_for_ever(apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults["chunk"] = _answering(b"xx")

    async with opened(faulty, apart=apart) as provider:
        with pytest.raises(ChangedFileError, match="more than the 3 bytes"):
            await use(provider, "read")


@apart
async def test_another_size_than_was_sent_is_not_published(apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults["publish"] = _answering([Facts(2)])

    async with opened(faulty, apart=apart) as provider:
        await use(provider, "write")
        [outcome] = await provider.publish([(Handle(WHERE, "staged"), None)])

    assert isinstance(outcome, FileError)
    assert "2 bytes of the 3" in str(outcome)


async def test_what_fails_for_many_files_at_once_leaves_their_outcome_open() -> None:
    faulty = faulty_memory()
    faulty.faults["publish"] = _raising(FileError("one of them"))

    async with opened(faulty) as provider:
        with pytest.raises(SiteError):
            await provider.publish([(Handle(WHERE, "staged"), None), (Handle(WHERE, "b"), None)])
        [outcome] = await provider.publish([(Handle(WHERE, "staged"), None)])

    assert isinstance(outcome, FileError)


class _Swallows(Faulty):
    """Hides or wraps what its user raises while a file is open."""

    wraps = False

    @asynccontextmanager
    async def read(self, where: Location, offset: int = 0) -> AsyncGenerator[Reader]:
        async with super().read(where, offset) as reader:
            try:
                yield reader
            except Exception as error:
                if self.wraps:
                    raise ExceptionGroup("tasks", [error]) from error


@apart
@pytest.mark.parametrize("wraps", [False, True])
async def test_what_its_user_raises_comes_out_whatever_the_provider_does_with_it(
    wraps: bool,  # noqa: FBT001 - parameters
    apart: bool,  # noqa: FBT001 - parameters
) -> None:
    faulty, error = _Swallows(faulty_memory().inner), ValueError("of the user")
    faulty.wraps = wraps

    async with opened(faulty, apart=apart) as provider:
        with pytest.raises(ValueError, match="of the user") as raised:
            async with provider.read(WHERE):
                raise error

    assert raised.value is error


async def test_features_are_made_use_of_as_far_as_they_can_be() -> None:
    faulty = faulty_memory()
    faulty.features = Features(transfers=0, bundle=-1, local_paths=True, copies=True, changes=True)

    async with opened(faulty) as provider:
        assert provider.features == Features(transfers=1, bundle=1)


@apart
@pytest.mark.parametrize("made", [None, KeyError("odd"), SystemExit(1)])
async def test_a_provider_that_cannot_be_made_fails_its_site(
    made: BaseException | None,
    apart: bool,  # noqa: FBT001 - a parameter
) -> None:
    def make() -> Any:
        if made is not None:
            raise made

    with pytest.raises(SiteError) as raised:
        await Contained(make, "site", Terms("faulty", apart=apart)).__aenter__()

    assert (raised.value.kind, raised.value.site) == ("provider", "site")


async def test_what_fails_one_file_after_the_other_fails_the_site_and_costs_them_no_tries() -> None:
    faulty = faulty_memory()
    faulty.faults["facts"] = _raising(KeyError("odd"))

    async def kinds(times: int) -> list[type[BaseException]]:
        found: list[type[BaseException]] = []
        for _ in range(times):
            with pytest.raises(ProviderError) as raised:
                await use(provider, "facts")
            found.append(raised.type)
        return found

    async with opened(faulty) as provider:
        assert await kinds(2) == [FileError, FileError]
        await use(provider, "read")
        assert await kinds(4) == [FileError, FileError, SiteError, SiteError]


async def test_of_strangers_a_listing_without_order_does_not_go_on_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def endless(*_: Any) -> AsyncIterator[Listed]:
        while True:
            yield Listed(WHERE, Facts(3))

    faulty = faulty_memory()
    monkeypatch.setattr(faulty, "listing", endless)

    async with opened(faulty, apart=True) as provider:
        with pytest.raises(SiteError, match=r"listing has 'shot/file\.exr' after"):
            await use(provider, "listing")


@apart
async def test_a_login_that_failed_is_tried_with_a_provider_made_anew(apart: bool) -> None:  # noqa: FBT001 - a parameter
    made: list[Faulty] = []

    def make() -> Any:
        made.append(faulty_memory())
        if len(made) == 1:
            made[0].faults["login"] = _raising(SiteError("unreachable", "not yet there"))
        return made[-1]

    provider = Contained(make, "site", Terms("faulty", apart=apart))
    with pytest.raises(SiteError, match="not yet there"):
        await provider.__aenter__()
    async with provider:
        assert isinstance(await provider.make_marker("work"), Marker)

    assert len(made) == 2


async def test_a_logout_that_fails_is_nobodys_trouble() -> None:
    faulty = faulty_memory()
    faulty.faults["logout"] = _raising(KeyError("odd"))

    async with opened(faulty) as provider:
        assert await use(provider, "facts") is not None
