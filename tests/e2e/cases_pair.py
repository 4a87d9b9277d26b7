# SPDX-License-Identifier: MIT OR Apache-2.0
"""Both packages in one ndishost: aero_virtio_net.sys on the modern device, aerovnet.sys on the transitional one, at the same time."""
from cases_endurance import FLAT_BYTES
from cases_traffic import TRANSITIONAL_FEATURES, Traffic, commands, figures
from ndishost import Run

TIMEOUT_S = 180


def words(tools, architecture, options):
    return [tools.program, "run", tools.image(architecture), "--json", "report.json", *options, "--", tools.transitional(architecture), "--device",
            "qemu:transitional"]


def problem_of(run, report):
    problem = run.problem(report)
    if problem:
        return problem
    images = [adapter["image"] for adapter in report["adapters"]]
    return None if images == ["aero_virtio_net.sys", "aerovnet.sys"] else f"the adapters are of {' and '.join(images)}"


def problem_of_adapters(report):
    modern, transitional = report["adapters"]
    features = [set(adapter["device"]["features_taken"]["names"]) for adapter in (modern, transitional)]
    if features[1] != TRANSITIONAL_FEATURES or not features[0] > TRANSITIONAL_FEATURES | {"CSUM", "HOST_TSO4", "CTRL_VQ"}:
        return "features taken are " + " / ".join(" ".join(sorted(each)) for each in features)
    if [modern["interrupt_kind"], transitional["interrupt_kind"]] != ["msix", "intx"]:
        return f"interrupts are {modern['interrupt_kind']} and {transitional['interrupt_kind']}"
    return None


def run_pair(tools, architecture, pings, mib):
    """Pings, hashed TCP both ways and a link change on each adapter, at once. (problem or None, figures)"""
    guest, peer = commands(Traffic("", adapters=2, pings=pings, mib=mib, flaps=1))
    run = Run(words(tools, architecture, ["--exec", guest, "--peer-exec", peer, "--for", TIMEOUT_S - 20]), TIMEOUT_S)
    problem = "the test itself failed"
    try:
        report, traffic = run.json("report.json"), run.json("traffic.json")
        problem = problem_of(run, report) or problem_of_adapters(report)
        if not problem and not traffic["ok"]:
            problem = "traffic was lost"
        return problem, figures(traffic, report, 0) if traffic and report else ""
    finally:
        run.remove(problem is not None)


def run_pair_rounds(tools, architecture, rounds):
    """Load both, initialise, halt, unload both."""
    run = Run(words(tools, architecture, ["--rounds", rounds]), 60 + rounds)
    try:
        report = run.json("report.json")
        problem = problem_of(run, report)
        if problem:
            return problem, ""
        grown = report["rounds"]["memory_after"] - report["rounds"]["memory_before"]
        text = f"{report['rounds']['done']} rounds, {grown >> 10:+} KiB"
        return ("memory grew" if grown > FLAT_BYTES or report["rounds"]["done"] != rounds else None), text
    finally:
        run.remove()
