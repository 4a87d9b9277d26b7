# SPDX-License-Identifier: MIT OR Apache-2.0
"""ndishost check: scenarios with many seeds, every acquisition refused, the device taken away at every register access."""
from ndishost import Run

# name, options; `seeds` is appended where a case takes as many as it is given.
SEEDED = [
    ("model device", ["--device", "model"]),
    ("contract device", ["--device", "model:contract"]),
    ("one processor", ["--device", "model", "--cpus", "1"]),
    ("four processors", ["--device", "model", "--cpus", "4"]),
    ("any device", ["--device", "model:random"]),
]
# The package for transitional devices.
TRANSITIONAL = [
    ("transitional device", ["--device", "model:transitional"]),
    ("any transitional device", ["--device", "model:transitional,random"]),
    ("transitional device, one processor", ["--device", "model:transitional", "--cpus", "1"]),
]
POINTS_FEW = [
    ("life cycle, each acquisition refused", ["--scenario", "life-cycle", "--seeds", "1", "--fail-nth", "all"]),
    ("life cycle, cut at each access", ["--scenario", "life-cycle", "--seeds", "1", "--cut-at", "all"]),
]
POINTS_MANY = [
    (f"{device[6:] or 'model'} {scenario} {points[2:]}", ["--device", device, "--scenario", scenario, "--seeds", "1..2", points, "all"])
    for device in ("model", "model:contract")
    for scenario in ("life-cycle", "traffic")
    for points in ("--fail-nth", "--cut-at")
]
# A device with threads or a process of its own: time is real, runs do not replay exactly.
REAL = [("minimal device", ["--device", "minimal"]), ("QEMU", ["--device", "qemu", "--scenario", "life-cycle", "--scenario", "traffic"])]


def cases(seeds, exhaustive):
    seeded = [(name, [*options, "--seeds", f"1..{seeds}"]) for name, options in SEEDED]
    real = [(name, [*options, "--seeds", f"1..{min(seeds, 20)}"]) for name, options in REAL]
    return seeded + real + (POINTS_MANY if exhaustive else POINTS_FEW)


def transitional(seeds):
    qemu = ["--device", "qemu:transitional", "--scenario", "life-cycle", "--scenario", "traffic", "--seeds", f"1..{min(seeds, 20)}"]
    return [(name, [*options, "--seeds", f"1..{seeds}"]) for name, options in TRANSITIONAL] + [("QEMU's transitional device", qemu)]


def run_check(tools, image, arguments, timeout):
    run = Run([tools.program, "check", image, *arguments, "--json", "report.json"], timeout)
    try:
        report = run.json("report.json")
        if not report or run.timed_out:
            return run.last_words(), ""
        text = f"{report['runs']} runs in {report['seconds']:.1f} s"
        if report["failures_total"]:
            first = report["failures"][0]
            return f"{report['failures_total']} of {report['runs']} runs: {first['scenario']}: {first['why']}", first["replay"]
        if run.status != 0:
            return run.last_words(), text
        wanted = [row["name"] for row in report["scenarios"] if row["runs"] == 0]
        if wanted:
            return "not run: " + ", ".join(wanted), text
        # The complete device leaves no scenario without a subject: a driver that skips one lost a feature.
        complete = arguments[arguments.index("--device") + 1] == "model" if "--device" in arguments else False
        skipped = [row["name"] for row in report["scenarios"] if complete and row["not_applicable"]]
        if skipped:
            return "not applicable to the complete device: " + ", ".join(skipped), text
        if any(option in arguments for option in ("--fail-nth", "--cut-at")) and not all(row["points"] for row in report["scenarios"]):
            return "no point was reached", text
        return ("left behind: " + ", ".join(run.left) if run.left else None), text
    finally:
        run.remove()


def run_replay(tools, architecture):
    """One seed, twice: the traces are the same byte for byte."""
    command = [tools.program, "check", tools.image(architecture), "--device", "model", "--scenario", "reset", "--seeds", "3", "--trace"]
    runs = [Run(command, 60), Run(command, 60)]
    traces = [run.stderr for run in runs]
    for run in runs:
        run.remove()
    if any(run.status for run in runs):
        return runs[0].last_words(), ""
    return (None if traces[0] == traces[1] else "two traces of one seed differ"), f"{len(traces[0].splitlines())} lines of trace, twice the same"
