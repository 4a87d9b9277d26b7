#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Builds must work below any folder: no tool whose options begin with a slash is given a path that does.

    check_commands.py BUILD_FOLDER...

llvm-rc takes /check/... for its option /c, and /home/... for /h. lld-link knows inputs from options by looking for the file, but a path
still has to be relative where it stands alone. Reads the commands of configured Ninja build folders.
"""
import os
import re
import shlex
import subprocess
import sys

SLASH_TOOLS = re.compile(r"(^|/)(llvm-rc|lld-link)(-\d+)?$")
# What such a tool is given as an option: a word, perhaps with a value behind a colon; /fo and /no-preprocess among them.
OPTION = re.compile(r"^/[A-Za-z-]+(:.*)?$")


def faults(command):
    """Arguments of a slash tool that are absolute paths standing alone."""
    for part in command.split(" && "):
        words = shlex.split(part)
        if words and SLASH_TOOLS.search(words[0]):
            for word in words[1:]:
                if word.startswith("/") and not OPTION.match(word):
                    yield os.path.basename(words[0]), word


def main(folders):
    if not folders:
        print("check_commands.py: which build folders?", file=sys.stderr)
        return 2
    seen = 0
    bad = []
    for folder in folders:
        commands = subprocess.run(["ninja", "-C", folder, "-t", "commands"], check=True, capture_output=True, text=True).stdout.splitlines()
        for command in commands:
            seen += bool(re.search(r"llvm-rc|lld-link", command))
            bad += [f"{folder}: {tool} is given {word}, which it may take for an option" for tool, word in faults(command)]
    for line in bad:
        print(line, file=sys.stderr)
    if not seen:
        print("check_commands.py: no such tool is used in " + ", ".join(folders), file=sys.stderr)
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
