#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Turns a list of rules in Markdown into rules.csv, mechanically: take_rules.py RULES.md (see README.md)."""
import csv
import os
import re
import sys

RULE = re.compile(r"- ([A-Z0-9]+-[0-9]+[a-z]?) \[(MUST|SHOULD|HOST|INFO)\] (.*)$")


def split_source(text):
    """The last parenthesis of a line names the documentation pages."""
    if not text.endswith(")"):
        return text, ""
    depth = 0
    for index in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[index], 0)
        if depth == 0:
            return text[:index].rstrip(), text[index + 1:-1]
    return text, ""


def main():
    with open(sys.argv[1]) as source, open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "rules.csv"), "w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("id", "level", "text", "source"))
        for line in source:
            match = RULE.match(line.rstrip("\n"))
            if match:
                writer.writerow((match.group(1), match.group(2)) + split_source(match.group(3)))


if __name__ == "__main__":
    main()
