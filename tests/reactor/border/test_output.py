"""What the process writes: no secret on either stream, and on stdout only what is ours."""

from __future__ import annotations

import sys
import threading

import click
import pytest
from pydantic import BaseModel, SecretStr
from rich.progress import Progress

from reactor.border.output import guarded_output
from reactor.border.secrets import SECRETS, secrets_of

SECRET = "c0rrect h0rse"


@pytest.fixture(autouse=True)
def _kept() -> None:
    SECRETS.keep([SECRET])


@pytest.mark.parametrize("spelled", [SECRET, "c0rrect%20h0rse", "c0rrect+h0rse"])
def test_no_secret_is_written_however_it_is_spelled(
    capsys: pytest.CaptureFixture[str], spelled: str
) -> None:
    with guarded_output():
        click.echo(f"it is {spelled}")
        click.echo(f"it is {spelled}", err=True)
        sys.stderr.writelines([f"and {spelled}\n"])

    written = capsys.readouterr()
    assert written.out == "it is ********\n"
    assert written.err == "it is ********\nand ********\n"


def test_what_another_thread_prints_is_no_answer(capsys: pytest.CaptureFixture[str]) -> None:
    with guarded_output():
        thread = threading.Thread(target=print, args=("debugging",))
        thread.start()
        thread.join()
        click.echo('{"answer": 1}')

    written = capsys.readouterr()
    assert written.out == '{"answer": 1}\n'
    assert written.err == "debugging\n"


def test_a_progress_bar_is_ours_although_a_thread_draws_it() -> None:
    has_drawn = threading.Event()

    class Terminal:
        encoding = "utf-8"

        def write(self, text: str) -> int:
            if "frames" in text and threading.current_thread() is not threading.main_thread():
                has_drawn.set()
            return len(text)

        def flush(self) -> None: ...

        def isatty(self) -> bool:
            return True

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", Terminal())
        with guarded_output(), Progress(refresh_per_second=100) as progress:
            progress.add_task("frames", total=1)
            assert has_drawn.wait(10)


def test_the_streams_are_the_old_ones_afterwards() -> None:
    before = sys.stdout, sys.stderr
    with guarded_output():
        assert sys.stdout is not before[0]

    assert (sys.stdout, sys.stderr) == before


def test_secrets_are_found_wherever_settings_have_them() -> None:
    class Login(BaseModel):
        user: str
        password: SecretStr

    class Settings(BaseModel):
        logins: dict[str, list[Login]]

    login = Login(user="studio", password=SecretStr("hidden!"))

    assert list(secrets_of(Settings(logins={"vendor": [login]}))) == ["hidden!"]
