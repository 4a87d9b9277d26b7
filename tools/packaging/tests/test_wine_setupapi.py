#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The INF files as an independent parser sees them: Wine's setupapi finds the driver of a device among both files, and performs its registry
and service directives; what is in the registry then is compared with the driver's tables."""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
import check_inf
from packages import PACKAGES

LLVM = "19"
HEADERS = "/usr/share/mingw-w64/include"
IMPORTS = {
    "kernel32": "WideCharToMultiByte WriteFile GetStdHandle GetLastError ExitProcess lstrcpynW lstrcpyW lstrcatW lstrlenW GetEnvironmentVariableW",
    "advapi32": "RegEnumValueW RegEnumKeyExW RegOpenKeyExW RegCloseKey RegCreateKeyExW RegDeleteTreeW",
    "setupapi": "SetupDiCreateDeviceInfoList SetupDiCreateDeviceInfoW SetupDiSetDeviceRegistryPropertyW SetupDiBuildDriverInfoList "
                "SetupDiSelectBestCompatDrv SetupDiGetSelectedDriverW SetupDiGetDeviceInstallParamsW SetupDiSetDeviceInstallParamsW "
                "SetupDiGetActualSectionToInstallW SetupDiGetDriverInfoDetailW SetupGetLineCountW SetupGetLineByIndexW SetupGetStringFieldW "
                "SetupFindFirstLineW SetupInstallFromInfSectionW SetupInstallServicesFromInfSectionW SetupOpenInfFileW SetupCloseInfFile",
}
NO_MATCH = 3
REG_SZ, REG_EXPAND_SZ, REG_DWORD = "1", "2", "4"
MODERN_ID, TRANSITIONAL_ID = r"PCI\VEN_1AF4&DEV_1041&REV_01", r"PCI\VEN_1AF4&DEV_1000"


def run(command, folder, **more):
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=180, **more)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def build(folder):
    commands = []
    for library, names in IMPORTS.items():
        (folder / f"{library}.def").write_text(f"LIBRARY {library}.dll\nEXPORTS\n" + "\n".join(names.split()) + "\n")
        commands.append([f"llvm-dlltool-{LLVM}", "-m", "i386:x86-64", "-d", f"{library}.def", "-l", f"{library}.lib"])
    resources = subprocess.check_output([f"clang-{LLVM}", "-print-resource-dir"], text=True).strip()
    commands.append([f"clang-{LLVM}", "--target=x86_64-pc-windows-gnu", "-nostdinc", "-isystem", f"{resources}/include", "-isystem", HEADERS, "-std=gnu11",
                     "-O1", "-Wall", "-Wextra", "-Werror", "-ffreestanding", "-fno-builtin", "-mno-stack-arg-probe", "-c",
                     str(HERE / "wine/install_inf.c"), "-o", "install_inf.obj"])
    commands.append([f"lld-link-{LLVM}", "/subsystem:console", "/entry:start", "/nodefaultlib", "/machine:x64", "/out:install_inf.exe",
                     "install_inf.obj", *(f"{library}.lib" for library in IMPORTS)])
    for command in commands:
        status, _, errors = run(command, folder)
        if status:
            raise RuntimeError(f"{command[0]}: {errors}")


class Setupapi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        for tool in ("wine", "wineserver"):
            if not shutil.which(tool) and not pathlib.Path(f"/usr/lib/wine/{tool}").exists():
                raise RuntimeError(f"{tool} is not installed: run ./scripts/setup (Debian packages wine and wine64)")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="aero-wine-"))
        cls.environment = dict(os.environ, WINEPREFIX=str(cls.folder / "prefix"), WINEDEBUG="-all", WINEDLLOVERRIDES="mscoree,mshtml=", WINEARCH="win64")
        cls.environment.pop("DISPLAY", None)
        build(cls.folder)
        (cls.folder / "inf").mkdir()
        for package in PACKAGES.values():
            shutil.copy(package.inf, cls.folder / "inf")

    @classmethod
    def tearDownClass(cls):
        server = shutil.which("wineserver") or "/usr/lib/wine/wineserver"
        run([server, "-k"], cls.folder, env=cls.environment)  # of this prefix alone
        run([server, "-w"], cls.folder, env=cls.environment)
        shutil.rmtree(cls.folder, ignore_errors=True)

    def install(self, hardware_id, folder="inf"):
        """(exit status, place -> {(key, value): (type, data)})"""
        environment = dict(self.environment, AERO_FOLDER="Z:" + str(self.folder / folder).replace("/", "\\"), AERO_ID=hardware_id)
        status, output, errors = run(["wine", "install_inf.exe"], self.folder, env=environment)
        found = {}
        for line in output.replace("\r", "").splitlines():
            if line.count("\t") == 4:
                place, key, value, kind, data = line.split("\t")
                found.setdefault(place, {})[(key.lower(), value.lower())] = (kind, data)
        if status not in (0, NO_MATCH):
            self.fail(f"exit status {status}: {output} {errors}")
        return status, found

    def check_package(self, package):
        status, found = self.install(package.hardware_id)
        self.assertEqual(status, 0, f"no driver matches {package.hardware_id}")
        self.assertEqual(found["model"][("", "description")][1], package.description)
        self.assertTrue(found["model"][("", "section")][1].endswith("_Install.NT"))
        section = {value: data for (_, value), (_, data) in found["section"].items()}
        self.assertEqual((section["characteristics"], section["bustype"], section["*iftype"], section["*mediatype"], section["*physicalmediatype"]),
                         ("0x84", "5", "6", "0", "14"))
        self.assertEqual(found["driver"][("ndi", "service")], (REG_SZ, package.name))
        self.assertEqual(found["driver"][(r"ndi\interfaces", "upperrange")], (REG_SZ, "ndis5"))
        service = found["service"]
        self.assertEqual(service[("", "imagepath")][1].lower(), rf"c:\windows\system32\drivers\{package.name}.sys")
        self.assertEqual([service[("", key)][1] for key in ("type", "start", "errorcontrol", "group")], ["1", "3", "1", "NDIS"])
        kind, files = found["events"][("", "eventmessagefile")]
        self.assertEqual(kind, REG_EXPAND_SZ)
        self.assertEqual(files.split(";")[-1], rf"%SystemRoot%\System32\drivers\{package.name}.sys")
        self.assertEqual(found["events"][("", "typessupported")], (REG_DWORD, "7"))
        return found

    def check_settings(self, package, driver):
        offered = {key.split("\\")[2] for key, _ in driver if key.startswith("ndi\\params\\")}
        settings = {setting.keyword.lower(): setting for setting in check_inf.settings_source.settings()
                    if setting.keyword not in package.settings_not_offered}
        self.assertEqual(offered, set(settings) | {"networkaddress"})
        for keyword, setting in settings.items():
            key = f"ndi\\params\\{keyword}"
            self.assertEqual(driver[(key, "default")], (REG_SZ, str(setting.default)), keyword)
            if driver[(key, "type")][1] == "int":
                self.assertEqual((driver[(key, "min")][1], driver[(key, "max")][1]), (str(setting.minimum), str(setting.maximum)), keyword)
            else:
                choices = {int(value) for place, value in driver if place == f"{key}\\enum"}
                self.assertEqual(choices, set(range(setting.minimum, setting.maximum + 1)), keyword)

    def test_modern(self):
        found = self.check_package(PACKAGES["aero_virtio_net"])
        self.check_settings(PACKAGES["aero_virtio_net"], found["driver"])
        interrupts = r"interrupt management\messagesignaledinterruptproperties"
        self.assertEqual(found["hardware"], {(interrupts, "msisupported"): (REG_DWORD, "1"), (interrupts, "messagenumberlimit"): (REG_DWORD, "8")})

    def test_transitional(self):
        found = self.check_package(PACKAGES["aerovnet"])
        self.check_settings(PACKAGES["aerovnet"], found["driver"])
        self.assertNotIn("hardware", found)

    def test_each_id_has_one_package_and_others_none(self):
        for package in PACKAGES.values():  # the other package's file alone
            (self.folder / package.name).mkdir()
            shutil.copy(package.inf, self.folder / package.name)
        self.assertEqual(self.install(MODERN_ID, "aerovnet")[0], NO_MATCH)
        self.assertEqual(self.install(TRANSITIONAL_ID, "aero_virtio_net")[0], NO_MATCH)
        self.assertEqual(self.install(r"PCI\VEN_8086&DEV_100E")[0], NO_MATCH)


if __name__ == "__main__":
    unittest.main()
