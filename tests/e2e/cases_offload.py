# SPDX-License-Identifier: MIT OR Apache-2.0
"""Offload cases: every pair of feature settings that matter to checksums and segmentation, Linux as the referee behind the device."""
import itertools

from cases_traffic import Traffic

FEATURES = ("guest_csum", "host_tso4", "host_tso6", "host_ecn", "mrg_rxbuf", "event_idx")
NAMES = {"csum": "CSUM", "guest_csum": "GUEST_CSUM", "host_tso4": "HOST_TSO4", "host_tso6": "HOST_TSO6", "host_ecn": "HOST_ECN",
         "mrg_rxbuf": "MRG_RXBUF", "event_idx": "EVENT_IDX"}


def pairwise(features):
    """Six settings of up to ten features, in which each two are on/on, on/off, off/on and off/off somewhere: all off, and five in which each
    feature is on in three of its own; any two of the ten sets of three meet, and neither lies in the other."""
    triples = list(itertools.combinations(range(5), 3))[:len(features)]
    rows = [{name: False for name in features}]
    rows += [{name: number in triple for name, triple in zip(features, triples)} for number in range(5)]
    for one, other in itertools.combinations(features, 2):
        assert {(row[one], row[other]) for row in rows} == set(itertools.product((False, True), repeat=2))
    return rows


def selection():
    """With checksums by the device every pair; without them the rest is mostly idle: all on, and all off."""
    rows = [dict(row, csum=True) for row in pairwise(FEATURES)]
    rows += [{name: on for name in FEATURES} | {"csum": False} for on in (True, False)]
    return rows


def everything():
    names = ("csum", *FEATURES)
    return [dict(zip(names, values)) for values in itertools.product((True, False), repeat=len(names))]


def expected(row):
    """Feature names that the driver takes, and that it does not: nothing without what it needs."""
    needs = {"host_tso4": row["csum"], "host_tso6": row["csum"], "host_ecn": row["csum"] and (row["host_tso4"] or row["host_tso6"])}
    taken = {name: on and needs.get(name, True) for name, on in row.items()}
    return (tuple(NAMES[name] for name, on in taken.items() if on), tuple(NAMES[name] for name, on in taken.items() if not on))


def case(row, mib):
    off = [name for name, on in row.items() if not on]
    taken, not_taken = expected(row)
    return Traffic(f"off: {' '.join(off) or 'nothing'}", ",".join(["qemu", *(f"{name}=off" for name in off)]), options=("--referee",), pings=10,
                   mib=mib, udp_mib=mib, capture=False, taken=taken, not_taken=not_taken, offload=True, timeout=120 + 4 * mib)


def cases(mib, exhaustive):
    return [case(row, mib) for row in (everything() if exhaustive else selection())]
