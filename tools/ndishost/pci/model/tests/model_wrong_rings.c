/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_wrong_rings.c - drivers that break rules of rings and chains, of notifications, and of the contract. */
#include "model_wrong.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- rings ---- */

static void enable_at(struct world *world, uint64_t descriptors, uint64_t driver_area, uint64_t device_area)
{
    write_common(world, REG_QUEUE_SELECT, 2, RX);
    write_common(world, REG_QUEUE_DESC, 4, descriptors);
    write_common(world, REG_QUEUE_DRIVER, 4, driver_area);
    write_common(world, REG_QUEUE_DEVICE, 4, device_area);
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
}

/* The head of a sendable chain of one buffer, not published; through an indirect table when the driver uses them. */
static uint16_t take_sendable(struct world *world)
{
    struct part part = part_sendable(world);
    return queue_take(world, TX, &part, 1);
}

static uint16_t take_sendable_indirect(struct world *world)
{
    wrong_start(world);
    world->indirect = true;
    return take_sendable(world);
}

static void misaligns_a_ring(struct world *world)
{
    wrong_prepare(world);
    const uint64_t memory = world_memory(world, 65536);
    enable_at(world, memory, memory + 8192, memory + 16384 + 2);
}

static void puts_a_ring_outside_of_memory(struct world *world)
{
    wrong_prepare(world);
    enable_at(world, WORLD_RAM - 16, 1 << 20, 1 << 21);
}

static void puts_readable_behind_writable(struct world *world)
{
    wrong_start(world);
    struct part parts[2] = {{world_memory(world, 100), 100, true}, part_sendable(world)};
    queue_run(world, TX, queue_take(world, TX, parts, 2));
}

static void makes_a_loop(struct world *world)
{
    wrong_start(world);
    struct part parts[2] = {part_sendable(world), part_sendable(world)};
    uint16_t head = queue_take(world, TX, parts, 2);
    descriptor_distort(world, TX, world->queues[TX].members[head][1], DESC_NEXT);
    wire16((uint8_t *)queue_descriptor(world, TX, world->queues[TX].members[head][1]) + 14, head);
    queue_run(world, TX, head);
}

static void leads_out_of_the_table(struct world *world)
{
    wrong_start(world);
    uint16_t head = take_sendable(world);
    descriptor_distort(world, TX, head, DESC_NEXT);
    wire16((uint8_t *)queue_descriptor(world, TX, head) + 14, 256);
    queue_run(world, TX, head);
}

static void makes_a_chain_of_4_gib(struct world *world)
{
    wrong_start(world);
    struct part parts[8];
    for (unsigned i = 0; i < 8; i++)
        parts[i] = (struct part){1 << 20, 60u << 20, false};
    uint16_t before = world->queues[TX].available, head = 0;
    /* Nine chains' worth, strung together. */
    uint16_t last = 0;
    for (unsigned i = 0; i < 10; i++) {
        uint16_t added = queue_take(world, TX, parts, 8);
        if (i == 0) {
            head = added;
        } else {
            descriptor_distort(world, TX, last, DESC_NEXT);
            wire16((uint8_t *)queue_descriptor(world, TX, last) + 14, added);
        }
        last = world->queues[TX].members[added][7];
    }
    queue_publish(world, TX, head);
    queue_notify(world, TX, before);
    world_drain(world);
}

static void chains_out_of_order(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    driver_accept(world, driver_offered(world) & (driver_features() | FEATURE_BIT(FEATURE_IN_ORDER)));
    assert_true(driver_features_ok(world));
    driver_read_mac(world);
    driver_vectors(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    struct part parts[2] = {part_sendable(world), part_sendable(world)};
    world->queues[TX].free_list[world->queues[TX].free_count - 1] = 5; /* the first of the chain; the next is 1 */
    queue_run(world, TX, queue_take(world, TX, parts, 2));
}

static void is_indirect_without_asking(struct world *world)
{
    wrong_start_without(world, FEATURE_INDIRECT_DESC);
    struct part part = part_sendable(world);
    part.length = 16;
    uint16_t head = queue_take(world, TX, &part, 1);
    descriptor_distort(world, TX, head, DESC_INDIRECT);
    queue_run(world, TX, head);
}

static void nests_indirect_tables(struct world *world)
{
    uint16_t head = take_sendable_indirect(world);
    uint8_t *table = world_at(world, world->queues[TX].indirect + (uint64_t)head * 8 * DESC_BYTES);
    wire16(table + 12, DESC_INDIRECT);
    queue_run(world, TX, head);
}

static void combines_indirect_and_next(struct world *world)
{
    uint16_t head = take_sendable_indirect(world);
    descriptor_distort(world, TX, head, DESC_NEXT);
    queue_run(world, TX, head);
}

static void has_a_torn_indirect_table(struct world *world)
{
    uint16_t head = take_sendable_indirect(world);
    wire16((uint8_t *)queue_descriptor(world, TX, head) + 8, 17);
    queue_run(world, TX, head);
}

static void has_an_indirect_table_larger_than_the_queue(struct world *world)
{
    wrong_start(world);
    uint64_t table = world_memory(world, 9 * DESC_BYTES);
    struct part frame = part_sendable(world), part = {table, 9 * DESC_BYTES, false};
    for (unsigned i = 0; i < 9; i++) {
        uint8_t *descriptor = world_at(world, table + (uint64_t)i * DESC_BYTES);
        memcpy(descriptor, &frame.address, 8);
        memcpy(descriptor + 8, &frame.length, 4);
        wire16(descriptor + 12, i < 8 ? DESC_NEXT : 0);
        wire16(descriptor + 14, (uint16_t)(i + 1));
    }
    uint16_t head = queue_take(world, TX, &part, 1);
    descriptor_distort(world, TX, head, DESC_INDIRECT);
    queue_run(world, TX, head);
}

/* The index of the receive queue, and an access at which the device looks at it. */
static void publish_index(struct world *world, uint16_t index)
{
    wire16((uint8_t *)world_at(world, world->queues[RX].driver_area) + RING_INDEX, index);
    (void)read_common(world, REG_STATUS, 1);
}

static void decrements_the_index(struct world *world)
{
    wrong_start(world);
    publish_index(world, 60);
}

static void runs_ahead(struct world *world)
{
    wrong_start(world);
    publish_index(world, 257);
}

static void sets_strange_flags(struct world *world)
{
    wrong_start_without(world, FEATURE_EVENT_IDX);
    *queue_available_flags(world, TX) = 2;
    (void)read_common(world, REG_STATUS, 1);
}

static void sets_flags_with_event_idx(struct world *world)
{
    wrong_start(world);
    *queue_available_flags(world, TX) = AVAIL_NO_INTERRUPT;
    (void)read_common(world, REG_STATUS, 1);
}

static void does_not_zero_the_used_ring(struct world *world)
{
    wrong_prepare(world);
    /* The next areas that driver_queue_setup() takes. */
    wire16(world_at(world, world->next_page + 256 * DESC_BYTES + 4096), 1);
    driver_queue_setup(world, RX);
}

static void does_not_notify(struct world *world)
{
    wrong_start_without(world, FEATURE_EVENT_IDX);
    world_drain(world);
    queue_publish(world, TX, take_sendable(world));
    world_drain(world);
    model_check_quiescent(world->model);
}

static void does_not_notify_with_event_idx(struct world *world)
{
    wrong_start(world);
    queue_publish(world, TX, take_sendable(world));
    model_check_quiescent(world->model);
}

static void points_outside_of_memory(struct world *world)
{
    wrong_start(world);
    const struct part part = {WORLD_RAM - 8, 72, false};
    queue_run(world, TX, queue_take(world, TX, &part, 1));
}

static void points_to_null(struct world *world)
{
    wrong_start(world);
    const struct part part = {0, 72, false};
    queue_run(world, TX, queue_take(world, TX, &part, 1));
}

static void has_an_empty_buffer(struct world *world)
{
    wrong_start(world);
    struct part parts[2] = {part_sendable(world), {1 << 20, 0, false}};
    queue_run(world, TX, queue_take(world, TX, parts, 2));
}

/* ---- contract ---- */

static void skips_a_contract_notification(struct world *world)
{
    wrong_start(world);
    struct part one = part_sendable(world), two = part_sendable(world);
    queue_publish(world, TX, queue_take(world, TX, &one, 1));
    (void)read_common(world, REG_STATUS, 1); /* seen apart from the next */
    queue_publish(world, TX, queue_take(world, TX, &two, 1));
    ring_doorbell(world, TX);
    world_drain(world);
    assert_int_equal(world->frames, 2);
    model_check_quiescent(world->model);
}

static void sends_a_contract_header_that_is_not_zero(struct world *world)
{
    const uint8_t header[12] = {[HEADER_HDR_LEN] = 1};
    wrong_start(world);
    driver_send(world, header, plain_frame, sizeof plain_frame);
    world_drain(world);
}

static void posts_small_contract_buffers(struct world *world)
{
    world->receive_bytes = 1530;
    wrong_start(world);
}

static void sends_a_frame_too_long_for_the_contract(struct world *world)
{
    uint8_t frame[1523];
    memset(frame, 0, sizeof frame);
    memcpy(frame, plain_frame, sizeof plain_frame);
    wrong_start(world);
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    assert_int_equal(world->frames, 0);
}

const struct wrong_driver wrong_at_rings[] = {
    {"Q1", "", misaligns_a_ring, NULL},
    {"HOST-DMA", "", puts_a_ring_outside_of_memory, NULL},
    {"Q2", "", puts_readable_behind_writable, NULL},
    {"Q3", "", makes_a_loop, NULL},
    {"Q3", "", leads_out_of_the_table, NULL},
    {"Q3", "", makes_a_chain_of_4_gib, NULL},
    {"Q4", ":features=default+in_order-ctrl_vq-ctrl_rx-ctrl_vlan-guest_announce-ctrl_mac_addr-ctrl_rx_extra", chains_out_of_order, NULL},
    {"Q5", "", is_indirect_without_asking, NULL},
    {"Q5", "", nests_indirect_tables, NULL},
    {"Q5", "", combines_indirect_and_next, NULL},
    {"Q5", "", has_a_torn_indirect_table, NULL},
    {"Q5", ":queue=8", has_an_indirect_table_larger_than_the_queue, NULL},
    {"Q6", "", decrements_the_index, NULL},
    {"HOST-DEVICE-PROTOCOL", ":queue=256", runs_ahead, NULL},
    {"Q9", "", sets_strange_flags, NULL},
    {"Q10", "", sets_flags_with_event_idx, NULL},
    {"Q13", ":queue=256", does_not_zero_the_used_ring, NULL},
    {"Q14", "", does_not_notify, NULL},
    {"Q15", "", does_not_notify_with_event_idx, NULL},
    {"HOST-DMA", "", points_outside_of_memory, NULL},
    {"HOST-DMA", "", points_to_null, NULL},
    {"HOST-DEVICE-PROTOCOL", "", has_an_empty_buffer, NULL},
    {"HOST-CONTRACT-NOTIFY", ":contract", skips_a_contract_notification, NULL},
    {"HOST-CONTRACT-HEADER", ":contract", sends_a_contract_header_that_is_not_zero, NULL},
    {"HOST-CONTRACT-BUFFER", ":contract", posts_small_contract_buffers, NULL},
    {"HOST-FRAME", ":contract", sends_a_frame_too_long_for_the_contract, NULL},
    {NULL, NULL, NULL, NULL},
};
