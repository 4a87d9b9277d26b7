/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_pci_model.c - the model device under the free policy: it steps by itself, on a thread of its own, while the tests' driver reaches it
 * through a PCI function and waits for its interrupts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guest_driver.h"
#include "pci_world.h"
#include "rules/rules.h"

#define BASE_FEATURES                                                                                                                      \
    (GUEST_FEATURE(GUEST_VERSION_1) | GUEST_FEATURE(GUEST_INDIRECT) | GUEST_FEATURE(GUEST_MAC) | GUEST_FEATURE(GUEST_STATUS))
#define MODERN "features=none+version_1+indirect_desc+mac+status"

static const char contract[] = ":contract,vectors=3", modern[] = ":" MODERN ",vectors=4";

static void frame_fill(uint8_t *frame, size_t length, uint8_t seed)
{
    for (size_t i = 0; i < length; i++)
        frame[i] = (uint8_t)(seed + i);
}

static void frame_comes_back(struct guest_driver *driver, size_t length, bool indirect)
{
    uint8_t sent[2000], received[2000], swapped[2000];
    frame_fill(sent, length, (uint8_t)length);
    memcpy(swapped, sent, length);
    memcpy(swapped, sent + 6, 6);
    memcpy(swapped + 6, sent, 6);
    guest_driver_send(driver, sent, length, indirect);
    guest_driver_wait_sent(driver);
    assert_int_equal(guest_driver_receive(driver, received, sizeof received), length);
    assert_memory_equal(received, swapped, length);
}

/* ---- what the bus driver finds ---- */

static void contract_layout_is_enumerated(void **state)
{
    (void)state;
    struct pci_world world;
    pci_world_open_model(&world, contract);
    struct pci_identity identity = pci_function_identity(world.function);
    assert_int_equal(identity.vendor, 0x1af4);
    assert_int_equal(identity.device, 0x1041);
    assert_int_equal(identity.subsystem_vendor, 0x1af4);
    assert_int_equal(identity.subsystem, 1);
    assert_int_equal(identity.revision, 1);
    assert_int_equal(identity.class_code, 0x020000);
    struct pci_bar bar = pci_function_bar(world.function, 0);
    assert_true(bar.present && bar.is_64bit && !bar.is_port);
    assert_int_equal(bar.size, 0x4000);
    assert_int_equal(bar.address % bar.size, 0);
    assert_true(bar.address >= 0xe0000000);
    assert_int_equal(pci_function_message_count(world.function), 3);
    uint8_t config[256];
    assert_int_equal(pci_function_config_read(world.function, 0, config, 256), 256);
    uint32_t address;
    memcpy(&address, config + 0x10, 4);
    assert_int_equal(address & ~15u, bar.address);
    assert_int_equal(config[4] & 7, 6); /* memory and bus mastering, no ports */
    assert_int_equal(config[0x3d], 1);
    assert_int_equal(config[0x3c], pci_function_line_vector(world.function));
    static const uint32_t offsets[5] = {0, 0x0000, 0x1000, 0x2000, 0x3000}, lengths[5] = {0, 0x100, 0x100, 0x20, 0x100};
    unsigned seen = 0;
    for (unsigned at = config[0x34]; at; at = config[at + 1]) {
        if (config[at] != 9)
            continue;
        uint32_t place[2];
        unsigned type = config[at + 3];
        memcpy(place, config + at + 8, sizeof place);
        assert_in_range(type, 1, 4);
        assert_int_equal(config[at + 4], 0);
        assert_int_equal(place[0], offsets[type]);
        assert_int_equal(place[1], lengths[type]);
        seen |= 1u << type;
    }
    assert_int_equal(seen, 0x1e);
    pci_world_close(&world, 0);
}

static void functions_have_addresses_of_their_own(void **state)
{
    (void)state;
    struct pci_world worlds[2];
    for (unsigned i = 0; i < 2; i++)
        pci_world_open_model(&worlds[i], modern);
    struct pci_bar first = pci_function_bar(worlds[0].function, 4), second = pci_function_bar(worlds[1].function, 4);
    assert_true(first.address + first.size <= second.address || second.address + second.size <= first.address);
    assert_int_not_equal(pci_function_slot(worlds[0].function), pci_function_slot(worlds[1].function));
    pci_world_close(&worlds[0], 0);
    pci_world_close(&worlds[1], 0);
    /* Addresses and slots come back. */
    pci_world_open_model(&worlds[0], modern);
    assert_true(pci_function_bar(worlds[0].function, 4).address == first.address);
    assert_int_equal(pci_function_slot(worlds[0].function), 4);
    pci_world_close(&worlds[0], 0);
}

static void ranges_outside_a_bar_are_not_mapped(void **state)
{
    (void)state;
    struct pci_world world;
    pci_world_open_model(&world, modern);
    struct pci_bar bar = pci_function_bar(world.function, 4);
    assert_null(pci_function_map(world.function, bar.address + bar.size, 4));
    assert_null(pci_function_map(world.function, bar.address, bar.size + 1));
    assert_null(pci_function_map(world.function, bar.address, 0));
    uint8_t *common = pci_function_map(world.function, bar.address + 0x12, 0x20);
    assert_non_null(common);
    assert_int_equal((uintptr_t)common % 4096, 0x12);
    assert_int_equal(guest_read(common, 2), 2); /* num_queues */
    assert_int_equal(pci_function_counts(world.function).reads, 1);
    pci_function_unmap(world.function, common, 0x20);
    pci_world_close(&world, 0);
}

/* ---- traffic ---- */

struct shape {
    const char *device;
    unsigned messages, header;
    bool indirect;
};

static void frames_come_back(void **state)
{
    const struct shape *shape = *state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, shape->device);
    guest_driver_attach(&driver, world.function, shape->messages);
    assert_true(guest_driver_start(&driver, UINT64_MAX, shape->header));
    static const size_t lengths[] = {14, 60, 61, 1514, 1522};
    for (unsigned round = 0; round < 100; round++)
        frame_comes_back(&driver, lengths[round % 5], shape->indirect);
    struct pci_counts counts = pci_function_counts(world.function);
    assert_int_equal(counts.notifications[GUEST_TX], 100);
    assert_true(shape->messages ? counts.line_interrupts == 0 : counts.line_interrupts > 0 && counts.messages[0] == 0);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static struct shape shapes[] = {
    {":contract", 0, 10, false},
    {":contract,vectors=3", 3, 10, true},
    {":" MODERN ",vectors=0", 0, 12, true},
    {":" MODERN ",vectors=2", 2, 12, false},
    {":" MODERN ",vectors=1,queue=4", 1, 12, false},
    {":" MODERN "+event_idx,vectors=0", 0, 12, true},
    {":" MODERN "+event_idx+mrg_rxbuf,vectors=3", 3, 12, false},
    {":" MODERN ",layout=spread,vectors=3,seed=1", 3, 12, true},
};

static void frames_outside_the_contract_are_dropped_but_completed(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    uint8_t frame[1600] = {0}, received[1600];
    pci_world_open_model(&world, contract);
    guest_driver_attach(&driver, world.function, 3);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 10));
    guest_driver_send(&driver, frame, 13, false);
    guest_driver_wait_sent(&driver);
    guest_driver_send(&driver, frame, 1523, false);
    guest_driver_wait_sent(&driver);
    frame_fill(frame, 100, 5);
    guest_driver_send(&driver, frame, 100, false);
    guest_driver_wait_sent(&driver);
    assert_int_equal(guest_driver_receive(&driver, received, sizeof received), 100);
    guest_driver_detach(&driver);
    pci_world_close(&world, 2); /* HOST-FRAME */
}

/* ---- negotiation ---- */

static void features_not_offered_are_refused(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, modern);
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_negotiate(&driver, UINT64_MAX, 0) & GUEST_FEATURES_OK);
    assert_true(driver.offered == BASE_FEATURES);
    assert_false(guest_driver_negotiate(&driver, UINT64_MAX, GUEST_FEATURE(17)) & GUEST_FEATURES_OK);
    assert_false(guest_driver_negotiate(&driver, 0, 0) & GUEST_FEATURES_OK);
    guest_driver_detach(&driver);
    pci_world_close(&world, 4); /* G5, G19: the function's and the device's */
}

static void undefined_registers_read_zero(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, modern);
    guest_driver_attach(&driver, world.function, 0);
    (void)guest_driver_negotiate(&driver, UINT64_MAX, 0);
    guest_write(driver.common + 0, 4, 2);
    assert_int_equal(guest_read(driver.common + 4, 4), 0);
    guest_write(driver.common + 22, 2, 2);
    assert_int_equal(guest_read(driver.common + 24, 2), 0);
    assert_int_equal(guest_read(driver.common + 30, 2), 0);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void link_changes_raise_generation_and_interrupt(void **state)
{
    unsigned messages = *state ? 3 : 0;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, contract);
    guest_driver_attach(&driver, world.function, messages);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 10));
    uint8_t generation = (uint8_t)guest_read(driver.common + 21, 1);
    assert_true(guest_driver_link_up(&driver));
    assert_true(pci_function_set_link(world.function, false));
    guest_driver_wait_config(&driver);
    assert_false(guest_driver_link_up(&driver));
    assert_int_not_equal(guest_read(driver.common + 21, 1), generation);
    assert_true(pci_function_set_link(world.function, true));
    guest_driver_wait_config(&driver);
    assert_true(guest_driver_link_up(&driver));
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

/* ---- malformed rings ---- */

enum malformation {
    HEAD_OUT_OF_RANGE,
    NEXT_OUT_OF_RANGE,
    CHAIN_WITHOUT_END,
    ADDRESS_OUT_OF_MEMORY,
    LENGTH_WRAPS,
    INDIRECT_LENGTH_ODD,
    INDIRECT_NESTED,
    INDIRECT_WITH_NEXT,
    READABLE_AFTER_WRITABLE,
    INDEX_TOO_FAR,
    MALFORMATION_COUNT
};

static uint16_t ring_break(struct guest_queue *queue, enum malformation malformation)
{
    struct guest_descriptor *descriptors = queue->descriptors;
    uint64_t buffer = queue->buffers_physical;
    switch (malformation) {
    case HEAD_OUT_OF_RANGE:
        return queue->size;
    case NEXT_OUT_OF_RANGE:
        descriptors[0] = (struct guest_descriptor){buffer, 64, 1, queue->size};
        return 0;
    case CHAIN_WITHOUT_END:
        descriptors[0] = (struct guest_descriptor){buffer, 64, 1, 1};
        descriptors[1] = (struct guest_descriptor){buffer, 64, 1, 0};
        return 0;
    case ADDRESS_OUT_OF_MEMORY:
        descriptors[0] = (struct guest_descriptor){UINT64_C(0xfffffffffffffff0), 64, 0, 0};
        return 0;
    case LENGTH_WRAPS:
        descriptors[0] = (struct guest_descriptor){buffer, UINT32_MAX, 0, 0};
        return 0;
    case INDIRECT_LENGTH_ODD:
        descriptors[0] = (struct guest_descriptor){buffer, 17, 4, 0};
        return 0;
    case INDIRECT_NESTED:
        memcpy(queue->buffers, &(struct guest_descriptor){buffer, 16, 4, 0}, sizeof *descriptors);
        descriptors[0] = (struct guest_descriptor){buffer, 16, 4, 0};
        return 0;
    case INDIRECT_WITH_NEXT:
        memcpy(queue->buffers, &(struct guest_descriptor){buffer, 16, 0, 0}, sizeof *descriptors);
        descriptors[0] = (struct guest_descriptor){buffer, 16, 5, 1};
        return 0;
    case READABLE_AFTER_WRITABLE:
        descriptors[0] = (struct guest_descriptor){buffer, 64, 3, 1};
        descriptors[1] = (struct guest_descriptor){buffer, 64, 0, 0};
        return 0;
    case INDEX_TOO_FAR:
        queue->available = (uint16_t)(queue->available + queue->size);
        return 0;
    case MALFORMATION_COUNT:
        break;
    }
    return 0;
}

static void malformed_rings_need_reset_and_recover(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_model(&world, modern);
    pci_function_expect_device_failure(world.function, true);
    guest_driver_attach(&driver, world.function, 0);
    for (unsigned i = 0; i < MALFORMATION_COUNT; i++) {
        unsigned violations = rules_violation_count();
        assert_true(guest_driver_start(&driver, UINT64_MAX, 12));
        uint16_t head = ring_break(&driver.queues[GUEST_TX], (enum malformation)i);
        guest_driver_publish_head(&driver, GUEST_TX, head);
        guest_driver_wait_config(&driver);
        assert_true(guest_driver_status(&driver) & GUEST_NEEDS_RESET);
        pci_world_drain(&world);
        assert_int_equal(driver.queues[GUEST_TX].used[1], 0);
        assert_int_equal(rules_violation_count(), violations + 1);
    }
    assert_true(guest_driver_start(&driver, UINT64_MAX, 12));
    frame_comes_back(&driver, 100, true);
    guest_driver_detach(&driver);
    pci_world_close(&world, MALFORMATION_COUNT);
}

/* What nobody expects is reported once per attachment, however often the driver looks. */
static void a_device_that_fails_unexpectedly_is_reported(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    unsigned before = rules_report_count("HOST-DEVICE-FAILED"), broken = rules_violation_count();
    pci_world_open_model(&world, modern);
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 12));
    guest_driver_publish_head(&driver, GUEST_TX, ring_break(&driver.queues[GUEST_TX], 0));
    guest_driver_wait_config(&driver);
    assert_true(guest_driver_status(&driver) & GUEST_NEEDS_RESET);
    assert_true(guest_driver_status(&driver) & GUEST_NEEDS_RESET);
    assert_int_equal(rules_report_count("HOST-DEVICE-FAILED"), before + 1);
    guest_driver_detach(&driver);
    pci_world_close(&world, rules_violation_count() - broken);
}

/* ---- interrupts and removal ---- */

static void masked_message_waits(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    uint8_t frame[60] = {0};
    pci_world_open_model(&world, contract);
    guest_driver_attach(&driver, world.function, 3);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 10));
    assert_true(pci_function_message_mask(world.function, 2, true));
    guest_driver_send(&driver, frame, sizeof frame, false);
    pci_world_drain(&world);
    assert_int_equal(pci_function_counts(world.function).messages[2], 0);
    assert_int_equal(pci_function_counts(world.function).messages[1], 1);
    assert_true(pci_function_message_mask(world.function, 2, false));
    assert_int_equal(pci_function_counts(world.function).messages[2], 1);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void sink_unused_line(void *context, bool asserted)
{
    (void)context;
    (void)asserted;
}

static void line_and_messages_never_come_together(void **state)
{
    (void)state;
    struct pci_world world;
    pci_world_open_model(&world, modern);
    const struct pci_interrupt_sink sink = {.line = sink_unused_line};
    uint16_t command = 0;
    assert_false(pci_function_interrupt_connect(world.function, 5, &sink));
    assert_true(pci_function_interrupt_connect(world.function, 4, &sink));
    assert_false(pci_function_interrupt_connect(world.function, 0, &sink));
    pci_function_config_read(world.function, 4, &command, 2);
    assert_true(command & 0x400);
    pci_function_interrupt_disconnect(world.function);
    assert_true(pci_function_interrupt_connect(world.function, 0, &sink));
    pci_function_config_read(world.function, 4, &command, 2);
    assert_false(command & 0x400);
    pci_function_interrupt_disconnect(world.function);
    pci_world_close(&world, 0);
}

static void removed_device_reads_ones_and_is_silent(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    uint8_t frame[60] = {0};
    pci_world_open_model(&world, contract);
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_start(&driver, UINT64_MAX, 10));
    guest_driver_send(&driver, frame, sizeof frame, false);
    pci_world_drain(&world);
    assert_true(driver.line);
    pci_function_detach(world.function);
    assert_false(driver.line);
    assert_int_equal(guest_driver_status(&driver), 0xff);
    assert_int_equal(guest_read(driver.common + 4, 4), UINT32_MAX);
    uint32_t id = 0;
    pci_function_config_read(world.function, 0, &id, 4);
    assert_int_equal(id, UINT32_MAX);
    guest_write(driver.common + 20, 1, 0);
    assert_false(pci_function_set_link(world.function, false));
    assert_false(pci_function_interrupt_connect(world.function, 0, &(struct pci_interrupt_sink){0}));
    pci_function_interrupt_disconnect(world.function);
    for (unsigned i = 0; i < 2; i++) {
        guest_memory_free(driver.queues[i].descriptors, driver.queues[i].rings_size);
        guest_memory_free(driver.queues[i].buffers, (size_t)driver.queues[i].size * GUEST_BUFFER_SIZE);
    }
    pci_world_close(&world, 0);
}

int main(void)
{
#define TRAFFIC(number) {"frames come back, shape " #number, frames_come_back, NULL, NULL, &shapes[number]}
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contract_layout_is_enumerated),
        cmocka_unit_test(functions_have_addresses_of_their_own),
        cmocka_unit_test(ranges_outside_a_bar_are_not_mapped),
        TRAFFIC(0),
        TRAFFIC(1),
        TRAFFIC(2),
        TRAFFIC(3),
        TRAFFIC(4),
        TRAFFIC(5),
        TRAFFIC(6),
        TRAFFIC(7),
        cmocka_unit_test(frames_outside_the_contract_are_dropped_but_completed),
        cmocka_unit_test(features_not_offered_are_refused),
        cmocka_unit_test(undefined_registers_read_zero),
        {"link changes come by the line", link_changes_raise_generation_and_interrupt, NULL, NULL, NULL},
        {"link changes come by message 0", link_changes_raise_generation_and_interrupt, NULL, NULL, shapes},
        cmocka_unit_test(malformed_rings_need_reset_and_recover),
        cmocka_unit_test(a_device_that_fails_unexpectedly_is_reported),
        cmocka_unit_test(masked_message_waits),
        cmocka_unit_test(line_and_messages_never_come_together),
        cmocka_unit_test(removed_device_reads_ones_and_is_silent),
    };
    return cmocka_run_group_tests_name("model device, free policy", tests, pci_world_group_setup, pci_world_group_teardown);
}
