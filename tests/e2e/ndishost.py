# SPDX-License-Identifier: MIT OR Apache-2.0
"""Starts ndishost once and looks at everything it leaves: status, output, report, capture, processes, files."""
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import tempfile
import uuid

HERE = pathlib.Path(__file__).resolve().parent
MARK = "NDISHOST_E2E_RUN"


class Tools:
    """Where the built product lies."""

    def __init__(self, tools, drivers):
        self.program = pathlib.Path(tools).resolve() / "ndishost"
        self.drivers = pathlib.Path(drivers).resolve()

    def image(self, architecture):
        return self.drivers / architecture / "aero_virtio_net.sys"

    def any_layout(self, architecture):
        """The same driver, built with AERO_VIRTIO_MINIPORT_ENFORCE_FIXED_LAYOUT=0."""
        return self.program.parents[1] / "drivers-any-layout" / "windows7" / "virtio-net" / architecture / "aero_virtio_net.sys"

    def transitional(self, architecture):
        """The other package, staged beside the first."""
        return self.drivers.parent / "virtio-net-transitional" / architecture / "aerovnet.sys"


def processes_marked(mark):
    """Processes that inherited this run's environment: QEMU and the commands do."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass
    return found


def signal_marked(mark, number, program=""):
    """Sends a signal to those of them whose program has that in its name; says who they are. One may end meanwhile."""
    found = []
    for pid in processes_marked(mark):
        try:
            if program in os.readlink(f"/proc/{pid}/exe"):
                found.append(pid)
                os.kill(pid, number)
        except OSError:
            pass
    return found


class Run:
    """One finished run of ndishost, in a folder of its own that is removed with it."""

    keep_failed = False  # e2e.py --keep

    def __init__(self, command, timeout, environment=None, folder=None):
        self.folder = pathlib.Path(folder or tempfile.mkdtemp(prefix="ndishost-e2e-"))
        self.command = [str(part) for part in command]
        self.timed_out = False
        mark = uuid.uuid4().hex
        names = set(os.listdir("/sys/class/net"))
        environment = dict(os.environ if environment is None else environment, TMPDIR=str(self.folder))
        environment[MARK] = mark
        before = set(os.listdir(self.folder))
        process = subprocess.Popen(self.command, cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True)
        try:
            self.stdout, self.stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            process.send_signal(signal.SIGKILL)
            self.stdout, self.stderr = process.communicate()
        self.status = process.returncode
        self.left = [f"process {pid}" for pid in signal_marked(mark, signal.SIGKILL)]
        self.left += [f"interface {name}" for name in set(os.listdir("/sys/class/net")) - names]
        self.new_files = set(os.listdir(self.folder)) - before

    def json(self, name):
        path = self.folder / name
        try:
            return json.loads(path.read_text())
        except (OSError, ValueError):
            return None

    def remove(self, failed=False):
        if failed and Run.keep_failed:
            (self.folder / "command.txt").write_text(shlex.join(self.command) + "\n")
            (self.folder / "output.txt").write_text(self.stdout + self.stderr)
            print(f"kept: {self.folder}", flush=True)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def problem(self, report):
        """What is wrong with a run that ought to have broken no rule and left nothing; None: nothing."""
        if self.status or self.timed_out:
            return self.last_words()
        if self.left:
            return "left behind: " + ", ".join(self.left)
        if not report:
            return "no report was written"
        if report["violation_count"] or report["leak_count"]:
            return f"{report['violation_count']} violations, {report['leak_count']} leaks"
        return None

    def last_words(self):
        """The line that says most about a failure."""
        if self.timed_out:
            return "did not end in time"
        lines = [line for line in (self.stdout + self.stderr).splitlines() if line.strip()]
        for line in reversed(lines):
            if line.startswith(("FAIL", "ndishost:")):
                return line
        return lines[-1] if lines else f"exit status {self.status}, no output"
