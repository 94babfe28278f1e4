"""
Says whether the promise was kept, from the documents, the ledger and every byte that lies there.

It knows nothing of the product: it reads documents as OpenPype's, and storage as it is. While
things run, only what did not change between two looks at the document is judged.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pymongo.database import Database

from tests.faults.ledger import Known, Line
from tests.faults.storage import MARKER, Storage

Document = dict[str, Any]
Kind = Literal[
    "untrue",  # available, and the bytes are not there, or not the published ones
    "foreign",  # bytes under a final name that nobody ever published under it
    "twice",  # two copies of one publishing with different checksums, or two files of one name
    "unserved",  # still wanted at the end
    "unfit",  # available, and OpenPype would not take it for that
    "leftover",  # a staged file, an upload session or a claim at the end
    "outside",  # beside a root, behind a link, or at a path that nobody published
]

_STAGED = ".sitesync-"
_MISSING_FOR_OPENPYPE = ("progress", "error")


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: which, at which site and path, and what was found."""

    kind: Kind
    site: str
    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.path} at {self.site}: {self.what}"


@dataclass(slots=True)
class Findings:
    """What was looked at, and every violation that was found."""

    violations: list[Violation] = field(default_factory=list[Violation])
    files: int = 0
    available: int = 0
    bytes: int = 0
    paused: int = 0


class Judge:
    """One studio's judge. `sites` are those that have to be served; others are left alone."""

    def __init__(
        self, database: Database[Document], claims: Any, sites: Mapping[str, Storage], known: Known
    ) -> None:
        self._database = database
        self._claims = claims
        self._sites = sites
        self._known = known
        self._checksums: dict[tuple[str, str, str], str] = {}

    # While things run.

    def while_running(self, project: str, identity: object) -> Findings:
        """Judge one representation's entries that stand still while their bytes are read."""
        findings = Findings()
        before = self._database[project].find_one({"_id": identity})
        for position, file in enumerate(_files(before)):
            self._judge_file(project, identity, position, file, findings)
        return findings

    def _judge_file(
        self, project: str, identity: object, position: int, file: Document, findings: Findings
    ) -> None:
        path = file["path"]
        found = {name: site.digest(_below(path)) for name, site in self._sites.items()}
        self._known.refresh()
        after = _files(self._database[project].find_one({"_id": identity}))
        same = after[position] if len(after) > position else {}
        if any(same.get(key) != file.get(key) for key in ("_id", "path", "hash")):
            return
        if self._means_several(project, path):
            return
        findings.files += 1
        for entry in _entries(file):
            name = entry["name"]
            still = next((each for each in _entries(same) if each["name"] == name), None)
            if name in self._sites and still == entry and self._is_ours(file, entry):
                findings.violations += self._entry_true(file, entry, found[name], findings)
        findings.violations += self._foreign_now(path, found)

    def _means_several(self, project: str, path: str) -> bool:
        """Return whether documents mean different bytes by a path: it is being republished."""
        hashes = {
            file.get("hash")
            for document in self._database[project].find({"files.path": path}, {"files.$": 1})
            for file in _files(document)
        }
        return len(hashes) != 1

    def _is_ours(self, file: Document, entry: Document) -> bool:
        """Return whether no publisher's hand can be the reason for what is there."""
        touched = self._known.is_touched_since(file["path"], file.get("hash"), entry["name"])
        return not touched and not _is_stale(file, entry)

    def _foreign_now(
        self, path: str, found: Mapping[str, tuple[str, int] | None]
    ) -> Iterator[Violation]:
        for name, bytes_there in found.items():
            if bytes_there and not self._known.is_touched(path, name):
                yield from self._foreign(path, name, bytes_there)

    # At the end.

    def at_end(self) -> Findings:
        """Judge everything, every byte: nothing runs any more, and nothing is on its way."""
        self._known.refresh()
        findings = Findings()
        digests = {name: dict(self._read(site, findings)) for name, site in self._sites.items()}
        for project in self._projects():
            for document in self._database[project].find({"type": "representation"}):
                for file in _files(document):
                    self._file_at_end(file, digests, findings)
        for name, site in self._sites.items():
            findings.violations += self._storage_at_end(name, site, digests[name])
        findings.violations += self._claims_at_end()
        return findings

    def _read(
        self, site: Storage, findings: Findings
    ) -> Iterator[tuple[str, tuple[str, int] | None]]:
        for path in set(site.paths()):
            found = site.digest(path)
            findings.bytes += found[1] if found else 0
            yield path, found

    def _file_at_end(
        self,
        file: Document,
        digests: Mapping[str, Mapping[str, tuple[str, int] | None]],
        findings: Findings,
    ) -> None:
        findings.files += 1
        for entry in _entries(file):
            name, path = entry["name"], file["path"]
            if name not in self._sites:
                continue
            if entry.get("created_dt") is None:
                if "paused" in entry:
                    findings.paused += 1
                else:
                    told = {key: entry[key] for key in ("error", "tries") if key in entry}
                    findings.violations.append(Violation("unserved", name, path, f"{told}"))
                continue
            found = digests[name].get(_below(path))
            findings.violations += self._entry_true(file, entry, found, findings)
            if _is_stale(file, entry):
                findings.violations.append(
                    Violation("untrue", name, path, "made for another hash than the file's")
                )
            odd = [key for key in _MISSING_FOR_OPENPYPE if key in entry]
            if odd:
                findings.violations.append(Violation("unfit", name, path, f"has {odd}"))

    def _storage_at_end(
        self, name: str, site: Storage, digests: Mapping[str, tuple[str, int] | None]
    ) -> Iterator[Violation]:
        names = Counter(site.paths())
        for path, count in sorted(names.items()):
            if count > 1:
                yield Violation("twice", name, path, f"{count} files have this name")
            if path == MARKER:
                continue
            if path.rpartition("/")[2].startswith(_STAGED):
                yield Violation("leftover", name, path, "a staged file")
                continue
            whole = self._document_path(path)
            if whole is None:
                yield Violation("outside", name, path, "nobody ever published this path")
            elif found := digests.get(path):
                yield from self._foreign(whole, name, found)
        for what in site.unfinished():
            yield Violation("leftover", name, what, "can still be finished")
        for what in site.outside():
            yield Violation("outside", name, what, "nothing may stand there")

    def _claims_at_end(self) -> Iterator[Violation]:
        for claim in self._claims.find({"site": {"$ne": ""}}):  # others are turns, on no place
            whose = "nobody's" if claim.get("process") is None else "a process's"
            place = claim.get("path") or str(claim["_id"])
            yield Violation("leftover", str(claim.get("site")), place, f"{whose} claim")

    def _projects(self) -> Iterable[str]:
        return [name for name in self._database.list_collection_names() if "system." not in name]

    def _document_path(self, path: str) -> str | None:
        for root in ("{root[work]}/", "{root}/"):
            if self._known.ever(root + path):
                return root + path
        return None

    # One entry, one file.

    def _entry_true(
        self,
        file: Document,
        entry: Document,
        found: tuple[str, int] | None,
        findings: Findings,
    ) -> Iterator[Violation]:
        name, path = entry["name"], file["path"]
        if entry.get("created_dt") is None:
            return
        findings.available += 1
        line = self._known.published(path, file.get("hash"))
        if line is None:
            yield Violation("untrue", name, path, "no publisher wrote this hash")
            return
        if problem := _differs(line, file, found):
            yield Violation("untrue", name, path, problem)
        yield from self._checksum_true(line, name, entry)

    def _checksum_true(self, line: Line, name: str, entry: Document) -> Iterator[Violation]:
        """Hold what the entry tells of its bytes against the ledger, and against other copies."""
        told = str(entry.get("checksum") or "")
        algorithm = told.partition(":")[0]
        if not told:
            return
        right = {each.partition(":")[0]: each for each in line.checksums}
        if right.get(algorithm, told) != told:
            yield Violation("untrue", name, line.path, f"its checksum {told} is not the published")
        first = self._checksums.setdefault((line.path, line.hash or "", algorithm), told)
        if first != told:
            yield Violation("twice", name, line.path, f"{told} here, and {first} elsewhere")

    def _foreign(self, path: str, name: str, found: tuple[str, int]) -> Iterator[Violation]:
        known = {each for line in self._known.ever(path) for each in line.checksums}
        if known and found[0] not in known:
            yield Violation("foreign", name, path, f"{found[1]} bytes that nobody published")


def _differs(line: Line, file: Document, found: tuple[str, int] | None) -> str:
    """Return how bytes differ from the published ones, in words; "" where they are those."""
    if found is None:
        return "available, and not there"
    digest, size = found
    if size != line.size or size != file.get("size"):
        return f"{size} bytes are there, {line.size} were published"
    return "" if digest in line.checksums else "as many bytes as were published, and others"


def _files(document: Document | None) -> list[Document]:
    found: list[Document] = (document or {}).get("files") or []
    return found


def _entries(file: Document) -> list[Document]:
    found: list[Document] = file.get("sites") or []
    return found


def _is_stale(file: Document, entry: Document) -> bool:
    """Return whether an entry says of itself that it was made for another `hash`."""
    told = entry.get("source_hash")
    made_for = hashlib.blake2b((file.get("hash") or "").encode(), digest_size=8).hexdigest()
    return told is not None and told != made_for


def _below(path: str) -> str:
    """Return what follows the root in a document's path."""
    return path.partition("}/")[2]
