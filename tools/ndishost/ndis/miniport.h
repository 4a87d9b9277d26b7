/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * miniport.h - the state that the chapters of the NDIS layer share: the loaded driver and its adapters.
 *
 * Locks: driver_list_mutex and adapter->mutex are host mutexes, held for a few statements and never across a yield point (no export,
 * no image_call, no wait inside). adapter->pnp is a sleeping mutex that serialises initialise, restart, pause, reset and halt; it is
 * taken only at PASSIVE_LEVEL and held across calls into the image. Order: pnp before mutex.
 */
#ifndef NDISHOST_NDIS_MINIPORT_H
#define NDISHOST_NDIS_MINIPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "ndis/adapter.h"
#include "ndis/offload.h"

/* Milliseconds that a callback or a pending completion of the image may take (PAU-12, HLT-16 and their like). Tests shorten it. */
extern unsigned ndis_watchdog_ms;
/* How long a lock is waited for: less than a callback may take, so that the lock is named and not the callback that waits for it. */
static inline unsigned ndis_lock_wait_ms(void)
{
    return ndis_watchdog_ms / 2;
}

/* A mutex that may be held across calls into the image; PASSIVE_LEVEL only. */
struct sleeping_mutex {
    struct sched_event free;
};
void sleeping_mutex_init(struct sleeping_mutex *mutex);
void sleeping_mutex_lock(struct sleeping_mutex *mutex);
void sleeping_mutex_unlock(struct sleeping_mutex *mutex);

/* ---- driver ---- */

struct driver {
    char service[64];
    struct image *image;             /* NULL for a driver compiled into a test */
    const struct image_facts *facts; /* the texts of its event log entries; NULL with `image` */
    nt_DRIVER_OBJECT *object;        /* what DriverEntry gets */
    nt_DRIVER_EXTENSION *extension;
    nt_UNICODE_STRING *registry_path;
    uintptr_t expected_unload; /* DriverUnload that NDIS put there (DRV-08) */
    void *handle;              /* NdisMiniportDriverHandle, NULL while not registered */
    bool ever_registered;
    bool in_entry, in_set_options, in_unload;
    uint32_t register_status; /* what NdisMRegisterMiniportDriver returned last */
    unsigned deregistrations;
    uintptr_t context; /* MiniportDriverContext */
    nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS characteristics;
    nt_NDIS_MINIPORT_PNP_CHARACTERISTICS pnp;
    bool has_pnp;
    nt_NDIS_SHARED_MEMORY_PROVIDER_CHARACTERISTICS memory_provider; /* zero: not registered */
    struct adapter *adapters;                                       /* under driver_list_mutex */
    struct driver *next;
};

/* Calls DriverEntry at `entry` and checks what it did; driver_load() is image_load() and this. */
struct driver *driver_start(uintptr_t entry, struct image *image, const char *service_name, char *error, size_t error_size);
struct driver *driver_of_object(const void *driver_object);
/* Asks of each adapter of each driver, until one is it; whether there was one. `is_it` must not yield. */
bool adapters_find(bool (*is_it)(struct adapter *adapter, void *context), void *context);

/* ---- adapter ---- */

enum adapter_state {
    ADAPTER_HALTED,
    ADAPTER_INITIALIZING,
    ADAPTER_PAUSED,
    ADAPTER_RESTARTING,
    ADAPTER_RUNNING,
    ADAPTER_PAUSING,
    ADAPTER_HALTING,
    ADAPTER_SHUT_DOWN
};
const char *adapter_state_name(enum adapter_state state);

/* A two-part operation (pause, restart, reset): started by the host, finished by a return value or by a completion call. */
struct pending_operation {
    atomic_bool pending;     /* the completion call is awaited */
    atomic_uint completions; /* since it was started */
    uint32_t status;
    struct sched_event done;
};

struct adapter_attributes {
    bool add_device_set, registration_set, general_set;
    uintptr_t add_device_context;
    uintptr_t context; /* MiniportAdapterContext */
    uint32_t flags, check_for_hang_seconds, interface_type;
    nt_NDIS_MINIPORT_ADAPTER_GENERAL_ATTRIBUTES general; /* pointers in it are cleared: see the next members */
    uint32_t *oids;                                      /* SupportedOidList */
    unsigned oid_count;
    nt_NDIS_PM_CAPABILITIES pm;
    bool has_receive_scale;
    nt_NDIS_RECEIVE_SCALE_CAPABILITIES receive_scale;
    struct offload_state offload;
    nt_NDIS_OFFLOAD default_offload, hardware_offload; /* as given; the first is the current configuration, under adapter->mutex */
};

struct keyword_store;
struct dma;
struct interrupt;
struct send_path;
struct receive_path;
struct oid_channel;
struct io_mapping;

struct adapter {
    struct driver *driver;
    struct pci_function *function;
    struct adapter *next;
    unsigned number;
    void *handle; /* MiniportAdapterHandle */
    pthread_mutex_t mutex;
    struct sleeping_mutex pnp;
    _Atomic enum adapter_state state;
    atomic_bool surprise_removed;
    atomic_bool low_power; /* between OID_PNP_SET_POWER of Dx and of D0: no other OID (PWR-04) */
    bool running_before_sleep;
    uint64_t accesses_at_sleep;
    void *initialize_thread; /* the thread inside MiniportInitializeEx or MiniportAddDevice, for INI-05 and its like */
    void *halt_thread;       /* the thread inside MiniportHaltEx */
    bool in_add_device;
    atomic_bool in_shutdown;
    bool initialized_once;

    enum adapter_interrupts interrupts;
    unsigned messages;             /* granted; 0: the line */
    uintptr_t message_affinity[8]; /* processors that MiniportFilterResourceRequirements wants a message on; 0: no matter */
    nt_CM_PARTIAL_RESOURCE_LIST *resources;
    nt_DEVICE_OBJECT *physical_device, *functional_device;
    struct keyword_store *keywords;

    struct adapter_attributes attributes;
    struct pending_operation pausing, restarting, resetting;
    bool resetting_addressing; /* AddressingReset of NdisMResetComplete */
    atomic_bool checking;      /* adapter_check_for_hang() is at work */
    bool remove_requested;     /* NdisMRemoveMiniport */

    struct io_mapping *io_mappings; /* under mutex */
    struct dma *dma;
    struct interrupt *interrupt;
    struct send_path *send;
    struct receive_path *receive;
    struct oid_channel *oids;
    struct direct_request *direct_requests; /* oid_direct.c's list, under mutex */
    atomic_uint direct_count;
    nt_NDIS_STATISTICS_INFO last_statistics; /* the previous OID_GEN_STATISTICS since initialisation, for OIM-09 */
    struct ndis_port *ports;                 /* port.c's list, under mutex */
    bool has_log;                            /* NdisMCreateLog; under mutex */
    void *shared_blocks;                     /* shared_memory.c's list, under mutex */

    /* link, as last indicated; under mutex */
    enum link_state link;
    uint64_t link_speed;
    nt_NDIS_LINK_STATE last_link_state;
    bool link_indicated;
    void (*link_changed)(void *context, enum link_state state);
    void *link_context;

    _Atomic(struct upper_edge *) edge;
    atomic_uint current_packet_filter;

    atomic_ullong interrupts_taken, dpcs_run, indications, send_calls, send_completions;
    atomic_ullong frames_sent, bytes_sent, frames_received, bytes_received, sends_failed, receives_dropped;
    atomic_ullong checksum_requests, large_requests, checksums_verified;
};

/* The adapter of a MiniportAdapterHandle; reports HLT-13 and returns NULL for anything else. `what` is the export. */
struct adapter *adapter_from_handle(const void *handle, const char *what);
/* Adapter or driver of an NdisHandle (in MiniportAddDevice the device), as the owner of what is allocated with it; NULL (reported under
 * `rule`) for anything else. */
const void *owner_from_handle(const void *handle, const char *rule, const char *what);
bool adapter_in_initialize(const struct adapter *adapter); /* on this thread, inside MiniportInitializeEx */
bool adapter_in_initialize_or_halt(const struct adapter *adapter);

/* MiniportDevicePnPEventNotify. PASSIVE_LEVEL. */
void adapter_notify_pnp_event(struct adapter *adapter, uint32_t event, void *information, uint32_t length);

/* Sets multicast list and packet filter as the protocols set them last: after a reset that lost them (RST-05), after sleep. */
void adapter_replay_filters(struct adapter *adapter);

/* pending_operation.c */
void pending_operation_start(struct pending_operation *operation);
/* The completion call: false when nothing was pending. */
bool pending_operation_complete(struct pending_operation *operation, uint32_t status);
/* Waits for an event for that long, not counting jumps of the clock; false: in vain. PASSIVE_LEVEL. */
bool event_wait_for(struct sched_event *event, unsigned milliseconds);
/* Waits for the completion; after ndis_watchdog_ms ends the run under `rule`. */
uint32_t pending_operation_wait(struct pending_operation *operation, const char *rule, const char *what);

/* Reports what the image still holds for `owner` when it had to be gone: one rule per kind of object; then takes it away. */
enum audit_moment { AUDIT_INITIALIZE_FAILED, AUDIT_HALT, AUDIT_UNLOAD, AUDIT_SHUT_DOWN /* nothing had to be given back (SHU-01) */ };
void audit_owner(const void *owner, enum audit_moment moment, const char *when);

/* ---- watchdog: a host thread that ends the run when a callback of the image does not return in time ---- */
void watchdog_start(void);
void watchdog_stop(void);
unsigned watchdog_arm(const char *rule, const char *what, unsigned milliseconds);
void watchdog_disarm(unsigned ticket);

/* ---- object headers (NDIS_OBJECT_HEADER), the first member of every versioned structure ---- */
struct object_header {
    uint8_t type, revision;
    uint16_t size;
};
/* True when type, revision and size are as given; else reports `rule`, naming the structure. */
bool object_header_check(const char *rule, const void *object, const char *name, uint8_t type, uint8_t revision, uint16_t size);
static inline void object_header_set(void *object, uint8_t type, uint8_t revision, uint16_t size)
{
    struct object_header *header = object;

    header->type = type;
    header->revision = revision;
    header->size = size;
}

#endif
