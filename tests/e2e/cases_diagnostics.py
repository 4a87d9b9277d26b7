# SPDX-License-Identifier: MIT OR Apache-2.0
"""What the driver says of itself (`run --diag`) against what ndishost, Linux and the device counted."""
from cases_traffic import Traffic, run_traffic

MASK_NAMES = {"CSUM": ("TxChecksumSupported",), "HOST_TSO4": ("TxTsoV4Supported",), "HOST_TSO6": ("TxTsoV6Supported",),
              "CTRL_VQ": ("CtrlVqNegotiated",), "CTRL_RX": ("CtrlRxNegotiated",), "CTRL_MAC_ADDR": ("CtrlMacAddrNegotiated",)}
# The driver counts a frame before it hands it on: never less than the host had when it asked, never more than it had in the end. Of a
# large send the driver counts what it is on the wire, the host what TCP/IP gave: each segment more has its headers once more.
HEADERS_LEAST, HEADERS_MOST = 14 + 20 + 20, 14 + 40 + 60
COUNTED = {"StatTxPackets": "frames_sent", "StatTxBytes": "bytes_sent", "StatRxPackets": "frames_received", "StatRxBytes": "bytes_received"}
# Nothing is lost, refused or given up in these cases.
ZERO = {"AEROVNET_DIAG_INFO": ("StatTxErrors", "StatRxErrors", "CtrlCmdErr", "CtrlCmdTimeout"),
        "AEROVNET_DIAG_COUNTERS": ("LastResetCause", "TxDroppedLength", "TxDroppedDescription", "TxDroppedMemory", "TxDroppedAborted",
                                   "RxDroppedShort", "RxDroppedLong", "RxDroppedMalformed", "TxNotSummed", "TxDroppedLarge")}


def cases(mib):
    shared = {"options": ("--diag",), "pings": 20, "mib": mib, "capture": False}
    off = "qemu,csum=off,mrg_rxbuf=off,event_idx=off,ctrl_vq=off,vectors=0"
    return [
        Traffic("everything", udp_mib=1, taken=("CSUM", "HOST_TSO4", "CTRL_VQ"), **shared),
        Traffic("nothing, by line", off, interrupts="intx", not_taken=("CSUM", "HOST_TSO4", "CTRL_VQ"), udp_mib=1, **shared),
        Traffic("one message", "qemu,vectors=1", interrupts="msix:1", **shared),
        Traffic("other queue sizes", "qemu,rx_queue_size=1024,tx_queue_size=256", **shared),
        Traffic("two adapters", adapters=2, **shared),
    ]


def number(value):
    return int(value, 0) if isinstance(value, str) else value


def problem_of_counts(adapter, info):
    before = adapter["before_diagnostics"]
    more_frames, more_bytes = (info[name] - adapter[COUNTED[name]] for name in ("StatTxPackets", "StatTxBytes"))
    if adapter["large_requests"]:
        if not (0 < more_frames and more_frames * HEADERS_LEAST <= more_bytes <= more_frames * HEADERS_MOST):
            return f"{adapter['large_requests']} large sends made {more_frames} frames and {more_bytes} bytes more"
        info = dict(info, StatTxPackets=info["StatTxPackets"] - more_frames, StatTxBytes=info["StatTxBytes"] - more_bytes)
    for name, counted in COUNTED.items():
        if not before[counted] <= info[name] <= adapter[counted]:
            return f"{name} is {info[name]}; the host counted {before[counted]} before and {adapter[counted]} in the end"
        if not before[counted]:
            return f"nothing was counted: {counted}"
    # A line may be raised once more for what an earlier interrupt has taken along: the driver says that it was not its own.
    interrupts = sum(info[f"InterruptCountVector{vector}"] for vector in range(3))
    least = before["interrupts"] if adapter["interrupt_kind"] == "msix" else 1
    if not least <= interrupts <= adapter["interrupts"]:
        return f"{interrupts} interrupts; the host counted {before['interrupts']} before and {adapter['interrupts']} in the end"
    return None


def problem_of_facts(adapter, diagnostics):
    info, offload = diagnostics["AEROVNET_DIAG_INFO"], diagnostics["AEROVNET_OFFLOAD_STATS"]
    offered, taken = adapter["device"]["features_offered"], adapter["device"]["features_taken"]
    message = adapter["interrupt_kind"] == "msix"
    wanted = {"Version": 1, "Size": 256, "HostFeatures": number(offered["mask"]), "GuestFeatures": number(taken["mask"]),
              "InterruptMode": int(message), "MessageCount": adapter["messages_granted"], "LinkUp": 1, "TxQueueSize": 256,
              "PermanentMac": adapter["permanent_mac"], "CurrentMac": adapter["mac"]}
    wanted |= {field: int(feature in taken["names"]) for feature, fields in MASK_NAMES.items() for field in fields}
    if message and adapter["messages_granted"] >= 3:
        wanted |= {"MsixConfigVector": 0, "MsixRxVector": 1, "MsixTxVector": 2}
    for name, value in wanted.items():
        if number(info[name]) != value if not isinstance(value, str) else info[name] != value:
            return f"{name} is {info[name]}, not {value}"
    for name, value in {"Version": 1, "Size": 104, "Mac": adapter["mac"], "HostFeatures": offered["mask"], "GuestFeatures": taken["mask"]}.items():
        if offload[name] != value:
            return f"{name} of the offload statistics is {offload[name]}, not {value}"
    for structure, names in ZERO.items():
        for name in names:
            if number(diagnostics[structure][name]):
                return f"{name} is {diagnostics[structure][name]}"
    return None


def problem_of_offload(adapter, diagnostics):
    offload, counters = diagnostics["AEROVNET_OFFLOAD_STATS"], diagnostics["AEROVNET_DIAG_COUNTERS"]
    taken = adapter["device"]["features_taken"]["names"]
    by_device = sum(offload[f"TxCsumOffload{kind}"] for kind in ("Tcp4", "Tcp6", "Udp4", "Udp6"))
    if bool(by_device) != ("CSUM" in taken):
        return f"{by_device} checksums by the device, with CSUM {'' if 'CSUM' in taken else 'not '}taken"
    if by_device > adapter["checksum_requests"] + adapter["large_requests"]:
        return f"{by_device} checksums by the device, asked for {adapter['checksum_requests'] + adapter['large_requests']}"
    if counters["TxLargeByDevice"] + counters["TxLargeBySoftware"] != adapter["large_requests"]:
        return f"large sends: {counters['TxLargeByDevice']} by device, {counters['TxLargeBySoftware']} by software, asked for {adapter['large_requests']}"
    return None


def problem_of(case, report):
    for adapter in report["adapters"]:
        diagnostics = adapter["diagnostics"]
        problem = (problem_of_facts(adapter, diagnostics) or problem_of_counts(adapter, diagnostics["AEROVNET_DIAG_INFO"]) or
                   problem_of_offload(adapter, diagnostics))
        if problem:
            return problem
        if case.device.endswith("rx_queue_size=1024,tx_queue_size=256") and diagnostics["AEROVNET_DIAG_INFO"]["RxQueueSize"] != 1024:
            return f"RxQueueSize is {diagnostics['AEROVNET_DIAG_INFO']['RxQueueSize']}"
    return None


def run_diagnostics(tools, architecture, case):
    """(problem or None, one line of figures)"""
    return run_traffic(tools, architecture, case, problem_of)
