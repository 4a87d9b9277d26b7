# SPDX-License-Identifier: MIT OR Apache-2.0
"""A miniport in the style of a driver kit's sample (tools/ndishost/tests/wdk_style): frames cross its software hub between two adapters."""
import shlex

import cases_check
from ndishost import HERE, Run

TIMEOUT_S = 120


def image_of(tools, architecture):
    return tools.program.parents[1] / "test-drivers" / "wdk-style" / architecture / "wdk_style_hub.sys"


def problem_of(run, report, traffic, adapters):
    problem = run.problem(report)
    if problem or report["warning_count"]:
        return problem or f"{report['warning_count']} warnings"
    if len(report["adapters"]) != adapters or not all(adapter["frames_received"] for adapter in report["adapters"]):
        return "an adapter received nothing"
    if traffic is not None and not traffic["ok"]:
        return "traffic was lost"
    return None


def crosses(tools, architecture, options):
    script = shlex.quote(str(HERE / "traffic.py"))
    run = Run([tools.program, "run", image_of(tools, architecture), "--device", "none", "--json", "report.json", "--for", TIMEOUT_S - 20,
               "--peer-exec", f"exec python3 {script} peer", *options,
               "--exec", f"exec python3 {script} guest --pings 50 --bytes 4194304 --streams 4 > traffic.json"], TIMEOUT_S)
    try:
        report, traffic = run.json("report.json"), run.json("traffic.json")
        problem = problem_of(run, report, traffic, 2)
        text = "" if not report else f"{sum(adapter['frames_sent'] for adapter in report['adapters'])} frames, {report['traps']['cr8']} of cr8"
        if not problem and architecture == "x64" and not (report["traps"]["cr8"] and report["traps"]["shared_user"]):
            problem = "IRQL was never changed, or time never read, inline"
        return problem, text
    finally:
        run.remove(problem is not None)


def rounds(tools, architecture):
    run = Run([tools.program, "run", image_of(tools, architecture), "--device", "none", "--rounds", 200, "--json", "report.json"], TIMEOUT_S)
    try:
        report = run.json("report.json")
        if run.status or not report or report["violation_count"] or report["leak_count"]:
            return run.last_words(), ""
        return None, f"{report['rounds']['done']} rounds"
    finally:
        run.remove()


def run_hub(tools, architecture):
    """Yields (name, problem or None, text)."""
    if not image_of(tools, architecture).exists():
        yield "the sample is built", f"{image_of(tools, architecture)} is missing: build first (make all)", ""
        return
    yield "pings and hashed TCP across the hub", *crosses(tools, architecture, ())
    yield "the same on one processor", *crosses(tools, architecture, ("--cpus", "1"))
    yield "the same with guard pages, four processors", *crosses(tools, architecture, ("--cpus", "4", "--guard-pages"))
    yield "load, initialise, halt, unload", *rounds(tools, architecture)
    yield "scenarios of ndishost check", *cases_check.run_check(
        tools, image_of(tools, architecture), ["--device", "none", "--scenario", "all", "--seeds", "1..20"], TIMEOUT_S)
    yield "each acquisition refused", *cases_check.run_check(
        tools, image_of(tools, architecture), ["--device", "none", "--scenario", "life-cycle", "--seeds", "1", "--fail-nth", "all"], TIMEOUT_S)
