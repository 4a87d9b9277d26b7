#!/bin/sh
# SPDX-License-Identifier: MIT OR Apache-2.0
# make run: the proof. Pings, hashed TCP in both directions over IPv4 and IPv6, a capture, the audit: for each released driver file.
set -eu
cd "$(dirname "$0")"
if python3 e2e.py proof "$@"; then
    echo PASS
else
    echo FAIL
    exit 1
fi
