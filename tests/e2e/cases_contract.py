# SPDX-License-Identifier: MIT OR Apache-2.0
"""Contract AERO-W7-VIRTIO v1: devices that keep it, devices that claim it falsely, and the driver built to take those, too."""
import re

import cases_check
from ndishost import Run

TIMEOUT_S = 120
# The property of the model device that breaks one rule, and the words of the event log that name the rule.
FALSE_CLAIMS = {
    "move=common": "common configuration structure is not at offset 0x0000 of BAR0",
    "move=notify": "notification structure is not at offset 0x1000 of BAR0",
    "move=isr": "ISR status structure is not at offset 0x2000 of BAR0",
    "move=device": "device configuration structure is not at offset 0x3000 of BAR0",
    "multiplier=8": "notify_off_multiplier is not 4",
}
SCENARIOS = ("--scenario", "traffic", "--scenario", "life-cycle", "--scenario", "reset")


def refused(tools, image, device, words):
    """The driver must refuse, and its event log must name the rule."""
    run = Run([tools.program, "check", image, "--device", device, "--scenario", "life-cycle", "--seeds", "1", "--json", "report.json"], TIMEOUT_S)
    try:
        report = run.json("report.json")
        if not report or run.status != 1 or report["failures_total"] != 1:
            return f"it was not refused: {run.last_words()}", ""
        why, row = report["failures"][0]["why"], report["scenarios"][0]
        if not why.startswith("MiniportInitializeEx failed") or words not in why or "contract section 1.4" not in why:
            return f"the rule is not named: {why}", ""
        others = [name for name in ("violations", "leaks", "bug_checks", "hangs", "crashes") if row[name]]
        return (f"refused, but with {', '.join(others)}" if others else None), f"refused: {words}"
    finally:
        run.remove()


def by_line(tools, image):
    """Both directions over the line alone, with a doorbell for both queues; the header's 10 bytes and each doorbell are the model's rules."""
    run = Run([tools.program, "check", image, "--device", "model:contract", "--scenario", "traffic", "--seeds", "1", "--trace"], TIMEOUT_S)
    try:
        if run.status:
            return run.last_words(), ""
        counts = {name: len(re.findall(pattern, run.stderr)) for name, pattern in (
            ("without messages", r"interrupt registered: 0 messages"), ("with messages", r"interrupt registered: [1-9]"),
            ("interrupts by line", r"interrupt line asserted"), ("receive doorbells", r"notify queue 0"), ("transmit doorbells", r"notify queue 1"))}
        messages = counts.pop("with messages")
        missing = [name for name, count in counts.items() if not count]
        if messages or missing:
            return "messages were used" if messages else "none: " + ", ".join(missing), ""
        return None, ", ".join(f"{counts[name]} {name}" for name in list(counts)[1:])
    finally:
        run.remove()


def run_contract(tools, architecture, seeds):
    """Yields (name, problem or None, text)."""
    image, any_layout = tools.image(architecture), tools.any_layout(architecture)
    many = [*SCENARIOS, "--seeds", f"1..{seeds}"]
    yield "kept: traffic, life cycle, reset", *cases_check.run_check(tools, image, ["--device", "model:contract", *many], TIMEOUT_S)
    yield "kept: the line, every doorbell", *by_line(tools, image)
    for wrong, words in FALSE_CLAIMS.items():
        yield f"{wrong}: refused", *refused(tools, image, f"model:contract,{wrong}", words)
        # Without the subsystem nothing is claimed: any layout will do.
        yield (f"{wrong}, no claim: runs",
               *cases_check.run_check(tools, image, ["--device", f"model:contract,{wrong},subsystem=0x1100", *many], TIMEOUT_S))
        if not any_layout.exists():
            yield "the driver for any layout is built", f"{any_layout} is missing: build first (cmake --preset driver-{architecture}-any-layout)", ""
        else:
            yield f"{wrong}: runs, built for any layout", *cases_check.run_check(tools, any_layout, ["--device", f"model:contract,{wrong}", *many], TIMEOUT_S)
