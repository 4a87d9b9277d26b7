# SPDX-License-Identifier: MIT OR Apache-2.0
"""`ndishost run` on the model device: the same traffic as on QEMU's, judged by the device, also while it misbehaves."""
import re

from cases_traffic import Traffic
from ndishost import Run

SMALL = {"pings": 5, "mib": 2}
BEYOND_CONTRACT = ("CSUM", "MRG_RXBUF", "EVENT_IDX", "CTRL_VQ")

GOOD = [
    Traffic("model", "model", taken=BEYOND_CONTRACT, interrupts="msix:4", **SMALL),
    Traffic("contract", "model:contract", not_taken=BEYOND_CONTRACT, interrupts="intx", **SMALL),
    Traffic("contract with messages, by the referee", "model:contract,vectors=3", options=("--referee",), interrupts="msix:3", capture=False, **SMALL),
    Traffic("every structure in a BAR of its own", "model:layout=spread,features=default-mrg_rxbuf-event_idx,vectors=0,queue=64,seed=1",
            not_taken=("MRG_RXBUF", "EVENT_IDX"), interrupts="intx", **SMALL),
    Traffic("link down and up, two adapters", "model", adapters=2, flaps=2, **SMALL),
]
# Of each kind one whose traffic arrives all the same; later than the pings, which nobody would send again.
MISBEHAVING = [
    Traffic("slow", "model:fault=slow", **SMALL),
    Traffic("out of order", "model:fault=out-of-order", **SMALL),
    Traffic("an interrupt is lost", "model:fault=interrupt-lost@100", **SMALL),
    Traffic("a reset is wanted", "model:fault=needs-reset@300", **SMALL),
    Traffic("slow, contract", "model:contract,fault=slow,fault=interrupt-storm@50", **SMALL),
]
CASES = GOOD + MISBEHAVING


UDP = "import socket, time; link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
LIAR = ("--device", "model:fault=sums-false", "--json", "report.json", "--for", 60,
        "--peer-exec", f"exec python3 -c '{UDP}[(link.sendto(bytes(99), (\"192.0.2.1\", 9)), time.sleep(0.005)) for n in range(12000)]'",
        "--exec", f"python3 -c '{UDP}link.bind((\"192.0.2.1\", 9)); time.sleep(1.5)'")


def run_liar(tools, architecture):
    """Damaged datagrams that the device calls good: neither the driver nor the run is to blame for what Linux thinks of them."""
    run = Run([tools.program, "run", tools.image(architecture), *LIAR], 90)
    try:
        report = run.json("report.json")
        if run.status or not report:
            return run.last_words(), ""
        text = report["adapters"][0]["device"]["description"]
        return (None if int((re.search(r"misbehaved (\d+) times", text) or [0, 0])[1]) >= 20 else "the device hardly lied"), text
    finally:
        run.remove()


def struck(case, report):
    """A misbehaviour that was chosen has to strike, or the case shows nothing."""
    text = report["adapters"][0]["device"]["description"]
    times = re.search(r"^model virtio-net, .*misbehaved (\d+) times$", text)
    if "fault=" in case.device and not (times and int(times[1])):
        return f"the device did not misbehave: {text}"
    return None
