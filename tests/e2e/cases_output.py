# SPDX-License-Identifier: MIT OR Apache-2.0
"""What a run says, and to whom: lost output, closed streams, odd bytes, narrow terminals, signals from outside."""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import time

from ndishost import MARK, Run, processes_marked, signal_marked

TIMEOUT_S = 60
LAST_WORD = re.compile(r"^(PASS|FAIL: .*)$", re.MULTILINE)
NOT_UTF8 = "\udcff"  # as Python passes the byte 0xFF on


def verdict(run):
    found = LAST_WORD.findall(run.stdout)
    return found[-1] if found else f"no verdict, exit status {run.status}"


def shell(tools, line, *arguments):
    """A run of `line`, in which "$@" is ndishost with the arguments."""
    return Run(["sh", "-c", line, "sh", tools.program, *arguments], TIMEOUT_S)


# ---- output that is lost ----

def full_output(tools, image):
    """/dev/full for everybody: no success."""
    for arguments in (("--help",), ("info", image), ("info", image, "--json"), ("run", image, "--device", "model")):
        run = shell(tools, 'exec "$@" > /dev/full', *arguments)
        try:
            if run.status != 1 or "ndishost: standard output: No space left on device" not in run.stderr:
                return f"{arguments[0]}: exit status {run.status}: {run.last_words()}"
        finally:
            run.remove()
    return None


def full_report(tools, image):
    for arguments in (("run", image, "--device", "model"), ("check", image, "--scenario", "life-cycle", "--seeds", "1")):
        run = Run([tools.program, *arguments, "--json", "/dev/full"], TIMEOUT_S)
        try:
            if run.status != 1 or verdict(run) != "FAIL: the report /dev/full could not be written completely":
                return f"{arguments[0]}: exit status {run.status}, {verdict(run)}"
        finally:
            run.remove()
    return None


def closed_streams(tools, image):
    """The files of the run do not take the numbers of the streams: the report is whole, and the traffic flows."""
    run = shell(tools, 'exec "$@" <&- >&- 2>&-', "run", image, "--exec", "ping -q -c 3 -i 0.1 192.0.2.2", "--json", "report.json")
    try:
        report = run.json("report.json")
        return None if run.status == 0 and report and report["result"] == "pass" else f"exit status {run.status}, {report and report['reason']}"
    finally:
        run.remove()


# ---- reports ----

def report_on_output(tools, image):
    for arguments in (("run", image, "--device", "model"), ("check", image, "--scenario", "life-cycle", "--seeds", "1")):
        run = Run([tools.program, *arguments, "--json", "-"], TIMEOUT_S)
        try:
            if run.status or json.loads(run.stdout)["result"] != "pass":
                return f"{arguments[0]}: {run.last_words()}"
        except ValueError:
            return f"{arguments[0]}: not only JSON on standard output"
        finally:
            run.remove()
    return None


def odd_bytes(tools, image):
    """A command and a file name that are no UTF-8 are in the report, less those bytes."""
    run = Run(["sh", "-c", f'cp "$2" "n{NOT_UTF8}.sys" && exec "$1" run "n{NOT_UTF8}.sys" --json report.json --exec "true {NOT_UTF8}"', "sh",
               tools.program, image], TIMEOUT_S)
    try:
        report = run.json("report.json")
        if run.status or not report:
            return run.last_words()
        told = report["image"], report["adapters"][0]["image"], report["exec"]["command"]
        return None if told == ("n\ufffd.sys", "n\ufffd.sys", "true \ufffd") else f"told {told}"
    finally:
        run.remove()


def stale_report(tools, image):
    """A run that does not take place leaves no report: neither a new file nor an old one's content."""
    run = shell(tools, 'echo old > old.json; "$@" --json new.json; "$@" --json old.json', "run", image, "--device", "model:features=default-mac")
    try:
        if run.status != 2:
            return run.last_words()
        if (run.folder / "new.json").exists() or (run.folder / "old.json").read_text():
            return "a report of a run that was refused"
        return None
    finally:
        run.remove()


# ---- a terminal ----

def on_terminal(command, columns):
    """(exit status, all that was written to a terminal of that width)"""
    pid, terminal = pty.fork()
    if pid == 0:
        fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execvp(command[0], command)
    written = b""
    while True:
        try:
            some = os.read(terminal, 65536)
        except OSError:  # the other end is closed
            some = b""
        if not some:
            break
        written += some
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), written.decode(errors="replace")


def progress_line(tools, image):
    for columns in (80, 40, 200):
        status, written = on_terminal([str(tools.program), "run", str(image), "--for", "1"], columns)
        drawn = re.findall(r"\r([^\r\n]*)\033\[K(?=\r)", written)
        lines = [line for line in drawn if line]
        if status or not any("running" in line for line in lines):
            return f"{columns} columns: exit status {status}, {len(lines)} lines of progress"
        longest = max(map(len, lines))
        if longest >= columns:
            return f"a line of {longest} characters on a terminal of {columns} columns"
        if columns == 200 and not all(word in lines[-1] for word in ("violations", "leaks", "sent", "received", "interrupts")):
            return f"not everything is shown: {lines[-1]}"
    return None


# ---- signals ----

def default_signals():
    """Whoever started these tests in the background may have had some ignored."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


class Started:
    """A run that is under way: its command has said so."""

    def __init__(self, tools, image, prefix=(), options=()):
        self.mark = f"signals-{os.getpid()}-{time.monotonic_ns()}"
        command = [*prefix, str(tools.program), "run", str(image), "--exec", 'echo started; sleep 300 & wait', "--for", "100", *options]
        self.process = subprocess.Popen(command, env=dict(os.environ, **{MARK: self.mark}), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, start_new_session=True, preexec_fn=default_signals)
        self.started = self.process.stdout.readline() == "started\n"

    def end(self):
        """(exit status, last word)"""
        try:
            output, _ = self.process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            return None, "did not stop"
        found = LAST_WORD.findall(output)
        return self.process.returncode, found[-1] if found else "no verdict"

    def left(self):
        """Processes that are left: those that were killed need a moment until they are gone."""
        deadline = time.monotonic() + 10
        while processes_marked(self.mark) and time.monotonic() < deadline:
            time.sleep(0.02)
        return processes_marked(self.mark)

    def remove(self):
        self.process.kill()
        signal_marked(self.mark, signal.SIGKILL)  # before the end of their output is waited for
        self.process.communicate()


def stops_in_good_order(name, send):
    def work(tools, image):
        run = Started(tools, image)
        try:
            if not run.started:
                return "did not start"
            send(run.process.pid)
            told = run.end()
            if told != (1, f"FAIL: {name}"):
                return f"exit status {told[0]}, {told[1]}"
            return "left behind: processes" if run.left() else None
        finally:
            run.remove()
    return work


def term_twice(pid):
    """As timeout(1): the process, then its group."""
    os.kill(pid, signal.SIGTERM)
    os.killpg(pid, signal.SIGTERM)


def hangup_ignored(tools, image):
    run = Started(tools, image, prefix=("sh", "-c", 'trap "" HUP; exec "$@"', "sh"))
    try:
        if not run.started:
            return "did not start"
        os.killpg(run.process.pid, signal.SIGHUP)
        os.killpg(run.process.pid, signal.SIGTERM)
        told = run.end()
        return None if told == (1, "FAIL: SIGTERM") else f"exit status {told[0]}, {told[1]}"
    finally:
        run.remove()


def killed(tools, image):
    """Nobody is left to clean up: what the run started ends by itself."""
    run = Started(tools, image)
    try:
        if not run.started:
            return "did not start"
        os.kill(run.process.pid, signal.SIGKILL)
        run.process.wait(30)
        left = run.left()
        return f"left behind: {len(left)} processes" if left else None
    finally:
        run.remove()


CASES = (
    ("standard output is full", full_output),
    ("the report's disk is full", full_report),
    ("closed standard streams", closed_streams),
    ("the report on standard output", report_on_output),
    ("bytes that are no UTF-8", odd_bytes),
    ("no stale report", stale_report),
    ("progress on a terminal", progress_line),
    ("SIGINT to the group", stops_in_good_order("SIGINT", lambda pid: os.killpg(pid, signal.SIGINT))),
    ("SIGQUIT", stops_in_good_order("SIGQUIT", lambda pid: os.kill(pid, signal.SIGQUIT))),
    ("SIGTERM twice at once", stops_in_good_order("SIGTERM", term_twice)),
    ("a hangup that is ignored", hangup_ignored),
    ("SIGKILL", killed),

)


def cases(tools, architecture, wanted):
    for name, work in filter(lambda each: wanted(each[0]), CASES):
        yield name, lambda work=work: (work(tools, tools.image(architecture)), "")
