/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_receive.c - frames towards the driver: their headers (checksums, large frames), the buffers they go into, and rules for those. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model_frame.h"
#include "model_offload.h"
#include "model_state.h"

enum { TCP_SUM = 16, UDP_SUM = 6, TCP_CWR = 0x80 };

static const uint64_t LARGE_RECEIVE = FEATURE_BIT(FEATURE_GUEST_TSO4) | FEATURE_BIT(FEATURE_GUEST_TSO6) | FEATURE_BIT(FEATURE_GUEST_UFO) |
                                      FEATURE_BIT(FEATURE_GUEST_USO4) | FEATURE_BIT(FEATURE_GUEST_USO6);

/* ---- buffers ---- */

/* N5, N9, N10, contract: whether a buffer is large enough, when it becomes visible. */
void model_receive_check_buffer(void *context, const struct model_chain *chain)
{
    struct model *model = context;
    unsigned header = model_header_bytes(model);
    if (chain->readable)
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "receive chain %u has %" PRIu64 " readable bytes", chain->head, chain->readable);
    if (model_accepted(model, FEATURE_MRG_RXBUF)) {
        if (chain->writable < header)
            MODEL_BROKEN(model, "N10", "receive chain %u has %" PRIu64 " bytes, less than a header", chain->head, chain->writable);
        return;
    }
    unsigned advised = model->accepted & LARGE_RECEIVE ? RECEIVE_BUFFER_LARGE : RECEIVE_BUFFER_PLAIN;
    if (model->contract && chain->writable < header + CONTRACT_FRAME_MAX)
        MODEL_BROKEN(model, "HOST-CONTRACT-BUFFER", "receive chain %u has %" PRIu64 " bytes; the contract wants %u", chain->head,
                     chain->writable, header + CONTRACT_FRAME_MAX);
    else if (!model->contract && chain->writable < advised)
        MODEL_WARNED(model, "N9", "receive chain %u has %" PRIu64 " bytes, %u are advised", chain->head, chain->writable, advised);
    if (model_mtu_in_force(model) && chain->writable < header + ETHERNET_HEADER + (unsigned)model->options.mtu)
        MODEL_BROKEN(model, "N5", "receive chain %u has %" PRIu64 " bytes; the MTU is %u", chain->head, chain->writable,
                     model->options.mtu);
}

/* ---- the backlog ---- */

bool model_inject(struct model *model, const uint8_t *frame, size_t length, const struct model_delivery *delivery)
{
    struct model_frame *added = length >= ETHERNET_HEADER && length <= MODEL_FRAME_MAX ? malloc(sizeof *added + length) : NULL;
    if (!added)
        return false;
    *added = (struct model_frame){.length = length, .delivery = {.sums = model->options.receive_sums}};
    if (delivery)
        added->delivery = *delivery;
    memcpy(added->bytes, frame, length);
    pthread_mutex_lock(&model->inject_lock);
    bool room = model->injected_count < MODEL_BACKLOG_MAX;
    if (room) {
        *model->injected_end = added;
        model->injected_end = &added->next;
        model->injected_count++;
        model->injected_total++;
    } else {
        model->injected_dropped++;
    }
    pthread_mutex_unlock(&model->inject_lock);
    if (!room)
        free(added);
    model_wake(model);
    return room;
}

static struct model_frame *backlog_front(struct model *model)
{
    pthread_mutex_lock(&model->inject_lock);
    struct model_frame *front = model->injected;
    pthread_mutex_unlock(&model->inject_lock);
    return front; /* only steps remove frames, and those are one at a time */
}

static void backlog_remove_front(struct model *model)
{
    pthread_mutex_lock(&model->inject_lock);
    struct model_frame *front = model->injected;
    model->injected = front->next;
    if (!model->injected)
        model->injected_end = &model->injected;
    model->injected_count--;
    pthread_mutex_unlock(&model->inject_lock);
    free(front);
}

void model_receive_clear(struct model *model)
{
    while (backlog_front(model))
        backlog_remove_front(model);
}

/* ---- what a frame is delivered as ---- */

static bool guest_may(const struct model *model, unsigned feature)
{
    return model->filter.guest_offloads >> feature & 1;
}

/* Where the sum of a TCP or UDP frame is; 0: it has none that could be spoken about. */
static unsigned sum_offset(const struct model_frame_facts *facts)
{
    if (!facts->transport_sum_present || facts->tags > 1)
        return 0;
    return facts->kind == FRAME_TCP ? TCP_SUM : facts->kind == FRAME_UDP ? UDP_SUM : 0;
}

/* Leaves the pseudo header's sum in the frame, and says where the rest is to go. */
static void partial_make(struct model_net_header *header, uint8_t *frame, const struct model_frame_facts *facts)
{
    unsigned offset = sum_offset(facts);
    header->flags |= HDR_NEEDS_CSUM;
    header->csum_start = (uint16_t)facts->transport;
    header->csum_offset = (uint16_t)offset;
    frame[facts->transport + offset] = (uint8_t)(facts->pseudo_sum >> 8);
    frame[facts->transport + offset + 1] = (uint8_t)facts->pseudo_sum;
}

/* The gso_type of a large frame, and whether the driver takes such. */
static uint8_t large_kind(const struct model *model, const struct model_frame_facts *facts, bool *taken)
{
    bool ipv4 = facts->version == 4, ecn = facts->kind == FRAME_TCP && (facts->tcp_flags & TCP_CWR);
    if (facts->kind == FRAME_TCP) {
        *taken = guest_may(model, ipv4 ? FEATURE_GUEST_TSO4 : FEATURE_GUEST_TSO6) && (!ecn || guest_may(model, FEATURE_GUEST_ECN));
        return (uint8_t)((ipv4 ? GSO_TCPV4 : GSO_TCPV6) | (ecn ? GSO_ECN : 0));
    }
    *taken = guest_may(model, ipv4 ? FEATURE_GUEST_USO4 : FEATURE_GUEST_USO6);
    return facts->kind == FRAME_UDP ? GSO_UDP_L4 : GSO_NONE;
}

static void header_choose(struct model *model, const struct model_delivery *delivery, uint8_t *frame, const struct model_frame_facts *facts,
                          struct model_net_header *header)
{
    enum model_receive_sums sums = delivery->sums;
    if (sums == MODEL_SUMS_MIXED)
        sums = (enum model_receive_sums)model_random_below(&model->random, 3);
    *header = (struct model_net_header){.num_buffers = 1};
    if (!guest_may(model, FEATURE_GUEST_CSUM) || !facts->transport_sum_good || !facts->network_sum_good || !sum_offset(facts))
        return;
    if (sums == MODEL_SUMS_PARTIAL)
        partial_make(header, frame, facts);
    else if (sums == MODEL_SUMS_VALID)
        header->flags = HDR_DATA_VALID;
    /* Without NEEDS_CSUM the rest means nothing (N22), and hdr_len never does (N23). */
    if (delivery->sums == MODEL_SUMS_MIXED && sums != MODEL_SUMS_PARTIAL && model_random_chance(&model->random, 25)) {
        header->csum_start = (uint16_t)model_random_next(&model->random);
        header->csum_offset = (uint16_t)model_random_next(&model->random);
        header->hdr_len = (uint16_t)model_random_next(&model->random);
    }
}

/* ---- misbehaviours ---- */

static void header_spoil(struct model *model, struct model_net_header *header)
{
    struct model_faults *faults = &model->faults;
    const bool start = model_fault_due(faults, FAULT_HEADER_CSUM_START), offset = model_fault_due(faults, FAULT_HEADER_CSUM_OFFSET);
    if (model_fault_due(faults, FAULT_HEADER_FLAGS))
        header->flags = (uint8_t)(model_fault_fired(faults, FAULT_HEADER_FLAGS) - 1);
    if (model_fault_due(faults, FAULT_HEADER_GSO_TYPE))
        header->gso_type = (uint8_t)(model_fault_fired(faults, FAULT_HEADER_GSO_TYPE) - 1);
    if (model_fault_due(faults, FAULT_HEADER_GSO_SIZE))
        header->gso_size = (uint16_t)model_random_next(&model->random);
    if (model_fault_due(faults, FAULT_HEADER_HDR_LEN))
        header->hdr_len = (uint16_t)model_random_next(&model->random);
    if (model_fault_due(faults, FAULT_HEADER_LARGE)) {
        *header = (struct model_net_header){.flags = HDR_NEEDS_CSUM, .hdr_len = 54, .csum_start = 34, .csum_offset = TCP_SUM};
        header->gso_type = model_random_chance(&model->random, 50) ? GSO_TCPV4 : GSO_TCPV6;
        header->gso_size = (uint16_t)(1 + model_random_below(&model->random, 1460));
    }
    if (start || offset)
        header->flags |= HDR_NEEDS_CSUM;
    if (start)
        header->csum_start = (uint16_t)model_random_next(&model->random);
    if (offset)
        header->csum_offset = (uint16_t)model_random_next(&model->random);
}

/* A frame with a sum is damaged, and said to be good or to become good. */
static void sum_falsify(struct model *model, struct model_net_header *header, uint8_t *frame, const struct model_frame_facts *facts)
{
    unsigned offset = sum_offset(facts);
    if (!offset || !guest_may(model, FEATURE_GUEST_CSUM) || !model_fault_due(&model->faults, FAULT_SUMS_FALSE))
        return;
    bool partial = model_random_chance(&model->random, 50);
    header->flags = partial ? 0 : HDR_DATA_VALID;
    if (partial)
        partial_make(header, frame, facts);
    frame[partial ? facts->transport + offset : facts->network_end - 1] ^= (uint8_t)(1 + model_random_below(&model->random, 255));
}

static void count_spoil(struct model *model, struct model_net_header *header)
{
    if (!model_accepted(model, FEATURE_MRG_RXBUF))
        return; /* nobody looks at the count */
    if (model_fault_due(&model->faults, FAULT_NUM_BUFFERS_ZERO))
        header->num_buffers = 0;
    if (model_fault_due(&model->faults, FAULT_NUM_BUFFERS_TOO_MANY))
        header->num_buffers = (uint16_t)(model->queues[ROLE_RECEIVE].size + 1 + model_random_below(&model->random, 64));
    if (model_fault_due(&model->faults, FAULT_NUM_BUFFERS_NEVER_COMPLETED))
        header->num_buffers++;
}

/* ---- into buffers ---- */

enum room { ROOM_ENOUGH, ROOM_NOT_YET, ROOM_NEVER };

/* How many exposed chains `bytes` take; 0: more than there are. */
static unsigned chains_needed(const struct model *model, uint64_t bytes)
{
    const struct model_queue *queue = &model->queues[ROLE_RECEIVE];
    uint64_t room = 0;
    for (unsigned i = 0; i < model_queue_exposed(queue); i++) {
        room += queue->exposed[(uint16_t)(queue->taken + i) % queue->size].writable;
        if (room >= bytes)
            return i + 1;
    }
    return 0;
}

/* Finds the chains for header and frame, looking for new ones where the driver was not asked to tell of them. */
static enum room room_find(struct model *model, size_t bytes, unsigned *count)
{
    struct model_queue *queue = &model->queues[ROLE_RECEIVE];
    while (!queue->broken) {
        *count = chains_needed(model, bytes);
        if (!model_accepted(model, FEATURE_MRG_RXBUF) && model_queue_exposed(queue)) {
            bool fits = queue->exposed[queue->taken % queue->size].writable >= bytes;
            *count = 1;
            return fits ? ROOM_ENOUGH : ROOM_NEVER;
        }
        if (*count)
            return ROOM_ENOUGH;
        /* A queue that is full and still too small for the frame will never do. */
        if (model_queue_exposed(queue) == queue->size)
            return ROOM_NEVER;
        if (queue->armed || model_queue_arm(queue))
            break;
        model_expose(model, ROLE_RECEIVE);
    }
    return ROOM_NOT_YET;
}

/* Header and frame into `count` chains, which room_find() found. */
static void bytes_deliver(struct model *model, struct model_net_header *header, const uint8_t *frame, size_t length, unsigned count)
{
    struct model_queue *queue = &model->queues[ROLE_RECEIVE];
    unsigned bytes = model_header_bytes(model);
    uint8_t wire[HEADER_MODERN_BYTES];
    size_t done = 0;
    header->num_buffers = (uint16_t)count;
    count_spoil(model, header);
    model_net_header_write(header, wire, bytes);
    if (model_fault_noise(&model->faults, &model->random)) {
        for (unsigned i = 0; i < bytes; i++)
            wire[i] = (uint8_t)model_random_next(&model->random);
    }
    bool short_length = model_fault_due(&model->faults, FAULT_USED_LEN_TOO_SMALL);
    for (unsigned i = 0; i < count; i++) {
        struct model_chain chain;
        if (!model_take(model, ROLE_RECEIVE, &chain))
            return;
        size_t written = i == 0 ? model_chain_write(queue, &chain, 0, wire, bytes) : 0;
        size_t step = model_chain_write(queue, &chain, written, frame + done, length - done);
        done += step;
        written = i == 0 && short_length ? model_random_below(&model->random, bytes) : written + step;
        model_complete_quietly(model, ROLE_RECEIVE, chain.head, (uint32_t)written,
                               chain.writable > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)chain.writable);
    }
    model_complete_publish(model, ROLE_RECEIVE);
    model->counts.frames_delivered++;
    if (model_fault_due(&model->faults, FAULT_NEEDS_RESET))
        model_fail(model);
}

/* ---- large frames that the driver does not take ---- */

struct cut {
    struct model_frame *first, **end;
    const struct model_frame *whole;
    unsigned count;
};

static void segment_keep(void *context, const uint8_t *frame, size_t length)
{
    struct cut *cut = context;
    struct model_frame *kept = malloc(sizeof *kept + length);
    if (!kept)
        return;
    *kept = (struct model_frame){.length = length, .delivery = {.sums = cut->whole->delivery.sums}};
    memcpy(kept->bytes, frame, length);
    *cut->end = kept;
    cut->end = &kept->next;
    cut->count++;
}

/* Replaces the frame at the front of the backlog by its segments. */
static void front_cut(struct model *model, struct model_frame *front, const struct model_frame_facts *facts, uint8_t kind)
{
    struct model_net_header header = {.gso_type = kind, .gso_size = front->delivery.gso_size};
    struct cut cut = {.end = &cut.first, .whole = front};
    partial_make(&header, front->bytes, facts);
    const char *trouble = model_offload_resolve(&header, front->bytes, front->length, model->segment, segment_keep, &cut);
    if (trouble)
        TRACE("model", "a large frame cannot be cut: %s", trouble);
    pthread_mutex_lock(&model->inject_lock);
    *cut.end = front->next;
    model->injected = cut.first;
    model->injected_count += cut.count;
    model->injected_count--;
    if (!front->next)
        model->injected_end = cut.first ? cut.end : &model->injected;
    pthread_mutex_unlock(&model->inject_lock);
    free(front);
}

/* ---- one frame ---- */

/* Why the frame is not for the driver: the counter of such frames, or NULL. */
static uint64_t *refusal(struct model *model, const struct model_frame *frame, const struct model_frame_facts *facts, bool large)
{
    if (!model_is_live(model))
        return &model->counts.dropped_stopped;
    if (model_offers(model, FEATURE_STATUS) && !(model->net_config[NET_CONFIG_STATUS] & NET_STATUS_LINK_UP))
        return &model->counts.dropped_link;
    if (!model_filter_passes(model, frame->bytes, frame->length))
        return &model->counts.dropped_filter;
    return !large && frame->length > model_frame_limit(model, facts->tags) ? &model->counts.dropped_large : NULL;
}

bool model_receive_step(struct model *model)
{
    struct model_frame *front = backlog_front(model);
    struct model_frame_facts facts;
    struct model_net_header header = {0};
    unsigned count;
    bool taken = false;
    if (!front)
        return false;
    model_frame_inspect(front->bytes, front->length, &facts);
    bool large = front->delivery.gso_size && sum_offset(&facts) && facts.network_end == front->length &&
                 front->length - facts.payload > front->delivery.gso_size;
    uint64_t *dropped = refusal(model, front, &facts, large);
    uint8_t kind = large ? large_kind(model, &facts, &taken) : GSO_NONE;
    if (!dropped && large && !taken) {
        front_cut(model, front, &facts, kind);
        return true;
    }
    enum room room = dropped ? ROOM_NEVER : room_find(model, model_header_bytes(model) + front->length, &count);
    if (room == ROOM_NOT_YET)
        return false;
    if (room == ROOM_ENOUGH) {
        memcpy(model->scratch, front->bytes, front->length);
        header_choose(model, &front->delivery, model->scratch, &facts, &header);
        if (large) {
            header = (struct model_net_header){.gso_type = kind, .gso_size = front->delivery.gso_size, .hdr_len = (uint16_t)facts.payload};
            partial_make(&header, model->scratch, &facts);
        }
        sum_falsify(model, &header, model->scratch, &facts);
        header_spoil(model, &header);
        bytes_deliver(model, &header, model->scratch, front->length, count);
    } else {
        ++*(dropped ? dropped : &model->counts.dropped_large);
    }
    backlog_remove_front(model);
    return true;
}
