"""The judge finds each violation that it is there for, planted by hand, and no other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from bson import ObjectId
from pymongo import MongoClient
from pymongo.database import Database

from tests.faults.judge import Findings, Judge, Violation
from tests.faults.ledger import Known, Ledger, Line
from tests.faults.storage import MARKER, DriveState, Folder
from tests.servers.drive.running import drive_emulator

PATH = "{root[work]}/Show/x_v001.exr"
BELOW = "Show/x_v001.exr"
_PIECE = 256 * 1024  # a session takes no smaller ones
Document = dict[str, Any]


@dataclass
class Small:
    """A studio of two disks with one published file, as it should be in the end."""

    database: Database[Document]
    claims: Any
    folder: Path
    ledger: Ledger
    content: bytes
    hash: str

    @property
    def judge(self) -> Judge:
        sites = {
            name: Folder(self.folder / name / "root", self.folder / name)
            for name in ("studio", "vendor")
        }
        return Judge(self.database, self.claims, sites, Known(self.folder / "ledger"))

    def file(self, site: str) -> Path:
        return self.folder / site / "root" / BELOW

    def change(self, **changes: Any) -> None:
        """Change the vendor's entry; None takes a field away."""
        document = self.document()
        entry: Document = document["files"][0]["sites"][1]
        entry.update(changes)
        kept = {key: value for key, value in entry.items() if value is not None}
        document["files"][0]["sites"][1] = kept
        self.database["Show"].replace_one({"_id": document["_id"]}, document)

    def document(self) -> Document:
        found = self.database["Show"].find_one()
        assert found is not None
        return found

    def running(self) -> Findings:
        return self.judge.while_running("Show", self.document()["_id"])

    def kinds(self) -> list[str]:
        return sorted({each.kind for each in self.judge.at_end().violations})


def line_of(path: str, site: str, file_hash: str, content: bytes) -> Line:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    return Line(path, site, file_hash, len(content), (digest, "xxh128:right"))


def made_for(file_hash: str) -> str:
    return hashlib.blake2b(file_hash.encode(), digest_size=8).hexdigest()


@pytest.fixture
def small(tmp_path: Path, mongo_uri: str) -> Iterator[Small]:
    content, file_hash = os.urandom(1000), "x_v001,exr|1,5|1000"
    with MongoClient[Document](mongo_uri) as client:
        name = f"test_{uuid4().hex[:12]}"
        ledger = Ledger(tmp_path / "ledger")
        claims = client[f"{name}_state"]["claims"]
        studio = Small(client[name], claims, tmp_path, ledger, content, file_hash)
        ledger.write([line_of(PATH, "studio", file_hash, content)])
        for site in ("studio", "vendor"):
            studio.file(site).parent.mkdir(parents=True)
            studio.file(site).write_bytes(content)
            (tmp_path / site / "root" / MARKER).touch()
        now = datetime.now(UTC)
        copied = {"source_hash": made_for(file_hash), "checksum": "xxh128:right"}
        sites = [
            {"name": "studio", "created_dt": now},
            {"name": "vendor", "created_dt": now, **copied},
            {"name": "somewhere else"},
        ]
        file = {"_id": ObjectId(), "path": PATH, "hash": file_hash, "size": 1000, "sites": sites}
        client[name]["Show"].insert_one({"type": "representation", "files": [file]})
        yield studio
        ledger.close()
        client.drop_database(name)
        client.drop_database(f"{name}_state")


def test_a_clean_studio_is_clean_at_the_end_and_while_it_runs(small: Small) -> None:
    at_end = small.judge.at_end()

    assert not at_end.violations
    assert (at_end.files, at_end.available, at_end.bytes) == (1, 2, 2000)
    assert not small.running().violations
    assert small.running().available == 2


def swapped(small: Small) -> None:
    small.file("vendor").write_bytes(os.urandom(1000))


def cut_short(small: Small) -> None:
    small.file("vendor").write_bytes(small.content[:500])


def gone(small: Small) -> None:
    small.file("vendor").unlink()


def older(small: Small) -> None:
    """The bytes of the version before stand there: as many, and published once."""
    before = os.urandom(1000)
    small.ledger.write([line_of(PATH, "studio", "x_v001,exr|1,4|1000", before)])
    small.ledger.write([line_of(PATH, "studio", small.hash, small.content)])
    small.file("vendor").write_bytes(before)


def wanted(small: Small) -> None:
    small.change(created_dt=None)


def stale(small: Small) -> None:
    small.change(source_hash=made_for("another"))


def other_checksum(small: Small) -> None:
    small.change(checksum="xxh128:wrong")


def in_error(small: Small) -> None:
    small.change(error="it was not sent")


def staged(small: Small) -> None:
    (small.file("vendor").parent / ".sitesync-0123.part").touch()


def claimed(small: Small) -> None:
    small.claims.insert_one({"_id": "a place", "claim": "1", "process": "p", "site": "vendor"})


def unknown(small: Small) -> None:
    (small.folder / "vendor/root/Show/stray.exr").touch()


def beside(small: Small) -> None:
    (small.folder / "vendor/escaped.exr").touch()


def linked(small: Small) -> None:
    small.file("vendor").unlink()
    small.file("vendor").symlink_to(small.file("studio"))


def unheard_of(small: Small) -> None:
    small.database["Show"].update_one({}, {"$set": {"files.0.hash": "x|9|1000"}})


@pytest.mark.parametrize(
    ("plant", "kinds"),
    [
        (swapped, ["foreign", "untrue"]),
        (cut_short, ["foreign", "untrue"]),
        (gone, ["untrue"]),
        (older, ["untrue"]),
        (wanted, ["unserved"]),
        (stale, ["untrue"]),
        (other_checksum, ["untrue"]),
        (in_error, ["unfit"]),
        (staged, ["leftover"]),
        (claimed, ["leftover"]),
        (unknown, ["outside"]),
        (beside, ["outside"]),
        (linked, ["outside"]),
        (unheard_of, ["untrue"]),
    ],
)
def test_each_violation_is_found_at_the_end(
    small: Small, plant: Callable[[Small], None], kinds: list[str]
) -> None:
    plant(small)

    assert small.kinds() == kinds


@pytest.mark.parametrize("plant", [swapped, cut_short, gone, older])
def test_a_lie_about_bytes_is_found_while_things_run(
    small: Small, plant: Callable[[Small], None]
) -> None:
    plant(small)

    lies = [each for each in small.running().violations if each.kind == "untrue"]

    assert [each.site for each in lies] == ["vendor"]


def test_bytes_that_nobody_published_are_found_though_nobody_calls_them_available(
    small: Small,
) -> None:
    cut_short(small)
    wanted(small)

    assert [each.kind for each in small.running().violations] == ["foreign"]


def test_two_checksums_of_one_publishing_are_found(small: Small) -> None:
    small.ledger.write([Line(PATH, "studio", small.hash, 1000, line_checksums(small))])
    document = small.document()
    small.change(checksum="md5:one")
    judge = small.judge
    assert not judge.while_running("Show", document["_id"]).violations
    small.change(checksum="md5:another")

    found = judge.while_running("Show", document["_id"]).violations

    assert [each.kind for each in found] == ["twice"]


def line_checksums(small: Small) -> tuple[str, ...]:
    return (f"sha256:{hashlib.sha256(small.content).hexdigest()}",)


@pytest.mark.parametrize("site", ["studio", "vendor"])
def test_what_a_publisher_is_about_to_do_at_its_site_is_no_lie_of_ours(
    small: Small, site: str
) -> None:
    """Publishers put bytes there before they write documents."""
    content = os.urandom(1000)
    small.ledger.write([line_of(PATH, site, "x_v001,exr|2,5|1000", content)])
    small.file(site).write_bytes(content)

    assert not small.running().violations
    assert small.kinds() == ["untrue"]


def test_a_paused_entry_is_no_violation(small: Small) -> None:
    small.change(created_dt=None, paused=True)

    findings = small.judge.at_end()

    assert (findings.violations, findings.paused) == ([], 1)


def test_a_document_that_changes_while_it_is_judged_gives_no_verdict(small: Small) -> None:
    class Sly(Folder):
        def digest(self, path: str) -> tuple[str, int] | None:
            small.change(created_dt=datetime.now(UTC))
            return super().digest(f"{path}.not-there")

    root = small.folder / "vendor/root"
    known = Known(small.folder / "ledger")
    judge = Judge(small.database, small.claims, {"vendor": Sly(root, root.parent)}, known)

    assert not judge.while_running("Show", small.document()["_id"]).violations


def test_documents_that_mean_different_bytes_by_one_path_give_no_verdict(small: Small) -> None:
    older(small)
    other = small.document()
    other.update(_id=ObjectId())
    other["files"][0].update(hash="x_v001,exr|1,4|1000")
    small.database["Show"].insert_one(other)

    assert not small.running().violations
    assert small.kinds() == ["untrue"]


def test_a_drive_is_judged_by_what_the_emulator_keeps(small: Small, tmp_path: Path) -> None:
    with drive_emulator(tmp_path / "drive") as drive:
        top = drive.shared_drive("upload")
        folder = drive.folder_in(top, "Show")
        drive.put(folder, "x_v001.exr", small.content)
        drive.put(top, ".sitesync-0123.part", b"half")
        state = DriveState(tmp_path / "drive", top)
        judge = Judge(
            small.database, small.claims, {"vendor": state}, Known(small.folder / "ledger")
        )
        with_staged = judge.at_end().violations
        drive.put(folder, "x_v001.exr", small.content)
        drive.put(drive.shared_drive("elsewhere"), "stray.exr", small.content)

        found = judge.at_end().violations

    assert [each.kind for each in with_staged] == ["leftover"]
    assert sorted(each.kind for each in found) == ["leftover", "outside", "twice"]


def test_an_open_upload_session_is_left_over_once_it_holds_bytes(tmp_path: Path) -> None:
    with drive_emulator(tmp_path / "drive") as drive:
        top = drive.shared_drive("upload")
        owner = drive.caller()
        begun = owner.begin({"name": "x_v001.exr", "parents": [top]})
        state = DriveState(tmp_path / "drive", top)
        empty = list(state.unfinished())
        session = begun.headers["Location"].partition(str(drive.port))[2]
        owner.ask("PUT", session, bytes(_PIECE), {"Content-Range": f"bytes 0-{_PIECE - 1}/*"})

        unfinished = list(state.unfinished())

    assert empty == []
    assert [said.rpartition(", ")[2] for said in unfinished] == [f"with {_PIECE} bytes"]


def test_a_violation_reads_as_a_sentence() -> None:
    said = str(Violation("untrue", "vendor", PATH, "available, and not there"))

    assert said == f"untrue: {PATH} at vendor: available, and not there"
