"""A sync under forty faults of every kind: each file right in the end, and there once."""

from __future__ import annotations

import anyio

from tests.path.drive.hands import following
from tests.path.drive.studio import DriveStudio
from tests.path.studio import some_bytes
from tests.servers.drive import Fault
from tests.servers.drive.rclone import Rclone

FILES = 200
LARGE = range(0, FILES, 40)  # these go in pieces, the others in one request each
GRAIN = 256 * 1024
FAULTS = (
    Fault("upload.multipart", "error", 500, "backendError", first=3, every=17, times=4),
    Fault("upload.multipart", "error", 503, "backendError", first=7, every=23, times=4),
    Fault("upload.multipart", "error", 429, "rateLimitExceeded", 0.1, first=60, every=40, times=2),
    Fault("upload.multipart", "error", 403, "userRateLimitExceeded", first=50, every=60, times=2),
    Fault("upload.multipart", "reset", first=11, every=29, times=4),
    Fault("upload.multipart", "cut", bytes=2000, first=13, every=31, times=4),
    Fault("upload.multipart", "commit-then-reset", first=5, every=19, times=6),
    Fault("upload.start", "error", 503, "backendError", times=1),
    Fault("upload.start", "commit-then-reset", first=4, times=1),
    Fault("upload.chunk", "short-commit", bytes=GRAIN, first=1, every=4, times=2),
    Fault("upload.chunk", "commit-then-reset", first=3, every=3, times=2),
    Fault("upload.chunk", "cut", bytes=600_000, first=4, times=1),
    Fault("upload.chunk", "dead-session", 410, first=8, times=1),
    Fault("upload.query", "error", 500, "backendError", first=2, times=1),
    Fault("files.list", "error", 503, "backendError", first=2, times=1),
    Fault("files.list", "lag", seconds=5, first=4, times=2),
    Fault("files.get", "reset", first=1, times=1),
    Fault("token", "error", 503, "backendError", times=1),
)


async def test_forty_faults_in_a_sync_of_two_hundred_files(
    studio: DriveStudio, rclone: Rclone
) -> None:
    contents = {
        f"sh{number % 4}/frame.{number:04d}.exr": some_bytes(
            4_500_000 if number in LARGE else 3000 + number
        )
        for number in range(FILES)
    }
    for name, content in contents.items():
        studio.file(name, content)

    async with following(studio):
        studio.drive.faults(*FAULTS)
        studio.drive.forget_tokens()  # one that is fetched meets a fault, too
        studio.drive.forget_requests()
        representation = await studio.publish(*map(studio.files_entry, contents))
        with anyio.fail_after(50):
            for position in range(FILES):
                await studio.until(representation, "vendor", position=position)

    faults, requests = studio.drive.struck, studio.drive.requests
    assert sum(faults.values()) == 40
    assert studio.at_vendor == contents
    files = studio.drive.files(studio.shared, trashed=True)
    assert sorted(file.path for file in files if file.blob) == [".sitesync-root", *sorted(contents)]
    rclone.run(
        "check", "--download", "--exclude", ".sitesync-*", str(studio.path("studio")), "drive:"
    )
    # A fault costs the request that it struck, and a question of what came of it.
    small = FILES - len(LARGE)
    assert requests["upload.multipart"] <= small + sum(
        fault.times or 0 for fault in FAULTS if fault.kind == "upload.multipart"
    )
    # Own uploads are told of before they are recorded, since faults hold the recording up: nobody
    # asks for them meanwhile. This studio asks what is new, and for its marker, ten times a second.
    asking = requests["changes.list"] + requests["files.list"]
    assert sum(requests.values()) - asking <= 1.5 * FILES, requests
