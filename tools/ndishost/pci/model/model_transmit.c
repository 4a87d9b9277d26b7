/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_transmit.c - takes frames from the driver, judges header and frame (N5, N13-N19), completes and cuts them, hands them out. */
#include <inttypes.h>
#include <string.h>

#include "model_frame.h"
#include "model_offload.h"
#include "model_state.h"

enum { TCP_CWR = 0x80, TCP_SUM = 16, UDP_SUM = 6, HOST_OFFLOAD_FLAGS = HDR_NEEDS_CSUM | HDR_DATA_VALID | HDR_RSC_INFO };

/* A frame that is judged. */
struct transmit {
    struct model *model;
    struct model_net_header header;
    struct model_frame_facts facts;
    uint8_t *frame;
    size_t length;
    bool large;
    unsigned segments;
};

/* ---- the header alone ---- */

/* The feature that allows a gso_type; -1: no feature does. */
static int gso_feature(uint8_t kind)
{
    switch (kind) {
    case GSO_TCPV4:
        return FEATURE_HOST_TSO4;
    case GSO_TCPV6:
        return FEATURE_HOST_TSO6;
    case GSO_UDP:
        return FEATURE_HOST_UFO;
    case GSO_UDP_L4:
        return FEATURE_HOST_USO;
    default:
        return -1;
    }
}

static bool gso_check(struct transmit *transmit)
{
    struct model *model = transmit->model;
    const struct model_net_header *header = &transmit->header;
    uint8_t kind = header->gso_type & (uint8_t)~GSO_ECN;
    int feature = gso_feature(kind);
    if ((header->gso_type & GSO_ECN) && (kind == GSO_NONE || !model_accepted(model, FEATURE_HOST_ECN)))
        MODEL_BROKEN(model, "N16", "gso_type is 0x%02x, but HOST_ECN is not negotiated or the frame is no large one", header->gso_type);
    transmit->large = kind != GSO_NONE;
    if (!transmit->large)
        return true;
    if (feature < 0 || !model_accepted(model, (unsigned)feature)) {
        MODEL_BROKEN(model, "N15", "gso_type is 0x%02x, whose feature was not negotiated", header->gso_type);
        return false;
    }
    if (!(header->flags & HDR_NEEDS_CSUM))
        MODEL_BROKEN(model, "N18", "a large frame without NEEDS_CSUM");
    if (header->gso_size == 0)
        MODEL_BROKEN(model, "N18", "a large frame with gso_size 0");
    return (header->flags & HDR_NEEDS_CSUM) && header->gso_size;
}

/* False: what it asks for cannot be carried out. */
static bool header_check(struct transmit *transmit, const uint8_t *wire, unsigned bytes)
{
    struct model *model = transmit->model;
    const struct model_net_header *header = &transmit->header;
    static const uint8_t zero[HEADER_MODERN_BYTES];
    /* A contract device that offers offloads all the same is taken like any other. */
    if (model->contract && bytes == HEADER_CONTRACT_BYTES && !model_accepted(model, FEATURE_CSUM) && memcmp(wire, zero, bytes) != 0)
        MODEL_BROKEN(model, "HOST-CONTRACT-HEADER", "a transmit header has flags 0x%02x, gso_type 0x%02x or other fields that are not 0",
                     header->flags, header->gso_type);
    if (header->num_buffers)
        MODEL_BROKEN(model, "N13", "num_buffers is %u on transmit", header->num_buffers);
    if (header->flags & (HDR_DATA_VALID | HDR_RSC_INFO))
        MODEL_BROKEN(model, "N19", "flags are 0x%02x on transmit", header->flags);
    if (header->flags & ~HOST_OFFLOAD_FLAGS)
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "flags are 0x%02x on transmit, with bits that are reserved", header->flags);
    if ((header->flags & HDR_NEEDS_CSUM) && !model_accepted(model, FEATURE_CSUM)) {
        MODEL_BROKEN(model, "N14", "flags are 0x%02x, but CSUM was not negotiated", header->flags);
        return false;
    }
    return gso_check(transmit);
}

/* ---- header and frame ---- */

static bool sums_equal(uint16_t one, uint16_t other)
{
    return one % 0xffff == other % 0xffff; /* 0 and 0xffff are one number */
}

static void checksum_request_check(struct transmit *transmit)
{
    struct model *model = transmit->model;
    const struct model_net_header *header = &transmit->header;
    const struct model_frame_facts *facts = &transmit->facts;
    size_t field = (size_t)header->csum_start + header->csum_offset;
    if (facts->kind != FRAME_TCP && facts->kind != FRAME_UDP) {
        MODEL_BROKEN(model, "N17", "a checksum is requested for a frame that is neither TCP nor UDP%s%s", facts->trouble ? ": " : "",
                     facts->trouble ? facts->trouble : "");
        return;
    }
    unsigned offset = facts->kind == FRAME_TCP ? TCP_SUM : UDP_SUM;
    if (header->csum_start != facts->transport || header->csum_offset != offset) {
        MODEL_BROKEN(model, "N17", "csum_start %u and csum_offset %u; the %s header is at %zu, its checksum at +%u", header->csum_start,
                     header->csum_offset, facts->kind == FRAME_TCP ? "TCP" : "UDP", facts->transport, offset);
        return;
    }
    uint16_t partial = (uint16_t)(transmit->frame[field] << 8 | transmit->frame[field + 1]);
    if (!sums_equal(partial, facts->pseudo_sum))
        MODEL_BROKEN(model, "N17", "the checksum field holds 0x%04x, the sum of the pseudo header is 0x%04x", partial, facts->pseudo_sum);
    if (!facts->network_sum_good)
        MODEL_BROKEN(model, "N17", "the IPv4 header checksum of a frame with NEEDS_CSUM is wrong");
}

static void large_request_check(struct transmit *transmit)
{
    struct model *model = transmit->model;
    const struct model_net_header *header = &transmit->header;
    const struct model_frame_facts *facts = &transmit->facts;
    uint8_t kind = header->gso_type & (uint8_t)~GSO_ECN;
    bool fits = (kind == GSO_TCPV4 && facts->kind == FRAME_TCP && facts->version == 4) ||
                (kind == GSO_TCPV6 && facts->kind == FRAME_TCP && facts->version == 6) ||
                (kind == GSO_UDP_L4 && facts->kind == FRAME_UDP) || (kind == GSO_UDP && facts->kind == FRAME_UDP);
    if (!fits) {
        MODEL_BROKEN(model, "HOST-OFFLOAD", "gso_type 0x%02x for a frame that is something else%s%s", header->gso_type,
                     facts->trouble ? ": " : "", facts->trouble ? facts->trouble : "");
        return;
    }
    if (facts->network_end != transmit->length)
        MODEL_BROKEN(model, "HOST-OFFLOAD", "the IP packet of a large frame ends at %zu, the frame at %zu", facts->network_end,
                     transmit->length);
    if (model_accepted(model, FEATURE_GUEST_HDRLEN) ? header->hdr_len != facts->payload : header->hdr_len > transmit->length)
        MODEL_BROKEN(model, "N18", "hdr_len is %u, the headers take %zu", header->hdr_len, facts->payload);
    else if (header->hdr_len < facts->payload)
        MODEL_WARNED(model, "N18", "hdr_len is %u, the headers take %zu", header->hdr_len, facts->payload);
    if (facts->kind == FRAME_TCP && (facts->tcp_flags & TCP_CWR) && !(header->gso_type & GSO_ECN)) {
        if (model_accepted(model, FEATURE_HOST_ECN))
            MODEL_BROKEN(model, "N16", "a large frame with CWR goes without the ECN bit of gso_type");
        else
            MODEL_WARNED(model, "N16", "a large frame with CWR is sent although HOST_ECN was not negotiated");
    }
}

/* Everything that is summed already must be right. */
static void finished_check(struct transmit *transmit, const struct model_frame_facts *facts, const char *what)
{
    struct model *model = transmit->model;
    if (facts->kind == FRAME_MALFORMED)
        MODEL_BROKEN(model, "HOST-FRAME", "%s: %s", what, facts->trouble);
    if (!facts->network_sum_good)
        MODEL_BROKEN(model, "HOST-CHECKSUM", "%s: the IPv4 header checksum is wrong", what);
    if (facts->kind != FRAME_MALFORMED && !facts->transport_sum_good)
        MODEL_BROKEN(model, "HOST-CHECKSUM", "%s: the checksum of protocol %u is wrong", what, facts->protocol);
}

/* N5, contract: how long a frame may be. */
static void length_check(struct transmit *transmit, size_t length, unsigned tags)
{
    struct model *model = transmit->model;
    if (length <= model_frame_limit(model, tags))
        return;
    if (model_mtu_in_force(model))
        MODEL_BROKEN(model, "N5", "a frame of %zu bytes; the MTU is %u", length, model->options.mtu);
    else
        MODEL_BROKEN(model, "HOST-FRAME", "a frame of %zu bytes; the device knows %zu at most", length, model_frame_limit(model, tags));
}

/* ---- out ---- */

static void frame_out(void *context, const uint8_t *frame, size_t length)
{
    struct transmit *transmit = context;
    struct model *model = transmit->model;
    bool completed = transmit->header.flags & HDR_NEEDS_CSUM;
    transmit->segments++;
    if (completed) {
        struct model_frame_facts facts;
        model_frame_inspect(frame, length, &facts);
        finished_check(transmit, &facts, transmit->large ? "a segment of a large frame" : "a frame after its checksum was completed");
        if (transmit->large && length - facts.payload > transmit->header.gso_size)
            MODEL_BROKEN(model, "HOST-OFFLOAD", "a segment carries %zu bytes, gso_size is %u", length - facts.payload,
                         transmit->header.gso_size);
    }
    if (transmit->large)
        length_check(transmit, length, transmit->facts.tags);
    if (!(model->net_config[NET_CONFIG_STATUS] & NET_STATUS_LINK_UP) && model_offers(model, FEATURE_STATUS)) {
        model->counts.dropped_link++;
        return;
    }
    model->counts.frames_out++;
    if (model->peer)
        model->peer->frame(model->peer_context, frame, length);
}

static void frame_transmit(struct model *model, const uint8_t *wire, unsigned bytes, uint8_t *frame, size_t length)
{
    struct transmit transmit = {.model = model, .header = model_net_header_parse(wire, bytes), .frame = frame, .length = length};
    model->counts.frames_sent++;
    bool possible = header_check(&transmit, wire, bytes);
    model_frame_inspect(frame, length, &transmit.facts);
    if (length < ETHERNET_HEADER || length > MODEL_FRAME_MAX) {
        MODEL_BROKEN(model, "HOST-FRAME", "a frame of %zu bytes", length);
        possible = false;
    }
    if (possible && !transmit.large)
        length_check(&transmit, length, transmit.facts.tags);
    if (possible && (transmit.header.flags & HDR_NEEDS_CSUM)) {
        if ((size_t)transmit.header.csum_start + transmit.header.csum_offset + 2 > length) {
            MODEL_BROKEN(model, "N17", "csum_start %u and csum_offset %u lead out of a frame of %zu bytes", transmit.header.csum_start,
                         transmit.header.csum_offset, length);
            possible = false;
        } else {
            checksum_request_check(&transmit);
        }
    } else if (possible && !model->options.trust_sums) {
        finished_check(&transmit, &transmit.facts, "a frame that is sent as it is");
    }
    if (possible && transmit.large)
        large_request_check(&transmit);
    if (model->contract && !transmit.large && length > model_frame_limit(model, transmit.facts.tags))
        possible = false;
    const char *trouble = possible ? model_offload_resolve(&transmit.header, frame, length, model->segment, frame_out, &transmit) : NULL;
    if (trouble)
        MODEL_BROKEN(model, "HOST-OFFLOAD", "a request cannot be carried out: %s", trouble);
    model->counts.dropped_malformed += !possible || trouble;
    model->counts.checksums_completed += transmit.segments && (transmit.header.flags & HDR_NEEDS_CSUM);
    model->counts.segmented += transmit.large && transmit.segments;
}

/* ---- the queue ---- */

static void chain_transmit(struct model *model, struct model_queue *queue, const struct model_chain *chain)
{
    unsigned bytes = model_header_bytes(model);
    uint8_t wire[HEADER_MODERN_BYTES] = {0};
    if (chain->writable) {
        MODEL_BROKEN(model, "HOST-DEVICE-PROTOCOL", "transmit chain %u has %" PRIu64 " writable bytes", chain->head, chain->writable);
        model->counts.dropped_malformed++;
        return;
    }
    if (chain->readable < bytes || chain->readable - bytes > MODEL_FRAME_MAX) {
        MODEL_BROKEN(model, "HOST-FRAME", "transmit chain %u of %" PRIu64 " bytes, header included", chain->head, chain->readable);
        model->counts.dropped_malformed++;
        return;
    }
    model_chain_read(queue, chain, 0, wire, bytes);
    size_t length = model_chain_read(queue, chain, bytes, model->scratch, (size_t)(chain->readable - bytes));
    frame_transmit(model, wire, bytes, model->scratch, length);
}

void model_transmit_serve(struct model *model, const struct model_chain *chain)
{
    chain_transmit(model, &model->queues[ROLE_TRANSMIT], chain);
    model->stalled |= model_fault_due(&model->faults, FAULT_STALLS);
    if (!model_fault_due(&model->faults, FAULT_NEVER_COMPLETES) && !model->stalled)
        model_complete(model, ROLE_TRANSMIT, chain->head, 0, 0);
}

void model_transmit_hold(struct model *model, bool hold)
{
    pthread_mutex_lock(&model->lock);
    model->transmit_held = hold;
    pthread_mutex_unlock(&model->lock);
    model_wake(model);
}
