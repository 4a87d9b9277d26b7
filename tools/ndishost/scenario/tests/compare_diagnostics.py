#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The diagnostics structures as the driver's compiler holds them, against the ones ndishost decodes by: names, offsets, sizes, codes;
and the causes of resets that programs are told of."""
import re
import sys

FORMS = r"FORM_\w+"


def driver_side(layout, header):
    offsets = {(structure, name): int(at) for structure, name, at in re.findall(r"HOLDS\((\w+), (\w+), (\d+)\);", layout)}
    sizes = {structure: int(size) for structure, size in re.findall(r"sizeof\((\w+)\) == (\d+)\)", layout)}
    codes = {int(code, 16) for code in re.findall(r"#define AEROVNET_\w*IOCTL_\w+ 0x([0-9A-F]+)u", header)}
    return offsets, sizes, codes


def host_side(text):
    offsets, sizes, codes = {}, {}, set()
    lists = dict(re.findall(r"diagnostics_field (\w+_fields)\[\] = \{(.*?)\n\};", text, re.S))
    for structure, code, size, fields in re.findall(r'\{"(AEROVNET_\w+)", (0x[0-9A-F]+), (\d+), \d+, (\w+)\}', text):
        sizes[structure], _ = int(size), codes.add(int(code, 16))
        end = 0
        for name, at, length in re.findall(r'\{"(\w+)", (\d+), (\d+), ' + FORMS, lists[fields]):
            if int(at) != end:
                sys.exit(f"{structure}.{name} is at {at}, the field before it ends at {end}")
            end = int(at) + int(length)
            match = re.fullmatch(r"(\w+Cause)([0-7])", name)  # an array in the header
            if not match or match.group(2) == "0":
                offsets[structure, match.group(1) if match else name] = int(at)
        if end != int(size):
            sys.exit(f"{structure}: the fields end at {end}, its size is {size}")
    return offsets, sizes, codes


def causes(header, enumeration):
    """Each cause of a reset has a name in the public header, numbered without a gap, and the driver uses these names and no number."""
    named = re.findall(r"#define (AEROVNET_DIAG_RESET_(?!CAUSES)\w+) +(\d+)u", header)
    used = re.findall(r"^    AerovnetReset\w+ = (\w+)", enumeration, re.M)
    if len(used) < 7 or used != [name for name, _ in named] or [int(number) for _, number in named] != list(range(len(named))):
        sys.exit(f"causes of resets: the header names {named}, the driver has {used}")


def main():
    texts = [open(path, encoding="utf-8").read() for path in sys.argv[1:]]
    driver, host = driver_side(*texts[:2]), host_side(texts[2])
    if len(driver[0]) < 90 or len(driver[2]) != 3:
        sys.exit("the driver's layouts were not found")
    causes(texts[1], texts[3])
    for what, ours, theirs in zip(("offsets", "sizes", "codes"), driver, host):
        if ours != theirs:
            different = set(ours.items()) ^ set(theirs.items()) if isinstance(ours, dict) else ours ^ theirs
            sys.exit(f"{what} differ: {sorted(different, key=str)}")


main()
