# SPDX-License-Identifier: MIT OR Apache-2.0
"""`ndishost run` on the model device: the same traffic as on QEMU's, judged by the device, also while it misbehaves."""
import re

from cases_traffic import Traffic

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


def struck(case, report):
    """A misbehaviour that was chosen has to strike, or the case shows nothing."""
    text = report["adapters"][0]["device"]["description"]
    times = re.search(r"^model virtio-net, .*misbehaved (\d+) times$", text)
    if "fault=" in case.device and not (times and int(times[1])):
        return f"the device did not misbehave: {text}"
    return None
