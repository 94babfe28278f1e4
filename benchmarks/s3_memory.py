"""A process of its own that carries one file to S3 and back, and prints the most memory it had."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import anyio

from providers.base import Handle, Location, Provider, Setup
from providers.local_drive import KIND
from tests.servers.s3 import S3Server


async def _carry(source: Provider, target: Provider, where: Location, handle: Handle) -> None:
    async with source.read(where) as reader, target.write(handle) as sink:
        async for chunk in reader:
            await sink.write(chunk)
        await sink.flush()
    await target.publish([(handle, None)])


async def _main(port: int, file: Path) -> None:
    where, back = Location("work", file.name), Location("back", file.name)
    roots = {"work": str(file.parent), "back": str(file.parent / "back")}
    disk = KIND.make(Setup("studio", roots, KIND.options()))
    bucket = S3Server(port).provider({"work": "/memory", "back": "/memory"})
    async with disk, bucket:
        await disk.make_marker("back")
        size = file.stat().st_size
        await _carry(disk, bucket, where, await bucket.stage(where, "there", size))
        await _carry(bucket, disk, back, await disk.stage(back, "back", size))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


if __name__ == "__main__":
    anyio.run(_main, int(sys.argv[1]), Path(sys.argv[2]))
