# SPDX-License-Identifier: MIT OR Apache-2.0
"""The control queue on QEMU's device: what QEMU says it lets in (query-rx-filter), before and after a reset, and announcements on demand."""
import dataclasses
import shlex

from cases_traffic import Traffic, run_traffic
from ndishost import HERE, Run

ADDRESS = "02:aa:bb:cc:dd:01"
OWN_ADDRESS = ("--set", "NetworkAddress=" + ADDRESS.replace(":", "").upper())
VLANS = ("--set", r"Device Parameters\AeroVirtioNet\VlanIds=multi:5;4094;0;4095;five;5")
GROUPS = {"01:00:5e:00:00:01", "33:33:00:00:00:01"}  # those that ndishost sets as TCP/IP does, beside all of them
TIMEOUT_S = 60
ROUNDS = 5


@dataclasses.dataclass
class Control:
    name: str
    device: str = "qemu"
    options: tuple = ()
    wanted: dict = dataclasses.field(default_factory=dict)  # of the answer to query-rx-filter
    rounds: int = 0  # announcements that the device asks for


FILTERED = {"promiscuous": False, "unicast": "normal", "multicast": "all", "multicast-table": GROUPS, "unicast-table": set()}
UNFILTERED = {"promiscuous": True, "multicast-table": set(), "unicast-table": set()}

CASES = [
    Control("no VLAN", wanted={**FILTERED, "vlan": "all"}),  # nothing to let in: the filter is not asked for, and every tag passes
    Control("VLANs, another address", options=(*OWN_ADDRESS, *VLANS),
            wanted={**FILTERED, "main-mac": ADDRESS, "vlan": "normal", "vlan-table": {5, 4094}}),
    Control("VlanId", options=("--set", r"Device Parameters\AeroVirtioNet\VlanId=dword:7"), wanted={**FILTERED, "vlan-table": {7}}),
    Control("VlanID of the adapter", options=("--set", "VlanID=9"), wanted={**FILTERED, "vlan-table": {9}}),
    Control("ctrl_mac_addr=off, another address", "qemu,ctrl_mac_addr=off", OWN_ADDRESS, wanted={**FILTERED, "unicast-table": {ADDRESS}}),
    Control("ctrl_vlan=off", "qemu,ctrl_vlan=off", VLANS, wanted={**FILTERED, "vlan": "all"}),
    Control("ctrl_rx=off", "qemu,ctrl_rx=off", VLANS, wanted={**UNFILTERED, "vlan-table": {5, 4094}}),
    Control("ctrl_vq=off", "qemu,ctrl_vq=off", (*OWN_ADDRESS, *VLANS), wanted={**UNFILTERED, "vlan": "all"}),
    Control("guest_announce=off", "qemu,guest_announce=off", wanted={**FILTERED, "vlan": "all"}),
]
TRAFFIC = [
    Traffic(f"{switch}=off, traffic", f"qemu,{switch}=off", OWN_ADDRESS, not_taken=(feature,), pings=20, mib=1)
    for switch, feature in (("ctrl_mac_addr", "CTRL_MAC_ADDR"), ("ctrl_vlan", "CTRL_VLAN"), ("ctrl_rx", "CTRL_RX"), ("ctrl_vq", "CTRL_VQ"),
                            ("guest_announce", "GUEST_ANNOUNCE"))
]


def problem_of_filter(case, moment, found):
    for name, wanted in case.wanted.items():
        value = set(found[name]) if isinstance(wanted, set) else found[name]
        if value != wanted:
            return f"{moment} the reset {name} is {str(value)[:60]}, not {wanted}"
    return None


def problem_of(case, run, report, watch):
    problem = run.problem(report)
    if problem or not watch:
        return problem or "the filter was not read"
    return problem_of_filter(case, "before", watch["before"]) or problem_of_filter(case, "after", watch["after"])


def run_control(tools, architecture, case):
    """(problem or None, figures, commands that the device carried out)"""
    run = Run([tools.program, "run", tools.image(architecture), "--device", case.device, "--net", "tap", *case.options, "--diag", "--json",
               "report.json", "--exec", f"exec sleep {TIMEOUT_S}", "--peer-exec",
               f"exec python3 {shlex.quote(str(HERE / 'filter_watch.py'))} {case.rounds}", "--for", TIMEOUT_S - 10], TIMEOUT_S)
    problem = "the test itself failed"
    try:
        report, watch = run.json("report.json"), run.json("watch.json")
        problem = problem_of(case, run, report, watch)
        if problem:
            return problem, "", 0
        info = report["adapters"][0]["diagnostics"]["AEROVNET_DIAG_INFO"]
        if info["CtrlCmdSent"] != info["CtrlCmdOk"]:
            problem = f"{info['CtrlCmdOk']} of {info['CtrlCmdSent']} commands were good"
        announced = watch.get("announced")
        if not problem and announced and set(announced.values()) != {case.rounds}:
            problem = f"{case.rounds} announcements were asked for: {announced}"
        return problem, f"{info['CtrlCmdOk']} commands" + (f", announced: {announced}" if announced else ""), info["CtrlCmdOk"]
    finally:
        run.remove(problem is not None)


def run_announcements(tools, architecture):
    """Each round is announced once and acknowledged once: one more command than without."""
    silent, announcing = Control("", options=OWN_ADDRESS), Control("", options=OWN_ADDRESS, rounds=ROUNDS)
    problem, text, without = run_control(tools, architecture, silent)
    if problem:
        return problem, text
    problem, text, commands = run_control(tools, architecture, announcing)
    if not problem and commands != without + ROUNDS:
        problem = f"{commands} commands with {ROUNDS} announcements, {without} without"
    return problem, text


def cases(tools, architecture, wanted):
    """(name, work) of each case; work gives (problem or None, figures)."""
    works = [(case.name, lambda case=case: run_control(tools, architecture, case)[:2]) for case in CASES]
    works.append(("announcements", lambda: run_announcements(tools, architecture)))
    works += [(case.name, lambda case=case: run_traffic(tools, architecture, case)) for case in TRAFFIC]
    return [(name, work) for name, work in works if wanted(name)]
