#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""End to end: the released driver file, the built ndishost, QEMU's device, Linux's TCP/IP on both sides.

One line per case with its figures; at the end "N passed, N failed"; exit status 1 when one failed.
"""
import argparse
import pathlib
import re
import sys
import time

sys.dont_write_bytecode = True  # the source tree stays as it is

import benchmark
import cases_check
import cases_contract
import cases_control
import cases_diagnostics
import cases_endurance
import cases_hub
import cases_model
import cases_offload
import cases_output
import cases_pair
import cases_plugin
import cases_refusal
import cases_settings
import cases_traffic
import cases_user
from ndishost import Run, Tools

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUPS = ("proof", "matrix", "model", "transitional", "refusals", "rounds", "interruption", "valgrind", "plugin", "hub", "settings",
          "offload", "check", "contract", "control", "diagnostics", "pair", "user", "output", "benchmark")


class Tally:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, group, architecture, name, problem, text, seconds):
        self.passed += problem is None
        self.failed += problem is not None
        verdict = "ok  " if problem is None else "FAIL"
        print(f"{verdict} {group} {architecture:3} {name:36} {seconds:5.1f} s  {problem or text}", flush=True)
        if problem and text:
            print(f"     {text}", flush=True)


def timed(work):
    began = time.monotonic()
    problem, text = work()
    return problem, text, time.monotonic() - began


def run_group(group, tools, architecture, options, tally):
    def wanted(name):
        return not options.filter or re.search(options.filter, name)

    if group in ("proof", "matrix"):
        cases = cases_traffic.proof(options.pings, options.mib) if group == "proof" else cases_traffic.MATRIX
        for case in filter(lambda each: wanted(each.name), cases):
            tally.add(group, architecture, case.name, *timed(lambda: cases_traffic.run_traffic(tools, architecture, case)))
    elif group == "model":
        for case in filter(lambda each: wanted(each.name), cases_model.CASES):
            tally.add(group, architecture, case.name, *timed(lambda: cases_traffic.run_traffic(tools, architecture, case, cases_model.struck)))
        if wanted("damaged frames called good"):
            tally.add(group, architecture, "damaged frames called good", *timed(lambda: cases_model.run_liar(tools, architecture)))
    elif group == "offload":
        for case in filter(lambda each: wanted(each.name), cases_offload.cases(options.mib, options.exhaustive)):
            tally.add(group, architecture, case.name, *timed(lambda: cases_traffic.run_traffic(tools, architecture, case)))
    elif group == "user":
        tally.add(group, architecture, "DHCP, DNS, HTTP", *timed(lambda: cases_user.run_user(tools, architecture)))
    elif group == "transitional":
        for case in filter(lambda each: wanted(each.name), cases_traffic.transitional(options.pings, options.mib)):
            tally.add(group, architecture, case.name, *timed(lambda: cases_traffic.run_traffic(tools, architecture, case)))
        for name, arguments in filter(lambda each: wanted(each[0]), cases_check.transitional(options.seeds, options.exhaustive)):
            image = tools.transitional(architecture)
            tally.add(group, architecture, name, *timed(lambda: cases_check.run_check(tools, image, arguments, options.limit)))
    elif group == "refusals":
        began = time.monotonic()
        for name, problem, line in cases_refusal.run_refusals(tools, architecture):
            tally.add(group, architecture, name, problem, line, time.monotonic() - began)
            began = time.monotonic()
    elif group == "check":
        for name, arguments in filter(lambda each: wanted(each[0]), cases_check.cases(options.seeds, options.exhaustive)):
            tally.add(group, architecture, name, *timed(lambda: cases_check.run_check(tools, tools.image(architecture), arguments, options.limit)))
        tally.add(group, architecture, "replay", *timed(lambda: cases_check.run_replay(tools, architecture)))
    elif group == "diagnostics":
        for case in filter(lambda each: wanted(each.name), cases_diagnostics.cases(options.mib)):
            tally.add(group, architecture, case.name, *timed(lambda: cases_diagnostics.run_diagnostics(tools, architecture, case)))
    elif group == "pair":
        tally.add(group, architecture, "traffic", *timed(lambda: cases_pair.run_pair(tools, architecture, options.pings, options.mib)))
        tally.add(group, architecture, "rounds", *timed(lambda: cases_pair.run_pair_rounds(tools, architecture, options.rounds)))
    elif group == "control":
        for name, work in cases_control.cases(tools, architecture, wanted):
            tally.add(group, architecture, name, *timed(work))
    elif group == "output":
        for name, work in cases_output.cases(tools, architecture, wanted):
            tally.add(group, architecture, name, *timed(work))
    elif group == "contract":
        for name, problem, text in cases_contract.run_contract(tools, architecture, options.seeds):
            tally.add(group, architecture, name, problem, text, 0)
    elif group in ("plugin", "hub", "settings"):
        cases = {"plugin": cases_plugin.run_plugin, "hub": cases_hub.run_hub, "settings": cases_settings.run_settings}[group]
        for name, problem, text in cases(tools, architecture):
            tally.add(group, architecture, name, problem, text, 0)
    elif group == "rounds":
        for device in ("qemu", "model", "model:contract"):
            tally.add(group, architecture, device, *timed(lambda: cases_endurance.run_rounds(tools, architecture, options.rounds, device)))
    elif group == "interruption":
        for name, *blow in filter(lambda each: wanted(each[0]), cases_endurance.INTERRUPTIONS):
            tally.add(group, architecture, name, *timed(lambda blow=blow: cases_endurance.run_interrupted(tools, architecture, *blow)))
    elif group == "valgrind":
        if architecture == "x64":
            tally.add(group, architecture, "memcheck", *timed(lambda: cases_endurance.run_valgrind(tools, architecture)))
    else:
        for name, problem, text in benchmark.run_benchmark(tools, architecture):
            tally.add(group, architecture, name, problem, text, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="+", choices=GROUPS, metavar="GROUP", help=", ".join(GROUPS))
    parser.add_argument("--tools", default=ROOT / "out/tools", help="folder of ndishost")
    parser.add_argument("--drivers", default=ROOT / "out/drivers/windows7/virtio-net", help="folder with x64/ and x86/")
    parser.add_argument("--arch", default="x64,x86", help="x64, x86 or both (default)")
    parser.add_argument("--pings", type=int, default=200, help="proof: of each kind")
    parser.add_argument("--mib", type=int, default=256, help="proof: in each direction, IPv4 and IPv6 each")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5, help="check: of each scenario")
    parser.add_argument("--exhaustive", action="store_true", help="check: refusals and cuts of life cycle and traffic on each model device")
    parser.add_argument("--limit", type=int, default=3600, help="check: seconds for a case")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a failed traffic case: capture, report, output")
    parser.add_argument("--filter", help="only cases whose name matches")
    options = parser.parse_args()

    Run.keep_failed = options.keep
    tools, tally = Tools(options.tools, options.drivers), Tally()
    architectures = options.arch.split(",")
    for needed in [tools.program, *(tools.image(architecture) for architecture in architectures)]:
        if not needed.exists():
            print(f"e2e: {needed} is missing: build first (make all)", file=sys.stderr)
            sys.exit(2)
    for group in options.groups:
        for architecture in architectures:
            run_group(group, tools, architecture, options, tally)
    print(f"{tally.passed} passed, {tally.failed} failed")
    sys.exit(1 if tally.failed else 0)


if __name__ == "__main__":
    main()
