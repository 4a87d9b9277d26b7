/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * adapter.h - what scenarios and the command line do with a miniport: load the driver, bring adapters up and down, send OIDs,
 * connect the upper edge. All functions run on a context at PASSIVE_LEVEL (a thread of sched.h) unless said otherwise.
 */
#ifndef NDISHOST_NDIS_ADAPTER_H
#define NDISHOST_NDIS_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../net/network.h"
#include "../pe/image.h"
#include "../pci/function.h"

/* Registers every export table of ndis/. Called once, like nt_exports_register(). */
void ndis_exports_register(void);

/* ---- driver ---- */
struct driver;
/* Loads the image and calls DriverEntry; `facts` must outlive the driver. NULL and one line in `error` on failure (unknown imports,
 * DriverEntry's status). */
struct driver *driver_load(const struct image_facts *facts, const char *service_name, char *error, size_t error_size);
/*
 * MiniportDriverUnload, checks (DRV-05..), audit of everything the driver owned, image unload. As Windows it waits until the last handle
 * on a deleted device of the driver is closed.
 */
void driver_unload(struct driver *driver);
/* Facts of device object number `index` of the driver (nt/io.h has what can be done with it); false: there are not so many. */
struct io_device_facts;
bool driver_device(const struct driver *driver, unsigned index, struct io_device_facts *facts);

/* ---- registry keywords of one adapter ---- */
struct keyword {
    const char *name;
    const char *value;
}; /* value: REG_SZ text, as an INF would write it */

enum adapter_interrupts {
    ADAPTER_INTERRUPTS_AUTO /* messages if the device has any, else line */,
    ADAPTER_INTERRUPTS_LINE,
    ADAPTER_INTERRUPTS_MESSAGES
};

struct adapter_options {
    enum adapter_interrupts interrupts;
    unsigned message_limit; /* messages granted at most (MessageNumberLimit of the INF: 8) */
    const struct keyword *keywords;
    unsigned keyword_count;
};

struct adapter;
/* Creates the device stack of one PCI function (MiniportAddDevice if registered); nothing is initialised yet. `function` NULL: an adapter
 * without hardware, as a root-enumerated one: it gets no resources. */
struct adapter *adapter_create(struct driver *driver, struct pci_function *function, const struct adapter_options *options);
void adapter_destroy(struct adapter *adapter);
/* The driver read this keyword, which the options set. */
bool adapter_keyword_was_read(const struct adapter *adapter, const char *keyword);

/* ---- life; each returns the NDIS_STATUS, pending completions are waited for (bounded by the rule's watchdog time) ---- */
uint32_t
adapter_initialize(struct adapter *adapter); /* MiniportInitializeEx, checks, then as Windows: initial OIDs are sent by adapter_bind() */
uint32_t adapter_restart(struct adapter *adapter);
uint32_t adapter_pause(struct adapter *adapter);
void adapter_halt(struct adapter *adapter, uint32_t halt_action); /* NDIS_HALT_ACTION; audits everything the adapter owned */
void adapter_shutdown(struct adapter *adapter, uint32_t shutdown_action);
void adapter_surprise_removal(struct adapter *adapter); /* detaches the function, PnP event, pause, halt */
bool adapter_check_for_hang(struct adapter *adapter);   /* MiniportCheckForHangEx; on TRUE MiniportResetEx, true returned */
uint32_t adapter_reset(struct adapter *adapter);

/* ---- power (section 15 of the rules) ---- */
/*
 * The system goes to sleep: a driver with NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND is paused and set to D3, any other is halted.
 * adapter_power_up() undoes that and starts what was running; PWR-07 is checked between the two.
 */
void adapter_power_down(struct adapter *adapter);
uint32_t adapter_power_up(struct adapter *adapter);

/* ---- OIDs: serialised per adapter; `transferred` may be NULL ---- */
uint32_t adapter_oid_query(struct adapter *adapter, uint32_t oid, void *buffer, uint32_t length, uint32_t *transferred, uint32_t *needed);
uint32_t adapter_oid_set(struct adapter *adapter, uint32_t oid, const void *buffer, uint32_t length, uint32_t *needed);

/* ---- upper edge: TCP/IP's place. Binding restarts the adapter, sets packet filter, multicast list, lookahead and reads statistics
 *      as Windows' TCP/IP does; frames from the network are sent, received frames written to it, carrier follows link state. ---- */
struct upper_edge;
struct upper_edge *upper_edge_bind(struct adapter *adapter, struct network *network, struct capture *capture, unsigned capture_interface);
/* Pauses the adapter, waits for every send and returns every receive, unbinds. */
void upper_edge_unbind(struct upper_edge *edge);
/* OID_GEN_NETWORK_LAYER_ADDRESSES for IPv4 and IPv6, as TCP/IP sends it when addresses come (also at binding, with a network) or go (NULL,
 * or zeros). */
void upper_edge_tell_addresses(struct adapter *adapter, const struct network_addresses *addresses);
/* A frame to send without a network (tests): the bytes are copied over several MDLs of random sizes. IRQL <= DISPATCH. */
void upper_edge_send(struct upper_edge *edge, const void *frame, size_t length);
/* Called for each received frame when bound without a network (tests); DISPATCH_LEVEL possible. */
void upper_edge_on_receive(struct upper_edge *edge, void (*receive)(void *context, const struct iovec *parts, unsigned part_count),
                           void *context);

/* ---- facts for reports; any thread ---- */
enum link_state { LINK_UNKNOWN, LINK_DOWN, LINK_UP };
struct adapter_facts {
    uint8_t permanent_mac[6], current_mac[6];
    uint32_t mtu;
    enum link_state link;
    uint64_t link_speed;
    bool interrupts_by_message;
    unsigned messages_granted;
    bool checking; /* NDIS looks whether it hangs, or makes the reset that this has led to */
    bool halted;   /* or not initialised yet */
};
struct adapter_facts adapter_facts(const struct adapter *adapter);
struct adapter_counts {
    uint64_t frames_sent, bytes_sent, frames_received, bytes_received; /* as the upper edge saw them */
    uint64_t sends_failed, receives_dropped;
    uint64_t interrupts, dpcs, indications, send_calls, send_completions;
    uint64_t checksum_requests, large_requests; /* frames sent with such a request */
    uint64_t checksums_verified;                /* frames received with a claim that is true */
    uint64_t sends_outstanding, receives_outstanding;
};
struct adapter_counts adapter_counts(const struct adapter *adapter);
/* Link changes: called at any IRQL <= DISPATCH. One listener. */
void adapter_on_link(struct adapter *adapter, void (*changed)(void *context, enum link_state state), void *context);

/* ---- event log: NdisWriteErrorLogEntry ---- */
struct event_log_entry {
    uint32_t code;
    unsigned value_count;
    uint32_t values[16];
    char text[640]; /* what Event Viewer shows: the message of the driver's own table, with its inserts filled in; else empty */
};
enum { EVENT_LOG_LINE = 800 };
unsigned event_log_count(void);
struct event_log_entry event_log_entry(unsigned index);
/* "aero_virtio_net: the device ... (0xC0AE0004) 0x1 0x10", "NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION (0xC0001392) 0x1 0x20"; into the
 * caller's buffer. */
const char *event_log_format(const struct event_log_entry *entry, char *buffer, size_t size);

#endif
