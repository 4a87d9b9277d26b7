#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# make soak: 1,000 load, initialise, halt, unload rounds per device and driver, then the proof with SOAK_MIB (default 4096) in each
# direction, then every combination of offload features with SOAK_OFFLOAD_MIB (default 64), then the matrix SOAK_TIMES (default 10) times.
set -eu
cd "$(dirname "$0")"
python3 e2e.py rounds --rounds 1000
python3 e2e.py check --seeds "${SOAK_SEEDS:-200}" --exhaustive
python3 e2e.py proof --pings 2000 --mib "${SOAK_MIB:-4096}"
python3 e2e.py offload --exhaustive --mib "${SOAK_OFFLOAD_MIB:-64}"
time=0
while [ "$time" -lt "${SOAK_TIMES:-10}" ]; do
    time=$((time + 1))
    echo "matrix, time $time of ${SOAK_TIMES:-10}"
    python3 e2e.py matrix interruption
done
echo PASS
