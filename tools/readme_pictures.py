#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""tools/readme_pictures.py LINE.sgy FOLDER [PROGRAM]

Runs the README's session in FOLDER, on the four marine shots in LINE.sgy, and leaves there what the README shows:
triptych.png and, where there is Chromium, report.png. Prints each command and what it said, as the README does."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 900, 900  # of the report's picture


def session():
    """The README's block of commands: (command, the lines below it), in their order."""
    text = (ROOT / "README.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    block = next(b for b in blocks if b.startswith("$ seisproc import"))
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, below = part.partition("\n")
        yield command, below.strip("\n")


def run(command, folder, program):
    words = [program if word == "seisproc" else word for word in shlex.split(command)]
    done = subprocess.run(words, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{command}: exit {done.returncode}\n{done.stdout}")
    return done.stdout.strip("\n")


def photograph(page, picture):
    browser = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
    if not browser:
        print(f"no Chromium: {picture.name} stays as it is")
        return
    subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                    f"--user-data-dir={picture.parent / 'profile'}", f"--window-size={WIDTH},{HEIGHT}",
                    f"--screenshot={picture}", page.as_uri()], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, timeout=120)


def main(line, folder, program=ROOT / "build" / "seisproc"):
    folder = Path(folder).resolve()
    shutil.copy(line, folder / "line12.sgy")
    for command, below in session():
        print(f"$ {command}")
        if command.startswith("cat "):
            (folder / command.split()[1]).write_text(below + "\n")
            print(below)
        else:
            print(run(command, folder, str(Path(program).resolve())))
    photograph(folder / "line12-denoised.qc.html", folder / "report.png")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
