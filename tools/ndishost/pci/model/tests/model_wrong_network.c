/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_wrong_network.c - drivers that break rules of the network device: buffers, headers, offload requests, control commands. */
#include "model_wrong.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "model_frames.h"

/* ---- network ---- */

static void accepts_without_what_is_needed(struct world *world)
{
    wrong_accept_without(world, FEATURE_CSUM);
    assert_false(driver_features_ok(world));
}

static void writes_the_configuration(struct world *world)
{
    wrong_prepare(world);
    world->device.ops->bar_write(world->device.state, world->config.bar, world->config.offset, 1, 2);
}

static void leaves_mac(struct world *world)
{
    wrong_accept_without(world, FEATURE_MAC);
    assert_true(driver_features_ok(world));
}

static void leaves_mtu(struct world *world)
{
    wrong_accept_without(world, FEATURE_MTU);
    assert_true(driver_features_ok(world));
}

static void has_no_room_for_the_mtu(struct world *world)
{
    wrong_prepare(world);
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
    wrong_start(world);
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
}

static void takes_rx_extra_alone(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    assert_true(driver_features_ok(world));
}

static void posts_small_buffers(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    world->receive_bytes = 1000;
    driver_post(world, 4);
    world_drain(world);
}

static void posts_buffers_smaller_than_a_header(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    driver_ok(world);
    world->receive_bytes = 11;
    driver_post(world, 4);
    world_drain(world);
}

static void send_header(struct world *world, const uint8_t header[12])
{
    wrong_start(world);
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
    wire16(request.header + HEADER_CSUM_START, (uint16_t)request.frame.transport);
    wire16(request.header + HEADER_CSUM_OFFSET, (uint16_t)request.frame.sum_offset);
    if (gso_size) {
        request.header[HEADER_GSO_TYPE] = tcp ? GSO_TCPV4 : GSO_UDP_L4;
        wire16(request.header + HEADER_GSO_SIZE, gso_size);
        wire16(request.header + HEADER_HDR_LEN, (uint16_t)request.frame.payload);
    }
    return request;
}

static void request_send(struct world *world, const struct request *request)
{
    wrong_start(world);
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
    wire16(request.header + HEADER_CSUM_OFFSET, 16);
    request_send(world, &request);
}

static void points_out_of_the_frame(struct world *world)
{
    struct request request = request_make(false, 100, 0);
    wire16(request.header + HEADER_CSUM_START, (uint16_t)(request.frame.length - 6));
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
    wire16(request.header + HEADER_GSO_SIZE, 0);
    request_send(world, &request);
}

static void forgets_hdr_len(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    wire16(request.header + HEADER_HDR_LEN, 20);
    request_send(world, &request);
}

static void leaves_the_ip_length_of_a_large_frame(struct world *world)
{
    struct request request = request_make(true, 4000, 1000);
    wire16(request.frame.bytes + request.frame.network + 2, 0);
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
    wrong_start(world);
    struct part parts[2] = {part_sendable(world), {world_memory(world, 10), 10, true}};
    queue_run(world, TX, queue_take(world, TX, parts, 2));
}

static void posts_a_readable_buffer(struct world *world)
{
    wrong_start(world);
    struct part parts[2] = {part_sendable(world), {world_memory(world, 2048), 2048, true}};
    queue_run(world, RX, queue_take(world, RX, parts, 2));
}

static void sends_less_than_a_header(struct world *world)
{
    wrong_start(world);
    struct part part = {world_memory(world, 12), 11, false};
    queue_run(world, TX, queue_take(world, TX, &part, 1));
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
    wrong_start(world);
    assert_int_equal(driver_control(world, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK, NULL, 0), CTRL_ACK_OK);
}

static void does_not_acknowledge(struct world *world)
{
    wrong_start(world);
    assert_true(model_announce(world->model));
    model_check_quiescent(world->model);
}

static void sets_an_address_of_zeros(struct world *world)
{
    command(world, CTRL_MAC, CTRL_MAC_ADDR_SET, "\0\0\0\0\0\0", 6);
}

static void adds_a_vlan_that_does_not_exist(struct world *world)
{
    command(world, CTRL_VLAN, CTRL_VLAN_ADD, "\xff\x0f", 2);
}

static void adds_a_vlan_twice(struct world *world)
{
    wrong_start(world);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(driver_control(world, CTRL_VLAN, CTRL_VLAN_ADD, "\1\0", 2), CTRL_ACK_OK);
}

static void adds_every_vlan(struct world *world)
{
    wrong_start(world);
    for (uint16_t vlan = 1; vlan <= 4094; vlan++) {
        assert_int_equal(driver_control(world, CTRL_VLAN, CTRL_VLAN_ADD, &vlan, 2), CTRL_ACK_OK);
        world->next_page = world->next_page > (32u << 20) ? 16u << 20 : world->next_page;
    }
}

static void puts_a_group_among_the_stations(struct world *world)
{
    wrong_start(world);
    driver_control(world, CTRL_MAC, CTRL_MAC_TABLE_SET, "\1\0\0\0\1\0\x5e\0\0\1\0\0\0\0", 14);
}

static void does_not_read_the_new_speed(struct world *world)
{
    assert_true(driver_start(world, driver_features() | FEATURE_BIT(FEATURE_SPEED_DUPLEX)));
    world_drain(world);
    model_set_speed(world->model, 100, 0);
    (void)read_config(world, NET_CONFIG_SPEED, 4);
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
    wrong_start(world);
    const struct part part = {memory_with(world, "\0\0\1", 3), 3, false};
    queue_run(world, CONTROL, queue_take(world, CONTROL, &part, 1));
}

static void leaves_too_much_room_for_the_acknowledgement(struct world *world)
{
    wrong_start(world);
    const struct part parts[2] = {{memory_with(world, "\0\0\1", 3), 3, false}, {world_memory(world, 2), 2, true}};
    queue_run(world, CONTROL, queue_take(world, CONTROL, parts, 2));
}

const struct wrong_driver wrong_at_network[] = {
    {"N1", "", accepts_without_what_is_needed, NULL},
    {"N2", "", writes_the_configuration, NULL},
    {"N3", "", leaves_mac, NULL},
    {"N5", ":features=default+mtu", leaves_mtu, NULL},
    {"N5", ":features=default+mtu,mtu=9000", has_no_room_for_the_mtu, NULL},
    {"N5", ":features=default+mtu", sends_more_than_the_mtu, NULL},
    {"N7", "", does_not_read_the_new_speed, NULL},
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
    {"N28", "", sets_an_address_of_zeros, NULL},
    {"N28", "", puts_a_group_among_the_stations, NULL},
    {"N29", "", acknowledges_nothing, NULL},
    {"N29", "", does_not_acknowledge, NULL},
    {"N30", "", sets_pairs_without_mq, NULL},
    {"N33", "", enables_an_offload_that_was_not_negotiated, NULL},
    {"N38", "", sends_a_command_of_the_wrong_length, NULL},
    {"N38", "", sends_a_class_that_does_not_exist, NULL},
    {"N38", "", leaves_no_room_for_the_acknowledgement, NULL},
    {"N38", "", leaves_too_much_room_for_the_acknowledgement, NULL},
    {"N38", "", adds_a_vlan_that_does_not_exist, NULL},
    {"HOST-CONTROL-VLAN", "", adds_a_vlan_twice, NULL},
    {"HOST-CONTROL-VLAN", "", adds_every_vlan, NULL},
    {NULL, NULL, NULL, NULL},
};
