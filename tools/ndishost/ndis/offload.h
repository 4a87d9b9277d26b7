/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * offload.h - task offload (section 13 of the rules): what a miniport says it can do, what is on now, and the requests that change it.
 *
 * The current configuration is what the miniport indicated last, or the default of its attributes; TCP/IP uses it once the encapsulation
 * was set (OFF-07). While a request changes it, receives may still follow the old one, and already the one that is asked for: a miniport
 * switches before it indicates.
 */
#ifndef NDISHOST_NDIS_OFFLOAD_H
#define NDISHOST_NDIS_OFFLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/nt_types.h"

struct adapter;

enum { OFFLOAD_IPV4, OFFLOAD_IPV6, OFFLOAD_FAMILIES };

struct offload_sums {
    bool header, tcp, udp; /* header: of IPv4 */
    bool ip_options, tcp_options;
};
struct offload_large {
    bool on, ip_options, tcp_options;
    uint32_t largest;        /* payload bytes: MaxOffLoadSize */
    uint32_t segments_least; /* MinSegmentCount */
};
/* An NDIS_OFFLOAD, as far as this host uses it; by family. */
struct offload {
    struct offload_sums transmit[OFFLOAD_FAMILIES], receive[OFFLOAD_FAMILIES];
    struct offload_large large[OFFLOAD_FAMILIES];
};

/* What an adapter has of it; under adapter->mutex. */
struct offload_state {
    bool declared;      /* offload attributes were set */
    bool encapsulation; /* OID_OFFLOAD_ENCAPSULATION succeeded, and did not turn everything off */
    bool changing;      /* a request that changes the configuration is under way */
    struct offload current, hardware;
    struct offload before, asked; /* of the request that is under way */
    unsigned indications;         /* of NDIS_STATUS_TASK_OFFLOAD_CURRENT_CONFIG */
};

/* ---- attributes and status ---- */
/* The structures of the offload attributes: checked against each other and the keywords (GEN-17, OFF-09..12), and taken over. */
bool offload_declare(struct adapter *adapter, const void *enabled, const void *hardware);
void offload_indicated(struct adapter *adapter, const nt_NDIS_STATUS_INDICATION *indication);

/* ---- requests ---- */
/* Around a set of any OID: checks what a successful or refused one must have done (OFF-01..08). PASSIVE_LEVEL. */
struct offload_set {
    bool watched;
    struct offload before;
    bool encapsulation_before;
    unsigned indications;
};
void offload_set_begin(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, struct offload_set *set);
void offload_set_end(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, uint32_t status, struct offload_set *set);
/* Legal and illegal requests that TCP/IP, WMI and administrators can make; nothing is changed afterwards. */
void offload_probe(struct adapter *adapter);
/* As TCP/IP does when it binds. */
void offload_encapsulate(struct adapter *adapter);

/* ---- use; any IRQL <= DISPATCH ---- */
/* What TCP/IP may ask for now: nothing before the encapsulation is set. */
struct offload offload_usable(struct adapter *adapter);
/* The checksums that a receive may claim now: of the current configuration, and of those before and after a change that is under way. */
struct offload_claims {
    struct offload_sums receive[OFFLOAD_FAMILIES]; /* header, tcp, udp only */
};
struct offload_claims offload_claimable(struct adapter *adapter);

#endif
