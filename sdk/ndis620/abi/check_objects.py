#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Reads the objects compiled from bitfields.c and calls.c and compares them with the tables.

    check_objects.py --arch x64|x86 --bit-fields OBJECT --calls OBJECT --stamp FILE

bit-fields  each constant object must have exactly the bits of its field set
calls       on x86 every function must be referenced under the decoration of its calling convention: _Name@bytes is stdcall, _Name is
            cdecl, @Name@bytes fastcall; callbacks under _callback_TYPE@bytes. On x64 there is one convention: the plain names.
"""
import argparse
import csv
import os
import re
import struct
import sys

from generate_checks import declared_functions, header_text, identifier

HERE = os.path.dirname(os.path.abspath(__file__))


class Object:
    """The sections and symbols of a COFF object."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        _, section_count, _, symbol_offset, symbol_count, optional_size, _ = struct.unpack_from("<HHIIIHH", self.data, 0)
        self.sections = []
        for index in range(section_count):
            header = struct.unpack_from("<8sIIIIIIHHI", self.data, 20 + optional_size + 40 * index)
            self.sections.append((header[4], header[3]))  # offset and size of the raw data
        strings = symbol_offset + 18 * symbol_count
        self.symbols = {}
        index = 0
        while index < symbol_count:
            name, value, section, _, _, auxiliary = struct.unpack_from("<8sIhHBB", self.data, symbol_offset + 18 * index)
            if name[:4] == b"\0\0\0\0":
                start = strings + struct.unpack("<I", name[4:])[0]
                name = self.data[start:self.data.index(b"\0", start)]
            self.symbols[name.rstrip(b"\0").decode()] = (section, value)
            index += 1 + auxiliary

    def contents(self, symbol, size):
        section, value = self.symbols[symbol]
        offset, _ = self.sections[section - 1]
        return self.data[offset + value:offset + value + size]


def rows_of(name):
    with open(os.path.join(HERE, name), newline="") as file:
        return list(csv.DictReader(file))


def check_bit_fields(path, arch):
    compiled = Object(path)
    problems, count = [], 0
    for row in rows_of(f"layout-{arch}.csv"):
        if not row["bit_width"]:
            continue
        count += 1
        symbol = ("_" if arch == "x86" else "") + "bits_" + identifier(f"{row['struct']}_{row['field']}")
        size = int(row["size"])
        actual = int.from_bytes(compiled.contents(symbol, size), "little")
        expected = ((1 << int(row["bit_width"])) - 1) << (8 * int(row["offset"]) + int(row["bit_offset"]))
        if actual != expected:
            problems.append(f"{row['struct']}.{row['field']}: bits {actual:#x}, should be {expected:#x}")
    return problems, count


def check_calls(path, arch):
    symbols = set(Object(path).symbols)
    names = {symbol[6:] if symbol.startswith("__imp_") else symbol for symbol in symbols}
    functions = {row["name"]: row for row in rows_of("functions.csv")}
    problems, count = [], 0
    for name in sorted(declared_functions(header_text())):
        count += 1
        expected = functions[name]["x86_decoration"] if arch == "x86" else name
        if expected not in names:
            found = sorted(n for n in names if re.sub(r"@[0-9]+$", "", n).lstrip("_@") == name)
            problems.append(f"{name}: declared as {' '.join(found) or 'nothing'}, should be {expected}")
    for row in rows_of("callbacks.csv"):
        count += 1
        name = f"callback_{row['typedef']}"
        if row["x86_convention"] != "stdcall":
            problems.append(f"{row['typedef']}: convention {row['x86_convention']} is not covered by this check")
        expected = f"_{name}@{row['x86_stack_bytes']}" if arch == "x86" else name
        if expected not in names:
            found = sorted(n for n in names if re.sub(r"@[0-9]+$", "", n).lstrip("_@") == name)
            problems.append(f"{row['typedef']}: declared as {' '.join(found) or 'nothing'}, should be {expected}")
    return problems, count


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", choices=("x64", "x86"), required=True)
    parser.add_argument("--bit-fields", required=True)
    parser.add_argument("--calls", required=True)
    parser.add_argument("--stamp", required=True)
    args = parser.parse_args()
    bit_problems, bit_count = check_bit_fields(args.bit_fields, args.arch)
    call_problems, call_count = check_calls(args.calls, args.arch)
    for problem in bit_problems + call_problems:
        print(f"sdk/ndis620/include: {problem}", file=sys.stderr)
    if bit_problems or call_problems:
        return 1
    with open(args.stamp, "w") as file:
        file.write(f"{bit_count} bit-fields and {call_count} functions and callbacks agree\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
