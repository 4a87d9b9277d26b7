# SPDX-License-Identifier: MIT OR Apache-2.0
"""Bad input and missing prerequisites: exit status 2, one clear line, nothing left behind."""
import os
import pathlib
import re
import shutil
import struct
import tempfile

from ndishost import Run

MACHINE_ARM64 = 0xAA64
TIMEOUT_S = 60


# ---- images made from the released one ----

def pe_offset(image):
    return struct.unpack_from("<I", image, 0x3C)[0]


def set_checksum(image):
    """What the linker does at the end, so that an altered image is wrong in one respect only."""
    place = pe_offset(image) + 24 + 64
    struct.pack_into("<I", image, place, 0)
    padded = bytes(image) + b"\0" * (len(image) % 2)
    total = 0
    for (word,) in struct.iter_unpack("<H", padded):
        total += word
        total = (total & 0xFFFF) + (total >> 16)
    struct.pack_into("<I", image, place, total + len(image))


def for_arm64(image):
    struct.pack_into("<H", image, pe_offset(image) + 4, MACHINE_ARM64)
    set_checksum(image)


def with_unknown_import(image):
    name = b"NdisMRegisterMiniportDriver\0"
    place = image.find(name)
    if place < 0:
        raise ValueError("the image does not import NdisMRegisterMiniportDriver")
    image[place:place + len(name)] = b"NdisMRegisterMiniportDriveX\0"
    set_checksum(image)


def with_damaged_header(image):
    struct.pack_into("<I", image, 0x3C, 0x7FFFFFF0)


ALTERED = {"arm64.sys": for_arm64, "unknown-import.sys": with_unknown_import, "damaged.sys": with_damaged_header}


def prepare(folder, image):
    original = image.read_bytes()
    for name, alter in ALTERED.items():
        altered = bytearray(original)
        alter(altered)
        (folder / name).write_bytes(altered)
    (folder / "text.sys").write_text("This is not a driver.\n" * 50)
    (folder / "empty.sys").write_bytes(b"")
    (folder / "short.sys").write_bytes(original[:600])


# ---- the cases: name, arguments (IMAGE is the released one), what the line must match, how the surroundings are changed ----

def cases():
    run = ("run", "IMAGE")
    no_path = {"PATH": "/nonexistent", "NDISHOST_QEMU": ""}
    no_tun = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /dev/net && exec "$@"', "sh")
    return [
        ("a text file", ("run", "text.sys"), r"PE|image", None, ()),
        ("an empty file", ("run", "empty.sys"), r"empty|PE|short|small", None, ()),
        ("a truncated image", ("run", "short.sys"), r"short\.sys", None, ()),
        ("a header that points outside", ("run", "damaged.sys"), r"damaged\.sys", None, ()),
        ("a file that is not there", ("run", "missing.sys"), r"missing\.sys.*No such file", None, ()),
        ("an image for another machine", ("run", "arm64.sys"), r"machine|architecture", None, ()),
        ("info of an image for another machine", ("info", "arm64.sys"), r"machine|architecture", None, ()),
        ("an unknown import", ("run", "unknown-import.sys"), r"(?i)ndis\.sys!NdisMRegisterMiniportDriveX", None, ()),
        ("no QEMU", run, r"(?i)qemu", no_path, ()),
        ("no /dev/net/tun", run, r"/dev/net/tun is missing", None, no_tun),
        ("no /dev/net/tun, user network", (*run, "--net", "user"), r"/dev/net/tun is missing", None, no_tun),
        ("a property QEMU does not know", (*run, "--device", "qemu,no_such_property=1"), r"no_such_property", None, ()),
        ("a value QEMU does not take", (*run, "--device", "qemu,vectors=many"), r"vectors|many", None, ()),
        ("a device without STATUS", (*run, "--device", "qemu,status=off"), r"refused the device.*aero_virtio_net: the device does not offer the feature STATUS \(16\).*host", None, ()),
        ("a device without INDIRECT_DESC", (*run, "--device", "qemu,indirect_desc=off"), r"refused the device.*does not offer the feature INDIRECT_DESC \(28\)", None, ()),
        ("a model device without MAC", (*run, "--device", "model:features=default-mac"), r"refused the device.*does not offer the feature MAC \(5\)", None, ()),
        ("a model device without VERSION_1", (*run, "--device", "model:features=default-version_1"), r"refused the device.*does not offer the feature VERSION_1 \(32\)", None, ()),
        ("a transitional device", (*run, "--device", "qemu:transitional"), r"refused the device.*not the one that this driver is for.*0x10001af4", None, ()),
        ("an unknown command", ("walk", "IMAGE"), r"unknown command", None, ()),
        ("an unknown option", (*run, "--speed", "9"), r"unknown option --speed", None, ()),
        ("an option without its value", (*run, "--net"), r"--net wants a value", None, ()),
        ("an unknown network", (*run, "--net", "token-ring"), r"tap, user", None, ()),
        ("an unknown device", (*run, "--device", "e1000"), r"--device is model, qemu, plugin:FILE\.so or none, not \"e1000\"", None, ()),
        ("a property the model device does not know", (*run, "--device", "model:colour=red"), r'no property "colour": it knows features', None, ()),
        ("a value the model device does not take", (*run, "--device", "model:queue=100"), r"powers of two from 1 to 32768", None, ()),
        ("a misbehaviour that nobody knows", (*run, "--device", "model:fault=lies"), r'no misbehaviour "lies"', None, ()),
        ("a feature without what it needs", (*run, "--device", "model:features=none+ctrl_rx"), r"ctrl_rx has to offer what it needs", None, ()),
        ("a model device on the user network", (*run, "--device", "model", "--net", "user"), r"--net user is QEMU's: a model device", None, ()),
        ("a model device that refuses the features", (*run, "--device", "model:fault=features-refused"), r"refused the device", None, ()),
        ("no adapters", (*run, "--adapters", "0"), r"from 1 to", None, ()),
        ("a keyword without a value", (*run, "--set", "ReceiveBuffers"), r"KEYWORD=VALUE", None, ()),
        ("an INF that is not there", (*run, "--inf", "missing.inf"), r"missing\.inf: No such file", None, ()),
        ("an INF that is none", (*run, "--inf", "text.sys"), r"text\.sys: line 1: text before the first section", None, ()),
        ("no image", ("run",), r"which image", None, ()),
        ("two images", (*run, "IMAGE"), r"one image", None, ()),
        ("a capture that cannot be written", (*run, "--pcap", "/nonexistent/x.pcapng"), r"/nonexistent/x\.pcapng", None, ()),
        ("a report that cannot be written", (*run, "--json", "/nonexistent/x.json"), r"/nonexistent/x\.json: No such file", None, ()),
        ("a report that is a folder", (*run, "--json", "/"), r"report file /: Is a directory", None, ()),
        ("a report of a check that cannot be written", ("check", "IMAGE", "--json", "/nonexistent/x.json"), r"/nonexistent/x\.json: No such file", None, ()),
        ("a folder of files that is not there", (*run, "--files", "missing"), r"--files missing: No such file", None, ()),
        ("a folder of files that is a file", ("check", "IMAGE", "--files", "text.sys"), r"--files text\.sys: Not a directory", None, ()),
        ("control outside of a run", ("control", "link", "up"), r"inside a run", None, ()),
    ]


def problem_of(run, pattern):
    lines = [line for line in run.stderr.splitlines() if line.strip()]
    if run.timed_out:
        return "did not end in time"
    if run.status != 2:
        return f"exit status {run.status}, not 2: {run.last_words()}"
    if len(lines) != 1 or not lines[0].startswith("ndishost: "):
        return f"{len(lines)} lines instead of one: {' | '.join(lines)[:300]}"
    if not re.search(pattern, lines[0]):
        return f"unclear: {lines[0]}"
    if run.stdout:
        return "something was printed on standard output"
    if run.left or run.new_files:
        return "left behind: " + ", ".join(run.left + sorted(run.new_files))
    return None


def run_refusals(tools, architecture):
    """Yields (name, problem or None, the line)."""
    image = tools.image(architecture)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ndishost-e2e-"))
    try:
        prepare(folder, image)
        for name, arguments, pattern, environment, prefix in cases():
            if prefix and os.geteuid() != 0:
                prefix = (prefix[0], "-r", *prefix[1:])
            changed = dict(os.environ, **environment) if environment else None
            words = [str(image) if word == "IMAGE" else word for word in arguments]
            run = Run([*prefix, tools.program, *words], TIMEOUT_S, changed, folder)
            lines = run.stderr.strip().splitlines()
            yield name, problem_of(run, pattern), lines[-1] if lines else ""
    finally:
        shutil.rmtree(folder, ignore_errors=True)
