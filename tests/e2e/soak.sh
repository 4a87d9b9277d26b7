#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# make soak: 1,000 load, initialise, halt, unload rounds per device and driver; everything that `ndishost check` can do (SOAK_SEEDS of each
# scenario, default 200; 10,000 random devices; every misbehaviour; every refusal and cut); the proof with SOAK_MIB (default 4096) in
# each direction; every combination of offload features with SOAK_OFFLOAD_MIB (default 64); the package for transitional devices, both
# packages at once, diagnostics, the user network; each fuzz target for SOAK_FUZZ_SECONDS (default 600) on the corpus of the times before;
# the matrix SOAK_TIMES (default 10) times.
# SOAK_GROUPS names the parts to run (default "rounds check proof offload transitional pair fuzz matrix"), to go on after an interruption.
set -eu
cd "$(dirname "$0")"
failed=""
part() {
    echo "soak: $* ($(date +%T))"
    python3 e2e.py "$@" || failed="$failed $1"
}
hunt() {
    echo "soak: fuzz ($(date +%T))"
    (cd ../.. && . scripts/steps.sh && build fuzz fuzzers >/dev/null) && ../fuzz/hunt.py --seconds "${SOAK_FUZZ_SECONDS:-600}" || failed="$failed fuzz"
}
for group in ${SOAK_GROUPS:-rounds check proof offload transitional pair fuzz matrix}; do
    case $group in
    rounds) part rounds --rounds 1000 ;;
    check) part check --seeds "${SOAK_SEEDS:-200}" --exhaustive ;;
    proof) part proof --pings 2000 --mib "${SOAK_MIB:-4096}" ;;
    offload) part offload --exhaustive --mib "${SOAK_OFFLOAD_MIB:-64}" ;;
    transitional) part transitional --exhaustive --seeds "${SOAK_SEEDS:-200}" --pings 1000 --mib "${SOAK_TRANSITIONAL_MIB:-1024}" ;;
    pair) part pair diagnostics user --rounds 1000 --pings 200 --mib 256 ;;
    fuzz) hunt ;;
    matrix)
        time=0
        while [ "$time" -lt "${SOAK_TIMES:-10}" ]; do
            time=$((time + 1))
            echo "matrix, time $time of ${SOAK_TIMES:-10}"
            part matrix interruption
        done
        ;;
    *) echo "soak: no group is called $group" >&2 && exit 2 ;;
    esac
done
[ -z "$failed" ] || { echo "FAIL:$failed" && exit 1; }
echo PASS
