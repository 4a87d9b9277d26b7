# SPDX-License-Identifier: MIT OR Apache-2.0
"""Plugin devices, as their authors make them: outside the tree, with a plain compiler and the installed header only."""
import pathlib
import re
import shutil
import subprocess
import tempfile

from cases_refusal import problem_of as problem_of_refusal
from ndishost import HERE, Run

EXAMPLE = HERE.parent / "plugin-example" / "example_device.c"
PINGS = 50
TIMEOUT_S = 60

# What is wrong with each of these, and what the one line must say.
BROKEN = {
    "another version": ("""static const struct ndishost_pci_plugin plugin = {.version = NDISHOST_PCI_PLUGIN_VERSION + 1};
const struct ndishost_pci_plugin *ndishost_pci_plugin(void) { return &plugin; }""", r"interface version \d+, this ndishost has \d+"),
    "no entry point": ("int unrelated;", r"no entry point ndishost_pci_plugin"),
    "nothing returned": ("const struct ndishost_pci_plugin *ndishost_pci_plugin(void) { return NULL; }", r"returned nothing"),
    "an unresolved symbol": ("""int nobody_has_this(void);
const struct ndishost_pci_plugin *ndishost_pci_plugin(void) { nobody_has_this(); return NULL; }""", r"nobody_has_this"),
    "no operations": ("""static bool create(const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host,
    struct ndishost_pci_device *device, char *error, size_t size) { (void)order; (void)host; (void)device; (void)error; (void)size; return true; }
static const struct ndishost_pci_plugin plugin = {.version = NDISHOST_PCI_PLUGIN_VERSION, .create = create};
const struct ndishost_pci_plugin *ndishost_pci_plugin(void) { return &plugin; }""", r"has no operations"),
    "a reason": ("""static bool create(const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host,
    struct ndishost_pci_device *device, char *error, size_t size)
    { (void)host; (void)device; return snprintf(error, size, "no %s today\\nand a second line", order->options) < 0; }
static const struct ndishost_pci_plugin plugin = {.version = NDISHOST_PCI_PLUGIN_VERSION, .create = create};
const struct ndishost_pci_plugin *ndishost_pci_plugin(void) { return &plugin; }""", r"no luck,a=b today$"),
}


def compile_plugin(tools, architecture, source, target):
    """The command that docs/plugin-devices.md tells; what the compiler says, or None."""
    bits = "-m64" if architecture == "x64" else "-m32"
    include = tools.program.parent.parent / "include"
    done = subprocess.run(["cc", bits, "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-O2", "-pthread", f"-I{include}", source, "-o", target],
                          cwd=source.parent, capture_output=True, text=True, check=False)
    return (done.stderr.strip().splitlines() or ["cc failed"])[0] if done.returncode else None


def run_device(tools, architecture, device, options, folder):
    return Run([tools.program, "run", tools.image(architecture), "--device", device, *options], TIMEOUT_S, None, folder)


def traffic_problem(run, report, pattern, least):
    """(problem or None, the device's own counts)"""
    text = report["adapters"][0]["device"]["description"] if report and report["adapters"] else ""
    counts = re.search(pattern, text)
    problem = run.problem(report)
    if problem:
        return problem, text
    if not counts or min(map(int, counts.groups())) < least:
        return f"the device did not count {least} frames in both directions", text
    return None, text


def carries_pings(tools, architecture, folder):
    ping = f"ping -q -c {PINGS} -i 0.01 -W 5 192.0.2.2 && ping -q -c {PINGS} -s 1400 -i 0.01 -W 5 2001:db8::2"
    run = run_device(tools, architecture, "plugin:./device.so", ("--json", "report.json", "--exec", ping), folder)
    return traffic_problem(run, run.json("report.json"), r"(\d+) frames out, (\d+) in", 2 * PINGS)


def echoes(tools, architecture, folder):
    """Frames from the adapter to itself: what goes out comes back, one by one."""
    send = ("python3 -c \"import socket; link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x88b5); link.bind(('aero0', 0x88b5)); "
            "link.settimeout(20); own = bytes.fromhex('525400123456'); "
            f"[(link.send(own + own + b'\\x88\\xb5' + bytes([n]) * 80), link.recv(200)) for n in range({PINGS})]\"")
    run = run_device(tools, architecture, "plugin:device.so,echo", ("--json", "report.json", "--exec", send), folder)
    return traffic_problem(run, run.json("report.json"), r"(\d+) frames out, (\d+) in", PINGS)


def checked(tools, architecture, folder):
    run = Run([tools.program, "check", tools.image(architecture), "--device", "plugin:./device.so", "--scenario", "life-cycle", "--scenario",
               "traffic", "--seeds", "1..2"], TIMEOUT_S, None, folder)
    lines = run.stdout.strip().splitlines()
    return None if run.status == 0 and not run.timed_out else run.last_words(), lines[-1] if lines else ""


def run_plugin(tools, architecture):
    """Yields (name, problem or None, text)."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ndishost-plugin-"))
    try:
        shutil.copy(EXAMPLE, folder)
        problem = compile_plugin(tools, architecture, folder / EXAMPLE.name, "device.so")
        yield "the example compiles with the header alone", problem, ""
        if problem:
            return
        yield "pings through the example", *carries_pings(tools, architecture, folder)
        yield "frames echoed by the example", *echoes(tools, architecture, folder)
        yield "scenarios of ndishost check on the example", *checked(tools, architecture, folder)
        other = "x86" if architecture == "x64" else "x64"
        yield "refused: for the other twin", *refused(run_device(tools, other, "plugin:device.so", (), folder), r"\d\d-bit; x\d\d images need a")
        for name, (code, pattern) in BROKEN.items():
            source = folder / "broken.c"
            source.write_text("#include <stdio.h>\n#include <ndishost/pci_device.h>\n" + code + "\n")
            problem = compile_plugin(tools, architecture, source, "broken.so")
            run = None if problem else run_device(tools, architecture, "plugin:broken.so,luck,a=b", (), folder)
            yield f"refused: {name}", *((problem, "") if problem else refused(run, pattern))
        yield "refused: a file that is not there", *refused(run_device(tools, architecture, "plugin:none.so", (), folder), r"none\.so: No such file")
        yield "refused: a text file", *refused(run_device(tools, architecture, f"plugin:{EXAMPLE.name}", (), folder), r"not a shared object")
        yield "refused: an option of the example", *refused(run_device(tools, architecture, "plugin:device.so,loud", (), folder), r'not "loud"')
        yield "refused: slirp", *refused(run_device(tools, architecture, "plugin:device.so", ("--net", "user"), folder), r"--net user is QEMU's")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def refused(run, pattern):
    lines = run.stderr.strip().splitlines()
    return problem_of_refusal(run, pattern), lines[-1] if lines else ""
