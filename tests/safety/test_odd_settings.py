"""Settings of any shape: they are read, or each thing that is wrong is told with its place."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from config.errors import SettingsError
from config.load import load
from config.models import Settings
from config.sources import Sources
from reactor.border.secrets import secrets_of
from reactor.cli.compose import make_sites, topologies
from reactor.cli.kinds import OPTIONS

_ENVIRON = {"SITESYNC_SITE_ID": "studio"}
_VALUES = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(max_size=12)
    | st.dates()
    | st.sampled_from(["local", "studio", "vendor", "sftp", "s3", "gdrive", "rclone", "~nobody/x"])
)
_ANYTHING: st.SearchStrategy[Any] = st.recursive(
    _VALUES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=8,
)
_KEYS = st.sampled_from(
    [
        *("provider", "root", "host", "port", "user", "password", "password_file", "password_env"),
        *("key_file", "sftp_pass", "alternative_sites", "transfers", "bandwidth", "enabled"),
        *("on_missing", "timeout", "endpoint", "bucket", "remote", "credentials_url"),
    ]
) | st.text(max_size=9)
_SITE = st.dictionaries(_KEYS, _ANYTHING, max_size=5) | _ANYTHING
_SITES = st.dictionaries(
    st.sampled_from(["local", "studio", "vendor"]) | st.text(max_size=5), _SITE, max_size=3
)
_PROJECT_KEYS = st.sampled_from(
    [
        *("enabled", "active_site", "remote_site", "always_accessible_on", "retry_count"),
        *("retry_cnt", "loop_delay", "reconcile_interval"),
    ]
)
_PROJECT = st.dictionaries(_PROJECT_KEYS, _ANYTHING, max_size=3) | _ANYTHING
_TABLES = st.fixed_dictionaries(
    {},
    optional={
        "enabled": _ANYTHING,
        "mongo": st.dictionaries(st.sampled_from(["uri", "uri_file", "database"]), _ANYTHING)
        | _ANYTHING,
        "machine": st.fixed_dictionaries({}, optional={"relay": _ANYTHING}) | _ANYTHING,
        "limits": st.dictionaries(st.just("bandwidth"), _ANYTHING) | _ANYTHING,
        "sites": _SITES | _ANYTHING,
        "defaults": _PROJECT,
        "projects": st.dictionaries(st.text(max_size=5), _PROJECT, max_size=2) | _ANYTHING,
        "odd": _ANYTHING,
    },
)


@contextmanager
def _file(content: bytes) -> Generator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sitesync.toml"
        file.write_bytes(content)
        yield file


def _loaded(file: Path, environ: Mapping[str, str] = _ENVIRON) -> Settings:
    """Load settings, and make of them all that a reactor does; or tell each problem's place."""
    try:
        found = load(Sources(file, file.parent / "machine.toml", environ), OPTIONS)
    except SettingsError as error:
        _assert_placed(error, file)
        raise
    sites, _ = make_sites(found)
    for project in ("", *found.projects):
        with suppress(SettingsError):
            topologies(found, sites)(project)
    return found


def _assert_placed(error: SettingsError, file: Path) -> None:
    """Each line says where it is wrong: the file and a line of it, or what else was read."""
    place = re.compile(rf"{re.escape(str(file.parent))}|SITESYNC|built-in|environment|[\w\".-]+: ")
    assert error.problems
    for problem in error.problems:
        assert place.search(problem), problem
        assert "Traceback" not in problem


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(_TABLES)
@example({"sites": {"vendor": {"provider": "sftp", "root": {"work": {"linux": 3}}}}})
@example({"sites": {"vendor": {"provider": "local_drive", "root": "a\0b"}}})
@example({"sites": {"vendor": {"provider": "sftp", "password_file": "a\0b"}}})
@example({"sites": {"": {"provider": "sftp"}}})
@example({"mongo": {"uri": "mongodb://"}, "defaults": {"remote_site": "local"}})
def test_settings_of_any_shape_are_read_or_refused_with_the_place(tables: dict[str, Any]) -> None:
    try:
        content = tomli_w.dumps(tables).encode()
    except (TypeError, ValueError):
        return  # TOML has no such thing
    with _file(content) as file, suppress(SettingsError):
        found = _loaded(file)
        assert all(secret not in repr(found) for secret in secrets_of(found) if len(secret) > 9)


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(alphabet="[]{}=\"'#.,\n\\ ab1\u2028\0", max_size=60).map(str.encode)
)
@example(b"\xef\xbb\xbfenabled = true")
@example(b"a = " + b"[" * 5000)
@example(b"a." * 3000 + b"b = 1")
@example(b'"\\ud800" = 1')
@example(b"x = 1e999999999\n[mongo]\nuri = 1")
def test_a_file_of_any_bytes_is_read_or_refused_with_the_place(content: bytes) -> None:
    with _file(content) as file, suppress(SettingsError):
        _loaded(file)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(
        st.lists(
            st.sampled_from(["SITES", "VENDOR", "PASSWORD", "MONGO", "URI", "DEFAULTS", "", "X"]),
            max_size=4,
        ).map(lambda parts: "__".join(["SITESYNC", *parts])),
        st.text(
            alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20
        ),
        max_size=3,
    )
)
def test_an_environment_of_any_shape_is_read_or_refused(environ: dict[str, str]) -> None:
    with _file(b"") as file, suppress(SettingsError):
        _loaded(file, {**_ENVIRON, **environ})
