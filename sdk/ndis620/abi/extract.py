#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Copies the reference rows that concern drivers of this tree into this folder. Mechanical: rows are selected, never edited.

    extract.py REFERENCE_DIR

REFERENCE_DIR holds the complete tables measured from the Windows 7 driver kit: ndis620-layout-{x64,x86}.csv, ndis620-constants.csv,
ndis620-functions.csv and ndis620-callbacks.csv. Needed only when a driver starts to use something new; builds read the copies.

Selected are:
  structures   everything the SDK headers declare, the NDIS structures of ntddndis.h without wireless and IPsec, and kernel-types.txt
  constants    what the SDK headers define, and names with the prefixes below that the compiler sees on both machines through <ndis.h>
  functions    every row: macros and inline functions too, because the names in the SDK headers are checked against them
  callbacks    the typedefs that the SDK headers declare
"""
import csv
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
INCLUDE = os.path.join(HERE, "..", "include")

CONSTANT_PREFIXES = re.compile(
    r"^(NDIS_|Ndis|OID_|NET_IF_|NET_BUFFER|NET_DEVICE|NET_PNP|NET_EVENT|NetBufferList|NetDevice|NetEvent|NBL_|ETH_|IF_TYPE_|MediaConnect"
    r"|MediaDuplex|MediaSpecific|Tcp|IPsecOffload|Ieee8021Q|Classification|Wfp|MaxNet|Nbl|CM_RESOURCE_|CmResourceType|PCI_|MDL_"
    r"|DISPATCH_LEVEL|PASSIVE_LEVEL|APC_LEVEL|HIGH_LEVEL|PowerDevice|PowerSystem|DRIVER_|DO_|FILE_DEVICE_|METHOD_|IRP_M|IO_NO_INCREMENT"
    r"|NonPagedPool|MmCached|MmNonCached|LowPagePriority|NormalPagePriority|HighPagePriority|LowPoolPriority|NormalPoolPriority"
    r"|HighPoolPriority|Executive$|KernelMode$|UserMode$|NotificationEvent|SynchronizationEvent|Latched|LevelSensitive|Irq(Device|Priority|Policy)"
    r"|STATUS_(SUCCESS|PENDING|UNSUCCESSFUL|INSUFFICIENT_RESOURCES|INVALID_|NOT_SUPPORTED|DEVICE_|BUFFER_|NO_|TIMEOUT|CANCELLED|OBJECT_NAME))")
CONSTANT_EXCLUDED = re.compile(r"802_11|DOT11|WWAN|_WLAN|IPSEC|_CO_|_ATM|IRDA|FDDI|_802_5|BSSID|_WW_|TAPI|^NDIS_RSC|^NDIS_FILTER|^NDIS_PROTOCOL_[DPCR][^_]*_(?!DEF)|^NDIS_BIND")
STRUCT_EXCLUDED = re.compile(r"802_11|WLAN|IPSEC|_CO_|WAN_|IRDA|_WMI_|FILTER_(ATT|DRIVER|INT|PART|PAUSE|REST)|PROTOCOL_|_BIND_|OPEN_PARAM")


def sdk_text():
    text = ""
    for name in sorted(os.listdir(INCLUDE)):
        with open(os.path.join(INCLUDE, name)) as file:
            text += file.read()
    return text


def words_seen_by_compiler(compile_command):
    """Identifiers in the preprocessed <ndis.h>, macro definitions included."""
    output = subprocess.run(compile_command + ["-E", "-dD", "-x", "c", "-"], input="#include <ndis.h>\n", capture_output=True, text=True,
                            check=True).stdout
    return set(re.findall(r"[A-Za-z_]\w+", output))


def compile_command(arch):
    mingw = "/usr/share/mingw-w64/include"
    resource = subprocess.run(["clang-19", "-print-resource-dir"], capture_output=True, text=True, check=True).stdout.strip()
    machine = (["--target=x86_64-pc-windows-msvc", "-D__MINGW64__", "-DWIN64"] if arch == "x64" else
               ["--target=i686-pc-windows-msvc", "-D_X86_=1", "-march=i686"])
    return ["clang-19", *machine, "-fno-ms-compatibility", "-fgnuc-version=4.2.1", "-U_MSC_VER", "-U_MSC_FULL_VER", "-U_MSC_BUILD",
            "-fms-extensions", "-D__MINGW32__", "-D__MSVCRT__", "-DWIN32", "-DWINNT", "-D__MM3DNOW_H", "-D_MM3DNOW_H_INCLUDED",
            "-D__CRT__NO_INLINE=1", "-D_WIN32_WINNT=0x0601", "-DNTDDI_VERSION=0x06010000", "-DNDIS620_MINIPORT=1", "-ffreestanding",
            "-std=gnu89", "-nostdinc", "-I", INCLUDE, "-isystem", resource + "/include", "-isystem", mingw + "/ddk", "-isystem", mingw]


def copy_rows(source, target, keep):
    with open(source, newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if keep(row)]
        fields = reader.fieldnames
    with open(os.path.join(HERE, target), "w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{target}: {len(rows)} rows")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    reference = sys.argv[1]
    text = sdk_text()
    with open(os.path.join(HERE, "kernel-types.txt")) as file:
        listed = {line.split("#")[0].strip() for line in file} - {""}
    declared = set(re.findall(r"\b(?:struct|union) _(\w+) *\{", text)) | set(re.findall(r"^struct _(\w+) \{", text, re.M))
    defined = set(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)", text, re.M))
    seen = {arch: words_seen_by_compiler(compile_command(arch)) for arch in ("x64", "x86")}
    both = seen["x64"] & seen["x86"]

    def keep_struct(row):
        name = row["struct"]
        if name in declared or name in listed:
            return True
        return name.startswith(("NDIS_", "NET_")) and name in both and not STRUCT_EXCLUDED.search(name)

    for arch in ("x64", "x86"):
        copy_rows(os.path.join(reference, f"ndis620-layout-{arch}.csv"), f"layout-{arch}.csv", keep_struct)
    copy_rows(os.path.join(reference, "ndis620-constants.csv"), "constants.csv",
              lambda row: row["name"] in both and row["kind"] != "enum:NDIS_PER_PACKET_INFO" and row["value_x64"] and row["value_x86"] and (
                  row["name"] in defined or (CONSTANT_PREFIXES.search(row["name"]) and not CONSTANT_EXCLUDED.search(row["name"]))))
    copy_rows(os.path.join(reference, "ndis620-functions.csv"), "functions.csv", lambda row: True)
    copy_rows(os.path.join(reference, "ndis620-callbacks.csv"), "callbacks.csv",
              lambda row: re.search(r"\b" + row["typedef"] + r"\b", text) is not None)


if __name__ == "__main__":
    main()
