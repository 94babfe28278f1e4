from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from providers.sftp import SftpOptions

_MINIMAL: dict[str, Any] = {"host": "sftp.example.com", "user": "studio", "password": "s3cret"}


def _refusal(**changes: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        SftpOptions.model_validate(_MINIMAL | changes)
    return str(refused.value)


def test_the_predecessors_names_mean_the_same() -> None:
    options = SftpOptions.model_validate(
        {
            "sftp_host": "h",
            "sftp_port": 2222,
            "sftp_user": "u",
            "sftp_key": "/k",
            "sftp_key_pass": "p",
        }
    )

    assert (options.host, options.port, options.user) == ("h", 2222, "u")
    assert str(options.key_file) == "/k"
    assert options.key_passphrase is not None
    assert options.key_passphrase.get_secret_value() == "p"


def test_the_predecessors_blank_fields_count_as_absent() -> None:
    options = SftpOptions.model_validate(_MINIMAL | {"sftp_key": "", "sftp_key_pass": ""})

    assert options.key_file is None


def test_a_password_and_a_key_together_are_refused() -> None:
    assert "keep one" in _refusal(key_file="/k")


def test_no_way_to_log_in_is_refused() -> None:
    assert "needs a password" in _refusal(password="")


def test_a_passphrase_without_a_key_is_refused() -> None:
    assert "no key_file" in _refusal(key_passphrase="x")


@pytest.mark.parametrize("pin", ["SHA256:short", "MD5:00:11", "ssh-ed25519 nonsense", "yes"])
def test_a_pin_that_is_no_key_is_refused(pin: str) -> None:
    assert "neither a public key" in _refusal(host_key=pin)


def test_no_setting_turns_the_check_of_the_host_key_off() -> None:
    assert "extra" in _refusal(strict_host_key_checking=False).lower()


def test_a_refusal_shows_no_secret() -> None:
    assert "s3cret" not in _refusal(key_file="/k")


def test_no_secret_is_in_the_settings_text() -> None:
    assert "s3cret" not in repr(SftpOptions.model_validate(_MINIMAL))
