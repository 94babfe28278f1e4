"""Names become addresses and come back, and what a server tells is read as it comes."""

from __future__ import annotations

import pytest

from providers.base import Handle, Location, PermanentFileError, Setup, SiteError
from sitesync_webdav.multistatus import Entry, MalformedError, Multistatus
from sitesync_webdav.options import WebdavOptions
from sitesync_webdav.places import Places, names_in

_OPTIONS = WebdavOptions(url="https://dav.example.com/a b")
_ANSWER = b"""<?xml version="1.0"?>
<d:multistatus xmlns:d="DAV:">
 <d:response><d:href>/tried/</d:href><d:propstat><d:prop>
  <d:resourcetype><d:collection/></d:resourcetype><d:getcontentlength/></d:prop></d:propstat></d:response>
 <d:response><d:href>/tried/x%26%C3%A9.exr</d:href><d:propstat><d:prop><d:resourcetype/>
  <d:getcontentlength>12</d:getcontentlength><d:getetag>"a&amp;b"</d:getetag>
  <d:getlastmodified>Mon</d:getlastmodified></d:prop></d:propstat></d:response>
</d:multistatus>"""


def _places(root: str = "/projects/") -> Places:
    return Places(Setup("cloud", {"work": root}, _OPTIONS), _OPTIONS.url)


@pytest.mark.parametrize(
    "name", ["50% & more?;#.exr", "Žluťoučký.exr", "a\\b.exr", "new\nline.exr", "~$x", "%41.exr"]
)
def test_a_name_comes_back_from_its_address(name: str) -> None:
    url = _places().file(Location("work", f"shot 1/{name}"))

    assert url.startswith("https://dav.example.com/a b/projects/shot%201/")
    assert names_in(url)[-2:] == ("shot 1", name)


def test_a_name_that_is_not_unicode_is_told_apart_and_not_lost() -> None:
    assert names_in("/tried/bad%ff.exr") == ("tried", "bad\udcff.exr")


def test_what_is_staged_lies_beside_its_target() -> None:
    staged = _places().staged_bytes(Handle(Location("work", "shot/x.exr"), "c1"))

    assert staged.endswith("/projects/shot/.sitesync-c1.part/bytes")


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", ".sitesync-root"])
def test_no_path_leaves_its_root(path: str) -> None:
    with pytest.raises(PermanentFileError):
        _places().file(Location("work", path))


def test_a_root_that_leads_elsewhere_is_told() -> None:
    with pytest.raises(SiteError, match=r"write its root"):
        _places("/projects/../private").root("work")


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_an_answer_is_read_in_pieces_of_any_size(size: int) -> None:
    answer, found = Multistatus(), list[Entry]()

    for start in range(0, len(_ANSWER), size):
        found += answer.feed(_ANSWER[start : start + size])
    found += answer.feed(b"", last=True)

    assert found == [
        Entry("/tried/", is_folder=True, size=None, version=""),
        Entry("/tried/x%26%C3%A9.exr", is_folder=False, size=12, version='"a&b"'),
    ]


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>login, please",
        b"",
        b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    ],
)
def test_what_is_no_multistatus_is_refused(answer: bytes) -> None:
    with pytest.raises(MalformedError):
        Multistatus().feed(answer, last=True)
