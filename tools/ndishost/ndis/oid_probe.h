/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_probe.h - requests that must be refused, made once per binding. */
#ifndef NDISHOST_NDIS_OID_PROBE_H
#define NDISHOST_NDIS_OID_PROBE_H

struct adapter;

/* Every mandatory query, and short, long, wrong and unknown requests; each must be answered as its rule says. PASSIVE_LEVEL. */
void oid_probe(struct adapter *adapter);

#endif
