/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_transport.c - the modern transport's mapping, status, negotiation and configuration, on a device of registers that complains. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "transport_world.h"

/* ---- mapping ---- */

static void p8_only_what_is_needed_is_mapped(void **state)
{
    (void)state;
    register_device_make(&device);
    device.region_length[REGION_COMMON] = 0xFFFFFFF;
    device.region_length[REGION_NOTIFY] = 0xFFFFFFF;
    device.region_length[REGION_ISR] = 0xFFFFFFF;
    device.region_length[REGION_DEVICE] = 0xFFFFFFF;
    make_world_with(4096);
    assert_int_equal(device.mapped_bytes[REGION_COMMON], 0x38);
    assert_int_equal(device.mapped_bytes[REGION_NOTIFY], 0x400000);
    assert_int_equal(device.mapped_bytes[REGION_ISR], 1);
    assert_int_equal(device.mapped_bytes[REGION_DEVICE], 0x100);
    drop_world();

    register_device_make(&device);
    make_world_with(0);
    assert_int_equal(device.mapped_bytes[REGION_NOTIFY], 2);
    drop_world();
}

static void a_structure_that_cannot_be_mapped_leaves_nothing_mapped(void **state)
{
    struct virtio_pci_capabilities capabilities;
    struct virtio_pci_platform platform;
    int region;

    (void)state;
    for (region = 0; region < REGION_COUNT; region++) {
        register_device_make(&device);
        device.map_fails = region;
        capabilities = register_device_capabilities(&device, 4);
        platform = register_device_platform(&device);
        assert_int_equal(virtio_pci_modern_init(&transport, &platform, &capabilities), VIRTIO_PCI_MAP_FAILED);
        assert_null(transport.common);
        assert_null(transport.device);
        assert_int_equal(device.map_count, device.unmap_count);
        assert_int_equal(device.access_count, 0);
        virtio_pci_modern_release(&transport);
        assert_int_equal(transport.common_length + transport.notify_length + transport.isr_length + transport.device_length, 0);
        drop_world();
    }
}

static void a_device_without_configuration_is_mapped(void **state)
{
    struct virtio_pci_capabilities capabilities;
    struct virtio_pci_platform platform;
    uint8_t byte;

    (void)state;
    register_device_make(&device);
    capabilities = register_device_capabilities(&device, 4);
    capabilities.device.present = 0;
    platform = register_device_platform(&device);
    assert_int_equal(virtio_pci_modern_init(&transport, &platform, &capabilities), VIRTIO_PCI_OK);
    assert_null(transport.device);
    assert_int_equal(virtio_pci_modern_read_config(&transport, 0, &byte, 1), VIRTIO_PCI_MAP_FAILED);
    drop_world();
}

static void mapping_touches_no_register(void **state)
{
    (void)state;
    make_world();
    assert_int_equal(device.access_count, 0);
    drop_world();
}

/* ---- status and reset ---- */

static void g1_g2_status_bits_are_only_added(void **state)
{
    (void)state;
    make_world();
    virtio_pci_modern_add_status(&transport, 1);
    assert_int_equal(virtio_pci_modern_status(&transport), 1);
    virtio_pci_modern_add_status(&transport, 2);
    assert_int_equal(virtio_pci_modern_status(&transport), 3);
    virtio_pci_modern_fail(&transport);
    assert_int_equal(virtio_pci_modern_status(&transport), 0x83);
    drop_world();
}

/* NEEDS_RESET is the device's bit: it is not written back. */
static void a_bit_of_the_device_is_not_written_back(void **state)
{
    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    device.status |= 0x40;
    register_device_forget(&device);
    virtio_pci_modern_driver_ok(&transport);
    assert_int_equal(device.log[0].value, 0x0F);
    drop_world();
}

static void p13_g9_a_reset_is_complete_when_status_reads_0(void **state)
{
    uint32_t reads;

    (void)state;
    for (reads = 0; reads < 12; reads++) {
        make_world();
        virtio_pci_modern_add_status(&transport, 1);
        device.reset_reads = reads;
        assert_int_equal(virtio_pci_modern_reset(&transport, 1000000), VIRTIO_PCI_OK);
        assert_int_equal(device.status, 0);
        assert_int_equal(transport.status_set, 0);
        drop_world();
    }
}

static void a_reset_that_never_ends_is_given_up_in_time(void **state)
{
    static const uint32_t timeouts[] = {0, 1, 9, 10, 11, 999, 1000, 1234567};
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        make_world();
        virtio_pci_modern_add_status(&transport, 1);
        device.reset_reads = REGISTER_NEVER;
        assert_int_equal(virtio_pci_modern_reset(&transport, timeouts[i]), VIRTIO_PCI_RESET_TIMEOUT);
        assert_int_equal(device.stalled_us, timeouts[i]);
        assert_true(device.longest_stall_us <= 1000);
        assert_true(device.access_count <= 10 + timeouts[i] / 1000);
        drop_world();
    }
}

static void a_reset_of_a_removed_device_ends_at_once(void **state)
{
    (void)state;
    make_world();
    device.gone_after = 0;
    assert_int_equal(virtio_pci_modern_reset(&transport, 1000000), VIRTIO_PCI_GONE);
    assert_int_equal(device.stalled_us, 0);
    assert_int_equal(virtio_pci_modern_status(&transport), 0xFF);
    drop_world();
}

static void a_reset_without_waiting_is_one_write(void **state)
{
    (void)state;
    make_world();
    virtio_pci_modern_add_status(&transport, 1);
    register_device_forget(&device);
    virtio_pci_modern_reset_no_wait(&transport);
    assert_int_equal(device.log_count, 1);
    assert_int_equal(device.log[0].offset, 0x14);
    assert_int_equal(device.log[0].value, 0);
    drop_world();
}

/* ---- negotiation ---- */

static void g13_the_steps_come_in_order(void **state)
{
    /* What the driver does up to FEATURES_OK, access by access. */
    static const struct register_access expected[] = {
        {REGION_COMMON, true, 1, 0x14, 0},          {REGION_COMMON, false, 1, 0x14, 0}, /* reset, and look */
        {REGION_COMMON, true, 1, 0x14, 1},          {REGION_COMMON, true, 1, 0x14, 3},  /* ACKNOWLEDGE, DRIVER */
        {REGION_COMMON, true, 4, 0x00, 0},          {REGION_COMMON, false, 4, 0x04, 0x30bf8024},
        {REGION_COMMON, true, 4, 0x00, 1},          {REGION_COMMON, false, 4, 0x04, 0x101},
        {REGION_COMMON, false, 1, 0x14, 3},         {REGION_COMMON, true, 4, 0x08, 0}, /* still there? then write */
        {REGION_COMMON, true, 4, 0x0C, 0x10010020}, {REGION_COMMON, true, 4, 0x08, 1},
        {REGION_COMMON, true, 4, 0x0C, 0x1},        {REGION_COMMON, true, 1, 0x14, 0x0B}, /* FEATURES_OK, and look */
        {REGION_COMMON, false, 1, 0x14, 0x0B},
    };
    uint64_t accepted;
    uint32_t i;

    (void)state;
    make_world();
    assert_int_equal(negotiate(&accepted), VIRTIO_PCI_OK);
    assert_true(offered_to_decide == device.offered);
    assert_true(accepted == ACCEPTED);
    assert_true(device.driver_features == ACCEPTED);
    assert_int_equal(device.log_count, sizeof expected / sizeof expected[0]);
    for (i = 0; i < device.log_count; i++) {
        assert_int_equal(device.log[i].region, expected[i].region);
        assert_int_equal(device.log[i].write, expected[i].write);
        assert_int_equal(device.log[i].width, expected[i].width);
        assert_int_equal(device.log[i].offset, expected[i].offset);
        assert_int_equal(device.log[i].value, expected[i].value);
    }
    virtio_pci_modern_driver_ok(&transport);
    assert_int_equal(device.status, 0x0F);
    drop_world();
}

static void g5_a_decision_for_more_than_is_offered_is_cut(void **state)
{
    virtio_u64 offered, accepted;

    (void)state;
    make_world();
    answer = ~(uint64_t)0;
    assert_int_equal(virtio_pci_modern_negotiate(&transport, decide, &device, &offered, &accepted), VIRTIO_PCI_OK);
    assert_true(accepted == device.offered);
    drop_world();
}

static void g8_g15_a_refused_device_is_failed_and_left_alone(void **state)
{
    virtio_u64 offered, accepted;

    (void)state;
    make_world();
    answer = 0;
    assert_int_equal(virtio_pci_modern_negotiate(&transport, decide, &device, &offered, &accepted), VIRTIO_PCI_MISSING_FEATURE);
    assert_true(offered == device.offered);
    assert_true(accepted == 0);
    assert_int_equal(device.status, 0x83);
    assert_int_equal(register_device_count(&device, REGION_COMMON, 0x0C, true), 0);
    drop_world();
}

static void g13_features_that_do_not_stick_fail_the_device(void **state)
{
    (void)state;
    make_world();
    device.refused_features = BIT(28);
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_FEATURES_REFUSED);
    assert_int_equal(device.status & 0x80, 0x80);
    drop_world();
}

static void g3_a_failed_device_is_reset_before_the_next_attempt(void **state)
{
    (void)state;
    make_world();
    device.refused_features = BIT(28);
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_FEATURES_REFUSED);
    device.refused_features = 0;
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(device.status, 0x0B);
    drop_world();
}

static void p13_negotiation_waits_for_the_reset(void **state)
{
    virtio_u64 offered, accepted;

    (void)state;
    make_world();
    virtio_pci_modern_add_status(&transport, 1);
    device.reset_reads = 5;
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    device.reset_reads = REGISTER_NEVER;
    offered = accepted = 77;
    assert_int_equal(virtio_pci_modern_negotiate(&transport, decide, &device, &offered, &accepted), VIRTIO_PCI_RESET_TIMEOUT);
    assert_true(offered == 0);
    assert_true(accepted == 0);
    drop_world();
}

/* Wherever the device is pulled out, initialisation ends with GONE and never waits. */
static void removal_at_any_access_is_noticed(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(1);
    enum virtio_pci_result result;
    uint32_t whole, cut, gone = 0;
    void *doorbell;

    (void)state;
    setup.vector = 2;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_set_config_vector(&transport, 1), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    whole = device.access_count;
    drop_world();

    for (cut = 0; cut <= whole; cut++) {
        make_world();
        device.gone_after = cut;
        result = negotiate(NULL);
        if (result == VIRTIO_PCI_OK)
            result = virtio_pci_modern_set_config_vector(&transport, 1);
        if (result == VIRTIO_PCI_OK)
            result = virtio_pci_modern_setup_queue(&transport, &setup, &doorbell);
        assert_true(result == VIRTIO_PCI_GONE || result == VIRTIO_PCI_OK);
        gone += result == VIRTIO_PCI_GONE ? 1 : 0;
        assert_int_equal(device.stalled_us, 0);
        drop_world();
    }
    /* The last writes (addresses, enable) are not read back: a removal there shows later. */
    assert_true(gone >= whole - 7);
}

/* ---- device configuration ---- */

static void p3_fields_are_read_with_their_width(void **state)
{
    static const struct {
        uint32_t offset, length, width, accesses;
    } rows[] = {{0, 6, 1, 6}, {6, 2, 2, 1}, {8, 2, 2, 1}, {12, 4, 4, 1}, {16, 1, 1, 1}, {7, 2, 1, 2},
                {6, 4, 1, 4}, {8, 8, 4, 2}, {4, 8, 4, 2}, {6, 8, 1, 8},  {0, 3, 1, 3},  {0xFF, 1, 1, 1}};
    uint8_t bytes[8];
    uint32_t i, j, seen;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        make_world();
        assert_int_equal(virtio_pci_modern_read_config(&transport, rows[i].offset, bytes, rows[i].length), VIRTIO_PCI_OK);
        assert_memory_equal(bytes, device.config + rows[i].offset, rows[i].length);
        for (j = seen = 0; j < device.log_count; j++) {
            if (device.log[j].region != REGION_DEVICE)
                continue;
            assert_int_equal(device.log[j].width, rows[i].width);
            seen++;
        }
        assert_int_equal(seen, rows[i].accesses);
        drop_world();
    }
}

static void g10_a_read_is_repeated_until_the_generation_stands_still(void **state)
{
    uint8_t mac[6];
    uint32_t changes;

    (void)state;
    for (changes = 0; changes <= 90; changes += 6) {
        make_world();
        device.generation_changes = changes;
        assert_int_equal(virtio_pci_modern_read_config(&transport, 0, mac, 6), VIRTIO_PCI_OK);
        assert_memory_equal(mac, device.config, 6);
        assert_int_equal(register_device_count(&device, REGION_DEVICE, 0, false), changes / 6 + 1);
        drop_world();
    }
}

static void g10_a_generation_that_never_stands_still_is_given_up(void **state)
{
    uint8_t mac[6];

    (void)state;
    make_world();
    device.generation_changes = REGISTER_NEVER;
    assert_int_equal(virtio_pci_modern_read_config(&transport, 0, mac, 6), VIRTIO_PCI_CONFIG_UNSTABLE);
    assert_int_equal(register_device_count(&device, REGION_DEVICE, 0, false), 16);
    drop_world();
}

static void g12_a_range_outside_of_the_configuration_is_refused(void **state)
{
    static const uint32_t rows[][2] = {{0, 9}, {8, 1}, {7, 2}, {9, 0}, {0xFFFFFFFF, 1}, {1, 0xFFFFFFFF}, {0xFFFFFFFF, 0xFFFFFFFF}};
    uint8_t bytes[16];
    uint32_t i;

    (void)state;
    register_device_make(&device);
    device.region_length[REGION_DEVICE] = 8;
    make_world_with(4);
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(virtio_pci_modern_read_config(&transport, rows[i][0], bytes, rows[i][1]), VIRTIO_PCI_MAP_FAILED);
    assert_int_equal(device.access_count, 0);
    assert_int_equal(virtio_pci_modern_read_config(&transport, 6, bytes, 2), VIRTIO_PCI_OK);
    drop_world();
}

static void the_configuration_of_a_removed_device_is_not_believed(void **state)
{
    uint8_t mac[6];

    (void)state;
    make_world();
    device.gone_after = 0;
    assert_int_equal(virtio_pci_modern_read_config(&transport, 0, mac, 6), VIRTIO_PCI_GONE);
    drop_world();
}

static void a_generation_of_all_ones_is_legal(void **state)
{
    uint8_t mac[6];

    (void)state;
    make_world();
    device.generation = 0xFF;
    assert_int_equal(virtio_pci_modern_config_generation(&transport), 0xFF);
    assert_int_equal(virtio_pci_modern_read_config(&transport, 0, mac, 6), VIRTIO_PCI_OK);
    drop_world();
}

/* ---- ISR ---- */

static void p22_the_isr_gives_both_causes_at_once_and_clears_them(void **state)
{
    (void)state;
    make_world();
    device.isr = 3;
    assert_int_equal(virtio_pci_modern_read_isr(&transport), 3);
    assert_int_equal(virtio_pci_modern_read_isr(&transport), 0);
    device.gone_after = 0;
    assert_int_equal(virtio_pci_modern_read_isr(&transport), 0xFF);
    drop_world();
}

/* ---- everything at once ---- */

/* A whole life, after which the device must have nothing to complain about; only the fields of P10 stay unwritten. */
static void p9_p10_g14_n2_a_whole_life_writes_nothing_it_must_not(void **state)
{
    static const uint32_t read_only[] = {0x04, 0x12, 0x15, 0x1E};
    struct virtio_pci_queue_setup setup;
    void *doorbell;
    uint8_t mac[6];
    uint32_t i, round;

    (void)state;
    make_world();
    for (round = 0; round < 3; round++) {
        assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
        assert_int_equal(virtio_pci_modern_read_config(&transport, 0, mac, 6), VIRTIO_PCI_OK);
        assert_int_equal(virtio_pci_modern_set_config_vector(&transport, 0), VIRTIO_PCI_OK);
        for (i = 0; i < 3; i++) {
            setup = queue_setup((uint16_t)i);
            setup.vector = (uint16_t)i;
            assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
        }
        virtio_pci_modern_driver_ok(&transport);
        virtio_pci_modern_notify(&transport, doorbell, 2);
        virtio_pci_modern_read_isr(&transport);
        assert_int_equal(virtio_pci_modern_reset(&transport, 1000), VIRTIO_PCI_OK);
    }
    for (i = 0; i < 4; i++)
        assert_int_equal(register_device_count(&device, REGION_COMMON, read_only[i], true), 0);
    for (i = 0; i < device.log_count; i++)
        assert_false(device.log[i].region == REGION_DEVICE && device.log[i].write);
    drop_world();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(p8_only_what_is_needed_is_mapped),
        cmocka_unit_test(a_structure_that_cannot_be_mapped_leaves_nothing_mapped),
        cmocka_unit_test(a_device_without_configuration_is_mapped),
        cmocka_unit_test(mapping_touches_no_register),
        cmocka_unit_test(g1_g2_status_bits_are_only_added),
        cmocka_unit_test(a_bit_of_the_device_is_not_written_back),
        cmocka_unit_test(p13_g9_a_reset_is_complete_when_status_reads_0),
        cmocka_unit_test(a_reset_that_never_ends_is_given_up_in_time),
        cmocka_unit_test(a_reset_of_a_removed_device_ends_at_once),
        cmocka_unit_test(a_reset_without_waiting_is_one_write),
        cmocka_unit_test(g13_the_steps_come_in_order),
        cmocka_unit_test(g5_a_decision_for_more_than_is_offered_is_cut),
        cmocka_unit_test(g8_g15_a_refused_device_is_failed_and_left_alone),
        cmocka_unit_test(g13_features_that_do_not_stick_fail_the_device),
        cmocka_unit_test(g3_a_failed_device_is_reset_before_the_next_attempt),
        cmocka_unit_test(p13_negotiation_waits_for_the_reset),
        cmocka_unit_test(removal_at_any_access_is_noticed),
        cmocka_unit_test(p3_fields_are_read_with_their_width),
        cmocka_unit_test(g10_a_read_is_repeated_until_the_generation_stands_still),
        cmocka_unit_test(g10_a_generation_that_never_stands_still_is_given_up),
        cmocka_unit_test(g12_a_range_outside_of_the_configuration_is_refused),
        cmocka_unit_test(the_configuration_of_a_removed_device_is_not_believed),
        cmocka_unit_test(a_generation_of_all_ones_is_legal),
        cmocka_unit_test(p22_the_isr_gives_both_causes_at_once_and_clears_them),
        cmocka_unit_test(p9_p10_g14_n2_a_whole_life_writes_nothing_it_must_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
