#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a guest does first on QEMU's user network: DHCP, DNS, then HTTP with the self-test's endpoints. `peer` serves on the loopback
that the guest reaches as 10.0.2.2; `guest` asks over the driver and prints one JSON object, and exits 1 when anything is not as it must be.

The 1 MiB that is downloaded has the bytes 0..255 repeating; its hashes are those that the guest self-test and its harness know.
"""
import argparse
import http.client
import http.server
import hashlib
import json
import random
import re
import socket
import struct
import subprocess
import sys
import threading
import time

HTTP_PORT, HTTP_PATH = 18080, "/aero-virtio-selftest"
LARGE = bytes(range(256)) * 4096
LARGE_FNV1A64 = 0x8505AE4435522325
LARGE_SHA256 = "fbbab289f7f94b25736c58be46a994c441fd02552cc6022352e3d86d2fab7c83"
NAME, ADDRESS = "aero.example", "192.0.2.53"
PATIENCE_S = 20
GATEWAY, DNS = "10.0.2.2", "10.0.2.3"


def fnv1a64(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return value


def resolver():
    """slirp hands DNS on to the first IPv4 server of resolv.conf; without one it answers nobody."""
    try:
        servers = re.findall(r"^nameserver\s+(\d+\.\d+\.\d+\.\d+)", open("/etc/resolv.conf").read(), re.MULTILINE)
    except OSError:
        servers = []
    return servers[0] if servers else None


# ---- peer ----

class Endpoints(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        found = {HTTP_PATH: b"OK\n", HTTP_PATH + "-large": LARGE}.get(self.path)
        self.answer(404 if found is None else 200, found or b"")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        good = self.path == HTTP_PATH + "-large" and hashlib.sha256(body).hexdigest() == LARGE_SHA256
        self.answer(200 if good else 400, b"OK\n" if good else b"BAD_UPLOAD\n")

    def log_message(self, *_):
        pass


def answer_names(link):
    """One name, one address."""
    while True:
        query, source = link.recvfrom(2048)
        labels = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
        question = query[12:12 + len(labels) + 4]
        known = question == labels + struct.pack(">HH", 1, 1)
        header = query[:2] + struct.pack(">HHHHH", 0x8180 if known else 0x8183, 1, int(known), 0, 0)
        record = struct.pack(">HHHIH4s", 0xC00C, 1, 1, 60, 4, socket.inet_aton(ADDRESS)) if known else b""
        link.sendto(header + question + record, source)


def peer(_):
    server = resolver()
    link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if server:  # the real one is not in this namespace: its address is ours here
        subprocess.run(["ip", "address", "replace", f"{server}/32", "dev", "lo"], check=True)
    link.bind((server or "127.0.0.1", 53))
    threading.Thread(target=answer_names, args=(link,), daemon=True).start()
    http.server.ThreadingHTTPServer(("127.0.0.1", HTTP_PORT), Endpoints).serve_forever()


# ---- guest: DHCP ----

DHCP_MAGIC = b"\x63\x82\x53\x63"


def dhcp_message(mac, transaction, options):
    fixed = struct.pack(">BBBBIHHIIII16s64s128s", 1, 1, 6, 0, transaction, 0, 0x8000, 0, 0, 0, 0, mac.ljust(16, b"\0"), b"", b"")
    return fixed + DHCP_MAGIC + b"".join(bytes([code, len(value)]) + value for code, value in options) + b"\xff"


def dhcp_options(message):
    options, at = {}, 240
    while at < len(message) and message[at] != 255:
        if message[at]:
            options[message[at]] = message[at + 2:at + 2 + message[at + 1]]
            at += 2 + message[at + 1]
        else:
            at += 1
    return options


def dhcp_exchange(link, mac, transaction, options, wanted):
    """A message to everybody, again every second, until an answer of that type comes."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        link.sendto(dhcp_message(mac, transaction, options), ("255.255.255.255", 67))
        try:
            answer = link.recv(2048)
        except TimeoutError:
            continue
        if len(answer) > 240 and answer[0] == 2 and answer[4:8] == struct.pack(">I", transaction) and answer[236:240] == DHCP_MAGIC:
            if dhcp_options(answer).get(53) == bytes([wanted]):
                return answer
    raise TimeoutError(f"no DHCP message of type {wanted} came")


def dhcp(interface):
    """DISCOVER, OFFER, REQUEST, ACK over the interface, to and from the broadcast address, as a client without an address does."""
    mac = link_address(interface)
    transaction = random.SystemRandom().randrange(1 << 32)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        link.bind(("", 68))
        link.settimeout(1)
        offer = dhcp_exchange(link, mac, transaction, [(53, b"\1"), (55, bytes([1, 3, 6]))], 2)
        options = dhcp_options(offer)
        acknowledged = dhcp_exchange(link, mac, transaction, [(53, b"\3"), (50, offer[16:20]), (54, options[54])], 5)
    options = dhcp_options(acknowledged)
    return {"address": socket.inet_ntoa(acknowledged[16:20]), "router": socket.inet_ntoa(options[3][:4]), "dns": socket.inet_ntoa(options[6][:4])}


def link_address(interface):
    link = json.loads(subprocess.run(["ip", "-j", "link", "show", interface], capture_output=True, check=True).stdout)[0]
    return bytes.fromhex(link["address"].replace(":", ""))


# ---- guest: DNS and HTTP ----

def resolve(server):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
    deadline = time.monotonic() + PATIENCE_S
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.settimeout(1)
        while time.monotonic() < deadline:
            link.sendto(struct.pack(">HHHHHH", 0x4711, 0x0100, 1, 0, 0, 0) + labels + struct.pack(">HH", 1, 1), (server, 53))
            try:
                answer = link.recv(2048)
            except (TimeoutError, ConnectionError):
                continue
            if answer[:2] == b"\x47\x11" and struct.unpack(">H", answer[6:8])[0] == 1:
                return socket.inet_ntoa(answer[-4:])
    raise TimeoutError("no DNS answer came")


def request(method, path, body=None):
    deadline = time.monotonic() + PATIENCE_S
    while True:
        connection = http.client.HTTPConnection(GATEWAY, HTTP_PORT, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, {"Content-Type": "application/octet-stream"} if body else {})
            response = connection.getresponse()
            return response.status, response.read()
        except (ConnectionRefusedError, ConnectionResetError, http.client.RemoteDisconnected):  # the server may still be starting
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        finally:
            connection.close()


def guest(_):
    results = {"error": None}
    try:
        results["dhcp"] = dhcp("aero0")
        results["name"] = resolve(DNS if resolver() else GATEWAY)
        results["small"] = request("GET", HTTP_PATH) == (200, b"OK\n")
        status, body = request("GET", HTTP_PATH + "-large")
        results["large_bytes"] = len(body)
        results["large_fnv1a64"] = f"{fnv1a64(body):#018x}"
        results["large"] = status == 200 and fnv1a64(body) == LARGE_FNV1A64
        results["upload"] = request("POST", HTTP_PATH + "-large", LARGE) == (200, b"OK\n")
    except (OSError, KeyError, http.client.HTTPException) as error:
        results["error"] = f"{type(error).__name__}: {error}"
    results["ok"] = (results["error"] is None and results["dhcp"] == {"address": "10.0.2.15", "router": GATEWAY, "dns": DNS}
                     and results["name"] == ADDRESS and results["small"] and results["large"] and results["upload"])
    json.dump(results, sys.stdout)
    sys.exit(0 if results["ok"] else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    sides = parser.add_subparsers(required=True)
    sides.add_parser("peer").set_defaults(run=peer)
    sides.add_parser("guest").set_defaults(run=guest)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
