# SPDX-License-Identifier: MIT OR Apache-2.0
"""ndishost check: scenarios with many seeds, every acquisition refused, the device taken away at every register access."""
import pathlib
import re

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
# Faults that were found once, by what they were: driver first, then the judge's own.
REGRESSIONS = [
    ("receive room for the MTU on a ring of 1", ["--device", "model:queue=1,features=default+mtu,mtu=9000", "--scenario", "traffic"]),
    ("receive room for the MTU on a ring of 2", ["--device", "model:queue=2,features=default+mtu,mtu=65535", "--scenario", "traffic"]),
    ("transmit queue of one entry", ["--device", "model:queue=256/1", "--scenario", "traffic", "--scenario", "reset"]),
    ("start fails with a queue enabled", ["--device", "model:fault=queue-size-zero@5", "--scenario", "life-cycle", "--scenario", "traffic"]),
    ("first notification after DRIVER_OK", ["--device", "model:random", "--scenario", "reset", "--seeds", "33..33"]),
    ("first notification, another device", ["--device", "model:random", "--scenario", "reset", "--seeds", "144..144"]),
    ("receive queue of one entry, contract layout", ["--device", "model:random", "--scenario", "traffic", "--seeds", "541..541"]),
    ("MTU below 1500", ["--device", "model:queue=2,features=default+mtu,mtu=576", "--scenario", "traffic"]),
    ("a device that lied is no witness", ["--device", "model:fault=used-id-not-outstanding@5", "--scenario", "traffic"]),
    ("interrupts are lost", ["--device", "model:fault=interrupts-lost@40", "--scenario", "traffic"]),
    ("checksum claims while the offload is being switched", ["--device", "model", "--scenario", "receive-checksum", "--seeds", "18..24"]),
    ("frames within a small MTU", ["--device", "model:features=default+mtu,mtu=68", *[word for name in (
        "offload", "receive-checksum", "odd-frames", "vlan") for word in ("--scenario", name)]]),
    ("a keyword is not read, and is not 0", ["--device", "model", "--scenario", "odd-frames", "--seeds", "1..1", "--fail-nth", "1..60"]),
    ("a reset is wanted before the device is set up", ["--device", "model:fault=interrupt-early@1,fault=needs-reset-at-access@20",
                                                       "--interrupts", "intx", "--scenario", "life-cycle"]),
    ("the event log is not filled", ["--device", "model", "--scenario", "stubborn", "--seeds", "29..29"]),
    ("figures while announcements are on their way", ["--device", "model", "--scenario", "announce", "--seeds", "1..20"]),
    ("found broken down by driver and hang check at once", ["--device", "model", "--scenario", "recovery", "--seeds", "35..35"]),
    ("a reset on a slow processor takes less than a second", ["--device", "model", "--scenario", "recovery", "--seeds", "171..171"]),
    ("halted before it could tell of lost interrupts", ["--device", "model", "--scenario", "stubborn", "--seeds", "36..36"]),
    ("announcements on a full transmit queue", ["--device", "model", "--scenario", "announce", "--seeds", "68..68"]),
    ("announcements on a full transmit queue, after a reset", ["--device", "model", "--scenario", "announce", "--seeds", "109..109"]),
    ("filters that the device refuses", ["--device", "model:fault=control-refused@1", "--scenario", "filter"]),
    ("filters that the device refuses from some time on", ["--device", "model:fault=control-refused@13", "--scenario", "filter"]),
    ("a pause amid the segments of a large send", ["--device", "model:fault=never-completes@2", "--scenario", "offload", "--seeds", "1..12"]),
    ("segments that a send reaps, and no interrupt after them", ["--device", "model:features=default-host_ecn,queue=32,fault=interrupts-lost@20",
                                                                  "--set", "*TransmitBuffers=16", "--scenario", "offload", "--seeds", "46..46"]),
    ("long headers of which the ring had no room for the frame", ["--device", "model:queue=4,features=default-host_ecn",
                                                                   "--scenario", "offload", "--seeds", "60..105"]),
    ("a reset is wanted between the handshake and DRIVER_OK", ["--device", "model:fault=needs-reset-at-access@60",
                                                              "--scenario", "life-cycle"]),
    ("control queue of one entry", ["--device", "model:queue=64/256/1", *[word for name in (
        "filter", "vlan-filter", "announce") for word in ("--scenario", name)]]),
    ("contract layout with an MTU of its own", ["--device", "model:random", "--scenario", "jumbo", "--seeds", "77..77"]),
    ("all interrupts lost, software segments", ["--device", "model:queue=8,fault=interrupts-lost@20", "--scenario", "offload", "--seeds", "1..30"]),
    ("all interrupts lost, small rings", ["--device", "model:queue=8,fault=interrupts-lost@20", "--scenario", "traffic"]),
    ("all interrupts lost on a line, small rings", ["--device", "model:contract,queue=8,fault=interrupts-lost@20", "--interrupts", "intx",
                                                    "--scenario", "traffic"]),
    ("a pause gives a slow device its two seconds", ["--device", "model", "--scenario", "pause-restart", "--seeds", "1..1"]),
    ("what waits behind a device that stalls again and again", ["--device", "model:queue=8,fault=interrupts-lost@20",
                                                                "--scenario", "stubborn", "--seeds", "21..24"]),
    ("the last reset is not confirmed", ["--device", "model:fault=status-stuck@3", "--scenario", "traffic"]),
]
# One in ten of everything that the device writes is bytes of chance.
NOISE = [("noise", ["--device", "model:fault=noise@60", "--guard-pages"]),
         ("noise of a contract device", ["--device", "model:contract,fault=noise@1", "--guard-pages"]),
         ("noise of any device", ["--device", "model:random,fault=noise@60", "--guard-pages"])]
NOISE_FEW = ("traffic", "reset", "filter", "settings", "oid-storm")
QUEUE_SIZES = (2, 4, 256, 1024, 32768)
PREEMPTED = [
    ("between instructions", ["--preempt", "instruction"]),
    ("late stores", ["--preempt", "instruction", "--store-buffer"]),
]
PREEMPTED_SCENARIOS = ("traffic", "reset", "pause-restart")
# A device with a process of its own: time is real, runs do not replay exactly.
REAL = [("QEMU", ["--device", "qemu"])]


def scenarios(*names):
    return [word for name in names for word in ("--scenario", name)]


def misbehaviours(points, seeds, some=None):
    """Every one that the model device knows, at several moments; `some` takes each n-th only."""
    source = (pathlib.Path(__file__).resolve().parents[2] / "tools/ndishost/pci/model/model_faults.c").read_text()
    names = re.findall(r"\[FAULT_\w+\] = \{\s*\"([a-z-]+)\"", source)
    assert len(names) > 40, "the table of misbehaviours was not found"
    pairs = [(name, point) for name in names for point in points][::some]
    return [(f"fault {name}@{point}", ["--device", f"model:fault={name}@{point}", *scenarios("traffic", "reset"), "--seeds", f"1..{seeds}"])
            for name, point in pairs]


def few(seeds):
    """Of what takes real time."""
    return min((seeds + 1) // 2, 20)


def cases(seeds, exhaustive):
    seeded = [(name, [*options, "--seeds", f"1..{seeds}"]) for name, options in SEEDED]
    real = [(name, [*options, "--seeds", f"1..{few(seeds)}"]) for name, options in REAL]
    regressions = [(name, options if "--seeds" in options else [*options, "--seeds", "1..6"]) for name, options in REGRESSIONS]
    devices = [("random devices", ["--device", "model:random", *scenarios("life-cycle", "traffic"), "--seeds", f"1..{10000 if exhaustive else 150}"])]
    devices += [(f"queues of {size}", ["--device", f"model:queue={size}", *scenarios("life-cycle", "traffic"), "--seeds", f"1..{seeds}"])
                for size in QUEUE_SIZES]
    preempted = [(name, ["--device", "model", *options, *scenarios(*PREEMPTED_SCENARIOS if exhaustive else ("reset",)), "--seeds",
                         f"1..{seeds if exhaustive else 1}"]) for name, options in PREEMPTED]
    noise = [(name, [*options, *([] if exhaustive else scenarios(*NOISE_FEW)), "--seeds", f"1..{seeds}"]) for name, options in NOISE]
    faults = misbehaviours((1, 2, 5, 17, 40, 200), 10) if exhaustive else misbehaviours((1, 5, 40), 1, 3)
    return seeded + real + regressions + devices + faults + noise + preempted + (POINTS_MANY if exhaustive else POINTS_FEW)


def transitional(seeds, exhaustive):
    """The package for transitional devices: every scenario on the model device, and on QEMU's, whose messages it must leave alone."""
    device = ["--device", "model:transitional"]
    points = [(f"transitional {scenario} {points[2:]}", [*device, "--scenario", scenario, "--seeds", "1", points, "all"])
              for scenario in (("life-cycle", "traffic") if exhaustive else ("life-cycle",)) for points in ("--fail-nth", "--cut-at")]
    qemu = [("QEMU's transitional device", ["--device", "qemu:transitional", "--seeds", f"1..{few(seeds)}"])]
    return [(name, [*options, "--seeds", f"1..{seeds}"]) for name, options in TRANSITIONAL] + points + qemu


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


REPLAYED = [("reset", 3), ("traffic", 7), ("pause-restart", 11), ("surprise-removal", 5), ("power", 2)]


def run_replay(tools, architecture):
    """One seed, twice: the traces are the same byte for byte."""
    lines = 0
    for scenario, seed in REPLAYED:
        command = [tools.program, "check", tools.image(architecture), "--device", "model:random", "--scenario", scenario, "--seeds", str(seed),
                   "--trace"]
        runs = [Run(command, 60), Run(command, 60)]
        for run in runs:
            run.remove()
        if any(run.status for run in runs):
            return f"{scenario}: {runs[0].last_words()}", ""
        if not runs[0].stderr or runs[0].stderr != runs[1].stderr:
            return f"two traces of {scenario}, seed {seed}, differ", ""
        lines += len(runs[0].stderr.splitlines())
    return None, f"{len(REPLAYED)} scenarios, {lines} lines of trace, twice the same"
