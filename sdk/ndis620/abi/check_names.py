#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Every NT and NDIS name that a driver uses must be a genuine one: it must be in the measured tables.

    check_names.py SOURCE_FOLDER...

This is what keeps driver sources compiling with the Windows Driver Kit: they may not lean on names that only this SDK has.
"""
import csv
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
NT_NAME = re.compile(r"^P?(Ndis[A-Z]|NDIS_|NET_BUFFER|NET_PNP|NET_DEVICE|NET_IF|NBL_|MINIPORT_|Ke[A-Z][a-z]|Kf[A-Z]|Mm[A-Z]|Io[A-Z]|Rtl[A-Z]|Ex[A-Z]|Hal[A-Z]"
                     r"|Zw[A-Z]|Ob[A-Z]|Ps[A-Z]|OID_|STATUS_|CmResource|CM_|READ_REGISTER|WRITE_REGISTER|READ_PORT|WRITE_PORT|Interlocked)")
# Genuine names of kinds that no table lists: types without layout of their own, and macros without parameters.
OTHER_GENUINE = {
    "NDIS_HANDLE", "NDIS_STATUS", "NDIS_STRING", "NDIS_STRING_CONST", "NDIS_OID", "NDIS_PORT_NUMBER", "NDIS_PHYSICAL_ADDRESS", "NDIS_RESOURCE_LIST",
    "NDIS_ERROR_CODE", "NDIS_MUTEX", "NDIS_RW_LOCK_EX", "NDIS_BUFFER", "NDIS_INTERRUPT_MODE", "NDIS_RECEIVE_QUEUE_ID", "NDIS_RECEIVE_FILTER_ID",
    "NDIS_MEDIA_CONNECT_STATE", "NDIS_MEDIA_DUPLEX_STATE", "NDIS620_MINIPORT", "NDIS_MINIPORT_DRIVER", "NET_IFINDEX", "NET_IFTYPE", "NET_LUID",
    "IoStatus",  # of an IRP
}


def rows_of(name):
    with open(os.path.join(HERE, name), newline="") as file:
        return list(csv.DictReader(file))


def genuine_names():
    names = set(OTHER_GENUINE)
    for row in rows_of("functions.csv"):
        names.add(row["name"])
        names.update(re.findall(r"\b\w+", row["expands_to"]))
    names.update(row["name"] for row in rows_of("macro-targets.csv"))
    for row in rows_of("constants.csv"):
        names.add(row["name"])
        names.update(row["kind"].split(":")[1:])
    names.update(row["typedef"] for row in rows_of("callbacks.csv"))
    for arch in ("x64", "x86"):
        for row in rows_of(f"layout-{arch}.csv"):
            names.add(row["struct"])
            names.update(row["field"].replace("[]", "").split("."))
    return names


def code_of(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    return re.sub(r'/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', lambda match: "\n" * match.group().count("\n"), text, flags=re.S)


# What a source declares itself: macros, enumerators, parameters and variables.
DECLARED = re.compile(r"^\s*#\s*define\s+(\w+)|\b[A-Z][A-Z0-9_]{2,}\s+\**(\w+)\s*[,;)=\[]|\benum\s*\w*\s*\{\s*(\w+)", re.M)


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    genuine = genuine_names()
    problems, seen = [], set()
    for folder in sys.argv[1:]:
        for directory, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if not name.endswith((".c", ".h")):
                    continue
                path = os.path.join(directory, name)
                code = code_of(path)
                own = {word for groups in DECLARED.findall(code) for word in groups if word}
                for number, line in enumerate(code.splitlines(), 1):
                    for word in re.findall(r"[A-Za-z_]\w*", line):
                        if not NT_NAME.match(word):
                            continue
                        seen.add(word)
                        if word not in genuine and word not in own and not (word.startswith("P") and word[1:] in genuine):
                            problems.append(f"{path}:{number}: {word} is in no table of Windows 7's declarations")
    for problem in problems:
        print(problem, file=sys.stderr)
    if not problems:
        print(f"{len(seen)} NT names in use, all genuine")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
