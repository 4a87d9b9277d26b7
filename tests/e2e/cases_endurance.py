# SPDX-License-Identifier: MIT OR Apache-2.0
"""Rounds of load and unload with flat memory, interruption in the middle of traffic, and a run under valgrind."""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from cases_traffic import Traffic, commands
from ndishost import MARK, Run, processes_marked, signal_marked

# What allocators keep for themselves may still move a little after the first tenth of the rounds.
FLAT_BYTES = 1 << 20


def run_rounds(tools, architecture, rounds, device):
    run = Run([tools.program, "run", tools.image(architecture), "--device", device, "--rounds", rounds, "--json", "report.json"],
              60 + rounds)
    try:
        report = run.json("report.json")
        if run.status != 0 or not report:
            return run.last_words(), ""
        done = report["rounds"]
        grown = done["memory_after"] - done["memory_before"]
        text = (f"{done['done']} rounds in {report['seconds']:.0f} s, memory {done['memory_before'] >> 10} KiB early, {grown >> 10:+} KiB at the end, "
                f"{report['leak_count']} leaks")
        if done["done"] != rounds:
            return f"{done['done']} of {rounds} rounds", text
        if grown > FLAT_BYTES:
            return f"memory grew by {grown >> 10} KiB", text
        return ("left behind: " + ", ".join(run.left) if run.left else None), text
    finally:
        run.remove()


def strike_run(process, mark):
    process.send_signal(signal.SIGINT)


def strike_qemu(number):
    def strike(process, mark):
        signal_marked(mark, number, "qemu-system")
    return strike


# What happens while data flows, and what the run says of it. It ends in good order: status 1, no fault of the driver, nothing left.
INTERRUPTIONS = (
    ("SIGINT in traffic", "qemu", strike_run, r"FAIL: SIGINT\n"),
    ("SIGINT in traffic, model", "model", strike_run, r"FAIL: SIGINT\n"),
    ("QEMU killed in traffic", "qemu", strike_qemu(signal.SIGKILL), r"FAIL: QEMU \(pid \d+\) was killed by signal 9\n"),
    ("QEMU silent in traffic", "qemu", strike_qemu(signal.SIGSTOP), r"FAIL: QEMU does not answer"),
)


def run_interrupted(tools, architecture, device, strike, reason):
    folder = tempfile.mkdtemp(prefix="ndishost-e2e-")
    guest, peer = commands(Traffic("", pings=0, mib=4096))
    # ndishost itself says when a thousand frames have gone out.
    watch = 'until [ "$("$NDISHOST" control counts | sed -n s/frames_sent=//p)" -gt 1000 ]; do sleep 0.05; done; : > flowing'
    mark = os.path.basename(folder)
    # Whoever started these tests in the background may have had SIGINT ignored.
    process = subprocess.Popen([str(tools.program), "run", str(tools.image(architecture)), "--device", device, "--exec", f"({watch}) & {guest}",
                                "--peer-exec", peer, "--for", "100"],
                               cwd=folder, env=dict(os.environ, **{MARK: mark}), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    try:
        deadline = time.monotonic() + 60
        while not os.path.exists(f"{folder}/flowing") and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not os.path.exists(f"{folder}/flowing"):
            return "no data flowed", ""
        strike(process, mark)
        output, _ = process.communicate(timeout=60)
        left = processes_marked(mark)
        if process.returncode != 1 or not re.search(reason, output):
            return f"exit status {process.returncode}: {output.strip().splitlines()[-1] if output.strip() else ''}", ""
        if not re.search(r"violations +0\n", output) or not re.search(r"leaks +0\n", output):
            return "violations or leaks after an interruption", ""
        return (f"left behind: processes {left}" if left else None), "ended in good order, exit status 1"
    except subprocess.TimeoutExpired:
        return "did not stop", ""
    finally:
        process.kill()
        signal_marked(mark, signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)


def run_valgrind(tools, architecture):
    """memcheck over initialise, some traffic, halt, unload."""
    case = Traffic("", pings=5, mib=1)
    guest, peer = commands(case)
    run = Run(["valgrind", "--quiet", "--error-exitcode=9", "--trace-children=no", "--log-file=valgrind.log", tools.program, "run",
               tools.image(architecture), "--exec", guest, "--peer-exec", peer, "--json", "report.json", "--for", "280"], 300)
    try:
        if not (run.folder / "valgrind.log").exists():
            return "valgrind did not run: " + run.last_words(), ""
        log = (run.folder / "valgrind.log").read_text(errors="replace")
        errors = re.findall(r"== (Invalid .*|Conditional jump.*|Use of uninit.*|Process terminating.*)", log)
        if errors:
            return f"{len(errors)} errors, first: {errors[0]}", ""
        if run.status != 0:
            return run.last_words(), ""
        report = run.json("report.json")
        sent = report["adapters"][0]["frames_sent"] + report["adapters"][0]["frames_received"]
        return None, f"no invalid access over {sent} packets"
    finally:
        run.remove()
