#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every rule about drivers is reported somewhere in the code or explained in elsewhere.csv, never both: check_ids.py NDISHOST_DIRECTORY."""
import csv
import os
import re
import sys

HOW = ("by", "blind", "absent")
# The rules of the host itself, and remarks: no driver breaks them.
NOT_OF_DRIVERS = ("HOST", "INFO")


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def reported(root):
    """Ids that the host's own code names in quotes; tests do not count."""
    found = set()
    for folder, _, files in os.walk(root):
        if "tests" in folder.split(os.sep):
            continue
        for name in files:
            if name.endswith((".c", ".h")):
                with open(os.path.join(folder, name), errors="replace") as file:
                    found |= set(re.findall(r'"([A-Z0-9]{2,4}-[0-9]+[a-z]?)"', file.read()))
    return found


def main():
    root = sys.argv[1]
    rules = rows(os.path.join(root, "rules", "rules.csv"))
    elsewhere = rows(os.path.join(root, "rules", "elsewhere.csv"))
    known, explained, code = {row["id"] for row in rules}, {row["id"] for row in elsewhere}, reported(root)
    faults = ["%s is explained twice" % row["id"] for index, row in enumerate(elsewhere)
              if row["id"] in {other["id"] for other in elsewhere[:index]}]
    faults += ["%s: there is no such rule" % name for name in sorted(explained - known)]
    faults += ["%s: how is %r" % (row["id"], row["how"]) for row in elsewhere if row["how"] not in HOW or not row["why"]]
    faults += ["%s is reported, and explained in elsewhere.csv as if it was not" % name for name in sorted(explained & code)]
    faults += ["%s is neither reported nor explained in elsewhere.csv" % row["id"] for row in rules
               if row["level"] not in NOT_OF_DRIVERS and row["id"] not in code | explained]
    for fault in faults:
        print(fault)
    print("%d rules: %d reported, %d elsewhere" % (len(rules), len(known & code), len(explained)))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
