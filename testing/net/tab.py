#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""tab.py INIT SHELL [ARGUMENT...]: standard input is typed to an interactive shell that has read INIT.

Its tabs are the tab key. The shell's editor takes one key after the other, however long a completion lasts, so
all can be typed at once. Fails when the shell has not ended after 60 seconds; what it showed goes to standard error.
"""
import os
import pty
import select
import sys
import time

SECONDS = 60


def main():
    init, shell = sys.argv[1], sys.argv[2:]
    keys = sys.stdin.buffer.read()
    child, terminal = pty.fork()
    if child == 0:
        os.execvpe(shell[0], shell, {**os.environ, "TERM": "dumb"})
    os.write(terminal, b". " + init.encode() + b"\n" + keys + b"\nexit\n")
    end = time.monotonic() + SECONDS
    shown = b""
    while select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # its other end is closed
            part = b""
        shown += part
        if not part:
            os.waitpid(child, 0)
            break
    else:
        os.kill(child, 9)
        shown += b"\ntab.py: it has not ended\n"
    sys.stderr.buffer.write(shown)
    return shown.endswith(b"has not ended\n")


sys.exit(main())
