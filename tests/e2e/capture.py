# SPDX-License-Identifier: MIT OR Apache-2.0
"""What tshark thinks of a capture."""
import subprocess

CHECK_SUMS = [word for protocol in ("ip", "tcp", "udp") for word in ("-o", f"{protocol}.check_checksum:TRUE")]
# The payload is noise: without this, a client's port that happens to be some protocol's makes tshark read it as that.
PLAIN_PAYLOAD = ["-d", "tcp.port==5001,data", "-o", "tcp.try_heuristic_first:FALSE"]
# Wrong on the wire: dissection failed, a length does not fit, a checksum is bad. A TCP checksum of 0xffff that could have been 0x0000 is not:
# the two are the same number in one's complement, and Linux sends the former.
WRONG = ("_ws.malformed || _ws.short || ip.checksum.status == 0 || (tcp.checksum.status == 0 && tcp.checksum != 0xffff) || "
         "udp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0")


def frames(path, filter_text=None, limit=None):
    """Number of frames that pass the filter; None when tshark cannot read the file."""
    command = ["tshark", "-n", "-r", str(path), *CHECK_SUMS, *PLAIN_PAYLOAD, "-T", "fields", "-e", "frame.number"]
    if filter_text:
        command += ["-Y", filter_text]
    if limit:
        command += ["-c", str(limit)]
    result = subprocess.run(command, capture_output=True, text=True)
    return len(result.stdout.split()) if result.returncode == 0 else None


def judge(path):
    """(frames, problem): problem is None for a capture without a malformed frame or a bad checksum."""
    total = frames(path)
    if not total:
        return 0, "tshark cannot read the capture" if total is None else "the capture is empty"
    wrong = frames(path, WRONG)
    if wrong is None:
        return total, "tshark cannot filter the capture"
    return total, f"{wrong} of {total} captured frames are malformed or have a bad checksum" if wrong else None
