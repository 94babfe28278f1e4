"""
Runs a program that ends when we do, however we end: `launcher.py PARENT PROGRAM ARGUMENT…`.

Linux kills the program when its parent is gone; this process becomes that program. Elsewhere it
stays, holding the other end of our pipe: that closes with us, and then it ends the program. It is
run by its path and imports nothing but the standard library: it starts in 20 ms.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9
_GRACE = 5.0


def become(parent: int, command: list[str]) -> None:
    """Become a program that the kernel kills when `parent` is gone. Linux only."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, _SIGKILL)
    if os.getppid() != parent:
        sys.exit(1)  # it went before the kernel knew
    os.execv(command[0], command)  # noqa: S606 - no shell, and the program is the user's own choice


def keep(command: list[str]) -> int:
    """Run a program until it ends or our standard input does, and return its exit code."""
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - the user's own choice
    threading.Thread(target=_end_with_input, args=(program,), daemon=True).start()
    return program.wait()


def _end_with_input(program: subprocess.Popen[bytes]) -> None:
    while os.read(0, 4096):  # sys.stdin has a lock, which nobody could take when we end
        pass
    program.terminate()
    try:
        program.wait(_GRACE)
    except subprocess.TimeoutExpired:
        program.kill()


def main() -> None:
    """Run what the command line says."""
    parent, *command = sys.argv[1:]
    try:
        if sys.platform == "linux":
            become(int(parent), command)
        else:
            sys.exit(keep(command))
    except OSError as error:
        sys.exit(f"{command[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
