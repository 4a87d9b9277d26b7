#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Writes nt_types.h, nt_types_check.c, nt_constants.h and export_facts.c for one machine: generate.py x64|x86 OUTPUT_DIRECTORY."""
import csv
import fnmatch
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
HEAD = "/* Generated from tools/ndishost/abi by generate.py; do not edit. */\n"
SCALARS = {1: "uint8_t", 2: "uint16_t", 4: "uint32_t", 8: "uint64_t"}

# irql_norm -> lowest and highest IRQL. DIRQL starts above DISPATCH_LEVEL; 31 is the top of both machines. A trailing * (conditional)
# widens nothing by itself: calls whose range depends on an argument are listed in irql-overrides.csv.
IRQL_RANGES = {
    "": (0, 31), "ANY": (0, 31), "UNSPECIFIED": (0, 31), "OTHER": (0, 31), "SEE_REMARKS": (0, 31),
    "PASSIVE": (0, 0), "<=APC": (0, 1), "<=DISPATCH": (0, 2), "DISPATCH": (2, 2), ">=DISPATCH": (2, 31),
    "DIRQL": (3, 31), "<=DIRQL": (0, 31),
}


def read_csv(name):
    with open(os.path.join(HERE, name), newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def write(directory, name, text):
    with open(os.path.join(directory, name), "w") as file:
        file.write(text)


class Structure:
    def __init__(self, name, size, align):
        self.name, self.size, self.align, self.fields = name, size, align, []


def read_structures(machine):
    structures = {}
    for row in read_csv("ndis620-layout-%s.csv" % machine):
        structure = structures.setdefault(row["struct"], Structure(row["struct"], int(row["size"]), int(row["align"])))
        structure.fields.append(row)
    return structures


def field_name(dotted):
    return dotted.replace("[]", "").replace(".", "_")


def other_sizes(machine):
    """(struct, field) -> size on the other machine: tells pointers (4 and 8 bytes) from fixed-width fields."""
    other = {"x64": "x86", "x86": "x64"}[machine]
    return {(row["struct"], row["field"]): int(row["field_size"]) for row in read_csv("ndis620-layout-%s.csv" % other)}


def member(machine, structure, row, others, index):
    name, offset, size = field_name(row["field"]), int(row["offset"]), int(row["field_size"])
    pad = "uint8_t pad_%d_[%d]; " % (index, offset) if offset else ""
    if row["bit_width"]:
        unit, skip, width = SCALARS[size], int(row["bit_offset"]), int(row["bit_width"])
        before = "%s : %d; " % (unit, skip) if skip else ""
        return "    struct __attribute__((packed)) { %s%s%s %s : %d; };\n" % (pad, before, unit, name, width)
    pointer = (size, others.get((structure.name, row["field"]))) in ((8, 4), (4, 8))
    same = others.get((structure.name, row["field"]), size) == size
    if pointer:
        declaration, align = "uintptr_t %s" % name, size
    elif size in SCALARS and same:
        declaration, align = "%s %s" % (SCALARS[size], name), (4 if size == 8 and machine == "x86" else size)
    else:
        declaration, align = "uint8_t %s[%d]" % (name, size), 1
    # Packed only where the natural place would be another one: a pointer to a packed member is a warning.
    packed = offset % align != 0 or align > structure.align
    return "    struct%s { %s%s; };\n" % (" __attribute__((packed))" if packed else "", pad, declaration)


def types(machine, directory):
    structures, others = read_structures(machine), other_sizes(machine)
    out = [HEAD, "/* Layouts of Windows 7 structures on %s: unions of placed fields, so that any overlap works; initialise one field at a time. */\n" % machine,
           "#ifndef NDISHOST_ABI_NT_TYPES_H\n#define NDISHOST_ABI_NT_TYPES_H\n\n#include <stdint.h>\n\n"]
    check = [HEAD, '#include <stddef.h>\n\n#include "nt_types.h"\n\n']
    for structure in structures.values():
        out.append("typedef union nt_%s {\n    uint8_t bytes_[%d];\n" % (structure.name, structure.size))
        seen = set()
        for index, row in enumerate(structure.fields):
            name = field_name(row["field"])
            if name in seen:
                raise SystemExit("%s.%s twice" % (structure.name, name))
            seen.add(name)
            out.append(member(machine, structure, row, others, index))
            if not row["bit_width"]:
                check.append("_Static_assert(offsetof(nt_%s, %s) == %s && sizeof(((nt_%s *)0)->%s) == %s, \"\");\n"
                             % (structure.name, name, row["offset"], structure.name, name, row["field_size"]))
        out.append("} nt_%s;\n\n" % structure.name)
        check.append('_Static_assert(sizeof(nt_%s) == %d, "nt_%s");\n' % (structure.name, structure.size, structure.name))
    out.append("#endif\n")
    check.append("extern const unsigned nt_types_checked;\nconst unsigned nt_types_checked = %d;\n" % len(structures))
    write(directory, "nt_types.h", "".join(out))
    write(directory, "nt_types_check.c", "".join(check))


def constants(machine, directory):
    out = [HEAD, "#ifndef NDISHOST_ABI_NT_CONSTANTS_H\n#define NDISHOST_ABI_NT_CONSTANTS_H\n\n"]
    for row in read_csv("ndis620-constants.csv"):
        value = row["value_" + machine]
        if value:
            out.append("#define NT_%s %s%s\n" % (row["name"], value, "ull" if int(value, 16) > 0xFFFFFFFF else "u"))
    out.append("\n#endif\n")
    write(directory, "nt_constants.h", "".join(out))


def irql_table():
    table = {}
    for row in read_csv("ndis-functions-irql.csv"):
        table.setdefault(row["function"], []).append(irql_range(row["irql_norm"]))
    merged = {name: (min(low for low, _ in ranges), max(high for _, high in ranges)) for name, ranges in table.items()}
    for row in read_csv("irql-overrides.csv"):
        merged[row["function"]] = (int(row["low"]), int(row["high"]))
    return merged


def irql_range(norm):
    return IRQL_RANGES[norm.rstrip("*")]


def convention(name, decoration):
    """-> (convention, stack bytes) from the x86 decoration."""
    if decoration in ("data", "code"):
        return "CONVENTION_DATA", 0
    match = re.fullmatch(r"([_@])%s(?:@(\d+))?" % re.escape(name), decoration)
    if not match:
        raise SystemExit("%s: decoration %r" % (name, decoration))
    if match.group(2) is None:
        return "CONVENTION_CDECL", 0
    return ("CONVENTION_FASTCALL" if match.group(1) == "@" else "CONVENTION_STDCALL"), int(match.group(2))


def dll_for(machine, text):
    for part in text.split("|"):
        if ":" not in part:
            return part
        if part.startswith(machine + ":"):
            return part.split(":")[1]
    return ""


def export_facts(machine, directory):
    irql, facts = irql_table(), {}
    for row in read_csv("ndis620-functions.csv"):
        dll = dll_for(machine, row["dll"])
        if row["win7lib_" + machine] == "y" and dll:
            # An export of x64 alone has no decoration; nothing reads its convention.
            how = convention(row["name"], row["x86_decoration"]) if row["x86_decoration"] else ("CONVENTION_STDCALL", 0)
            facts[row["name"]] = (dll,) + how + irql.get(row["name"], (0, 31))
    for row in read_csv("extra-exports.csv"):
        dll = row["dll_" + machine]
        if dll and row["name"] not in facts:
            how = convention(row["name"], row["x86_decoration"]) if row["x86_decoration"] else ("CONVENTION_STDCALL", 0)
            facts[row["name"]] = (dll,) + how + irql.get(row["name"], irql_range(row["irql_norm"]))
    out = [HEAD, '#include "abi/export_facts.h"\n\n#include <stddef.h>\n\nconst struct export_facts export_facts[] = {\n']
    for name in sorted(facts):
        out.append('    {"%s", "%s", %s, %d, %d, %d},\n' % ((name,) + facts[name]))
    out.append("};\nconst unsigned export_facts_count = %d;\n" % len(facts))
    elsewhere = [(row["pattern"], row["reason"]) for row in read_csv("not-for-miniports.csv")]
    out.append("const char *const export_not_for_miniports[] = {\n")
    for name in sorted(facts):
        reasons = [reason for pattern, reason in elsewhere if fnmatch.fnmatchcase(name, pattern)]
        out.append("    %s,\n" % ('"%s"' % reasons[0] if reasons else "NULL"))
    out.append("};\n")
    write(directory, "export_facts.c", "".join(out))


def main():
    machine, directory = sys.argv[1:3]
    os.makedirs(directory, exist_ok=True)
    types(machine, directory)
    constants(machine, directory)
    export_facts(machine, directory)


if __name__ == "__main__":
    main()
