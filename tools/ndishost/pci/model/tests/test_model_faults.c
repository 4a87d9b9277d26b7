/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_faults.c - each misbehaviour does what its name says, at the opportunity that was chosen, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_world.h"
#include "pci/model/model_faults.h"

static const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};

/* A started driver on a line, on a device with this misbehaviour. */
static struct world *started(const char *fault)
{
    char text[128];
    snprintf(text, sizeof text, ":vectors=0,seed=2,fault=%s", fault);
    struct world *world = world_open(text);
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
    return world;
}

static void send_one(struct world *world)
{
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
}

static void inject_one(struct world *world)
{
    assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
}

/* The used entry that the next queue_used() would take. */
static void used_peek(struct world *world, unsigned queue, uint32_t *id, uint32_t *length)
{
    const struct world_queue *of = &world->queues[queue];
    const uint8_t *entry = world_at(world, of->device_area + RING_ENTRIES + 8u * (of->used_seen % of->size));
    memcpy(id, entry, 4);
    memcpy(length, entry + 4, 4);
}

static uint8_t *received_header(struct world *world)
{
    uint32_t id, length;
    used_peek(world, RX, &id, &length);
    assert_true(id < world->queues[RX].size);
    return world_at(world, world->queues[RX].cookie[id]);
}

/* ---- used ring ---- */

static void used_ids_lie(void **state)
{
    (void)state;
    uint32_t id, length, again;
    struct world *world = started("used-id-out-of-range@2");
    send_one(world);
    assert_true(queue_used(world, TX, &id, &length));
    assert_true(id < 256);
    send_one(world);
    assert_true(queue_used(world, TX, &id, &length));
    assert_true(id >= 256);
    assert_int_equal(model_counts(world->model).faults_fired, 1);
    world_close(world);

    world = started("used-id-not-outstanding");
    int head = driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    used_peek(world, TX, &id, &length);
    assert_true(id < 256 && (int)id != head);
    world_close(world);

    world = started("used-id-repeated");
    send_one(world);
    assert_int_equal(queue_used_index(world, TX), 2);
    assert_true(queue_used(world, TX, &id, &length));
    assert_true(queue_used(world, TX, &again, &length));
    assert_int_equal(id, again);
    world_close(world);
}

static void used_lengths_lie(void **state)
{
    (void)state;
    uint32_t id, length;
    struct world *world = started("used-len-too-large");
    inject_one(world);
    used_peek(world, RX, &id, &length);
    assert_int_equal(length, 2049);
    world_close(world);
    world = started("used-len-too-small@2");
    inject_one(world);
    used_peek(world, RX, &id, &length);
    assert_int_equal(length, 12 + sizeof frame);
    assert_true(queue_used(world, RX, &id, &length));
    inject_one(world);
    used_peek(world, RX, &id, &length);
    assert_true(length < 12);
    world_close(world);
}

static void used_indices_lie(void **state)
{
    (void)state;
    struct world *world = started("used-idx-jumps");
    send_one(world);
    assert_true(queue_used_index(world, TX) > 256);
    world_close(world);
    world = started("used-idx-back");
    send_one(world);
    assert_int_equal(queue_used_index(world, TX), 0xffff);
    world_close(world);
}

static void reserved_bits_and_spent_memory_are_filled_with_noise(void **state)
{
    (void)state;
    struct world *world = started("used-flags-garbage");
    send_one(world);
    uint16_t flags;
    memcpy(&flags, world_at(world, world->queues[TX].device_area), 2);
    assert_true(flags > 1);
    world_close(world);
    world = started("scribble");
    uint8_t before[DESC_BYTES];
    int head = driver_send(world, NULL, frame, sizeof frame);
    memcpy(before, queue_descriptor(world, TX, (unsigned)head), sizeof before);
    world_drain(world);
    assert_memory_not_equal(before, queue_descriptor(world, TX, (unsigned)head), sizeof before);
    /* A driver that writes what it makes available does not notice. */
    for (unsigned i = 0; i < 600; i++)
        send_one(world);
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

/* ---- received headers ---- */

static void buffer_counts_lie(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        uint16_t low, high;
    } counts[] = {{"num-buffers-zero", 0, 0}, {"num-buffers-too-many", 257, 65535}, {"num-buffers-never-completed", 2, 2}};
    for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
        struct world *world = started(counts[i].fault);
        inject_one(world);
        uint16_t count;
        memcpy(&count, received_header(world) + HEADER_NUM_BUFFERS, 2);
        assert_true(count >= counts[i].low && count <= counts[i].high);
        assert_int_equal(queue_used_index(world, RX), 1);
        world_close(world);
    }
}

static void header_fields_take_every_value(void **state)
{
    (void)state;
    static const struct {
        const char *fault;
        unsigned offset;
    } bytes[] = {{"header-flags", HEADER_FLAGS}, {"header-gso-type", HEADER_GSO_TYPE}};
    for (unsigned i = 0; i < 2; i++) {
        struct world *world = started(bytes[i].fault);
        for (unsigned value = 0; value < 256; value++) {
            uint32_t id, length;
            inject_one(world);
            assert_int_equal(received_header(world)[bytes[i].offset], value);
            assert_true(queue_used(world, RX, &id, &length));
            driver_post(world, 1);
            world->next_page = world->next_page > (32u << 20) ? 16u << 20 : world->next_page;
            world_drain(world);
        }
        world_close(world);
    }
    static const struct {
        const char *fault;
        unsigned offset;
    } words[] = {{"header-gso-size", HEADER_GSO_SIZE},
                 {"header-hdr-len", HEADER_HDR_LEN},
                 {"header-csum-start", HEADER_CSUM_START},
                 {"header-csum-offset", HEADER_CSUM_OFFSET}};
    for (unsigned i = 0; i < 4; i++) {
        struct world *world = started(words[i].fault);
        inject_one(world);
        uint8_t *header = received_header(world);
        uint16_t first, second;
        uint32_t id, length;
        memcpy(&first, header + words[i].offset, 2);
        assert_int_equal(header[HEADER_FLAGS], i >= 2 ? HDR_NEEDS_CSUM : 0);
        assert_true(queue_used(world, RX, &id, &length));
        inject_one(world);
        memcpy(&second, received_header(world) + words[i].offset, 2);
        assert_int_not_equal(first, second);
        world_close(world);
    }
}

/* ---- status and configuration ---- */

static void resets_fail_or_take_time(void **state)
{
    (void)state;
    struct world *world = started("status-stuck@2");
    assert_false(driver_reset(world));
    world_close(world);
    world = started("reset-slow");
    write_common(world, REG_STATUS, 1, 0);
    unsigned reads = 1;
    while (read_common(world, REG_STATUS, 1))
        reads++;
    assert_int_equal(reads, 11);
    driver_acknowledge(world);
    world_assert_clean(world, false);
    world_close(world);
}

static void features_ok_is_refused(void **state)
{
    (void)state;
    struct world *world = world_open(":fault=features-refused@2");
    assert_true(driver_start(world, driver_features()));
    assert_false(driver_start(world, driver_features()));
    assert_false(read_common(world, REG_STATUS, 1) & STATUS_FEATURES_OK);
    world_close(world);
}

static void the_device_needs_a_reset(void **state)
{
    (void)state;
    struct world *world = started("needs-reset@3");
    send_one(world);
    send_one(world);
    assert_false(read_common(world, REG_STATUS, 1) & STATUS_NEEDS_RESET);
    send_one(world);
    assert_true(read_common(world, REG_STATUS, 1) & STATUS_NEEDS_RESET);
    assert_true(world->line && (read_isr(world) & ISR_CONFIG));
    unsigned frames = world->frames;
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    assert_int_equal(world->frames, frames);
    assert_true(driver_start(world, driver_features()));
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

static void it_strikes_at_each_register_access(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=0");
    assert_true(driver_start(world, driver_features()));
    uint64_t accesses = model_counts(world->model).accesses;
    world_close(world);
    for (uint64_t at = 1; at <= accesses; at++) {
        static const char *const names[] = {"needs-reset-at-access", "gone"};
        for (unsigned i = 0; i < 2; i++) {
            char text[96];
            snprintf(text, sizeof text, ":vectors=0,fault=%s@%llu", names[i], (unsigned long long)at);
            world = world_open(text);
            (void)model_counts(world->model);
            driver_find(world);
            (void)driver_reset(world);
            write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
            /* A device that needs a reset before it gets its first one is no different from others. */
            uint64_t first = i ? 0 : model_counts(world->model).accesses;
            while (model_counts(world->model).accesses - first + 1 < at)
                (void)read_common(world, REG_STATUS, 1);
            uint8_t status = (uint8_t)read_common(world, REG_STATUS, 1);
            assert_int_equal(model_counts(world->model).faults_fired, 1);
            if (at > 2)
                assert_true(i ? status == 0xff && model_condition(world->model).vanished : status & STATUS_NEEDS_RESET);
            world_close(world);
        }
    }
}

static void the_configuration_never_rests(void **state)
{
    (void)state;
    struct world *world = started("generation-churn");
    uint64_t one = read_common(world, REG_GENERATION, 1);
    assert_true(one != read_common(world, REG_GENERATION, 1));
    world_close(world);
    world = world_open(":vectors=0,fault=config-churn");
    assert_true(driver_start(world, driver_features()));
    /* The first reading was torn; the one that the generation confirmed is whole. */
    assert_int_equal(world->mac[4], (uint8_t)(0x34 + 6));
    assert_int_equal(world->mac[5], (uint8_t)(0x56 + 6));
    world_close(world);
    world = started("mac-multicast");
    assert_true(world->mac[0] & 1);
    world_close(world);
    world = world_open(":features=default+mtu,fault=mtu-tiny");
    driver_find(world);
    assert_int_equal(read_config(world, NET_CONFIG_MTU, 2), 1);
    world_close(world);
}

static void queues_have_impossible_sizes(void **state)
{
    (void)state;
    struct world *world = world_open(":fault=queue-size-zero@2");
    driver_find(world);
    assert_int_equal(read_common(world, REG_QUEUE_SIZE, 2), 256);
    assert_int_equal(read_common(world, REG_QUEUE_SIZE, 2), 0);
    world_close(world);
    world = world_open(":fault=queue-size-odd");
    driver_find(world);
    uint64_t size = read_common(world, REG_QUEUE_SIZE, 2);
    assert_true(size & (size - 1));
    world_close(world);
    world = world_open(":fault=no-queues");
    driver_find(world);
    assert_int_equal(read_common(world, REG_NUM_QUEUES, 2), 1);
    world_close(world);
}

/* ---- interrupts ---- */

static void interrupts_come_without_cause(void **state)
{
    (void)state;
    struct world *world = started("interrupt-storm");
    unsigned seen = 0;
    for (unsigned i = 0; i < 2000; i++) {
        (void)model_step(world->model);
        if (world->line)
            seen += read_isr(world) != 0;
    }
    assert_int_equal(seen, 1); /* the rest were spent while the line was up already */
    world_close(world);

    world = world_open(":vectors=3,fault=interrupt-storm");
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
    assert_int_equal(world->message_total, 1000);
    assert_true(world->messages[0] && world->messages[1]);
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);

    world = world_open(":vectors=0,fault=interrupt-early");
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    assert_true(world->line);
    world_close(world);
}

static void interrupts_are_lost(void **state)
{
    (void)state;
    struct world *world = started("interrupt-lost@2");
    inject_one(world);
    assert_true(world->line);
    (void)read_isr(world);
    *queue_available_flags(world, RX) = 0;
    uint32_t id, length;
    assert_true(queue_used(world, RX, &id, &length));
    inject_one(world);
    assert_false(world->line);
    assert_true(queue_used(world, RX, &id, &length));
    inject_one(world);
    assert_true(world->line);
    assert_int_equal(model_counts(world->model).interrupts_lost, 1);
    world_close(world);
    world = started("interrupts-lost");
    driver_exercise(world);
    assert_int_equal(world->line_count, 0);
    world_close(world);
}

static void vectors_do_not_read_back(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=3,fault=vector-unreadable@2");
    driver_find(world);
    driver_reset(world);
    for (unsigned i = 0; i < 3; i++) {
        write_common(world, REG_CONFIG_VECTOR, 2, 1);
        assert_int_equal(read_common(world, REG_CONFIG_VECTOR, 2), i == 1 ? NO_VECTOR : 1);
    }
    world_close(world);
    world = world_open(":vectors=3,fault=vectors-unreadable");
    assert_false(driver_start(world, driver_features()));
    world_close(world);
}

/* ---- completions ---- */

static void chains_never_complete(void **state)
{
    (void)state;
    struct world *world = started("never-completes@2");
    for (unsigned i = 0; i < 5; i++)
        send_one(world);
    assert_int_equal(queue_used_index(world, TX), 1);
    assert_int_equal(world->frames, 5);
    world_close(world);
    world = started("control-never-completes");
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_PROMISC, "\1", 1), -1);
    world_close(world);
}

static void it_stalls_until_it_is_reset(void **state)
{
    (void)state;
    struct world *world = started("stalls@2");
    assert_false(model_misbehaviour(world->model).over);
    for (unsigned i = 0; i < 5; i++)
        send_one(world);
    assert_int_equal(queue_used_index(world, TX), 1);
    assert_true(model_misbehaviour(world->model).over);
    assert_string_equal(model_misbehaviour(world->model).told, "stalls");
    assert_true(driver_start(world, driver_features()));
    send_one(world);
    assert_int_equal(queue_used_index(world, TX), 1);
    world_close(world);
}

static void commands_are_refused(void **state)
{
    (void)state;
    struct world *world = started("control-refused@2");
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_PROMISC, "\1", 1), CTRL_ACK_OK);
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_PROMISC, "\1", 1), CTRL_ACK_ERROR);
    assert_int_equal(model_counts(world->model).control_refused, 1);
    world_close(world);
    world = started("control-ack-garbage");
    assert_true(driver_control(world, CTRL_RX, CTRL_RX_PROMISC, "\1", 1) > CTRL_ACK_ERROR);
    world_close(world);
}

static void acknowledgements_have_any_length_but_theirs(void **state)
{
    (void)state;
    struct world *world = started("control-ack-length");
    uint32_t id, length;
    const struct part parts[] = {{world_memory(world, 3), 3, false}, {world_memory(world, 1), 1, true}};
    for (unsigned i = 0; i < 20; i++) {
        int head = queue_add(world, CONTROL, parts, 2);
        uint16_t before = world->queues[CONTROL].available;
        queue_publish(world, CONTROL, (uint16_t)head);
        queue_notify(world, CONTROL, before);
        world_drain(world);
        assert_true(queue_used(world, CONTROL, &id, &length));
        assert_int_not_equal(length, 1);
    }
    world_close(world);
}

static void announcements_are_asked_for_again_and_again(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=0,fault=announce-storm");
    assert_true(driver_start(world, driver_features()));
    unsigned asked = 0;
    for (unsigned i = 0; i < 1100; i++) {
        (void)model_step(world->model);
        asked += (read_isr(world) & ISR_CONFIG) != 0;
    }
    assert_int_equal(asked, 1000);
    world_drain(world);
    assert_int_equal(driver_control(world, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK, NULL, 0), CTRL_ACK_OK);
    world_drain(world);
    assert_int_equal(read_config(world, NET_CONFIG_STATUS, 2) & NET_STATUS_ANNOUNCE, 0);
    model_check_quiescent(world->model);
    assert_int_equal(rules_violation_count(), 0);
    world_close(world);
}

static void speed_and_mtu_are_any_numbers(void **state)
{
    (void)state;
    struct world *world = started("speed-garbage");
    uint64_t speed = read_config(world, NET_CONFIG_SPEED, 4), again = read_config(world, NET_CONFIG_SPEED, 4);
    assert_true(speed != again && speed != world->options.speed);
    world_close(world);
    world = started("mtu-garbage");
    unsigned small = 0, large = 0;
    for (unsigned i = 0; i < 100; i++) {
        uint64_t mtu = read_config(world, NET_CONFIG_MTU, 2);
        small += mtu < NET_MTU_MIN;
        large += mtu > 1500;
    }
    assert_true(small > 5 && large > 5);
    world_close(world);
    world = started("mtu-changes");
    uint64_t generation = read_common(world, REG_GENERATION, 1);
    for (unsigned i = 0; i < 16; i++)
        send_one(world);
    assert_int_not_equal(read_common(world, REG_GENERATION, 1), generation);
    assert_true(read_isr(world) & ISR_CONFIG);
    world_close(world);
}

static void completions_are_slow(void **state)
{
    (void)state;
    struct world *world = started("slow");
    driver_send(world, NULL, frame, sizeof frame);
    for (unsigned i = 0; i < 40; i++) {
        assert_true(model_step(world->model));
        assert_int_equal(queue_used_index(world, TX), 0);
    }
    world_drain(world);
    assert_int_equal(queue_used_index(world, TX), 1);
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

static void completions_change_places(void **state)
{
    (void)state;
    struct world *world = started("out-of-order");
    uint32_t id, length;
    int heads[100];
    unsigned disordered = 0;
    uint64_t seen[4] = {0};
    for (unsigned i = 0; i < 100; i++)
        heads[i] = driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(queue_used(world, TX, &id, &length));
        disordered += (int)id != heads[i];
        assert_false(seen[id / 64] >> id % 64 & 1);
        seen[id / 64] |= UINT64_C(1) << id % 64;
    }
    assert_true(disordered > 20);
    assert_int_equal(world->frames, 100);
    world_assert_clean(world, false);
    world_close(world);
}

/* ---- all of them ---- */

/* The table is what the command line prints: every entry is there, and every name finds itself. */
static void the_list_is_complete(void **state)
{
    (void)state;
    const struct model_fault_info *list = model_fault_list();
    unsigned count = 0;
    for (; list[count].name; count++) {
        assert_non_null(list[count].text);
        assert_int_equal(model_fault_find(list[count].name), count);
    }
    assert_int_equal(count, FAULT_KINDS);
    assert_int_equal(model_fault_find("no-such"), -1);
}

/* Whatever the device does to it, a driver that resets it comes back; the device itself reports nothing but what the driver did. */
static void every_fault_ends_with_a_reset(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
        const char *name = model_fault_list()[kind].name;
        bool for_good = kind == FAULT_STATUS_STUCK || kind == FAULT_GONE || kind == FAULT_FEATURES_REFUSED ||
                        kind == FAULT_VECTORS_UNREADABLE || kind == FAULT_QUEUE_SIZE_ZERO || kind == FAULT_QUEUE_SIZE_ODD;
        struct world *world = world_open(":vectors=3");
        assert_true(driver_start(world, driver_features()));
        assert_true(model_add_fault(world->model, kind, 1));
        for (unsigned i = 0; i < 20; i++) {
            driver_send(world, NULL, frame, sizeof frame);
            (void)model_inject(world->model, frame, sizeof frame, NULL);
            (void)model_drain(world->model, 100);
            uint32_t id, length;
            /* Do not believe anything: give up at the first thing that is odd. */
            if (model_condition(world->model).status & STATUS_NEEDS_RESET || model_counts(world->model).faults_fired)
                break;
            while (queue_used(world, TX, &id, &length))
                ;
        }
        if (!for_good && !driver_start(world, driver_features()))
            assert_true(driver_start(world, driver_features())); /* one vector did not read back */
        if (!for_good)
            world_drain(world);
        if (rules_violation_count())
            fail_msg("after %s the device accuses its driver", name);
        world_close(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(used_ids_lie),
        cmocka_unit_test(used_lengths_lie),
        cmocka_unit_test(used_indices_lie),
        cmocka_unit_test(reserved_bits_and_spent_memory_are_filled_with_noise),
        cmocka_unit_test(buffer_counts_lie),
        cmocka_unit_test(header_fields_take_every_value),
        cmocka_unit_test(resets_fail_or_take_time),
        cmocka_unit_test(features_ok_is_refused),
        cmocka_unit_test(the_device_needs_a_reset),
        cmocka_unit_test(it_strikes_at_each_register_access),
        cmocka_unit_test(the_configuration_never_rests),
        cmocka_unit_test(queues_have_impossible_sizes),
        cmocka_unit_test(interrupts_come_without_cause),
        cmocka_unit_test(interrupts_are_lost),
        cmocka_unit_test(vectors_do_not_read_back),
        cmocka_unit_test(chains_never_complete),
        cmocka_unit_test(it_stalls_until_it_is_reset),
        cmocka_unit_test(commands_are_refused),
        cmocka_unit_test(acknowledgements_have_any_length_but_theirs),
        cmocka_unit_test(announcements_are_asked_for_again_and_again),
        cmocka_unit_test(speed_and_mtu_are_any_numbers),
        cmocka_unit_test(completions_are_slow),
        cmocka_unit_test(completions_change_places),
        cmocka_unit_test(the_list_is_complete),
        cmocka_unit_test(every_fault_ends_with_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
