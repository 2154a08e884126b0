"""Renders the program in a terminal: runs the demo in a pseudo-terminal for a while and
draws its screen with a headless Chromium.

    pip install pyte==0.8.2
    cargo build --example demo
    python3 docs/pictures/terminal.py target/debug/examples/demo terminal.png
"""

import html
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path

import pyte

ROWS, COLUMNS = 14, 84
# Seconds after which about half of the build is done.
MOMENT = 10

program, picture = sys.argv[1:]
child, terminal = pty.fork()
if child == 0:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    os.execve(program, [program], environment | {"TERM": "xterm-256color"})
ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
screen = pyte.Screen(COLUMNS, ROWS)
stream = pyte.ByteStream(screen)
began = None
while began is None or time.monotonic() < began + MOMENT:
    if select.select([terminal], [], [], 0.05)[0]:
        stream.feed(os.read(terminal, 65536))
    if began is None and any("queued" in line for line in screen.display):
        began = time.monotonic()
os.kill(child, 2)

COLORS = {"default": "#d0d0d0", "red": "#f47067", "green": "#8ddb8c", "cyan": "#76e3ea", "brown": "#f2cc60"}


def line(row):
    cells = [screen.buffer[row][column] for column in range(COLUMNS)]
    # pyte does not support dimmed text, so it is drawn in its regular color.
    drawn = [f'<span style="color:{COLORS.get(it.fg, "#d0d0d0")}">{html.escape(it.data)}</span>' for it in cells]
    return "".join(drawn)


page = f"""<meta charset="utf-8"><body style="margin:0;background:#1c2128"><pre style="margin:16px;font:15px/1.35
'DejaVu Sans Mono',monospace">{chr(10).join(line(row) for row in range(ROWS))}</pre>"""
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "terminal.html")
    file.write_text(page)
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", "--window-size=800,316",
         f"--user-data-dir={folder}/profile", f"--screenshot={Path(picture).absolute()}", file.as_uri()],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
