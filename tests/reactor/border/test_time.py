"""Each call ends in time; what takes its time but moves does not count as silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import anyio
import pytest
from anyio import to_thread

from providers.base import CHUNK, Facts, Handle, Location, SiteError
from reactor.border import calls, contained, sent, thread
from reactor.border.apart import Apart
from reactor.border.contained import Contained
from tests.reactor.border.using import CALLS, WHERE, faulty_memory, opened, use

TIMEOUT = 0.2
apart = pytest.mark.parametrize("apart", [False, True], ids=["ours", "apart"])


@pytest.fixture(autouse=True)
def _no_time_for_whole_files(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (contained, sent):
        monkeypatch.setattr(module, "WHOLE_FILE", 0.0)
    monkeypatch.setattr(thread, "_GRACE", 0.3)


async def _swallowing() -> None:
    """Sleep, whatever anybody says, until the test is long over."""
    until = time.monotonic() + 3
    while time.monotonic() < until:
        try:
            await anyio.sleep(0.05)
        except BaseException:  # noqa: BLE001 - that is the fault
            continue


async def _blocking() -> None:
    time.sleep(2)  # noqa: ASYNC251 - that is the fault


@apart
@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_is_never_answered_fails_its_site(call: str, apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults[call] = anyio.sleep_forever

    async with opened(faulty, patience=TIMEOUT, apart=apart) as provider:
        with pytest.raises(SiteError) as raised, anyio.fail_after(5):
            await use(provider, call)

    assert (raised.value.kind, raised.value.site) == ("unreachable", "site")
    assert "has not answered for 0.2 seconds" in str(raised.value)
    assert "timeout under [sites.site]" in str(raised.value)


@apart
async def test_a_login_that_is_never_answered_fails_its_site(apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults["login"] = anyio.sleep_forever

    with pytest.raises(SiteError, match="has not answered"), anyio.fail_after(5):
        async with opened(faulty, patience=TIMEOUT, apart=apart):
            pass


@apart
@pytest.mark.parametrize("call", ["chunk", "sink write", "listing"])
async def test_what_moves_slowly_is_not_silent(call: str, apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty, began, times = faulty_memory(), anyio.current_time(), 0

    async def slowly() -> None:
        nonlocal times
        times += 1
        await anyio.sleep(0.4)

    async with opened(faulty, patience=1.0, apart=apart) as provider:
        for n in range(3):
            handle = await faulty.inner.stage(Location("work", f"{n}"), f"{n}", 0)
            await faulty.inner.publish([(handle, None)])
        faulty.faults[call] = slowly
        if call == "sink write":
            async with provider.write(Handle(WHERE, "staged")) as sink:
                for _ in range(4):
                    await sink.write(b"x")
        elif call == "listing":
            assert len([file async for file in provider.listing("work")]) == 4
        else:
            handle = await faulty.inner.stage(WHERE, "large", 0)
            async with faulty.inner.write(handle) as inner:
                await inner.write(bytes(4 * CHUNK))
            await faulty.inner.publish([(handle, None)])
            await use(provider, "read")

    assert times == 4
    assert anyio.current_time() - began > 1.2


@apart
@pytest.mark.parametrize("call", ["read", "write"])
async def test_what_its_user_does_meanwhile_may_take_any_time(call: str, apart: bool) -> None:  # noqa: FBT001 - a parameter
    async with opened(faulty_memory(), patience=2 * TIMEOUT, apart=apart) as provider:
        if call == "read":
            async with provider.read(WHERE) as reader:
                await anyio.sleep(3 * TIMEOUT)
                assert [chunk async for chunk in reader] == [b"old"]
                await anyio.sleep(3 * TIMEOUT)
        else:
            async with provider.write(Handle(WHERE, "staged")) as sink:
                await anyio.sleep(3 * TIMEOUT)
                await sink.write(b"new")
                await anyio.sleep(3 * TIMEOUT)


async def test_a_slow_line_has_time_for_what_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("reactor.border.streams.SLOW_LINE", 1000)

    async def send(chunk: bytes) -> None:
        faulty = faulty_memory()
        faulty.faults["flush"] = lambda: anyio.sleep(3 * TIMEOUT)
        async with (
            opened(faulty, patience=TIMEOUT) as provider,
            provider.write(Handle(WHERE, "staged")) as sink,
        ):
            await sink.write(chunk)
            await sink.flush()

    await send(bytes(1000))
    with pytest.raises(SiteError), anyio.fail_after(5):
        await send(b"")


@apart
@pytest.mark.parametrize("call", CALLS)
async def test_a_cancelled_call_ends_at_once(call: str, apart: bool) -> None:  # noqa: FBT001 - a parameter
    faulty = faulty_memory()
    faulty.faults[call] = anyio.sleep_forever

    async with opened(faulty, apart=apart) as provider:
        began = anyio.current_time()
        with anyio.move_on_after(0.05) as scope:
            await use(provider, call)

        assert scope.cancelled_caught
        assert anyio.current_time() - began < 0.25 + (0.25 if apart else 0)
        assert not provider.left_at_work


async def test_of_ours_a_call_that_cannot_be_broken_off_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "_GRACE", 0.1)
    faulty, goes_on = faulty_memory(), threading.Event()
    faulty.faults["facts"] = lambda: to_thread.run_sync(goes_on.wait, 10)
    told: list[SiteError] = []

    async with opened(faulty, patience=TIMEOUT) as provider:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_expect_silence, provider.facts)
            with anyio.fail_after(5):
                while not (stuck := provider.stuck()):
                    await anyio.sleep(0.01)
            told.append(stuck)
            goes_on.set()
        assert provider.stuck() is None

    assert told[0].kind == "unreachable"
    assert "cannot be broken off (facts)" in str(told[0])


async def _expect_silence(facts: Callable[..., object]) -> None:
    with pytest.raises(SiteError):
        await facts(WHERE)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]  # it is a coroutine


@pytest.mark.parametrize("fault", [_swallowing, _blocking], ids=["swallows", "blocks"])
@pytest.mark.parametrize("call", ["facts", "sink write", "publish", "chunk", "listing"])
async def test_apart_what_cannot_be_broken_off_is_left_behind_and_others_go_on(
    call: str, fault: Callable[[], object]
) -> None:
    faulty, other = faulty_memory(), faulty_memory()
    took, left, anything = 0.0, frozenset[str](), 0
    faulty.faults[call] = fault  # type: ignore[assignment]  # pyright: ignore[reportArgumentType]  # a coroutine function
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            assert isinstance(await neighbour.facts(WHERE), Facts)
            await anyio.sleep(0.01)
            turns += 1

    async with opened(other) as neighbour, opened(faulty, patience=TIMEOUT, apart=True) as provider:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(others)
            began = anyio.current_time()
            with pytest.raises(SiteError, match="has not answered"):
                await use(provider, call)
            took = anyio.current_time() - began
            left, anything = provider.left_at_work, _left_behind(provider)
            tasks.cancel_scope.cancel()
        assert took < 1.4
        assert turns > 10
        assert left == ({"staged"} if call in ("sink write", "publish") else frozenset())
        assert anything
        with anyio.fail_after(10):
            while _left_behind(provider):
                await anyio.sleep(0.05)
        assert not provider.left_at_work


def _left_behind(provider: Contained) -> int:
    carrier = provider._carrier
    assert isinstance(carrier, Apart)
    return len(carrier._thread.left())
