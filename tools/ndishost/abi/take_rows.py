#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Takes the rows that this folder needs from the reference tables, mechanically: take_rows.py REFERENCE_DIRECTORY (see README.md)."""
import csv
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# (source, destination, columns kept)
TABLES = (
    ("abi/ndis620-layout-x64.csv", "ndis620-layout-x64.csv", None),
    ("abi/ndis620-layout-x86.csv", "ndis620-layout-x86.csv", None),
    ("abi/ndis620-constants.csv", "ndis620-constants.csv", ("name", "value_x64", "value_x86")),
    ("abi/ndis620-functions.csv", "ndis620-functions.csv", ("name", "dll", "x86_decoration", "win7lib_x64", "win7lib_x86")),
    ("spec/ndis-functions-irql.csv", "ndis-functions-irql.csv", ("function", "irql_norm")),
)


def main():
    reference = sys.argv[1]
    exported = set()
    for source, destination, columns in TABLES:
        with open(os.path.join(reference, source), newline="") as file:
            rows = list(csv.DictReader(file))
        if "functions.csv" in destination:
            rows = [row for row in rows if "y" in (row["win7lib_x64"], row["win7lib_x86"])]
            exported = {row["name"] for row in rows}
        elif "irql" in destination:
            rows = [row for row in rows if row["function"] in exported and row["irql_norm"]]
        columns = columns or list(rows[0])
        with open(os.path.join(HERE, destination), "w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore", lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
