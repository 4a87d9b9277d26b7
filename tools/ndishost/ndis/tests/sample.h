/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sample.h - a whole miniport for loop_device, and the faults that can be built into it, one at a time. Its functions are called as
 * image code; without a fault it breaks no rule.
 */
#ifndef NDISHOST_NDIS_TESTS_SAMPLE_H
#define NDISHOST_NDIS_TESTS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "imports.h"

enum fault {
    FAULT_NONE,
    /* no fault either: the PnP handlers change what is granted */
    FAULT_NONE_TAKES_LINE,
    FAULT_NONE_TAKES_ONE_MESSAGE,
    FAULT_NONE_BUT_MISUSE, /* see misuse.h */
    /* driver */
    FAULT_CHARACTERISTICS_REVISION,
    FAULT_NDIS_VERSION,
    FAULT_HANDLER_MISSING,
    FAULT_HANG_CHECK_WITHOUT_RESET,
    FAULT_ENTRY_FAILS_REGISTERED,
    FAULT_ENTRY_OTHER_STATUS,
    FAULT_UNLOAD_OVERWRITTEN,
    FAULT_UNLOAD_STAYS_REGISTERED,
    FAULT_FOREIGN_REGISTRY_PATH,
    FAULT_FILTER_COUNT,
    FAULT_FILTER_FREED,
    FAULT_FILTER_STATUS,
    FAULT_START_LIST_GROWS,
    FAULT_PROVIDER_HALF,
    FAULT_PROVIDER_FREES_FOREIGN,
    FAULT_PROVIDER_MEMORY_LEFT,
    /* initialise */
    FAULT_CONTEXT_NULL,
    FAULT_REGISTRATION_REVISION,
    FAULT_GENERAL_MISSING,
    FAULT_GENERAL_FIRST,
    FAULT_GENERAL_REVISION,
    FAULT_WAKE_MAGIC,
    FAULT_WAKE_LINK,
    FAULT_WAKE_PATTERNS,
    FAULT_NO_POWER_CAPABILITIES,
    FAULT_OID_LIST_SHORT,
    FAULT_INITIALIZE_PENDING,
    FAULT_INITIALIZE_FAILS_WITH_INTERRUPT,
    FAULT_INITIALIZE_FAILS_WITH_TIMER,
    FAULT_INITIALIZE_LEAKS_POOL,
    FAULT_CONFIGURATION_OPEN,
    FAULT_CONFIGURATION_DRIVER_HANDLE,
    FAULT_MAP_FOREIGN,
    FAULT_DMA_WITHOUT_BUS_MASTER,
    FAULT_SHARED_MEMORY_BEFORE_DMA,
    FAULT_INTERRUPT_HANDLER_MISSING,
    FAULT_INTERRUPT_MESSAGES_HALF,
    FAULT_TIMER_TAG_ZERO,
    FAULT_PORT_LEFT,
    FAULT_DEFAULT_PORT_FREED,
    FAULT_IMAGE_TIMER_FREED,
    FAULT_INITIALIZE_LEAVES_IRQL,
    FAULT_ALLOCATES_WITHOUT_TAG,
    /* halt */
    FAULT_INTERRUPT_LEFT,
    FAULT_TIMER_QUEUED,
    FAULT_TIMER_LEFT,
    FAULT_TIMER_FREED_QUEUED,
    FAULT_WORK_ITEM_LEFT,
    FAULT_WORK_ITEM_TWICE,
    FAULT_WORK_OUTLASTS_DRIVER,
    FAULT_DMA_LEFT,
    FAULT_SHARED_MEMORY_LEFT,
    FAULT_SHARED_MEMORY_LENGTH,
    FAULT_SHARED_MEMORY_OVERRUN,
    FAULT_SHARED_MEMORY_TWICE,
    FAULT_MAPPING_LEFT,
    FAULT_POOL_LEFT,
    FAULT_POOL_FREED_FULL,
    FAULT_RW_LOCK_LEFT,
    FAULT_STATUS_AFTER_HALT,
    FAULT_LINK_CHANGE_IN_HALT,
    /* pause and restart */
    FAULT_PAUSE_FAILS,
    FAULT_PAUSE_TWICE,
    FAULT_PAUSE_COMPLETE_UNASKED,
    FAULT_PAUSE_BEFORE_RECEIVES,
    FAULT_PAUSE_BEFORE_SENDS,
    FAULT_PAUSE_NEVER,
    FAULT_RESTART_STATUS,
    FAULT_RESTART_TWICE,
    FAULT_INDICATES_PAUSED,
    FAULT_RESET_STATUS,
    FAULT_RESET_SILENT,
    /* sends */
    FAULT_SEND_TWICE,
    FAULT_SEND_STATUS_PENDING,
    FAULT_SEND_DISPATCH_FLAG,
    FAULT_SEND_UNDER_LOCK,
    FAULT_SEND_CHAIN_CHANGED,
    FAULT_SEND_DATA_START_CHANGED,
    FAULT_SEND_PROTOCOL_RESERVED,
    FAULT_SEND_FOREIGN,
    FAULT_SG_AT_PASSIVE,
    FAULT_SG_LEFT,
    FAULT_SG_TWICE,
    FAULT_SG_DIRECTION,
    /* receives */
    FAULT_RECEIVE_COUNT,
    FAULT_RECEIVE_SOURCE,
    FAULT_RECEIVE_STATUS,
    FAULT_RECEIVE_TOO_LONG,
    FAULT_RECEIVE_PAST_CHAIN,
    FAULT_RECEIVE_TWICE,
    FAULT_RECEIVE_UNDER_LOCK,
    FAULT_RECEIVE_DISPATCH_FLAG,
    FAULT_RECEIVE_FREED,
    FAULT_RECEIVE_MORE_PENDING,
    FAULT_RECEIVE_CHECKSUM_FLAGS,
    /* interrupts */
    FAULT_ISR_SILENT,
    FAULT_DPC_LEAVES_LOCK,
    FAULT_SLEEPS_IN_DPC,
    /* OIDs and status */
    FAULT_OID_BYTES_WRITTEN,
    FAULT_OID_OVERRUN,
    FAULT_OID_COMPLETES_AND_RETURNS,
    FAULT_OID_COMPLETE_PENDING,
    FAULT_OID_TAKES_UNKNOWN,
    FAULT_OID_SHORT_FILTER,
    FAULT_OID_STATISTICS_HEADER,
    FAULT_OID_STATISTICS_DECREASE,
    FAULT_OID_TOTAL_SIZE,
    FAULT_GENERAL_MEDIUM,
    FAULT_GENERAL_ADDRESS_LENGTH,
    FAULT_GENERAL_ADDRESS_MULTICAST,
    FAULT_GENERAL_INTERFACE,
    FAULT_GENERAL_STATISTICS,
    FAULT_GENERAL_TAGS,
    FAULT_GENERAL_POWER_REVISION,
    FAULT_FLAGS_OF_LATER,
    FAULT_FLAGS_WDM,
    FAULT_OID_METHOD_LONG,
    FAULT_OID_LISTS_OBSOLETE,
    FAULT_DIRECT_HANDLER_HALF,
    FAULT_DIRECT_COMPLETED_AS_REGULAR,
    FAULT_DIRECT_COMPLETE_PENDING,
    FAULT_DIRECT_COMPLETES_TWICE,
    FAULT_DIRECT_COMPLETES_AND_RETURNS,
    FAULT_DIRECT_TAKES_UNKNOWN,
    FAULT_STATUS_SIZE,
    FAULT_STATUS_NDIS5,
    FAULT_STATUS_SOURCE,
    /* the control device */
    FAULT_DEVICE_LEFT,
    FAULT_DEVICE_EXTENSION_WRITTEN,
    FAULT_DEVICE_PNP_HANDLER,
    FAULT_DEVICE_UNDER_LOCK,
    FAULT_DEVICE_ADAPTER_HANDLE,
    FAULT_DEVICE_SECURITY,
    FAULT_LINK_LEFT,
    FAULT_LINK_TWICE,
    FAULT_IRP_TWICE,
    FAULT_IRP_KEPT,
    FAULT_IRP_FOREIGN,
    FAULT_IRP_INFORMATION,
    FAULT_IRP_UNWRITTEN,
    FAULT_IRP_OVERRUN,
    FAULT_IRP_AFTERWARDS,
    FAULT_IRP_STATUS,
    FAULT_IRP_STATUS_PENDING,
    FAULT_IRP_NOT_MARKED,
    FAULT_IRP_LOCKED,
    FAULT_IRP_CANCEL_ROUTINE,
    FAULT_IRP_NOT_CANCELLED,
    /* derived lists */
    FAULT_CLONE_FREED_WITH_OTHER_FLAGS,
    FAULT_CLONE_FREED_AS_PLAIN,
    FAULT_FRAGMENTS_FREED_FIRST,
    /* task offload: from here on the sample has it */
    FAULT_OFFLOAD_NONE,
    FAULT_OFFLOAD_BEYOND_HARDWARE,
    FAULT_OFFLOAD_WITHOUT_ENCAPSULATION,
    FAULT_OFFLOAD_LARGE_ALONE,
    FAULT_OFFLOAD_KEYWORD_IGNORED,
    FAULT_OFFLOAD_TAKES_ILLEGAL,
    FAULT_OFFLOAD_SILENT,
    FAULT_OFFLOAD_CHANGES_OTHER,
    FAULT_OFFLOAD_ANY_ENCAPSULATION,
    FAULT_OFFLOAD_CLAIMS_BAD,
    FAULT_OFFLOAD_CLAIMS_OTHER,
    FAULT_OFFLOAD_CLAIMS_OFF,
    FAULT_OFFLOAD_LARGE_UNREPORTED,
    FAULT_OFFLOAD_INFORMATION_CHANGED,
    FAULT_OFFLOAD_TAG_REPORTED,
    FAULT_COUNT
};

extern enum fault sample_fault;

enum { SAMPLE_RX_COUNT = 40, SAMPLE_RX_SIZE = 2048, SAMPLE_TX_COUNT = 512, SAMPLE_MTU = 1500, SAMPLE_MULTICAST_MAX = 32 };

struct sample_rx {
    uint8_t *data;
    uint64_t physical;
    nt_MDL *mdl;
    nt_NET_BUFFER_LIST *nbl;
    bool busy; /* filled or with the host */
};

struct sample_tx {
    nt_NET_BUFFER *nb;
    nt_NET_BUFFER_LIST *nbl;
    bool used, mapping_again;
};

struct sample {
    void *adapter, *dma, *interrupt, *timer, *work_item, *pool, *rw_lock;
    uint8_t *registers;
    bool by_message;
    uintptr_t lock, other_lock;
    uint8_t *shared;
    uint64_t shared_physical;
    struct sample_rx rx[SAMPLE_RX_COUNT];
    struct sample_tx tx[SAMPLE_TX_COUNT];
    /* under lock */
    nt_NET_BUFFER_LIST *done_first, **done_end; /* sends to complete */
    nt_NET_BUFFER_LIST *received_first, **received_end;
    unsigned received, sends, indicated;
    bool running, pausing;
    uint64_t statistics_calls;
    uint32_t packet_filter;
    nt_NDIS_OID_REQUEST *pending_oid;
    uint32_t pending_status;
    uint8_t mac[6];
    bool timer_fired, work_done;
    volatile bool work_lingers, work_returns; /* from its last signal to its last instruction */
    unsigned timer_runs, pauses;
    volatile bool timer_awaited; /* by the world, while the machine sleeps */
    void *driver_handle;
    const char *exercise_failed;    /* the first expectation that did not hold */
    _Alignas(16) uint8_t event[64]; /* NDIS_EVENT */
};

extern struct sample sample;

/* sample_life.c */
uint32_t IMAGE sample_driver_entry(void *driver_object, void *registry_path);
/* sample_provider.c: memory from the driver's own handlers, allocated and freed once. */
uint32_t sample_provider_register(void *driver);
void sample_exercise_provider(void *adapter);
/* sample_direct.c: KEEP pends until the next KEEP, a RELEASE or its cancellation. */
enum { SAMPLE_OID_KEEP = 0x7F000001, SAMPLE_OID_RELEASE = 0x7F000002 };
uint32_t IMAGE sample_direct(void *context, nt_NDIS_OID_REQUEST *request);
void IMAGE sample_direct_cancel(void *context, void *request_id);
/* sample_pnp.c */
uint32_t IMAGE sample_set_options(void *driver, void *context);
/* sample_exercise.c: calls what an ordinary run does not need, from MiniportInitializeEx; notes what did not behave. */
void sample_exercise(void);
/* sample_derived.c: the same for clones, fragments, old locks and processor information. */
void sample_exercise_derived(void);
/* What full-featured drivers use beside; PASSIVE_LEVEL. */
void sample_exercise_surface(void *adapter);
void sample_misuse_surface(void *adapter);
void IMAGE sample_shared_memory_complete(void *context, void *address, uint64_t *physical, uint32_t length, void *request);
void sample_unicode(nt_UNICODE_STRING *string, uint16_t *buffer, const char *text);
/* sample_data.c */
bool sample_data_create(void);
void sample_data_destroy(void);
void sample_complete_pause_if_idle(void);
void IMAGE sample_send(void *context, nt_NET_BUFFER_LIST *list, uint32_t port, uint32_t flags);
void IMAGE sample_return(void *context, nt_NET_BUFFER_LIST *list, uint32_t flags);
void IMAGE sample_process_sg(void *device, void *reserved, nt_SCATTER_GATHER_LIST *list, void *context);
void IMAGE sample_dpc(void *context, void *dpc_context, void *throttle, void *reserved);
void IMAGE sample_message_dpc(void *context, uint32_t message, void *dpc_context, void *throttle, void *reserved);
void sample_indicate_when_paused(void);
/* sample_device.c */
static inline bool sample_uses_device(void)
{
    return sample_fault == FAULT_NONE || (sample_fault >= FAULT_DEVICE_LEFT && sample_fault <= FAULT_IRP_NOT_CANCELLED);
}
bool sample_device_create(void);
void sample_device_destroy(void);
/* What a user of the machine does with it; host code, PASSIVE_LEVEL. */
void sample_device_use(void);
/* sample_offload.c */
bool sample_has_offload(void);
uint32_t sample_offload_declare(void);
uint32_t sample_offload_set(nt_NDIS_OID_REQUEST *request);
bool sample_offload_is_large(const nt_NET_BUFFER_LIST *nbl);
void sample_offload_transmit(const nt_NET_BUFFER_LIST *nbl, uint8_t *frame, size_t length);
void sample_offload_completed(nt_NET_BUFFER_LIST *nbl);
void sample_offload_received(nt_NET_BUFFER_LIST *nbl, uint8_t *frame, size_t length);
/* sample_oids.c */
uint32_t IMAGE sample_oid(void *context, nt_NDIS_OID_REQUEST *request);
void IMAGE sample_oid_work(void *context, void *work_item);
void sample_indicate_link(uint32_t state, uint32_t size);
extern const uint32_t sample_oid_list[];
extern const unsigned sample_oid_count;

static inline void sample_header(void *object, uint8_t type, uint8_t revision, uint16_t size)
{
    ((uint8_t *)object)[0] = type;
    ((uint8_t *)object)[1] = revision;
    ((uint16_t *)object)[1] = size;
}
static inline void sample_write(unsigned offset, uint32_t value)
{
    *(volatile uint32_t *)(sample.registers + offset) = value;
}
static inline uint32_t sample_read(unsigned offset)
{
    return *(volatile uint32_t *)(sample.registers + offset);
}

#endif
