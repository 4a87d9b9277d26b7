/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * upper_edge.c - TCP/IP's place above an adapter. One thread takes frames from the network and sends them, one watches over the adapter;
 * received frames go to the network as they are indicated.
 */
#include "ndis/upper_edge.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "frame/software_offload.h"
#include "ndis/interrupt.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "ndis/oid_probe.h"
#include "ndis/receive.h"
#include "ndis/receive_check.h"
#include "ndis/send.h"
#include "ndis/status.h"
#include "rules/rules.h"

enum { FRAME_MAX = 65536 + 64, ADDRESSES = 12, WATCH_PERIOD_DEFAULT = 2 /* seconds */ };
/* NETWORK_ADDRESS_LIST: NETWORK_ADDRESS_IP (in_addr at 4) and NETWORK_ADDRESS_IP6 (sin6_addr at 8); NDIS_PROTOCOL_ID_IP6. */
enum {
    ADDRESS_LIST_EMPTY = 6,
    ADDRESS_LIST_MAX = 40,
    IPV4_ADDRESS_AT = 4,
    IPV4_ADDRESS_SIZE = 16,
    IPV6_ADDRESS_AT = 8,
    IPV6_ADDRESS_SIZE = 28,
    PROTOCOL_ID_IP6 = 3,
};

struct upper_edge {
    struct adapter *adapter;
    struct network *network;
    struct capture *capture;
    unsigned capture_interface;
    struct sched_io io;
    struct sched_event wake;  /* frames to read, credit, receives to return, stop */
    struct sched_event watch; /* a reset is wanted, stop */
    sem_t reset_over;
    atomic_bool stopping, io_armed, offload_changed, reset_wanted, watch_stopping;
    uint32_t reset_status;  /* of the last one; read after reset_over */
    struct offload offload; /* the pump thread's: what Linux was told */
    bool tags;              /* tags go out of band */
    struct sched_thread *pump_thread, *watch_thread;
    void (*receive)(void *context, const struct iovec *parts, unsigned part_count);
    void *receive_context;
    uint8_t *frame, *large, *segment; /* the pump thread's */
};

struct pump_batch {
    struct upper_edge *edge;
    struct send_batch *batch;
};

/* ---- what the other chapters call ---- */

/* Puts a tag that came out of band back behind the addresses, `tag` holding its four bytes; returns the number of parts. */
static unsigned insert_tag(const struct received_frame *frame, uint8_t *tag, struct iovec *parts)
{
    uint8_t *first = frame->parts[0].iov_base;

    tag[0] = 0x81;
    tag[1] = 0x00;
    tag[2] = (uint8_t)(frame->tag >> 8);
    tag[3] = (uint8_t)frame->tag;
    parts[0] = (struct iovec){first, ADDRESSES};
    parts[1] = (struct iovec){tag, 4};
    parts[2] = (struct iovec){first + ADDRESSES, frame->parts[0].iov_len - ADDRESSES};
    memcpy(parts + 3, frame->parts + 1, (frame->part_count - 1) * sizeof(*parts));
    return frame->part_count + 2;
}

void upper_edge_deliver(struct upper_edge *edge, const struct received_frame *frame)
{
    struct network_request request = {.checksum_verified = frame->checksum_verified};
    struct iovec tagged[RECEIVED_PARTS_MAX + 2];
    const struct iovec *parts = frame->parts;
    unsigned part_count = frame->part_count;
    uint8_t tag[4];

    if (frame->tagged && frame->parts[0].iov_len >= ADDRESSES) {
        part_count = insert_tag(frame, tag, tagged);
        parts = tagged;
    }
    if (edge->capture)
        capture_frame(edge->capture, edge->capture_interface, false, parts, part_count);
    if (edge->network && !network_write(edge->network, parts, part_count, &request))
        atomic_fetch_add(&edge->adapter->receives_dropped, 1);
    if (edge->receive)
        edge->receive(edge->receive_context, parts, part_count);
}

void upper_edge_offload_changed(struct upper_edge *edge)
{
    edge->offload_changed = true;
    upper_edge_wake(edge);
}

void upper_edge_link(struct upper_edge *edge, enum link_state link)
{
    if (edge->network)
        network_set_carrier(edge->network, link != LINK_DOWN);
}

void upper_edge_wake(struct upper_edge *edge)
{
    sched_event_set(&edge->wake);
}

static void credit(void *context)
{
    upper_edge_wake(context);
}

static void readable(struct sched_io *io)
{
    struct upper_edge *edge = io->context;

    edge->io_armed = false;
    sched_event_set(&edge->wake);
}

/* ---- frames down ---- */

/* A capture shows the checksum that the frame will have, not the partial sum; a large frame is shown whole. */
static void capture_outbound(struct upper_edge *edge, size_t length, const struct network_request *wanted)
{
    struct iovec part = {edge->large, length};

    if (!edge->capture)
        return;
    memcpy(edge->large, edge->frame, length);
    if (wanted->checksum)
        software_checksum(edge->large, length, wanted->checksum_start, wanted->checksum_offset);
    capture_frame(edge->capture, edge->capture_interface, true, &part, 1);
}

/* Linux may ask for what the miniport does now. PASSIVE_LEVEL. */
static void follow_offload(struct upper_edge *edge)
{
    struct network_offload allowed = {0};
    const struct offload_large *large = edge->offload.large;

    edge->offload = offload_usable(edge->adapter);
    for (unsigned family = 0; family < OFFLOAD_FAMILIES; family++)
        allowed.checksum |= edge->offload.transmit[family].tcp || edge->offload.transmit[family].udp;
    allowed.large4 = large[OFFLOAD_IPV4].on;
    allowed.large6 = large[OFFLOAD_IPV6].on;
    /* LSO-11: one limit for both, as Linux has one. */
    if (allowed.large4)
        allowed.largest = large[OFFLOAD_IPV4].largest;
    if (allowed.large6 && (!allowed.largest || large[OFFLOAD_IPV6].largest < allowed.largest))
        allowed.largest = large[OFFLOAD_IPV6].largest;
    if (edge->network)
        network_set_offload(edge->network, &allowed);
}

static bool add_frame(void *context, const uint8_t *frame, size_t length)
{
    struct pump_batch *out = context;
    struct network_request none = {0};
    struct send_request request;
    size_t left = length;

    /* A segment that TCP/IP cut itself is complete; the IPv4 header's checksum may be asked for all the same. */
    memcpy(out->edge->frame, frame, length);
    if (send_request_make(&out->edge->offload, out->edge->tags, &none, out->edge->frame, &left, &request) != REQUEST_MADE)
        return false;
    return send_batch_add_request(out->batch, out->edge->frame, left, &request);
}

/* Adds one frame from Linux to the batch, as Windows' TCP/IP would hand it down; false when it cannot be sent. */
static bool add_from_linux(struct upper_edge *edge, struct send_batch *batch, size_t length, const struct network_request *wanted)
{
    struct pump_batch out = {edge, batch};
    struct send_request request;

    switch (send_request_make(&edge->offload, edge->tags, wanted, edge->frame, &length, &request)) {
    case REQUEST_MADE:
        return send_batch_add_request(batch, edge->frame, length, &request);
    case REQUEST_SEGMENTED:
        memcpy(edge->large, edge->frame, length);
        return software_segment(edge->large, length, wanted->segment_size, edge->segment, add_frame, &out);
    default:
        return false;
    }
}

/* Reads and sends one batch; false when the network had nothing more, or the outstanding frames are at their limit. */
static bool pump(struct upper_edge *edge, bool *blocked)
{
    struct send_path *path = edge->adapter->send;
    unsigned outstanding = send_outstanding(path), room;
    struct send_batch batch;
    bool drained = false;

    *blocked = outstanding >= SEND_OUTSTANDING_MAX;
    if (*blocked)
        return false;
    room = SEND_OUTSTANDING_MAX - outstanding < SEND_BATCH ? SEND_OUTSTANDING_MAX - outstanding : SEND_BATCH;
    send_batch_begin(&batch, path);
    while (batch.frame_count < room) {
        struct network_request wanted;
        ssize_t length = network_read(edge->network, edge->frame, FRAME_MAX, &wanted);

        if (length <= 0) {
            drained = true;
            break;
        }
        capture_outbound(edge, (size_t)length, &wanted);
        if (!add_from_linux(edge, &batch, (size_t)length, &wanted))
            atomic_fetch_add(&edge->adapter->sends_failed, 1);
    }
    send_batch_submit(&batch);
    return !drained;
}

static void pump_thread(void *argument)
{
    struct upper_edge *edge = argument;

    while (!edge->stopping) {
        bool blocked = false, more;

        receive_return_deferred(edge->adapter->receive);
        if (atomic_exchange(&edge->offload_changed, false))
            follow_offload(edge);
        more = edge->network && pump(edge, &blocked);
        if (more)
            continue;
        if (edge->network && !blocked && !edge->io_armed) {
            edge->io_armed = true;
            sched_io_arm(&edge->io);
        }
        /* The credit of a completion may have come before `blocked` was seen: then there is room again and no need to wait. */
        if (blocked && send_outstanding(edge->adapter->send) < SEND_OUTSTANDING_MAX / 2)
            continue;
        sched_event_wait(&edge->wake, SCHED_FOREVER);
    }
}

void upper_edge_send(struct upper_edge *edge, const void *frame, size_t length)
{
    struct send_batch batch;

    send_batch_begin(&batch, edge->adapter->send);
    if (send_batch_add(&batch, frame, length))
        send_batch_submit(&batch);
}

void upper_edge_on_receive(struct upper_edge *edge, void (*receive)(void *context, const struct iovec *parts, unsigned part_count),
                           void *context)
{
    edge->receive = NULL;
    edge->receive_context = context;
    edge->receive = receive;
}

/* ---- watching ---- */

static void query_statistics(struct adapter *adapter)
{
    nt_NDIS_STATISTICS_INFO statistics;

    memset(&statistics, 0, sizeof(statistics));
    oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_GEN_STATISTICS, &statistics, sizeof(statistics));
}

static void watch_thread(void *argument)
{
    struct upper_edge *edge = argument;
    struct adapter *adapter = edge->adapter;
    uint32_t seconds = adapter->attributes.check_for_hang_seconds & ~1u; /* INI-13 */

    if (!seconds)
        seconds = WATCH_PERIOD_DEFAULT;
    for (;;) {
        bool woken = sched_event_wait(&edge->watch, sched_now() + (uint64_t)seconds * 10000000);

        if (edge->watch_stopping)
            return;
        if (atomic_exchange(&edge->reset_wanted, false)) {
            edge->reset_status = adapter_reset(adapter);
            sem_post(&edge->reset_over);
        }
        if (woken)
            continue;
        adapter_check_for_hang(adapter);
        send_check_age(adapter->send, seconds);
        if (!adapter->surprise_removed)
            query_statistics(adapter);
    }
}

bool upper_edge_reset(struct upper_edge *edge, unsigned timeout_seconds, uint32_t *status)
{
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += timeout_seconds;
    edge->reset_wanted = true;
    sched_event_set(&edge->watch);
    while (sem_timedwait(&edge->reset_over, &deadline))
        if (errno != EINTR)
            return false;
    *status = edge->reset_status;
    return true;
}

/* ---- binding ---- */

/* NETWORK_ADDRESS_LIST with one address of a family, or none: its members are not aligned, so it is written byte by byte. */
static void tell_addresses(struct adapter *adapter, uint16_t protocol, const uint8_t *address, unsigned at, unsigned size)
{
    uint8_t list[ADDRESS_LIST_MAX] = {0};
    uint32_t count = address != NULL, length = ADDRESS_LIST_EMPTY;

    memcpy(list, &count, sizeof(count));
    memcpy(list + 4, &protocol, sizeof(protocol));
    if (address) {
        uint16_t words[] = {(uint16_t)size, protocol}; /* NETWORK_ADDRESS: AddressLength, AddressType */

        memcpy(list + 6, words, sizeof(words));
        memcpy(list + 10 + at, address, protocol == NT_NDIS_PROTOCOL_ID_TCP_IP ? 4 : 16);
        length = 10 + size;
    }
    adapter_oid_set(adapter, NT_OID_GEN_NETWORK_LAYER_ADDRESSES, list, length, NULL);
}

/* As TCP/IP does whenever its addresses change; a miniport may not be interested. */
void upper_edge_tell_addresses(struct adapter *adapter, const struct network_addresses *addresses)
{
    static const uint8_t none[16];
    bool has_ipv4 = addresses && memcmp(addresses->ipv4, none, 4), has_ipv6 = addresses && memcmp(addresses->ipv6, none, 16);

    tell_addresses(adapter, NT_NDIS_PROTOCOL_ID_TCP_IP, has_ipv4 ? addresses->ipv4 : NULL, IPV4_ADDRESS_AT, IPV4_ADDRESS_SIZE);
    tell_addresses(adapter, PROTOCOL_ID_IP6, has_ipv6 ? addresses->ipv6 : NULL, IPV6_ADDRESS_AT, IPV6_ADDRESS_SIZE);
}

/* The sets that TCP/IP makes when it opens a binding. */
static void open_binding(struct adapter *adapter)
{
    static const uint8_t groups[] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0x01, 0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
    uint32_t filter = NT_NDIS_PACKET_TYPE_DIRECTED | NT_NDIS_PACKET_TYPE_BROADCAST | NT_NDIS_PACKET_TYPE_MULTICAST;
    uint32_t lookahead = adapter->attributes.general.LookaheadSize;

    query_statistics(adapter);
    adapter_oid_set(adapter, NT_OID_GEN_CURRENT_LOOKAHEAD, &lookahead, sizeof(lookahead), NULL);
    offload_encapsulate(adapter);
    if (adapter->attributes.general.MaxMulticastListSize >= 2 &&
        adapter_oid_set(adapter, NT_OID_802_3_MULTICAST_LIST, groups, sizeof(groups), NULL) != NT_NDIS_STATUS_SUCCESS)
        rule_violated("OIM-03", NULL, "OID_802_3_MULTICAST_LIST of two groups failed");
    if (adapter_oid_set(adapter, NT_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), NULL) != NT_NDIS_STATUS_SUCCESS)
        rule_violated("OIM-05", NULL, "OID_GEN_CURRENT_PACKET_FILTER 0x%x failed", filter);
    /* Linux listens to solicited-node groups that come and go; what it does not want it drops itself. */
    if (adapter->attributes.general.SupportedPacketFilters & NT_NDIS_PACKET_TYPE_ALL_MULTICAST) {
        filter |= NT_NDIS_PACKET_TYPE_ALL_MULTICAST;
        adapter_oid_set(adapter, NT_OID_GEN_CURRENT_PACKET_FILTER, &filter, sizeof(filter), NULL);
    }
}

struct upper_edge *upper_edge_bind(struct adapter *adapter, struct network *network, struct capture *capture, unsigned capture_interface)
{
    struct upper_edge *edge = calloc(1, sizeof(*edge));
    struct adapter_facts facts = adapter_facts(adapter);
    struct network_addresses addresses;

    if (!edge)
        abort();
    edge->adapter = adapter;
    edge->network = network;
    edge->capture = capture;
    edge->capture_interface = capture_interface;
    edge->frame = malloc(3 * FRAME_MAX);
    if (!edge->frame)
        abort();
    edge->large = edge->frame + FRAME_MAX;
    edge->segment = edge->large + FRAME_MAX;
    edge->tags = (adapter->attributes.general.MacOptions & NT_NDIS_MAC_OPTION_8021Q_VLAN) != 0;
    edge->offload_changed = true;
    sched_event_init(&edge->wake, true, false);
    sched_event_init(&edge->watch, true, false);
    sem_init(&edge->reset_over, 0, 0);
    adapter->edge = edge;
    receive_defer(adapter->receive, true);
    if (adapter->state == ADAPTER_PAUSED && adapter_restart(adapter) != NT_NDIS_STATUS_SUCCESS) {
        adapter->edge = NULL;
        free(edge->frame);
        free(edge);
        return NULL;
    }
    open_binding(adapter);
    oid_probe(adapter);
    interrupt_mask_and_unmask(adapter);
    send_on_credit(adapter->send, credit, edge);
    if (network) {
        network_configure(network, facts.current_mac, facts.mtu);
        upper_edge_link(edge, adapter_facts(adapter).link);
        edge->io.fd = network_fd(network);
        edge->io.ready = readable;
        edge->io.context = edge;
        edge->io_armed = true;
        sched_io_add(&edge->io);
        addresses = network_addresses(network);
        upper_edge_tell_addresses(adapter, &addresses);
    }
    edge->pump_thread = sched_thread_start("tcpip", SCHED_ANY_PROCESSOR, pump_thread, edge);
    edge->watch_thread = sched_thread_start("ndis-watch", SCHED_ANY_PROCESSOR, watch_thread, edge);
    return edge;
}

void upper_edge_unbind(struct upper_edge *edge)
{
    struct adapter *adapter = edge->adapter;
    uint32_t none = 0;

    edge->stopping = true;
    if (edge->network)
        sched_io_remove(&edge->io);
    sched_event_set(&edge->wake);
    edge->watch_stopping = true;
    sched_event_set(&edge->watch);
    sched_thread_join(edge->pump_thread);
    sched_thread_join(edge->watch_thread);
    send_on_credit(adapter->send, NULL, NULL);
    receive_defer(adapter->receive, false);
    if (adapter->state == ADAPTER_RUNNING) {
        send_cancel_youngest(adapter->send);
        query_statistics(adapter);
        adapter_pause(adapter);
    }
    if (!adapter->surprise_removed && adapter->state == ADAPTER_PAUSED)
        adapter_oid_set(adapter, NT_OID_GEN_CURRENT_PACKET_FILTER, &none, sizeof(none), NULL);
    adapter->edge = NULL;
    sched_dpc_flush(); /* an indication on another processor may still be delivering */
    sem_destroy(&edge->reset_over);
    free(edge->frame);
    free(edge);
}
