# SPDX-License-Identifier: MIT OR Apache-2.0
"""How fast: iperf3 through tap, both directions. Figures, not a verdict: a slow machine does not fail."""
import json

from ndishost import Run

SECONDS = 10
# What segmentation by the device brings, and what is left without it.
WITHOUT_LARGE = ("--set", "*LsoV2IPv4=0", "--set", "*LsoV2IPv6=0")
# name, iperf3's direction, settings, the MB/s that are to be reached on two processors of their own
BENCHMARKS = (
    ("bulk TCP out, segmentation by device", "", (), 1000),
    ("bulk TCP out, 1,514-byte frames", "", WITHOUT_LARGE, 100),
    ("bulk TCP in", "-R", (), 300),
)


def compared(speed, target):
    """A target is told, and not judged: other work on the machine decides, too."""
    return f"{speed:.0f} MB/s (target {target}: {'met' if speed >= target else f'missed by {100 * (target - speed) / target:.0f} %'})"


def run_benchmark(tools, architecture):
    """Yields (name, problem or None, figures)."""
    for name, reverse, settings, target in BENCHMARKS:
        # iperf3's server may still be starting: a client that is refused tries again.
        client = f"for i in $(seq 100); do iperf3 -J -t {SECONDS} {reverse} -c 192.0.2.2 > iperf.json && exit 0; sleep 0.1; done; exit 1"
        run = Run([tools.program, "run", tools.image(architecture), *settings, "--peer-exec", "exec iperf3 -s", "--exec", client, "--json", "report.json",
                   "--for", SECONDS + 40], SECONDS + 60)
        try:
            iperf, report = run.json("iperf.json"), run.json("report.json")
            if run.status != 0 or not iperf or not report:
                yield name, run.last_words(), ""
                continue
            speed = iperf["end"]["sum_received"]["bits_per_second"] / 8e6
            adapter = report["adapters"][0]
            yield name, None, (f"{compared(speed, target)}, {adapter.get('packets_per_doorbell') or 0:.1f} packets/doorbell, "
                               f"{adapter.get('packets_per_interrupt') or 0:.1f} packets/interrupt, "
                               f"{report['process_memory_peak'] / 2**20:.0f} MiB beside guest memory")
        finally:
            run.remove()
