# SPDX-License-Identifier: MIT OR Apache-2.0
"""QEMU's user network: what a guest does first, DHCP, DNS and HTTP, over the driver."""
import shlex

from ndishost import HERE, Run


def run_user(tools, architecture):
    """(problem or None, one line)"""
    services = shlex.quote(str(HERE / "user_services.py"))
    run = Run([tools.program, "run", tools.image(architecture), "--net", "user", "--json", "report.json", "--exec",
               f"exec python3 {services} guest > services.json", "--peer-exec", f"exec python3 {services} peer", "--for", 100], 120)
    try:
        report, services = run.json("report.json"), run.json("services.json")
        if run.status != 0 or not report or not services:
            return (services or {}).get("error") or (f"not as it must be: {services}" if services else run.last_words()), ""
        if report["violation_count"] or report["leak_count"] or run.left:
            return f"{report['violation_count']} violations, {report['leak_count']} leaks, left behind: {run.left}", ""
        return None, (f"DHCP {services['dhcp']['address']}, DNS {services['name']}, HTTP {services['large_bytes']} bytes "
                      f"{services['large_fnv1a64']}, and as many back")
    finally:
        run.remove()
