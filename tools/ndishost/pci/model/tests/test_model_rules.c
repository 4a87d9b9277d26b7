/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_rules.c - one deliberately wrong driver per rule: it is caught, under that rule, and nothing else is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_frames.h"
#include "model_world.h"

static const uint8_t plain_frame[60] = {0x02, 0, 0, 0, 0, 1, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 0x88, 0xb5};

/* ---- pieces ---- */

static void put16(void *at, uint16_t value)
{
    memcpy(at, &value, sizeof value);
}

static void start(struct world *world)
{
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
}

/* Up to the point where features are chosen. */
static uint64_t begin(struct world *world)
{
    driver_find(world);
    assert_true(driver_reset(world));
    driver_acknowledge(world);
    return driver_offered(world);
}

/* Up to DRIVER_OK, without it. */
static void prepare(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    driver_read_mac(world);
    driver_vectors(world);
}

static uint64_t memory_with(struct world *world, const void *bytes, size_t length)
{
    uint64_t address = world_memory(world, length + 1);
    memcpy(world_at(world, address), bytes, length);
    return address;
}

/* Header of zeros and the plain frame, one buffer. */
static struct part sendable(struct world *world)
{
    uint8_t bytes[12 + sizeof plain_frame] = {0};
    memcpy(bytes + world->header_bytes, plain_frame, sizeof plain_frame);
    return (struct part){memory_with(world, bytes, sizeof bytes), world->header_bytes + sizeof plain_frame, false};
}

static uint16_t add(struct world *world, unsigned queue, const struct part *parts, unsigned count)
{
    int head = queue_add(world, queue, parts, count);
    assert_true(head >= 0);
    return (uint16_t)head;
}

static void publish_and_run(struct world *world, unsigned queue, uint16_t head)
{
    uint16_t before = world->queues[queue].available;
    queue_publish(world, queue, head);
    queue_notify(world, queue, before);
    world_drain(world);
}

static void distort_flags(struct world *world, unsigned queue, unsigned descriptor, uint16_t set)
{
    uint8_t *bytes = queue_descriptor(world, queue, descriptor);
    uint16_t flags;
    memcpy(&flags, bytes + 12, 2);
    put16(bytes + 12, flags | set);
}

/* ---- general ---- */

static void clears_a_status_bit(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    write_common(world, REG_STATUS, 1, STATUS_DRIVER | STATUS_ACKNOWLEDGE | STATUS_FAILED);
    write_common(world, REG_STATUS, 1, STATUS_FAILED | STATUS_DRIVER);
}

static void goes_on_after_failed(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    write_common(world, REG_STATUS, 1, STATUS_FAILED | STATUS_ACKNOWLEDGE);
}

static void ignores_needs_reset(struct world *world)
{
    start(world);
    model_needs_reset(world->model);
    model_check_quiescent(world->model);
}

static void accepts_what_is_not_offered(struct world *world)
{
    driver_accept(world, begin(world) | FEATURE_BIT(FEATURE_MTU));
}

static void accepts_without_reading(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    driver_accept(world, FEATURE_BIT(FEATURE_MAC));
}

static void accepts_an_unknown_bit(struct world *world)
{
    driver_accept(world, begin(world) & (driver_features() | FEATURE_BIT(45)));
    (void)driver_features_ok(world);
}

static void accepts_a_reserved_word(struct world *world)
{
    begin(world);
    write_common(world, REG_DRIVER_FEATURE_SELECT, 4, 2);
    write_common(world, REG_DRIVER_FEATURE, 4, 1);
}

static void reads_mac_without_generation(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    for (unsigned i = 0; i < 6; i++)
        (void)read_config(world, NET_CONFIG_MAC + i, 1);
    driver_ok(world);
}

static void reads_a_field_that_is_not_there(struct world *world)
{
    prepare(world);
    (void)read_config(world, NET_CONFIG_MTU, 2);
}

static void is_not_reset_first(struct world *world)
{
    driver_find(world);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
}

static void is_driver_without_acknowledge(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_DRIVER);
}

static void reads_features_too_early(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
    (void)driver_offered(world);
}

static void does_not_read_features_ok_back(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    driver_ok(world);
}

static void skips_features_ok(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
}

static void sets_up_queues_before_features_ok(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    write_common(world, REG_QUEUE_SELECT, 2, 0);
    write_common(world, REG_QUEUE_SIZE, 2, 64);
}

static void enables_a_queue_after_driver_ok(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    driver_ok(world);
    driver_queue_setup(world, TX);
}

static void changes_features_after_features_ok(struct world *world)
{
    prepare(world);
    driver_accept(world, world->accepted & ~FEATURE_BIT(FEATURE_MRG_RXBUF));
}

static void notifies_before_driver_ok(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    ring_doorbell(world, RX);
}

static void changes_an_exposed_descriptor(struct world *world)
{
    start(world);
    put16((uint8_t *)queue_descriptor(world, RX, 3) + 8, 1000);
    model_check_quiescent(world->model);
}

static void changes_an_available_entry(struct world *world)
{
    start(world);
    uint16_t other = 17;
    put16((uint8_t *)world_at(world, world->queues[RX].driver_area) + RING_ENTRIES + 2 * 5, other);
    model_check_quiescent(world->model);
}

static void exposes_a_descriptor_twice(struct world *world)
{
    start(world);
    publish_and_run(world, RX, 0); /* it was posted with the first buffers */
}

static void leaves_version_1(struct world *world)
{
    driver_accept(world, begin(world) & driver_features() & ~FEATURE_BIT(FEATURE_VERSION_1));
    assert_false(driver_features_ok(world));
}

/* ---- PCI ---- */

static void reads_with_the_wrong_width(struct world *world)
{
    driver_find(world);
    (void)read_common(world, REG_STATUS, 4);
}

static void reads_in_one_piece_what_is_two(struct world *world)
{
    driver_find(world);
    (void)read_common(world, REG_QUEUE_DESC, 8);
}

static void reads_config_with_the_wrong_width(struct world *world)
{
    prepare(world);
    (void)read_config(world, NET_CONFIG_MAC, 4);
}

static void writes_into_a_capability(struct world *world)
{
    driver_find(world);
    unsigned at = world->device.ops->config_read(world->device.state, PCI_CAPABILITIES, 1);
    while (world->device.ops->config_read(world->device.state, at, 1) != PCI_CAP_VENDOR ||
           world->device.ops->config_read(world->device.state, at + CAP_TYPE, 1) != CAP_COMMON)
        at = world->device.ops->config_read(world->device.state, at + 1, 1);
    world->device.ops->config_write(world->device.state, at + CAP_OFFSET, 4, 0);
}

static void writes_what_is_read_only(struct world *world)
{
    driver_find(world);
    write_common(world, REG_NUM_QUEUES, 2, 8);
}

static void chooses_an_odd_queue_size(struct world *world)
{
    prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, TX);
    write_common(world, REG_QUEUE_SIZE, 2, 100);
}

static void disables_a_queue(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    write_common(world, REG_QUEUE_ENABLE, 2, 0);
}

static void enables_an_empty_queue(struct world *world)
{
    prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, RX);
    const uint64_t descriptors = world_memory(world, 8192), driver = world_memory(world, 4096);
    write_common(world, REG_QUEUE_DESC, 4, descriptors);
    write_common(world, REG_QUEUE_DRIVER, 4, driver);
    write_common(world, REG_QUEUE_DEVICE + 4, 4, 0);
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
}

static void does_not_wait_for_the_reset(struct world *world)
{
    driver_find(world);
    write_common(world, REG_STATUS, 1, 0);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
}

static void resets_a_queue_without_ring_reset(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    write_common(world, REG_QUEUE_RESET, 2, 1);
}

static void reads_isr_with_messages(struct world *world)
{
    start(world);
    (void)read_isr(world);
}

static void maps_a_vector_that_is_not_there(struct world *world)
{
    prepare(world);
    write_common(world, REG_CONFIG_VECTOR, 2, 4);
    (void)read_common(world, REG_CONFIG_VECTOR, 2);
}

static void does_not_read_a_vector_back(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    write_common(world, REG_CONFIG_VECTOR, 2, 1);
    driver_ok(world);
}

static void notifies_at_the_wrong_place(struct world *world)
{
    start(world);
    world->queues[TX].notify_off = 0;
    ring_doorbell(world, TX);
}

static void notifies_a_queue_that_is_not_there(struct world *world)
{
    start(world);
    world->device.ops->bar_write(world->device.state, world->notify.bar, world->notify.offset, 2, 77);
}

/* ---- rings ---- */

static void misaligns_a_ring(struct world *world)
{
    prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, RX);
    const uint64_t memory = world_memory(world, 65536);
    write_common(world, REG_QUEUE_DESC, 4, memory);
    write_common(world, REG_QUEUE_DRIVER, 4, memory + 8192);
    write_common(world, REG_QUEUE_DEVICE, 4, memory + 16384 + 2);
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
}

static void puts_a_ring_outside_of_memory(struct world *world)
{
    prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, RX);
    write_common(world, REG_QUEUE_DESC, 4, WORLD_RAM - 16);
    write_common(world, REG_QUEUE_DRIVER, 4, 1 << 20);
    write_common(world, REG_QUEUE_DEVICE, 4, 1 << 21);
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
}

static void puts_readable_behind_writable(struct world *world)
{
    start(world);
    struct part parts[2] = {{world_memory(world, 100), 100, true}, sendable(world)};
    publish_and_run(world, TX, add(world, TX, parts, 2));
}

static void makes_a_loop(struct world *world)
{
    start(world);
    struct part parts[2] = {sendable(world), sendable(world)};
    uint16_t head = add(world, TX, parts, 2);
    distort_flags(world, TX, world->queues[TX].members[head][1], DESC_NEXT);
    put16((uint8_t *)queue_descriptor(world, TX, world->queues[TX].members[head][1]) + 14, head);
    publish_and_run(world, TX, head);
}

static void leads_out_of_the_table(struct world *world)
{
    start(world);
    struct part part = sendable(world);
    uint16_t head = add(world, TX, &part, 1);
    distort_flags(world, TX, head, DESC_NEXT);
    put16((uint8_t *)queue_descriptor(world, TX, head) + 14, 256);
    publish_and_run(world, TX, head);
}

static void makes_a_chain_of_4_gib(struct world *world)
{
    start(world);
    struct part parts[8];
    for (unsigned i = 0; i < 8; i++)
        parts[i] = (struct part){1 << 20, 60u << 20, false};
    uint16_t before = world->queues[TX].available, head = 0;
    /* Nine chains' worth, strung together. */
    uint16_t last = 0;
    for (unsigned i = 0; i < 10; i++) {
        uint16_t added = add(world, TX, parts, 8);
        if (i == 0) {
            head = added;
        } else {
            distort_flags(world, TX, last, DESC_NEXT);
            put16((uint8_t *)queue_descriptor(world, TX, last) + 14, added);
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
    struct part parts[2] = {sendable(world), sendable(world)};
    world->queues[TX].free_list[world->queues[TX].free_count - 1] = 5; /* the first of the chain; the next is 1 */
    publish_and_run(world, TX, add(world, TX, parts, 2));
}

static void is_indirect_without_asking(struct world *world)
{
    assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(FEATURE_INDIRECT_DESC)));
    struct part part = sendable(world);
    part.length = 16;
    uint16_t head = add(world, TX, &part, 1);
    distort_flags(world, TX, head, DESC_INDIRECT);
    publish_and_run(world, TX, head);
}

static void nests_indirect_tables(struct world *world)
{
    start(world);
    world->indirect = true;
    struct part part = sendable(world);
    uint16_t head = add(world, TX, &part, 1);
    uint8_t *table = world_at(world, world->queues[TX].indirect + (uint64_t)head * 8 * DESC_BYTES);
    put16(table + 12, DESC_INDIRECT);
    publish_and_run(world, TX, head);
}

static void combines_indirect_and_next(struct world *world)
{
    start(world);
    world->indirect = true;
    struct part part = sendable(world);
    uint16_t head = add(world, TX, &part, 1);
    distort_flags(world, TX, head, DESC_NEXT);
    publish_and_run(world, TX, head);
}

static void has_a_torn_indirect_table(struct world *world)
{
    start(world);
    world->indirect = true;
    struct part part = sendable(world);
    uint16_t head = add(world, TX, &part, 1);
    put16((uint8_t *)queue_descriptor(world, TX, head) + 8, 17);
    publish_and_run(world, TX, head);
}

static void has_an_indirect_table_larger_than_the_queue(struct world *world)
{
    start(world);
    uint64_t table = world_memory(world, 9 * DESC_BYTES);
    struct part frame = sendable(world), part = {table, 9 * DESC_BYTES, false};
    for (unsigned i = 0; i < 9; i++) {
        uint8_t *descriptor = world_at(world, table + (uint64_t)i * DESC_BYTES);
        memcpy(descriptor, &frame.address, 8);
        memcpy(descriptor + 8, &frame.length, 4);
        put16(descriptor + 12, i < 8 ? DESC_NEXT : 0);
        put16(descriptor + 14, (uint16_t)(i + 1));
    }
    uint16_t head = add(world, TX, &part, 1);
    distort_flags(world, TX, head, DESC_INDIRECT);
    publish_and_run(world, TX, head);
}

static void decrements_the_index(struct world *world)
{
    start(world);
    put16((uint8_t *)world_at(world, world->queues[RX].driver_area) + RING_INDEX, 60);
    (void)read_common(world, REG_STATUS, 1);
}

static void runs_ahead(struct world *world)
{
    start(world);
    put16((uint8_t *)world_at(world, world->queues[RX].driver_area) + RING_INDEX, 257);
    (void)read_common(world, REG_STATUS, 1);
}

static void sets_strange_flags(struct world *world)
{
    assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(FEATURE_EVENT_IDX)));
    *queue_available_flags(world, TX) = 2;
    (void)read_common(world, REG_STATUS, 1);
}

static void sets_flags_with_event_idx(struct world *world)
{
    start(world);
    *queue_available_flags(world, TX) = AVAIL_NO_INTERRUPT;
    (void)read_common(world, REG_STATUS, 1);
}

static void does_not_zero_the_used_ring(struct world *world)
{
    prepare(world);
    /* The next areas that driver_queue_setup() takes. */
    put16(world_at(world, world->next_page + 256 * DESC_BYTES + 4096), 1);
    driver_queue_setup(world, RX);
}

static void does_not_notify(struct world *world)
{
    assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(FEATURE_EVENT_IDX)));
    world_drain(world);
    struct part part = sendable(world);
    queue_publish(world, TX, add(world, TX, &part, 1));
    world_drain(world);
    model_check_quiescent(world->model);
}

static void does_not_notify_with_event_idx(struct world *world)
{
    start(world);
    struct part part = sendable(world);
    queue_publish(world, TX, add(world, TX, &part, 1));
    model_check_quiescent(world->model);
}

static void points_outside_of_memory(struct world *world)
{
    start(world);
    const struct part part = {WORLD_RAM - 8, 72, false};
    publish_and_run(world, TX, add(world, TX, &part, 1));
}

static void points_to_null(struct world *world)
{
    start(world);
    const struct part part = {0, 72, false};
    publish_and_run(world, TX, add(world, TX, &part, 1));
}

static void has_an_empty_buffer(struct world *world)
{
    start(world);
    struct part parts[2] = {sendable(world), {1 << 20, 0, false}};
    publish_and_run(world, TX, add(world, TX, parts, 2));
}

/* ---- contract ---- */

static void skips_a_contract_notification(struct world *world)
{
    start(world);
    struct part one = sendable(world), two = sendable(world);
    queue_publish(world, TX, add(world, TX, &one, 1));
    (void)read_common(world, REG_STATUS, 1); /* seen apart from the next */
    queue_publish(world, TX, add(world, TX, &two, 1));
    ring_doorbell(world, TX);
    world_drain(world);
    assert_int_equal(world->frames, 2);
    model_check_quiescent(world->model);
}

static void sends_a_contract_header_that_is_not_zero(struct world *world)
{
    const uint8_t header[12] = {[HEADER_HDR_LEN] = 1};
    start(world);
    driver_send(world, header, plain_frame, sizeof plain_frame);
    world_drain(world);
}

static void posts_small_contract_buffers(struct world *world)
{
    world->receive_bytes = 1530;
    start(world);
}

static void sends_a_frame_too_long_for_the_contract(struct world *world)
{
    uint8_t frame[1523];
    memset(frame, 0, sizeof frame);
    memcpy(frame, plain_frame, sizeof plain_frame);
    start(world);
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    assert_int_equal(world->frames, 0);
}

/* ---- network ---- */

static void accepts_without_what_is_needed(struct world *world)
{
    driver_accept(world, begin(world) & driver_features() & ~FEATURE_BIT(FEATURE_CSUM));
    assert_false(driver_features_ok(world));
}

static void writes_the_configuration(struct world *world)
{
    prepare(world);
    world->device.ops->bar_write(world->device.state, world->config.bar, world->config.offset, 1, 2);
}

static void leaves_mac(struct world *world)
{
    driver_accept(world, begin(world) & driver_features() & ~FEATURE_BIT(FEATURE_MAC));
    assert_true(driver_features_ok(world));
}

static void leaves_mtu(struct world *world)
{
    driver_accept(world, begin(world) & driver_features() & ~FEATURE_BIT(FEATURE_MTU));
    assert_true(driver_features_ok(world));
}

static void has_no_room_for_the_mtu(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    driver_post(world, 4);
    world_drain(world);
    model_check_quiescent(world->model);
}

static void sends_more_than_the_mtu(struct world *world)
{
    uint8_t frame[1515] = {0};
    memcpy(frame, plain_frame, sizeof plain_frame);
    start(world);
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
}

static void takes_rx_extra_alone(struct world *world)
{
    driver_accept(world, begin(world) & driver_features());
    assert_true(driver_features_ok(world));
}

static void posts_small_buffers(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    world->receive_bytes = 1000;
    driver_post(world, 4);
    world_drain(world);
}

static void posts_buffers_smaller_than_a_header(struct world *world)
{
    prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    world->receive_bytes = 11;
    driver_post(world, 4);
    world_drain(world);
}

static void send_header(struct world *world, const uint8_t header[12])
{
    start(world);
    driver_send(world, header, plain_frame, sizeof plain_frame);
    world_drain(world);
}

static void sets_num_buffers(struct world *world)
{
    const uint8_t header[12] = {[HEADER_NUM_BUFFERS] = 1};
    send_header(world, header);
}

static void sets_data_valid(struct world *world)
{
    const uint8_t header[12] = {[HEADER_FLAGS] = HDR_DATA_VALID};
    send_header(world, header);
}

static void sets_reserved_flags(struct world *world)
{
    const uint8_t header[12] = {[HEADER_FLAGS] = 0x40};
    send_header(world, header);
}

/* A frame and the header that a correct driver would send with it; each test distorts one thing. */
struct request {
    struct built_frame frame;
    uint8_t header[12];
};
static struct request request_make(bool tcp, size_t payload, uint16_t gso_size)
{
    struct request request = {.header = {HDR_NEEDS_CSUM}};
    const struct frame_plan plan = {.version = 4, .tcp = tcp, .payload = payload, .seed = 3, .tcp_flags = 0x10};
    frame_build(&plan, &request.frame);
    frame_make_partial(&request.frame);
    put16(request.header + HEADER_CSUM_START, (uint16_t)request.frame.transport);
    put16(request.header + HEADER_CSUM_OFFSET, (uint16_t)request.frame.sum_offset);
    if (gso_size) {
        request.header[HEADER_GSO_TYPE] = tcp ? GSO_TCPV4 : GSO_UDP_L4;
        put16(request.header + HEADER_GSO_SIZE, gso_size);
        put16(request.header + HEADER_HDR_LEN, (uint16_t)request.frame.payload);
    }
    return request;
}

static void request_send(struct world *world, const struct request *request)
{
    start(world);
    driver_send(world, request->header, request->frame.bytes, request->frame.length);
    world_drain(world);
}

static void requests_a_checksum_without_csum(struct world *world)
{
    const struct request request = request_make(true, 100, 0);
    request_send(world, &request);
}

static void requests_tso_without_host_tso(struct world *world)
{
    const struct request request = request_make(true, 4000, 1000);
    request_send(world, &request);
}

static void sets_ecn_without_host_ecn(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    request.header[HEADER_GSO_TYPE] |= GSO_ECN;
    request_send(world, &request);
}

static void forgets_the_ecn_bit(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    request.frame.bytes[request.frame.transport + 13] |= 0x80;
    request_send(world, &request);
}

static void leaves_a_full_checksum(struct world *world)
{
    struct request request = request_make(true, 100, 0);
    const struct frame_plan plan = {.version = 4, .tcp = true, .payload = 100, .seed = 3, .tcp_flags = 0x10};
    frame_build(&plan, &request.frame);
    request_send(world, &request);
}

static void points_beside_the_checksum(struct world *world)
{
    struct request request = request_make(false, 100, 0);
    put16(request.header + HEADER_CSUM_OFFSET, 16);
    request_send(world, &request);
}

static void points_out_of_the_frame(struct world *world)
{
    struct request request = request_make(false, 100, 0);
    put16(request.header + HEADER_CSUM_START, (uint16_t)(request.frame.length - 6));
    request_send(world, &request);
}

static void has_a_wrong_ipv4_checksum(struct world *world)
{
    struct request request = request_make(false, 100, 0);
    request.frame.bytes[request.frame.network + 10] ^= 1;
    request_send(world, &request);
}

static void forgets_needs_csum(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    request.header[HEADER_FLAGS] = 0;
    request_send(world, &request);
}

static void forgets_gso_size(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    put16(request.header + HEADER_GSO_SIZE, 0);
    request_send(world, &request);
}

static void forgets_hdr_len(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    put16(request.header + HEADER_HDR_LEN, 20);
    request_send(world, &request);
}

static void leaves_the_ip_length_of_a_large_frame(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    put16(request.frame.bytes + request.frame.network + 2, 0);
    request_send(world, &request);
}

static void names_the_other_protocol(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    request.header[HEADER_GSO_TYPE] = GSO_TCPV6;
    request_send(world, &request);
}

static void sends_a_wrong_checksum(struct world *world)
{
    struct request request = {.header = {0}};
    const struct frame_plan plan = {.version = 6, .payload = 100, .seed = 3};
    frame_build(&plan, &request.frame);
    request.frame.bytes[request.frame.length - 1] ^= 1;
    request_send(world, &request);
}

static void sends_a_frame_that_contradicts_itself(struct world *world)
{
    struct request request = {.header = {0}};
    const struct frame_plan plan = {.version = 6, .payload = 100, .seed = 3};
    frame_build(&plan, &request.frame);
    request.frame.length -= 10;
    request_send(world, &request);
}

static void sends_a_writable_buffer(struct world *world)
{
    start(world);
    struct part parts[2] = {sendable(world), {world_memory(world, 10), 10, true}};
    publish_and_run(world, TX, add(world, TX, parts, 2));
}

static void posts_a_readable_buffer(struct world *world)
{
    start(world);
    struct part parts[2] = {sendable(world), {world_memory(world, 2048), 2048, true}};
    publish_and_run(world, RX, add(world, RX, parts, 2));
}

static void sends_less_than_a_header(struct world *world)
{
    start(world);
    struct part part = {world_memory(world, 12), 11, false};
    publish_and_run(world, TX, add(world, TX, &part, 1));
}

/* ---- control ---- */

static void command(struct world *world, uint8_t class, uint8_t number, const void *data, size_t length)
{
    assert_true(driver_start(world, driver_features()));
    assert_int_equal(driver_control(world, class, number, data, length), CTRL_ACK_ERROR);
}

static void sets_modes_without_ctrl_rx(struct world *world)
{
    command(world, CTRL_RX, CTRL_RX_PROMISC, "\1", 1);
}

static void sets_further_modes_without_ctrl_rx_extra(struct world *world)
{
    command(world, CTRL_RX, CTRL_RX_NOBCAST, "\1", 1);
}

static void sets_an_address_without_ctrl_mac_addr(struct world *world)
{
    command(world, CTRL_MAC, CTRL_MAC_ADDR_SET, "\2\0\0\0\0\1", 6);
}

static void sends_half_a_table(struct world *world)
{
    command(world, CTRL_MAC, CTRL_MAC_TABLE_SET, "\2\0\0\0\2\0\0\0\0\1", 10);
}

static void acknowledges_nothing(struct world *world)
{
    start(world);
    assert_int_equal(driver_control(world, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK, NULL, 0), CTRL_ACK_OK);
}

static void does_not_acknowledge(struct world *world)
{
    start(world);
    assert_true(model_announce(world->model));
    model_check_quiescent(world->model);
}

static void sets_pairs_without_mq(struct world *world)
{
    command(world, CTRL_MQ, CTRL_MQ_PAIRS_SET, "\1\0", 2);
}

static void enables_an_offload_that_was_not_negotiated(struct world *world)
{
    const uint64_t offloads = FEATURE_BIT(FEATURE_GUEST_UFO);
    command(world, CTRL_OFFLOADS, CTRL_OFFLOADS_SET, &offloads, 8);
}

static void sends_a_command_of_the_wrong_length(struct world *world)
{
    command(world, CTRL_VLAN, CTRL_VLAN_ADD, "\1", 1);
}

static void sends_a_class_that_does_not_exist(struct world *world)
{
    command(world, 77, 0, NULL, 0);
}

static void leaves_no_room_for_the_acknowledgement(struct world *world)
{
    start(world);
    const struct part part = {memory_with(world, "\0\0\1", 3), 3, false};
    publish_and_run(world, CONTROL, add(world, CONTROL, &part, 1));
}

/* ---- the table ---- */

#define NO_EVENTS ":features=default-event_idx"
static const struct {
    const char *rule, *device;
    void (*behave)(struct world *world);
    const char *also; /* another rule that this breaks, too */
} behaviours[] = {
    {"G2", "", clears_a_status_bit, NULL},
    {"G3", "", goes_on_after_failed, NULL},
    {"G4", "", ignores_needs_reset, NULL},
    {"G5", "", accepts_what_is_not_offered, NULL},
    {"G5", "", accepts_without_reading, NULL},
    {"G7", ":features=default+bit45", accepts_an_unknown_bit, NULL},
    {"G7", "", accepts_a_reserved_word, NULL},
    {"G10", "", reads_mac_without_generation, NULL},
    {"G11", "", reads_a_field_that_is_not_there, NULL},
    {"G13", "", is_not_reset_first, NULL},
    {"G13", "", is_driver_without_acknowledge, NULL},
    {"G13", "", reads_features_too_early, NULL},
    {"G13", "", does_not_read_features_ok_back, NULL},
    {"G13", "", skips_features_ok, NULL},
    {"G13", "", sets_up_queues_before_features_ok, NULL},
    {"G13", "", enables_a_queue_after_driver_ok, NULL},
    {"G14", "", changes_features_after_features_ok, NULL},
    {"G16", "", notifies_before_driver_ok, NULL},
    {"G17", ":queue=256", changes_an_exposed_descriptor, NULL},
    {"G17", ":queue=256", changes_an_available_entry, NULL},
    {"G17", ":queue=256", exposes_a_descriptor_twice, NULL},
    {"G19", "", leaves_version_1, NULL},
    {"P3", "", reads_with_the_wrong_width, NULL},
    {"P3", "", reads_in_one_piece_what_is_two, NULL},
    {"P3", "", reads_config_with_the_wrong_width, NULL},
    {"P9", "", writes_into_a_capability, NULL},
    {"P10", "", writes_what_is_read_only, NULL},
    {"P11", "", chooses_an_odd_queue_size, NULL},
    {"P12", "", disables_a_queue, NULL},
    {"P12", "", enables_an_empty_queue, "HOST-DMA"},
    {"P13", "", does_not_wait_for_the_reset, NULL},
    {"P14", ":features=all", resets_a_queue_without_ring_reset, NULL},
    {"P15", ":vectors=2", reads_isr_with_messages, NULL},
    {"P19", ":vectors=4", maps_a_vector_that_is_not_there, NULL},
    {"P20", "", does_not_read_a_vector_back, NULL},
    {"P21", "", notifies_at_the_wrong_place, NULL},
    {"P21", "", notifies_a_queue_that_is_not_there, NULL},
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
    {"N1", "", accepts_without_what_is_needed, NULL},
    {"N2", "", writes_the_configuration, NULL},
    {"N3", "", leaves_mac, NULL},
    {"N5", ":features=default+mtu", leaves_mtu, NULL},
    {"N5", ":features=default+mtu,mtu=9000", has_no_room_for_the_mtu, NULL},
    {"N5", ":features=default+mtu", sends_more_than_the_mtu, NULL},
    {"N8", ":features=none+version_1+mac+ctrl_rx_extra", takes_rx_extra_alone, NULL},
    {"N9", ":features=none+version_1+mac", posts_small_buffers, NULL},
    {"N10", "", posts_buffers_smaller_than_a_header, NULL},
    {"N13", "", sets_num_buffers, NULL},
    {"N14", ":features=none+version_1+mac", requests_a_checksum_without_csum, NULL},
    {"N15", ":features=none+version_1+mac+csum", requests_tso_without_host_tso, NULL},
    {"N16", ":features=none+version_1+mac+csum+host_tso4", sets_ecn_without_host_ecn, NULL},
    {"N16", "", forgets_the_ecn_bit, NULL},
    {"N16", ":features=none+version_1+mac+csum+host_tso4", forgets_the_ecn_bit, NULL},
    {"N17", "", leaves_a_full_checksum, "HOST-CHECKSUM"},
    {"N17", "", points_beside_the_checksum, "HOST-CHECKSUM"},
    {"N17", "", points_out_of_the_frame, NULL},
    {"N17", "", has_a_wrong_ipv4_checksum, "HOST-CHECKSUM"},
    {"N18", "", forgets_needs_csum, NULL},
    {"N18", "", forgets_gso_size, NULL},
    {"N18", "", forgets_hdr_len, NULL},
    {"N19", "", sets_data_valid, NULL},
    {"HOST-DEVICE-PROTOCOL", "", sets_reserved_flags, NULL},
    {"HOST-OFFLOAD", "", leaves_the_ip_length_of_a_large_frame, "N17"},
    {"HOST-OFFLOAD", "", names_the_other_protocol, NULL},
    {"HOST-CHECKSUM", "", sends_a_wrong_checksum, NULL},
    {"HOST-FRAME", "", sends_a_frame_that_contradicts_itself, NULL},
    {"HOST-FRAME", "", sends_less_than_a_header, NULL},
    {"HOST-DEVICE-PROTOCOL", "", sends_a_writable_buffer, NULL},
    {"HOST-DEVICE-PROTOCOL", "", posts_a_readable_buffer, NULL},
    {"N27", ":features=default-ctrl_rx", sets_modes_without_ctrl_rx, NULL},
    {"N27", ":features=default-ctrl_rx_extra", sets_further_modes_without_ctrl_rx_extra, NULL},
    {"N28", ":features=default-ctrl_mac_addr", sets_an_address_without_ctrl_mac_addr, NULL},
    {"N28", "", sends_half_a_table, NULL},
    {"N29", "", acknowledges_nothing, NULL},
    {"N29", "", does_not_acknowledge, NULL},
    {"N30", "", sets_pairs_without_mq, NULL},
    {"N33", "", enables_an_offload_that_was_not_negotiated, NULL},
    {"N38", "", sends_a_command_of_the_wrong_length, NULL},
    {"N38", "", sends_a_class_that_does_not_exist, NULL},
    {"N38", "", leaves_no_room_for_the_acknowledgement, NULL},
};

static unsigned current;
static unsigned surprises;

static void report_judge(const struct rule_report *report, void *context)
{
    (void)context;
    const char *also = behaviours[current].also;
    if (strcmp(report->id, behaviours[current].rule) != 0 && (!also || strcmp(report->id, also) != 0)) {
        print_message("behaviour %u (%s): also %s: %s\n", current, behaviours[current].rule, report->id, report->detail);
        surprises++;
    }
}

static void every_wrong_behaviour_is_caught_by_its_rule(void **state)
{
    (void)state;
    unsigned missed = 0;
    surprises = 0;
    for (current = 0; current < sizeof behaviours / sizeof *behaviours; current++) {
        struct world *world = world_open(behaviours[current].device);
        behaviours[current].behave(world);
        if (rules_report_count(behaviours[current].rule) == 0) {
            print_message("behaviour %u is not caught by %s\n", current, behaviours[current].rule);
            missed++;
        }
        rules_visit_reports(report_judge, NULL);
        world_close(world);
    }
    assert_int_equal(missed, 0);
    assert_int_equal(surprises, 0);
}

static void a_malformed_ring_fails_the_device_until_reset(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=0");
    makes_a_loop(world);
    assert_true(read_common(world, REG_STATUS, 1) & STATUS_NEEDS_RESET);
    assert_true(read_isr(world) & ISR_CONFIG);
    rules_reset();
    assert_true(driver_start(world, driver_features()));
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

/* G15: who finds that the device does not come back says so, reset or not. */
static void giving_up_is_allowed_at_any_time(void **state)
{
    (void)state;
    struct world *world = world_open(":fault=status-stuck");
    driver_find(world);
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    assert_false(driver_reset(world));
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    world_assert_clean(world, false);
    world_close(world);

    /* Also with the bit that the device refused, and twice. */
    world = world_open(":fault=features-refused");
    const uint8_t refused = STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK | STATUS_FAILED;
    driver_accept(world, begin(world) & driver_features());
    assert_false(driver_features_ok(world));
    write_common(world, REG_STATUS, 1, refused);
    write_common(world, REG_STATUS, 1, refused);
    assert_int_equal(read_common(world, REG_STATUS, 1), refused & ~STATUS_FEATURES_OK);
    world_assert_clean(world, false);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_wrong_behaviour_is_caught_by_its_rule),
        cmocka_unit_test(a_malformed_ring_fails_the_device_until_reset),
        cmocka_unit_test(giving_up_is_allowed_at_any_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
