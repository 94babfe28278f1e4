"""Settings: what is refused, and what is never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from sitesync_webdav import WebdavOptions

_HTTPS = "https://dav.example.com/projects"


def _options(**keys: object) -> WebdavOptions:
    return WebdavOptions.model_validate({"url": _HTTPS, **keys})


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"url": "dav.example.com"}, "must be an address like"),
        ({"url": "https://anna:hush@dav.example.com"}, "must not hold a login"),
        ({"url": f"{_HTTPS}?token=hush"}, "must end with a folder"),
        ({"user": "anna"}, "needs both"),
        ({"password": "hush"}, "needs both"),
        (
            {"url": "http://dav.example.com", "user": "anna", "password": "hush"},
            "for all to read: use https",
        ),
        ({"root_folder": "/"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_work_is_refused_without_a_word_of_the_secret(
    keys: dict[str, object], why: str
) -> None:
    with pytest.raises(ValidationError, match=why) as raised:
        _options(**keys)

    assert "hush" not in str(raised.value)


def test_a_password_is_shown_nowhere() -> None:
    assert "hush" not in repr(_options(user="anna", password="hush"))


def test_a_server_on_this_machine_may_be_asked_without_tls() -> None:
    options = _options(url="http://127.0.0.1:8080/", user="anna", password="hush")

    assert options.url == "http://127.0.0.1:8080"


def test_a_home_folder_may_be_written_short() -> None:
    assert _options(ca_file="~/studio.pem").ca_file == Path.home() / "studio.pem"
