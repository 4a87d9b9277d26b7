# SPDX-License-Identifier: MIT OR Apache-2.0
"""Traffic cases: the proof (full size), the matrix (every device shape, smaller), the transitional package."""
import dataclasses
import shlex

import capture
from ndishost import HERE, Run

MIB = 1 << 20


@dataclasses.dataclass
class Traffic:
    name: str
    device: str = "qemu"
    options: tuple = ()
    net: str = "tap"
    adapters: int = 1
    flaps: int = 0
    streams: int = 1
    pings: int = 50
    mib: int = 8
    capture: bool = True
    taken: tuple = ()       # feature names that must have been accepted
    not_taken: tuple = ()
    interrupts: str = ""    # "intx", "msix:3"
    timeout: int = 180
    udp_mib: int = 0
    offload: bool = False       # what the driver took of checksums and segmentation must have been used, and nothing else
    link_speed: int = 10_000_000_000  # bits per second; what a device has that says nothing
    transitional: bool = False  # the package for transitional devices


def proof(pings, mib):
    return [
        Traffic("proof", pings=pings, mib=mib, streams=1, capture=False, timeout=600),
        Traffic("proof, captured", pings=20, mib=2, streams=4),
    ]


# The four features of the package, the line although the device has MSI-X, the device's modern interface in BAR4.
TRANSITIONAL_FEATURES = {"VERSION_1", "INDIRECT_DESC", "MAC", "STATUS"}


def transitional(pings, mib):
    shared = {"transitional": True, "interrupts": "intx"}
    return [
        Traffic("proof", "qemu:transitional", pings=pings, mib=mib, timeout=300, capture=False, **shared),
        Traffic("q35, captured", "qemu:transitional", options=("--machine", "q35"), pings=20, mib=2, streams=4, **shared),
        Traffic("no MSI-X", "qemu:transitional,vectors=0", pings=20, mib=2, **shared),
        Traffic("link down and up, two adapters", "qemu:transitional", adapters=2, flaps=2, pings=20, mib=2, **shared),
        Traffic("user network", "qemu:transitional", net="user", pings=0, mib=2, **shared),
    ]


MATRIX = [
    Traffic("mrg_rxbuf=off", "qemu,mrg_rxbuf=off", not_taken=("MRG_RXBUF",)),
    Traffic("event_idx=off", "qemu,event_idx=off", not_taken=("EVENT_IDX",)),
    Traffic("ctrl_vq=off", "qemu,ctrl_vq=off", not_taken=("CTRL_VQ",)),
    Traffic("vectors=0", "qemu,vectors=0", interrupts="intx"),
    Traffic("vectors=2", "qemu,vectors=2", interrupts="msix:2"),
    Traffic("vectors=3", "qemu,vectors=3", interrupts="msix:3"),
    Traffic("vectors=1", "qemu,vectors=1", interrupts="msix:1"),
    Traffic("vectors=20", "qemu,vectors=20", interrupts="msix:8"),
    Traffic("intx granted", options=("--interrupts", "intx"), interrupts="intx"),
    Traffic("one message granted", options=("--interrupts", "msix:1"), interrupts="msix:1"),
    Traffic("page-per-vq=on", "qemu,page-per-vq=on"),
    Traffic("rx_queue_size=1024", "qemu,rx_queue_size=1024"),
    Traffic("q35", options=("--machine", "q35")),
    Traffic("q35, vectors=0", "qemu,vectors=0", options=("--machine", "q35"), interrupts="intx"),
    Traffic("host_mtu=1400", "qemu,host_mtu=1400", taken=("MTU",)),
    Traffic("jumbo frames", "qemu,host_mtu=9000", options=("--set", "*JumboPacket=9014"), taken=("MTU", "MRG_RXBUF")),
    Traffic("jumbo frames, one buffer each", "qemu,host_mtu=9000,mrg_rxbuf=off", options=("--set", "*JumboPacket=9014"), taken=("MTU",),
            not_taken=("MRG_RXBUF",)),
    Traffic("jumbo frames, the device states no MTU", options=("--set", "*JumboPacket=9014"), not_taken=("MTU",)),
    Traffic("guest_csum=off", "qemu,guest_csum=off", not_taken=("GUEST_CSUM",)),
    Traffic("no interrupt moderation", options=("--set", "*InterruptModeration=0")),
    Traffic("speed=25000,duplex=half", "qemu,speed=25000,duplex=half", taken=("SPEED_DUPLEX",), link_speed=25_000_000_000),
    Traffic("packed=on", "qemu,packed=on", not_taken=("RING_PACKED",)),
    Traffic("everything off", "qemu,mrg_rxbuf=off,event_idx=off,ctrl_vq=off,vectors=0", not_taken=("MRG_RXBUF", "EVENT_IDX", "CTRL_VQ"),
            interrupts="intx"),
    Traffic("frames over several merged buffers", options=("--set", "ReceiveBufferSize=256"), taken=("MRG_RXBUF",)),
    Traffic("link down and up", flaps=3),
    Traffic("two adapters", adapters=2),
    Traffic("one processor", options=("--cpus", "1")),
    Traffic("four processors, eight streams", options=("--cpus", "4"), streams=8),
    Traffic("guard pages", options=("--guard-pages",)),
    Traffic("user network", net="user", pings=0),
]


def commands(case):
    traffic = shlex.quote(str(HERE / "traffic.py"))
    guest = (f"exec python3 {traffic} guest --net {case.net} --pings {case.pings} --bytes {case.mib * MIB} --adapters {case.adapters} "
             f"--flaps {case.flaps} --streams {case.streams} --udp-bytes {case.udp_mib * MIB} > traffic.json")
    return guest, f"exec python3 {traffic} peer"


def problem_of_interrupts(case, adapter):
    if not case.interrupts:
        return None
    kind, _, count = case.interrupts.partition(":")
    found = adapter["interrupt_kind"] + (f":{adapter['messages_granted']}" if count else "")
    return None if found == case.interrupts else f"interrupts are {found}, not {case.interrupts}"


def problem_of_features(case, adapter):
    features = adapter["device"]["features_taken"]
    names = features["names"] if features else []
    if case.transitional and set(names) != TRANSITIONAL_FEATURES:
        return f"features taken are {' '.join(names)}"
    if case.transitional and (adapter["device"]["msix_entries"] > 0) != ("vectors=0" not in case.device):
        return f"the device has {adapter['device']['msix_entries']} message-signaled interrupts"
    if case.transitional and any(adapter["device"]["messages"]):
        return "messages were sent"
    for name in case.taken:
        if name not in names:
            return f"{name} was not taken"
    for name in case.not_taken:
        if name in names:
            return f"{name} was taken"
    return None


def problem_of_offload(case, adapter):
    if not case.offload:
        return None
    if adapter["frames_judged"] < adapter["frames_sent"]:
        return f"the host judged {adapter['frames_judged']} of {adapter['frames_sent']} frames in the transmit queue"
    large = "HOST_TSO4" in case.taken or "HOST_TSO6" in case.taken
    for figure, used in (("checksum_requests", "CSUM" in case.taken), ("large_requests", large), ("checksums_verified", "GUEST_CSUM" in case.taken)):
        if bool(adapter[figure]) != used:
            return f"{figure} is {adapter[figure]}"
    return None


def problem_of(case, run, report, traffic):
    problem = run.problem(report)
    if problem:
        return (traffic or {}).get("error") or problem
    if not traffic or not traffic["ok"]:
        return "traffic was lost"
    if len(report["adapters"]) != case.adapters:
        return f"{len(report['adapters'])} adapters in the report"
    for adapter in report["adapters"]:
        problem = problem_of_interrupts(case, adapter) or problem_of_features(case, adapter) or problem_of_offload(case, adapter)
        if not problem and adapter["link_speed"] != case.link_speed:
            problem = f"the link has {adapter['link_speed']} bit/s, not {case.link_speed}"
        if problem:
            return problem
    return None


def figures(traffic, report, captured):
    words = []
    if traffic["flaps"]:
        words.append(f"{sum(row['ok'] for row in traffic['flaps'])}/{len(traffic['flaps'])} link changes")
    if traffic["pings"]:
        words.append(f"{sum(row['received'] for row in traffic['pings'])}/{sum(row['sent'] for row in traffic['pings'])} pings")
    for direction, arrow in (("to_peer", "out"), ("to_guest", "in")):
        rows = [row for row in traffic["transfers"] if row["direction"] == direction]
        amount, seconds = sum(row["bytes"] for row in rows), sum(row["seconds"] for row in rows)
        if rows:
            words.append(f"{amount / MIB:.0f} MiB {arrow} at {amount / seconds / 1e6:.0f} MB/s, {sum(row['equal'] for row in rows)}/{len(rows)} hashes")
    first = report["adapters"][0]
    if first["large_requests"] or first["checksums_verified"]:
        words.append(f"{first['large_requests']} large sends, {first['checksums_verified']} checksums verified")
    for key, text in (("packets_per_doorbell", "packets/doorbell"), ("packets_per_interrupt", "packets/interrupt")):
        if first.get(key):
            words.append(f"{first[key]:.1f} {text}")
    if captured:
        words.append(f"{captured} frames captured")
    if report["warning_count"]:
        words.append(f"{report['warning_count']} warnings")
    return ", ".join(words)


def run_traffic(tools, architecture, case, further=None):
    """(problem or None, one line of figures); `further` looks at the case and the report of a run that is good so far."""
    guest, peer = commands(case)
    image = tools.transitional(architecture) if case.transitional else tools.image(architecture)
    command = [tools.program, "run", image, "--device", case.device, "--net", case.net, "--adapters", case.adapters,
               *case.options, "--json", "report.json", "--exec", guest, "--peer-exec", peer, "--for", case.timeout - 20]
    if case.capture:
        command += ["--pcap", "traffic.pcapng"]
    run = Run(command, case.timeout)
    problem = "the test itself failed"
    try:
        report, traffic, captured = run.json("report.json"), run.json("traffic.json"), 0
        problem = problem_of(case, run, report, traffic)
        if not problem and case.capture:
            captured, problem = capture.judge(run.folder / "traffic.pcapng")
        if not problem and further:
            problem = further(case, report)
        return problem, figures(traffic, report, captured) if report and traffic and report["adapters"] else ""
    finally:
        run.remove(problem is not None)
