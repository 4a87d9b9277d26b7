#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every rule that the host reports is asserted by a test, or unasserted.csv says why not: check_asserted.py NDISHOST_DIRECTORY E2E_DIRECTORY."""
import csv
import os
import re
import sys

WORD = re.compile(r"[A-Za-z0-9-]+")
LITERAL = re.compile(r'"([^"\n]*)"')


def read(root, tests, endings):
    """The texts of all files below, of tests or of anything else."""
    for folder, _, files in os.walk(root):
        if ("tests" in os.path.relpath(folder, root).split(os.sep)) == tests:
            for name in files:
                if name.endswith(endings):
                    with open(os.path.join(folder, name), errors="replace") as file:
                        yield file.read()


def named(text):
    """The words of string literals; one literal may list several rules."""
    return {word for literal in LITERAL.findall(text) for word in literal.split()}


def known(root):
    rules = set()
    for table in ("rules.csv", "host-rules.csv"):
        with open(os.path.join(root, "rules", table), newline="") as file:
            rules |= {row["id"] for row in csv.DictReader(line for line in file if not line.startswith("#"))}
    return rules


def main():
    root, e2e = sys.argv[1:]
    rules = known(root)
    reported = set().union(*(named(text) for text in read(root, False, (".c", ".h")))) & rules
    asserted = set().union(*(named(text) for text in read(root, True, (".c", ".h"))))
    asserted |= set().union(*(set(WORD.findall(text)) for text in read(e2e, False, (".py", ".sh"))))
    with open(os.path.join(root, "rules", "unasserted.csv"), newline="") as file:
        excused = {row["id"]: row["why"] for row in csv.DictReader(line for line in file if not line.startswith("#"))}
    faults = ["%s is reported, and no test asserts it" % rule for rule in sorted(reported - asserted - set(excused))]
    faults += ["%s is in unasserted.csv, and a test asserts it: take it out" % rule for rule in sorted(set(excused) & asserted)]
    faults += ["%s is in unasserted.csv, and nothing reports it: take it out" % rule for rule in sorted(set(excused) - reported)]
    faults += ["%s is in unasserted.csv without a reason" % rule for rule, why in sorted(excused.items()) if not why]
    for fault in faults:
        print(fault)
    print("%d rules are reported: %d asserted by tests, %d not" % (len(reported), len(reported & asserted), len(excused)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
