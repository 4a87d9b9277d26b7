#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Other people's drivers: every .sys below a folder is loaded, initialised, made to carry traffic, paused, halted and unloaded; one line each.

    third_party.py DIRECTORY [--device DEVICE]... [--inf FILE] [--set KEYWORD=VALUE]... [--json FILE]

x64 and x86 images alike. Without --device a driver is tried on QEMU's virtio-net-pci first and, when that comes to nothing, without hardware
(--device none: what it passes on between two adapters). An INF beside an image (same name) is taken by itself. Exit status 1 when a driver failed.
"""
import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True

from ndishost import Run

ROOT = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_S = 120
PING = "ping -q -c 20 -i 0.05 -W 5 192.0.2.2 && ping -q -c 20 -i 0.05 -W 5 -s 1400 192.0.2.2"
COLUMNS = ("image", "machine", "imports", "device", "load", "traffic", "halt", "violations", "warnings", "leaks", "remark")
WIDTHS = (28, 7, 9, 16, 6, 7, 6, 10, 8, 5, 0)


def find_images(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() == ".sys" and path.is_file())


def find_inf(image):
    for path in sorted(image.parent.iterdir()):
        if path.suffix.lower() == ".inf" and path.stem.lower() == image.stem.lower():
            return path
    return None


def facts_of(program, image):
    """(machine, implemented, imports, names of those missing, problem)"""
    run = Run([program, "info", image.resolve(), "--json"], 30)
    run.remove()
    if run.status != 0:
        return "?", 0, 0, [], run.last_words()
    facts = json.loads(run.stdout)
    missing = [row["name"] for row in facts["imports"] if not row["implemented"]]
    return facts["machine"], len(facts["imports"]) - len(missing), len(facts["imports"]), missing, None


def run_on(program, image, device, options):
    command = [program, "run", image.resolve(), "--device", device, "--json", "report.json", "--for", TIMEOUT_S - 30, "--exec", PING]
    inf = options.inf or find_inf(image)
    if inf:
        command += ["--inf", pathlib.Path(inf).resolve()]
    for setting in options.set:
        command += ["--set", setting]
    run = Run(command, TIMEOUT_S)
    report = run.json("report.json")
    run.remove()
    return run, report


def judge(run, report):
    """A row's columns from the device on: load, traffic, halt, violations, warnings, leaks, remark."""
    if not report:
        return ["-", "-", "-", "-", "-", "-", run.last_words().removeprefix("ndishost: ")]
    up = bool(report["adapters"]) and all(adapter["initialised"] for adapter in report["adapters"])
    command = report["exec"]
    carried = up and command is not None and command["status"] == 0
    halted = up and not run.timed_out and run.status in (0, 1)
    first = (report["violations"] or [None])[0]
    remark = f"{first['id']}: {first['detail']}" if first else report["reason"] or ""
    return ["yes" if up else "no", "yes" if carried else "no", "yes" if halted else "no", report["violation_count"], report["warning_count"],
            report["leak_count"], remark]


def try_image(program, image, options):
    """(row, passed)"""
    machine, implemented, imports, missing, problem = facts_of(program, image)
    row = [image.name, machine, f"{implemented}/{imports}"]
    if problem or missing:
        return row + ["-"] * 7 + [problem or "not implemented: " + " ".join(missing)], False
    attempts = []
    for device in options.device or ("qemu", "none"):
        run, report = run_on(program, image, device, options)
        columns = judge(run, report)
        if run.status == 0 and columns[:3] == ["yes"] * 3:
            return row + [device] + columns, True
        attempts.append((columns[:3].count("yes"), row + [device] + columns))
    return max(attempts, key=lambda attempt: attempt[0])[1], False  # where it got farthest


def print_row(row):
    print("  ".join(str(cell)[:120].ljust(width) for cell, width in zip(row, WIDTHS)).rstrip(), flush=True)


def run_folder(program, folder, options):
    """Prints the table; returns (rows, how many failed)."""
    rows, failed = [], 0
    print_row(COLUMNS)
    for image in find_images(folder):
        row, passed = try_image(program, image, options)
        rows.append(dict(zip(COLUMNS, row), path=str(image), passed=passed))
        failed += not passed
        print_row(row)
    return rows, failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--device", action="append", default=[], help="as of ndishost run; several are tried in turn")
    parser.add_argument("--inf", help="for every image; default: the .inf beside an image that has its name")
    parser.add_argument("--set", action="append", default=[], metavar="KEYWORD=VALUE")
    parser.add_argument("--tools", default=ROOT / "out/tools", help="folder of ndishost")
    parser.add_argument("--json", help="the rows for machines")
    options = parser.parse_args()
    program = pathlib.Path(options.tools).resolve() / "ndishost"
    if not program.exists():
        sys.exit(f"third_party: {program} is missing: build first (make all)")
    if not find_images(options.folder):
        sys.exit(f"third_party: there is no .sys below {options.folder}")
    rows, failed = run_folder(program, options.folder, options)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")
    print(f"{len(rows) - failed} of {len(rows)} drivers passed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
