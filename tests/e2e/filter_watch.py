#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""The --peer-exec of a control case: what QEMU's device lets in, before and after a reset; announcements as they leave the device.

Usage: filter_watch.py ROUNDS, in the peer's namespace; writes watch.json and ends the run.
"""
import json
import os
import socket
import struct
import subprocess
import sys
import time

PATIENCE_S = 30
ALL_PROTOCOLS = 3
ARP, IPV6, RARP = 0x0806, 0x86DD, 0x8035
STEP_MS = 20
GUEST_IPV4, GUEST_IPV6 = socket.inet_aton("192.0.2.1"), socket.inet_pton(socket.AF_INET6, "2001:db8::1")
ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")


def control(*words):
    run = subprocess.run([os.environ["NDISHOST"], "control", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"control {' '.join(words)}: {run.stderr.strip()}")
    return run.stdout


def qmp(command, **arguments):
    return json.loads(control("qmp", json.dumps({"execute": command, "arguments": arguments} if arguments else {"execute": command})))


def ones_complement(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data)) if len(data) % 2 == 0 else ones_complement(data + b"\0")
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def is_gratuitous_arp(frame, mac):
    """RFC 5227: broadcast, sender and target are the same address."""
    return (frame[:6] == b"\xff" * 6 and frame[6:12] == mac and frame[12:20] == struct.pack("!HHHBB", ARP, 1, 0x0800, 6, 4) and frame[22:28] == mac and
            frame[28:32] == GUEST_IPV4 and frame[38:42] == GUEST_IPV4)


def is_unsolicited_advertisement(frame, mac):
    """RFC 4861: to all nodes, hop limit 255, override without solicited, with the link-layer address and a right checksum."""
    if len(frame) < 86 or frame[12:14] != struct.pack("!H", IPV6) or frame[20] != 58 or frame[54] != 136:
        return False
    pseudo = frame[22:54] + struct.pack("!II", 32, 58)
    return (frame[:6] == b"\x33\x33\0\0\0\1" and frame[6:12] == mac and frame[21] == 255 and frame[38:54] == ALL_NODES and
            frame[22:38] == GUEST_IPV6 and frame[58] & 0x60 == 0x20 and frame[62:78] == GUEST_IPV6 and frame[78:86] == b"\2\1" + mac and
            ones_complement(pseudo + frame[54:86]) == 0xFFFF)


def watch(listener, mac, rounds):
    """Counts until both kinds came in every round, or time is over."""
    seen = {"arp": 0, "advertisements": 0, "rounds": 0}
    deadline = time.monotonic() + PATIENCE_S
    while (seen["rounds"] < rounds or min(seen["arp"], seen["advertisements"]) < rounds) and time.monotonic() < deadline:
        listener.settimeout(max(deadline - time.monotonic(), 0.001))
        try:
            frame = listener.recv(2048)
        except TimeoutError:
            break
        seen["arp"] += is_gratuitous_arp(frame, mac)
        seen["advertisements"] += is_unsolicited_advertisement(frame, mac)
        seen["rounds"] += frame[12:14] == struct.pack("!H", RARP)  # QEMU's own, one a round
    return seen


def main():
    rounds = int(sys.argv[1])
    listener = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    listener.bind(("peer0", 0))
    result = {"before": qmp("query-rx-filter", name="nic0")[0]}  # QEMU answers for one, and there is one
    control("reset")
    result["after"] = qmp("query-rx-filter", name="nic0")[0]
    if rounds:
        mac = bytes.fromhex(result["after"]["main-mac"].replace(":", ""))
        qmp("announce-self", initial=STEP_MS, max=STEP_MS, rounds=rounds, step=0)
        result["announced"] = watch(listener, mac, rounds)
    with open("watch.json", "w", encoding="utf-8") as file:
        json.dump(result, file)
    control("stop")


main()
