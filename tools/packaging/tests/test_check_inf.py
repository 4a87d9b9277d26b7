#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The INF files are without fault; each of the faults below, planted in one of them, is found and named."""
import dataclasses
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import check_inf
from inf_file import Inf, InfError
from packages import PACKAGES

MODERN, TRANSITIONAL = PACKAGES["aero_virtio_net"], PACKAGES["aerovnet"]

# what is replaced, by what, and what the fault mentions
PLANTED = [
    ("\r\n", "\n", "carriage return"),
    ("$Windows NT$", "$CHICAGO$", "Signature"),
    ("4d36e972", "4d36e973", "ClassGUID"),
    ("aero_virtio_net.cat", "aerovnet.cat", "CatalogFile"),
    ("PnpLockDown = 1\r\n", "", "PnpLockDown"),
    ("01/10/2026,1.0.0.0", "2026-01-10,1.0.0.0", "DriverVer"),
    (",1.0.0.0", ",1.0.0.1", "DriverVer's version"),
    ("NTx86, NTamd64", "NTx86", "decorations"),
    ("NTx86, NTamd64", "NTx86, NTamd64.10.0", "decorations"),
    ("[AeroVirtioNet.NTamd64]", "[AeroVirtioNet.NTia64]", "missing or empty"),
    ("&REV_01", "", "matches"),
    ("AeroVirtioNet_Install, PCI\\VEN_1AF4&DEV_1041&REV_01", "AeroVirtioNet_Install, PCI\\VEN_1AF4&DEV_1041&REV_01, PCI\\VEN_1AF4&DEV_1000", "matches"),
    ("0x84", "0x4", "NCF_HAS_UI"),
    ("*IfType            = 6\r\n", "", "NDIS starts no adapter"),
    ("*PhysicalMediaType = 14", "*PhysicalMediaType = 0", "PhysicalMediaType"),
    ('UpperRange, 0, "ndis5"', 'UpperRange, 0, "ndis6"', "UpperRange"),
    ('HKR, Ndi, Service, 0, "aero_virtio_net"', 'HKR, Ndi, Service, 0, "netkvm"', "Service"),
    ("Management\\Message", "Management\\\\Message", "empty part"),
    ("MSISupported, 0x00010001, 1", "MSISupported, 0, 1", "MSISupported"),
    ("MessageNumberLimit, 0x00010001, 8", "MessageNumberLimit, 0x00010001, 16", "MessageNumberLimit"),
    ("AddReg             = AeroVirtioNet_Ndi_AddReg, ", "AddReg             = AeroVirtioNet_InterruptManagement_AddReg, AeroVirtioNet_Ndi_AddReg, ",
     "belongs into the .HW section"),
    ('*ReceiveBuffers, default, 0, "512"', '*ReceiveBuffers, default, 0, "256"', "*ReceiveBuffers default"),
    ('*ReceiveBuffers, max, 0, "4096"', '*ReceiveBuffers, max, 0, "8192"', "*ReceiveBuffers max"),
    ('*TransmitBuffers, min, 0, "16"\r\n', "\r\n", "*TransmitBuffers min"),
    ('HKR, Ndi\\params\\*LsoV2IPv4\\enum, "1", 0, %Enabled%\r\n', "", "*LsoV2IPv4 offers"),
    ('\\*LsoV2IPv4\\enum, "1", 0, %Enabled%', '\\*LsoV2IPv4\\enum, "1", 0, %Disabled%', "*LsoV2IPv4 choice 1"),
    ("params\\*JumboPacket", "params\\*JumboFrames", "*JumboFrames is offered"),
    ("params\\*JumboPacket", "params\\JumboPacket", "*JumboPacket of the driver is not offered"),
    ('*InterruptModeration, type, 0, "enum"', '*InterruptModeration, type, 0, "dword"', "neither int nor enum"),
    ('"Jumbo Packet"', '"Jumbo Frame"', "*JumboPacket ParamDesc"),
    ('NetworkAddress, LimitText, 0, "12"', 'NetworkAddress, LimitText, 0, "17"', "NetworkAddress limittext"),
    ('NetworkAddress, type, 0, "edit"\r\n', 'NetworkAddress, type, 0, "edit"\r\nHKR, Ndi\\params\\NetworkAddress, default, 0, ""\r\n', "has a default"),
    ("aero_virtio_net, 2,", "aero_virtio_net, 0,", "AddService"),
    ("StartType      = 3", "StartType      = 0", "StartType"),
    ("%12%\\aero_virtio_net.sys", "%12%\\aerovnet.sys", "ServiceBinary"),
    ("EventMessageFile, 0x00020000", "EventMessageFile, 0", "REG_EXPAND_SZ"),
    (";%%SystemRoot%%\\System32\\drivers\\aero_virtio_net.sys", "", "Event Viewer has no text"),
    ("TypesSupported, 0x00010001, 7", "TypesSupported, 0x00010001, 3", "TypesSupported"),
    ("aero_virtio_net.sys,,,2", "netkvm.sys,,,2", "copies something else"),
    ("AeroVirtioNet_CopyFiles = 12", "AeroVirtioNet_CopyFiles = 11", "DestinationDirs"),
    ("aero_virtio_net.sys = 1", "aero_virtio_net.sys = 2", "is on no disk"),
    ("[AeroVirtioNet_Params_AddReg]", "[AeroVirtioNet_Parms_AddReg]", "which is not there"),
    ("[AeroVirtioNet_Service]", "[Stray]\r\nA = B\r\n[AeroVirtioNet_Service]", "reached from nowhere"),
    ("HKR, Ndi, Service", "HKLM, Ndi, Service", "HKR"),
    ("%ReceiveBuffers%", "%RecieveBuffers%", "not in [Strings]"),
    ('"Aero Project"', '"Aero Project', "quotation mark"),
    ("[Version]", "[Version", "does not end"),
    ('"Aero Project"', '"A\u00e9ro Project"', "not ASCII"),
    ("; SPDX", "SPDX", "before the first section"),
]


class Faults(unittest.TestCase):
    def test_the_files_are_without_fault(self):
        for package in PACKAGES.values():
            self.assertEqual(check_inf.check(package), [])

    def test_each_planted_fault_is_named(self):
        text = MODERN.inf.read_bytes().decode("ascii")
        for old, new, mention in PLANTED:
            with self.subTest(old=old, new=new):
                self.assertIn(old, text, "the file has changed: plant the fault elsewhere")
                faults = check_inf.check(MODERN, text.replace(old, new).encode("utf-8"))
                self.assertTrue(any(mention in fault for fault in faults), f"{mention!r} is not in {faults}")

    def test_a_line_driver_must_not_ask_for_messages(self):
        text = TRANSITIONAL.inf.read_bytes().decode("ascii") + (
            "[Aerovnet_Install.NT.HW]\r\nAddReg = M\r\n[M]\r\nHKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MSISupported, 0x10001, 1\r\n")
        self.assertTrue(any("takes the line only" in fault for fault in check_inf.check(TRANSITIONAL, text.encode())))

    def test_a_changed_setting_of_the_driver_is_noticed(self):
        for field, value in (("default", 300), ("minimum", 17), ("maximum", 4095)):
            settings = [dataclasses.replace(setting, **{field: value}) if setting.keyword == "*ReceiveBuffers" else setting
                        for setting in check_inf.settings_source.settings()]
            self.assertTrue(any("*ReceiveBuffers" in fault for fault in check_inf.check(MODERN, settings=settings)), field)
        more = check_inf.settings_source.settings() + [check_inf.settings_source.Setting(99, "New", 0, 0, 1)]
        self.assertTrue(any("New of the driver is not offered" in fault for fault in check_inf.check(MODERN, settings=more)))


class HardwareIds(unittest.TestCase):
    def test_no_two_packages_match_the_same_device(self):
        self.assertEqual(check_inf.shared_ids(list(PACKAGES.values())), [])

    def test_an_id_that_covers_another_is_noticed(self):
        for mine in (r"PCI\VEN_1AF4&DEV_1041", r"PCI\VEN_1AF4", MODERN.hardware_id.lower()):
            greedy = dataclasses.replace(TRANSITIONAL, hardware_id=mine)
            self.assertTrue(check_inf.shared_ids([MODERN, greedy]), mine)
        self.assertEqual(check_inf.shared_ids([MODERN, dataclasses.replace(TRANSITIONAL, hardware_id=r"PCI\VEN_1AF4&DEV_104")]), [])


class Text(unittest.TestCase):
    def test_lines_as_setup_reads_them(self):
        inf = Inf(b'[A]\r\nKey = "one; two", three ; comment\r\nlong, \\\r\n  line\r\n"q""uote" = %S%, %12%\\x, %%\r\n[a]\r\nmore\r\n[Strings]\r\nS = "text"\r\n')
        self.assertEqual([(line.key, line.fields) for line in inf.lines("a")],
                         [("Key", ["one; two", "three"]), (None, ["long", "line"]), ('q"uote', ["text", "%12%\\x", "%"]), (None, ["more"])])

    def test_what_cannot_be_read_names_its_line(self):
        for data in (b"[A]\nx = \"y\n", b"x\n", b"[A]\n[B\n", b"[A]\nx = %none%\n"):
            with self.assertRaisesRegex(InfError, r"line \d"):
                Inf(data)


if __name__ == "__main__":
    unittest.main()
