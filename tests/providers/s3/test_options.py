"""The settings of an S3 site: what is refused, and that no secret is shown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from providers.base import Setup, SiteError
from providers.s3.options import S3Options
from providers.s3.places import Places

_KEYS: dict[str, Any] = {"access_key": "AKIA1", "secret_key": "do not tell"}


def test_a_bucket_alone_is_enough() -> None:
    options = S3Options.model_validate({"bucket": "projects"})

    assert options.endpoint is None
    assert options.path_style is None


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"endpoint": "s3.example.com"}, "no address"),
        ({"endpoint": "ftp://s3.example.com"}, "no address"),
        ({"endpoint": "https://me:secret@s3.example.com"}, "belongs into access_key"),
        ({"endpoint": "https://s3.example.com?x=1"}, "more than a host"),
        ({"bucket": "a/b"}, "no bucket's name"),
        ({"access_key": "AKIA1"}, "together"),
        ({"secret_key": "do not tell"}, "together"),
        ({**_KEYS, "profile": "studio"}, "keep one"),
        ({"acces_key": "AKIA1"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why) as raised:
        S3Options.model_validate({"bucket": "projects", **settings})

    assert "secret@" not in str(raised.value)
    assert "do not tell" not in str(raised.value)


def test_the_secret_is_not_shown() -> None:
    options = S3Options.model_validate({"bucket": "projects", **_KEYS})

    assert "do not tell" not in f"{options!r} {options} {options.model_dump_json()}"


@pytest.mark.parametrize(
    ("root", "bucket", "found"),
    [
        ("/", "projects", ("projects", "")),
        ("", "projects", ("projects", "")),
        ("/film/2026/", "projects", ("projects", "film/2026/")),
        ("film", "projects", ("projects", "film/")),
        ("s3://other/film", "projects", ("other", "film/")),
        ("s3://other", None, ("other", "")),
    ],
)
def test_a_root_is_a_folder_of_the_bucket_or_names_its_own(
    root: str, bucket: str | None, found: tuple[str, str]
) -> None:
    options = S3Options.model_validate({"bucket": bucket})

    places = Places.of(Setup("vendor", {"work": root}, options), options)

    assert tuple(places.root("work")) == found


def test_a_root_without_a_bucket_says_what_to_write() -> None:
    options = S3Options.model_validate({})

    with pytest.raises(SiteError, match=r's3://BUCKET/film"') as raised:
        Places.of(Setup("vendor", {"work": "/film"}, options), options)

    assert raised.value.kind == "settings"
