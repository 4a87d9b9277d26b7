#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# make bench: throughput through tap in both directions, packets per doorbell and interrupt, ndishost's memory.
set -eu
cd "$(dirname "$0")"
exec python3 e2e.py benchmark "$@"
