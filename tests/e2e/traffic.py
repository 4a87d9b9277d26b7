#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Traffic between the two namespaces of `ndishost run`: `peer` serves, `guest` pings and moves hashed data in both directions.

guest prints one JSON object and exits 1 when anything was lost or changed.
"""
import argparse
import hashlib
import json
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

PORT = 5001
BLOCK = 1 << 20
PATIENCE_S = 60  # nothing may stand still longer than this
PING_PATIENCE_S = 5


# ---- data: every byte depends on the seed and its place ----

def blocks(seed, length):
    """Yields `length` bytes in blocks: random ones, numbered, so that a block lost, doubled or moved changes the hash."""
    noise = random.Random(seed).randbytes(BLOCK)
    for number in range((length + BLOCK - 1) // BLOCK):
        block = number.to_bytes(8, "little") + noise[8:]
        yield block[:min(BLOCK, length - number * BLOCK)]


def send_hashed(connection, seed, length):
    digest = hashlib.sha256()
    for block in blocks(seed, length):
        connection.sendall(block)
        digest.update(block)
    return digest.hexdigest()


def receive_hashed(stream, length):
    digest, left, buffer = hashlib.sha256(), length, bytearray(BLOCK)
    view = memoryview(buffer)
    while left:
        got = stream.readinto(view[:min(left, BLOCK)])
        if not got:
            raise ConnectionError(f"the connection ended {left} bytes early")
        digest.update(view[:got])
        left -= got
    return digest.hexdigest()


# ---- datagrams: windows that the receiver acknowledges over the connection, so that nothing overruns a buffer and nothing may be lost ----

WINDOW = 32
DATAGRAM_BYTES = (1452,) * 12 + (1, 37, 700, 1451)  # the longest that needs no fragment with IPv6, and odd ones
NUMBER = struct.Struct(">I")


def datagrams(seed, length):
    data = b"".join(blocks(seed, length))
    at, number = 0, 0
    while at < length:
        size = min(DATAGRAM_BYTES[number % len(DATAGRAM_BYTES)], length - at)
        yield NUMBER.pack(number) + data[at:at + size][NUMBER.size:] if size > NUMBER.size else NUMBER.pack(number)
        at, number = at + size, number + 1


def windows(seed, length):
    window = []
    for datagram in datagrams(seed, length):
        window.append(datagram)
        if len(window) == WINDOW:
            yield window
            window = []
    if window:
        yield window


def send_datagrams(link, address, stream, seed, length):
    digest = hashlib.sha256()
    for window in windows(seed, length):
        for datagram in window:
            link.sendto(datagram, address)
            digest.update(datagram)
        if read_line(stream).strip() != "go on":
            raise ConnectionError("a datagram was lost")
    return digest.hexdigest()


def receive_datagrams(link, connection, length):
    """Knows how many come, not what is in them."""
    digest, first = hashlib.sha256(), 0
    total = sum(1 for _ in datagrams(0, length))
    link.settimeout(PING_PATIENCE_S)
    while first < total:
        window, wanted = {}, min(WINDOW, total - first)
        while len(window) < wanted:
            datagram = link.recv(2048)
            window[NUMBER.unpack(datagram[:NUMBER.size])[0] - first] = datagram
        for number in range(wanted):
            digest.update(window[number])
        first += wanted
        connection.sendall(b"go on\n")
    return digest.hexdigest()


def datagram_link(address=None):
    link = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    link.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    link.bind((address or "::", 0))
    return link


def serve_datagrams(connection, stream, order):
    with datagram_link() as link:
        if order["direction"] == "to_guest":
            return send_datagrams(link, (connection.getpeername()[0], order["port"]), stream, order["seed"], order["bytes"])
        connection.sendall(f"{link.getsockname()[1]}\n".encode())
        return receive_datagrams(link, connection, order["bytes"])


def exchange_datagrams(address, direction, length, seed):
    mapped = address if ":" in address else f"::ffff:{address}"
    began = time.monotonic()
    with connect(address, None) as connection, datagram_link() as link:
        stream = connection.makefile("rb", buffering=0)
        order = {"protocol": "udp", "direction": direction, "bytes": length, "seed": seed, "port": link.getsockname()[1]}
        connection.sendall(json.dumps(order).encode() + b"\n")
        if direction == "to_peer":
            ours = send_datagrams(link, (mapped, int(read_line(stream))), stream, seed, length)
        else:
            ours = receive_datagrams(link, connection, length)
        theirs = read_line(stream).strip()
    return {"protocol": "udp", "address": address, "direction": direction, "bytes": length, "seconds": round(time.monotonic() - began, 3),
            "equal": ours == theirs}


# ---- peer ----

def serve_one(connection):
    with connection:
        connection.settimeout(PATIENCE_S)
        stream = connection.makefile("rb", buffering=0)
        order = json.loads(read_line(stream))
        if order.get("protocol") == "udp":
            digest = serve_datagrams(connection, stream, order)
        elif order["direction"] == "to_peer":
            digest = receive_hashed(stream, order["bytes"])
        else:
            digest = send_hashed(connection, order["seed"], order["bytes"])
        connection.sendall(digest.encode() + b"\n")


def read_line(stream):
    line = bytearray()
    while not line.endswith(b"\n"):
        byte = stream.read(1)
        if not byte or len(line) > 1000:
            raise ConnectionError("no line came")
        line += byte
    return line.decode()


def peer(_):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::", PORT))
    listener.listen()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve_one, args=(connection,), daemon=True).start()


# ---- guest ----

def connect(address, source):
    """The peer may still be starting: refused connections are tried again for a while."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            connection = socket.create_connection((address, PORT), timeout=PATIENCE_S, source_address=(source, 0) if source else None)
            connection.settimeout(PATIENCE_S)
            return connection
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def transfer(address, source, direction, length, seed):
    began = time.monotonic()
    with connect(address, source) as connection:
        stream = connection.makefile("rb", buffering=0)
        connection.sendall(json.dumps({"direction": direction, "bytes": length, "seed": seed}).encode() + b"\n")
        if direction == "to_peer":
            ours = send_hashed(connection, seed, length)
        else:
            ours = receive_hashed(stream, length)
        theirs = read_line(stream).strip()
    seconds = time.monotonic() - began
    return {"address": address, "direction": direction, "bytes": length, "sha256": ours, "equal": ours == theirs,
            "seconds": round(seconds, 3), "mb_per_s": round(length / seconds / 1e6, 1)}


# ICMP and ICMPv6: family -> protocol, type of a request, type of a reply
ECHO = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129)}


def internet_checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) & 1 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ping(address, count, size):
    """Echo requests 2 ms apart, every reply compared byte by byte. ping(8) gives up on a late last reply after twice the longest round trip;
    here a reply is lost only when nothing at all came for a while."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    protocol, request_type, reply_type = ECHO[family]
    identifier = random.SystemRandom().randrange(1, 0x10000)
    payloads = [random.Random(f"{identifier} {number}").randbytes(size) for number in range(count)]
    answered, duplicates, changed, longest_ms, sent_at = set(), 0, 0, 0.0, {}
    with socket.socket(family, socket.SOCK_RAW, protocol) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        while len(answered) < count:
            if len(sent_at) < count:
                number = len(sent_at)
                header = struct.pack(">BBHHH", request_type, 0, 0, identifier, number)
                if family == socket.AF_INET:
                    header = struct.pack(">BBHHH", request_type, 0, internet_checksum(header + payloads[number]), identifier, number)
                sent_at[number] = time.monotonic()
                link.sendto(header + payloads[number], (address, 0))
            link.settimeout(0.002 if len(sent_at) < count else PING_PATIENCE_S)
            try:
                packet = link.recv(65535)
            except TimeoutError:
                if len(sent_at) < count:
                    continue
                break
            if family == socket.AF_INET:
                packet = packet[(packet[0] & 15) * 4:]
            kind, _, _, theirs, number = struct.unpack(">BBHHH", packet[:8])
            if kind != reply_type or theirs != identifier or number not in sent_at:
                continue
            duplicates += number in answered
            changed += packet[8:] != payloads[number]
            answered.add(number)
            longest_ms = max(longest_ms, (time.monotonic() - sent_at[number]) * 1000)
    return {"address": address, "size": size, "sent": len(sent_at), "received": len(answered), "duplicates": duplicates, "changed": changed,
            "longest_ms": round(longest_ms, 2), "ok": len(answered) == count and not duplicates and not changed}


def wait_for_carrier(interface, wanted):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        link = json.loads(subprocess.run(["ip", "-j", "link", "show", interface], capture_output=True, check=True).stdout)[0]
        if ("LOWER_UP" in link["flags"]) == wanted:
            return True
        time.sleep(0.01)
    return False


def flap_link(interface, adapter):
    """Down and up from outside; whether the carrier above the driver followed both times."""
    followed = True
    for state in ("down", "up"):
        subprocess.run([os.environ["NDISHOST"], "control", "link", state, str(adapter)], check=True)
        followed = wait_for_carrier(interface, state == "up") and followed
    return {"adapter": adapter, "ok": followed}


def guest_adapter(options, adapter, results):
    addresses = {"tap": (f"{['192.0.2', '198.51.100', '203.0.113'][adapter]}.2", f"2001:db8:{adapter:x}::2"),
                 "user": (f"10.0.{2 + adapter}.2", f"fec0:0:0:{adapter:x}::2")}[options.net]
    for _ in range(options.flaps):
        results["flaps"].append(flap_link(f"aero{adapter}", adapter))
    for address in addresses:
        for size in (56, 1400) if options.pings else ():
            results["pings"].append(ping(address, options.pings, size))
        if options.pings and options.net == "tap":  # beyond one frame: fragments
            results["pings"].append(ping(address, max(1, options.pings // 20), 8000))
    for address in addresses:
        for direction in ("to_peer", "to_guest"):
            results["transfers"].append(transfer(address, None, direction, options.bytes, adapter + 1))
            if options.udp_bytes:
                results["transfers"].append(exchange_datagrams(address, direction, options.udp_bytes, adapter + 7))
    if options.streams > 1:
        parallel(options.streams, lambda number: results["transfers"].append(
            transfer(addresses[number % 2], None, ("to_peer", "to_guest")[number // 2 % 2], options.bytes // options.streams, 100 + number)))


def parallel(count, work):
    """work(0..count-1) at once; the first exception of any is raised here."""
    errors = []

    def one(number):
        try:
            work(number)
        except Exception as error:  # handed on below
            errors.append(error)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def guest(options):
    results = {"flaps": [], "pings": [], "transfers": [], "error": None}
    try:
        parallel(options.adapters, lambda adapter: guest_adapter(options, adapter, results))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        results["error"] = f"{type(error).__name__}: {error}"
    results["ok"] = (results["error"] is None and all(row["ok"] for row in results["flaps"] + results["pings"])
                     and all(row["equal"] for row in results["transfers"]))
    json.dump(results, sys.stdout)
    sys.exit(0 if results["ok"] else 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    sides = parser.add_subparsers(required=True)
    sides.add_parser("peer").set_defaults(run=peer)
    side = sides.add_parser("guest")
    side.add_argument("--net", choices=("tap", "user"), default="tap")
    side.add_argument("--pings", type=int, default=20, help="of each kind")
    side.add_argument("--bytes", type=int, default=1 << 20, help="in each direction, IPv4 and IPv6 each")
    side.add_argument("--udp-bytes", type=int, default=0, help="the same in paced datagrams")
    side.add_argument("--adapters", type=int, default=1, help="all at once")
    side.add_argument("--streams", type=int, default=1, help="afterwards that many connections at once")
    side.add_argument("--flaps", type=int, default=0, help="take the link down and up that often first")
    side.set_defaults(run=guest)
    options = parser.parse_args()
    options.run(options)


if __name__ == "__main__":
    main()
