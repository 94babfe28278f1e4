"""A process of its own that carries a file to S3 and back, and prints the most memory it had."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import anyio

from providers.base import Handle, Location, Provider, Setup
from providers.local_drive import KIND as DISK
from providers.s3 import KIND as S3


async def _carry(source: Provider, target: Provider, where: Location, handle: Handle) -> None:
    async with source.read(where) as reader, target.write(handle) as sink:
        async for chunk in reader:
            await sink.write(chunk)
        await sink.flush()
    await target.publish([(handle, None)])


async def _main(address: str, file: Path, size: int) -> None:
    endpoint, _, bucket = address.rpartition("/")
    options = S3.options.model_validate({"endpoint": endpoint, "bucket": bucket})
    where, back = Location("work", file.name), Location("back", file.name)
    roots = {"work": str(file.parent), "back": str(file.parent / "back")}
    studio = DISK.make(Setup("studio", roots, DISK.options()))
    vendor = S3.make(Setup("vendor", {"work": "/memory", "back": "/memory"}, options))
    async with studio, vendor:
        for site, root in ((studio, "work"), (studio, "back"), (vendor, "work")):
            await site.make_marker(root)
        await _carry(studio, vendor, where, await vendor.stage(where, "there", size))
        await _carry(vendor, studio, back, await studio.stage(back, "back", size))
    told = await anyio.Path("/proc/self/status").read_text()
    most = re.search(r"VmHWM:\s+(\d+) kB", told)
    print(int(most[1]) / 1024 if most else "unknown")


if __name__ == "__main__":
    anyio.run(_main, sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
