#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR Apache-2.0
"""Runs libFuzzer programs for a time each, one after the other, on corpora that grow from run to run (out/fuzz/NAME).

    hunt.py [--seconds 60] [--build out/build/fuzz] [TARGET...]        all targets when none is named; exit status 1: something was found

What is found lies in out/fuzz/NAME.found. After the fix it becomes a file of tests/fuzz/corpus/NAME, which every build replays.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Real files to start from, beside a target's own seeds; and how long an input may then be.
REAL_FILES = {"fuzz_image_facts": ("out/drivers/**/*.sys", 131072), "fuzz_inf": ("drivers/windows7/*/inf/*.inf", 32768)}
LONGEST = 16384
# One input takes milliseconds; what takes seconds has a loop that its input feeds.
SECONDS_PER_INPUT = 10


def targets(build):
    """Name -> program of every target that was built."""
    return {path.name: path for path in sorted(build.rglob("fuzz_*")) if path.is_file() and os.access(path, os.X_OK) and not path.name.endswith("_seeds")}


def hunt(name, program, seconds):
    found = ROOT / "out/fuzz" / f"{name}.found"
    corpus = ROOT / "out/fuzz" / name
    for folder in (found, corpus):
        folder.mkdir(parents=True, exist_ok=True)
    subprocess.run([program.with_name(name + "_seeds"), "--write-seeds", corpus], check=True)
    (corpus / "list").unlink()
    pattern, longest = REAL_FILES.get(name, ("", LONGEST))
    for number, path in enumerate(sorted(ROOT.glob(pattern)) if pattern else ()):
        shutil.copyfile(path, corpus / f"real-{number:02}")
    folders = [corpus, *([known] if (known := ROOT / "tests/fuzz/corpus" / name).is_dir() else [])]
    run = subprocess.run([program, f"-max_total_time={seconds}", f"-max_len={longest}", f"-timeout={SECONDS_PER_INPUT}", "-close_fd_mask=3",
                          "-print_final_stats=1", f"-artifact_prefix={found}/", *folders], stderr=subprocess.PIPE, text=True, errors="replace")
    done = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    coverage = re.findall(r" cov: (\d+) ", run.stderr)
    print(f"{name:24} {done.group(1) if done else '?':>9} inputs, {coverage[-1] if coverage else '?':>5} edges, "
          f"{'nothing found' if run.returncode == 0 else 'FAIL: ' + str(found)}", flush=True)
    if run.returncode:
        print("\n".join([line for line in run.stderr.splitlines() if not line.startswith("#")][-60:]), file=sys.stderr)
    return run.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "out/build/fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET")
    options = parser.parse_args()
    known = targets(options.build)
    unknown = sorted(set(options.targets) - set(known))
    if unknown or not known:
        print(f"hunt.py: {'no target is called ' + unknown[0] if unknown else 'nothing is built in ' + str(options.build)}"
              "; cmake --build out/build/fuzz --target fuzzers", file=sys.stderr)
        return 2
    good = [hunt(name, known[name], options.seconds) for name in options.targets or known]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
