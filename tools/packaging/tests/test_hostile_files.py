#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Damaged files for the Python tools: whatever is in an INF, the checker names faults; whatever is in a .def file, its reader names a line.

    test_hostile_files.py [MUTATIONS]          of each file (default 300), from a fixed seed
"""
import pathlib
import random
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "tools/packaging"), str(ROOT / "sdk/ndis620/abi")]
import check_imports
import check_inf
import settings_source
from packages import PACKAGES

SPECIAL = [b"[", b"]", b"=", b",", b";", b"%", b'"', b"\\", b"\r\n", b"\n", b"\0", b"\xff", b"-", b"0x", b"99999999999999999999", b" ", b"\xc2\xb2"]
MUTATIONS = 300


def mutated(data, chance):
    """One to four changes: bytes, pieces that go, come twice or move, lines that vanish."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at, length = chance.randrange(len(data) + 1), chance.randint(1, 40)
        kind = chance.randrange(6)
        if kind == 0:
            data[at:at + 1] = chance.choice(SPECIAL)
        elif kind == 1:
            data[at:at] = chance.choice(SPECIAL)
        elif kind == 2:
            del data[at:at + length]
        elif kind == 3:
            data[at:at] = data[at:at + length]
        elif kind == 4:
            lines = data.split(b"\r\n")
            del lines[chance.randrange(len(lines))]
            data = bytearray(b"\r\n".join(lines))
        elif chance.random() < 0.1:
            del data[at:]
    return bytes(data)


class HostileFiles(unittest.TestCase):
    def test_inf(self):
        chance, settings, with_faults = random.Random(7), settings_source.settings(), 0
        for package in PACKAGES.values():
            original = package.inf.read_bytes()
            for number in range(MUTATIONS):
                data = mutated(original, chance)
                with self.subTest(package=package.name, number=number):
                    faults = check_inf.check(package, data, settings)
                    self.assertTrue(all(isinstance(fault, str) and fault for fault in faults))
                    with_faults += bool(faults)
        self.assertGreater(with_faults, MUTATIONS)  # they do damage

    def test_definitions(self):
        chance, refused = random.Random(8), 0
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "hostile.def")
            for definition in sorted((ROOT / "sdk/ndis620/lib").glob("*.def")):
                original = definition.read_bytes()
                for number in range(MUTATIONS):
                    path.write_bytes(mutated(original, chance))
                    with self.subTest(definition=definition.name, number=number):
                        try:
                            library, names = check_imports.read_definition(path)
                            self.assertTrue(library and all(names))
                        except check_imports.CheckFailed as failure:
                            self.assertTrue(str(failure))
                            refused += 1
        self.assertGreater(refused, MUTATIONS // 2)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        MUTATIONS = int(sys.argv.pop(1))
    unittest.main()
