"""Roots: their markers, what is listed below them, and what is removed."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import anyio

from providers.base import Facts, Marker, Provider
from providers.conformance.moves import Conformance, as_listed, at, listed, payload, put, stage

# As text, "a.b" comes before all that is below "a", and "a0" after it.
SORTED = ("Z", "a-1/x", "a.b/x", "a.exr", "a/b.c", "a/b/c", "a/b/d/e", "a/c", "a/é", "a0", "a0é/x")


class RootConformance(Conformance):
    """A root is known by its marker."""

    async def test_a_root_has_no_marker_by_itself(self, provider: Provider) -> None:
        assert await provider.marker("bare") is None

    async def test_a_marker_is_found_again(self, provider: Provider) -> None:
        made = await provider.make_marker("bare")

        assert await provider.marker("bare") == made

    async def test_a_marker_is_made_once(self, provider: Provider, work_marker: Marker) -> None:
        assert await provider.make_marker("work") == work_marker

    async def test_two_roots_have_different_markers(
        self, provider: Provider, work_marker: Marker
    ) -> None:
        assert (await provider.make_marker("bare")).id != work_marker.id

    async def test_of_many_makers_at_once_one_wins_and_all_know(self, provider: Provider) -> None:
        made: list[Marker] = []

        async def make() -> None:
            made.append(await provider.make_marker("bare"))

        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(make)

        assert set(made) == {await provider.marker("bare")}

    async def test_a_listing_holds_all_published_files_and_nothing_else(
        self, provider: Provider
    ) -> None:
        facts = {path: await put(provider, path, payload(5)) for path in ("a", "b/c", "b/d/e")}
        await stage(provider, "b/staged.exr", payload(5))

        told = {path: as_listed(provider, one) for path, one in facts.items()}
        assert await listed(provider) == told

    async def test_a_listing_holds_what_stands_throughout_while_others_publish(
        self, provider: Provider, other: Provider
    ) -> None:
        standing = {f"a/{n}" for n in range(20)}
        async with anyio.create_task_group() as tasks:
            for path in standing:
                tasks.start_soon(put, provider, path, payload(5))

        async def publish_more() -> None:
            for n in range(1000):
                await put(other, f"a/{n % 20}-more", payload(6))

        found: list[dict[str, Facts]] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(publish_more)
            for _ in range(3):
                found.append(await listed(provider))  # noqa: PERF401 - one after the other
            tasks.cancel_scope.cancel()

        for paths in found:
            assert standing <= set(paths)
            assert sorted(paths) == list(paths)
            assert {facts.size for facts in paths.values()} <= {5, 6}

    async def test_a_listing_that_is_left_early_harms_nothing(self, provider: Provider) -> None:
        for n in range(5):
            await put(provider, f"{n}.exr", payload(1))

        files = provider.listing("work")
        async for file in files:
            assert file.where == at("0.exr")
            break
        if isinstance(files, AsyncGenerator):
            await files.aclose()

        assert len(await listed(provider)) == 5

    async def test_a_listing_holds_the_files_of_its_root_alone(self, provider: Provider) -> None:
        await provider.make_marker("bare")
        await put(provider, "file.exr", payload(1))

        assert [file async for file in provider.listing("bare")] == []

    async def test_a_listing_of_a_folder_holds_what_is_below_it(self, provider: Provider) -> None:
        for path in ("b/c", "b/d/e", "bb/c", "c"):
            await put(provider, path, payload(1))

        assert set(await listed(provider, "b")) == {"b/c", "b/d/e"}

    async def test_a_listing_is_in_the_order_of_whole_paths(self, provider: Provider) -> None:
        for path in SORTED:
            await put(provider, path, payload(1))

        assert list(await listed(provider)) == list(SORTED)

    async def test_a_listing_goes_on_after_any_path(self, provider: Provider) -> None:
        for path in SORTED:
            await put(provider, path, payload(1))

        for after in (*SORTED, "a/", "a/b", "a/c/", "a/z", "a0", "b", "zz"):
            later = [path for path in SORTED if path > after]
            assert list(await listed(provider, after=after)) == later
            below = [path for path in later if path.startswith("a/")]
            assert list(await listed(provider, "a", after)) == below

    async def test_nothing_is_below_a_folder_that_is_not_there(self, provider: Provider) -> None:
        assert await listed(provider, "no/such/folder") == {}

    async def test_a_removed_file_is_gone_and_its_neighbours_stay(self, provider: Provider) -> None:
        await put(provider, "shot/file.exr", payload(1))
        await put(provider, "shot/other.exr", payload(1))

        await provider.remove(at("shot/file.exr"))

        assert set(await listed(provider)) == {"shot/other.exr"}

    async def test_removing_nothing_is_no_error(self, provider: Provider) -> None:
        await provider.remove(at("no/such/file.exr"))
