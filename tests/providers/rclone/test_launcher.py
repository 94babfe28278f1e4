"""How a program ends with us where the kernel does not see to it: with our end of a pipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from providers.rclone import launcher
from tests.providers.rclone.processes import is_gone, until

_KEEP = "import sys; from providers.rclone.launcher import keep; sys.exit(keep(sys.argv[1:]))"
_TELLS_ITS_PID = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


def _kept(*command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _KEEP, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


async def test_a_kept_program_ends_when_the_pipe_does() -> None:
    with _kept(sys.executable, "-c", _TELLS_ITS_PID) as keeper:
        assert keeper.stdin is not None
        assert keeper.stdout is not None
        pid = int(keeper.stdout.readline())
        assert not is_gone(pid)

        keeper.stdin.close()

        await until(lambda: is_gone(pid))


def test_a_kept_program_s_exit_code_is_passed_on() -> None:
    with _kept(sys.executable, "-c", "raise SystemExit(3)") as keeper:
        assert keeper.wait(20) == 3


def test_a_program_whose_parent_has_gone_is_not_started() -> None:
    command = [sys.executable, "-I", "-S", launcher.__file__, "1", sys.executable, "-c", "print(1)"]

    done = subprocess.run(command, capture_output=True, check=False, timeout=20)

    assert (done.returncode, done.stdout) == (1, b"")


def test_a_program_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    program = tmp_path / "rclone"
    program.write_text("no program")
    program.chmod(0o755)
    script = f"import os, sys; os.execv(sys.executable, [sys.executable, '-I', '-S', {launcher.__file__!r}, str(os.getppid()), {str(program)!r}])"

    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=False, text=True, timeout=20
    )

    assert done.returncode == 1
    assert f"{program} cannot be run: Exec format error" in done.stderr
