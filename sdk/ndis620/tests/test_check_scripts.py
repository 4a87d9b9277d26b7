#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The build's checkers must refuse what they exist to refuse."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
SDK = os.path.dirname(HERE)
ROOT = os.path.dirname(os.path.dirname(SDK))
CHECK_IMPORTS = os.path.join(SDK, "abi", "check_imports.py")
CHECK_INCLUDES = os.path.join(ROOT, "cmake", "check_includes.py")


def run(*arguments):
    return subprocess.run([sys.executable, "-B", *arguments], capture_output=True, text=True)


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path


class Definitions(TemporaryFolder):
    def definition(self, names, library="ndis.sys", arch="x86"):
        source = self.write("in.def", f"LIBRARY {library}\nEXPORTS\n" + "".join(f"    {name}\n" for name in names))
        output = os.path.join(self.folder, "out.def")
        result = run(CHECK_IMPORTS, "definition", "--arch", arch, "--functions", os.path.join(SDK, "abi", "functions.csv"), "--input", source,
                     "--output", output)
        if result.returncode != 0:
            return result, ""
        with open(output) as file:
            return result, file.read()

    def test_x86_names_get_the_decoration_of_their_convention(self):
        result, text = self.definition(["NdisFreeMdl", "NdisWriteErrorLogEntry"])
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(" NdisFreeMdl@4\n", text)
        self.assertIn(" NdisWriteErrorLogEntry\n", text)

    def test_fastcall_names_keep_their_leading_at_sign(self):
        result, text = self.definition(["KfAcquireSpinLock"], library="hal.dll")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn(" @KfAcquireSpinLock@4\n", text)

    def test_a_name_exported_on_the_other_machine_only_is_left_out(self):
        result, text = self.definition(["KfAcquireSpinLock"], library="hal.dll", arch="x64")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertNotIn("KfAcquireSpinLock", text)

    def test_a_name_that_windows_7_does_not_export_is_refused(self):
        self.assertEqual(self.definition(["NdisNoSuchFunction"])[0].returncode, 1)
        self.assertEqual(self.definition(["NdisMoveMemory"])[0].returncode, 1)

    def test_a_name_in_the_wrong_module_is_refused(self):
        self.assertEqual(self.definition(["KeSetEvent"])[0].returncode, 1)

    def test_unsorted_and_repeated_names_are_refused(self):
        self.assertEqual(self.definition(["NdisFreeMdl", "NdisAllocateMdl"])[0].returncode, 1)
        self.assertEqual(self.definition(["NdisFreeMdl", "NdisFreeMdl"])[0].returncode, 1)


class Images(TemporaryFolder):
    """A stand-in for llvm-readobj prints the import table."""

    def image(self, imports, listed, command="image"):
        dump = "".join(f"Import {{\n  Name: {module}\n" + "".join(f"  Symbol: {name} (0)\n" for name in names) + "}\n"
                       for module, names in imports.items())
        readobj = self.write("readobj", "#!/bin/sh\ncat <<'END'\n" + dump + "END\n")
        os.chmod(readobj, 0o755)
        definitions = [self.write(f"{module}.def", f"LIBRARY {module}\nEXPORTS\n" + "".join(f"{name}\n" for name in names))
                       for module, names in listed.items()]
        return run(CHECK_IMPORTS, command, "--readobj", readobj, "--image", "x.sys", *definitions)

    def test_listed_imports_pass_whatever_their_decoration(self):
        self.assertEqual(self.image({"NDIS.SYS": ["NdisFreeMdl"], "hal.dll": ["KfAcquireSpinLock"]},
                                    {"ndis.sys": ["NdisFreeMdl@4"], "hal.dll": ["@KfAcquireSpinLock@4"]}).returncode, 0)

    def test_an_import_that_is_not_listed_is_refused_by_name(self):
        result = self.image({"ndis.sys": ["NdisFreeMdl", "NdisMSleep"]}, {"ndis.sys": ["NdisFreeMdl@4"]})
        self.assertEqual(result.returncode, 1)
        self.assertIn("ndis.sys!NdisMSleep", result.stderr)

    def test_a_module_that_is_not_listed_is_refused(self):
        result = self.image({"msvcrt.dll": ["memcpy"]}, {"ndis.sys": ["NdisFreeMdl@4"]})
        self.assertEqual(result.returncode, 1)
        self.assertIn("msvcrt.dll", result.stderr)


    def test_a_listed_name_that_nobody_imports_is_refused_among_all_drivers(self):
        listed = {"ndis.sys": ["NdisFreeMdl", "NdisMSleep"]}
        self.assertEqual(self.image({"ndis.sys": ["NdisFreeMdl", "NdisMSleep"]}, listed, "unused").returncode, 0)
        result = self.image({"ndis.sys": ["NdisFreeMdl"]}, listed, "unused")
        self.assertEqual(result.returncode, 1)
        self.assertIn("ndis.sys!NdisMSleep", result.stderr)


class GenuineNames(TemporaryFolder):
    def check(self, source):
        self.write("src/x.c", source)
        return run(os.path.join(SDK, "abi", "check_names.py"), os.path.join(self.folder, "src"))

    def test_genuine_names_pass(self):
        result = self.check("VOID f(NDIS_HANDLE NdisHandle) { NdisMSleep(NDIS_STATUS_SUCCESS); KeMemoryBarrier(); }\n")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_name_that_only_this_sdk_could_have_is_refused(self):
        result = self.check("VOID f(VOID)\n{\n    NdisSdkAddLargeStatistic(0, 1);\n}\n")
        self.assertEqual(result.returncode, 1)
        self.assertIn("x.c:3: NdisSdkAddLargeStatistic", result.stderr)


class Includes(TemporaryFolder):
    def check(self, files):
        for name, text in files.items():
            self.write(name, text)
        return run(CHECK_INCLUDES, self.folder)

    def test_downward_includes_pass(self):
        result = self.check({
            "drivers/windows7/virtio-net/src/tx.c": '#include <ndis.h>\n#include "virtio_spec.h"\n',
            "drivers/windows7/virtio/common/include/virtio_spec.h": "",
            "sdk/ndis620/include/ndis.h": "#include <ntddk.h>\n",
        })
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_portable_code_may_not_include_an_nt_header(self):
        result = self.check({"drivers/windows7/virtio/common/src/ring.c": "#include <ndis.h>\n"})
        self.assertEqual(result.returncode, 1)
        self.assertIn("ring.c", result.stderr)

    def test_the_host_may_not_include_the_drivers_headers_but_its_tests_may(self):
        files = {"drivers/windows7/virtio/common/include/virtio_spec.h": ""}
        allowed = dict(files, **{"tools/ndishost/tests/compare.c": '#include "virtio_spec.h"\n'})
        self.assertEqual(self.check(allowed).returncode, 0)
        refused = dict(files, **{"tools/ndishost/pci/model.c": '#include "../../../drivers/windows7/virtio/common/include/virtio_spec.h"\n'})
        self.assertEqual(self.check(refused).returncode, 1)

    def test_an_include_in_a_comment_does_not_count(self):
        self.assertEqual(self.check({"drivers/windows7/virtio/common/src/ring.c": "/*\n#include <ndis.h>\n*/\n"}).returncode, 0)


if __name__ == "__main__":
    unittest.main()
