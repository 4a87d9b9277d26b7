#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes the table of all rules as C: generate.py OUTPUT.c RULES.csv..."""
import csv
import json
import sys


def main():
    output, rules = sys.argv[1], {}
    for path in sys.argv[2:]:
        with open(path, newline="") as file:
            for row in csv.DictReader(file):
                if row["id"] in rules or row["level"] not in ("MUST", "SHOULD", "HOST", "INFO") or not row["text"]:
                    raise SystemExit("%s: %s: bad or repeated row" % (path, row["id"]))
                rules[row["id"]] = row
    with open(output, "w") as file:
        file.write('/* Generated from the tables in rules/ by generate.py; do not edit. */\n#include "rules/rule_table.h"\n\n')
        file.write("const struct rule rule_table[] = {\n")
        for name in sorted(rules):
            text = json.dumps(rules[name]["text"], ensure_ascii=False).replace("??", "?\\?")
            file.write('    {"%s", "%s", %s},\n' % (name, rules[name]["level"], text))
        file.write("};\nconst unsigned rule_table_count = %d;\n" % len(rules))


if __name__ == "__main__":
    main()
