/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_transport_queues.c - how the modern transport sets queues up: sizes, addresses, doorbells, vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "transport_world.h"

/* ---- queues ---- */

static void queue_sizes_are_read_and_checked(void **state)
{
    static const struct {
        uint16_t offered;
        enum virtio_pci_result result;
    } rows[] = {
        {0, VIRTIO_PCI_QUEUE_ABSENT},  {1, VIRTIO_PCI_OK},          {2, VIRTIO_PCI_OK},
        {256, VIRTIO_PCI_OK},          {1024, VIRTIO_PCI_OK},       {32768, VIRTIO_PCI_OK},
        {3, VIRTIO_PCI_QUEUE_BAD},     {255, VIRTIO_PCI_QUEUE_BAD}, {257, VIRTIO_PCI_QUEUE_BAD},
        {65535, VIRTIO_PCI_QUEUE_BAD},
    };
    uint32_t i;
    virtio_u16 size;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        register_device_make(&device);
        device.queues[2].size_offered = device.queues[2].size = rows[i].offered;
        make_world_with(4);
        assert_int_equal(virtio_pci_modern_queue_size(&transport, 2, &size), rows[i].result);
        assert_int_equal(size, rows[i].result == VIRTIO_PCI_OK ? rows[i].offered : 0);
        drop_world();
    }
    make_world();
    assert_int_equal(virtio_pci_modern_queue_count(&transport), 3);
    assert_int_equal(virtio_pci_modern_queue_size(&transport, 3, &size), VIRTIO_PCI_QUEUE_ABSENT);
    drop_world();
}

static void p12_all_fields_are_written_before_the_queue_is_enabled(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(1);
    void *doorbell;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    register_device_forget(&device);
    setup.size = 64;
    setup.vector = 3;
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    assert_int_equal(device.queues[1].size, 64);
    assert_int_equal(device.queues[1].vector, 3);
    assert_true(device.queues[1].descriptors == setup.descriptors);
    assert_true(device.queues[1].available == setup.available);
    assert_true(device.queues[1].used == setup.used);
    assert_int_equal(device.queues[1].enable, 1);
    assert_int_equal(device.log[device.log_count - 1].offset, 0x1C);
    assert_int_equal(register_device_count(&device, REGION_COMMON, 0x1C, true), 1);
    assert_int_equal(virtio_pci_modern_queue_vector(&transport, 1), 3);
    assert_int_equal(virtio_pci_modern_queue_vector(&transport, 0), MSI_NO_VECTOR);
    drop_world();
}

static void p3_addresses_are_written_as_two_halves(void **state)
{
    static const uint32_t offsets[] = {0x20, 0x24, 0x28, 0x2C, 0x30, 0x34};
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell;
    uint32_t i, first;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    register_device_forget(&device);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    first = device.log_count - 1 - 6;
    for (i = 0; i < 6; i++) {
        assert_int_equal(device.log[first + i].offset, offsets[i]);
        assert_int_equal(device.log[first + i].width, 4);
    }
    drop_world();
}

static void p11_bad_sizes_are_never_written(void **state)
{
    static const uint16_t sizes[] = {0, 3, 255, 257, 512, 65535};
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell = &device;
    uint32_t i;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    register_device_forget(&device);
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        setup.size = sizes[i];
        assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_QUEUE_BAD);
        assert_null(doorbell);
    }
    assert_int_equal(register_device_count(&device, REGION_COMMON, 0x18, true), 0);
    assert_int_equal(register_device_count(&device, REGION_COMMON, 0x1C, true), 0);
    drop_world();
}

static void a_size_that_the_device_does_not_take_is_noticed(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell;

    (void)state;
    make_world();
    device.size_is_fixed = true;
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    setup.size = 128;
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_QUEUE_BAD);
    assert_int_equal(device.queues[0].enable, 0);
    setup.size = 256;
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    drop_world();
}

static void an_absent_queue_is_not_set_up(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(3);
    void *doorbell;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_QUEUE_ABSENT);
    drop_world();
}

/* ---- doorbells ---- */

static void doorbells_lie_inside_the_notify_structure_or_nowhere(void **state)
{
    static const struct {
        uint32_t length, multiplier;
        uint16_t notify_off;
        bool good;
        uint32_t offset;
    } rows[] = {
        {0x1000, 4, 1, true, 4},
        {0x1000, 4, 0x3FF, true, 0xFFC},
        {0x1000, 4, 0x400, false, 0},
        {0x1000, 0, 0xFFFF, true, 0}, /* one doorbell for all */
        {0x400000, 4096, 1023, true, 1023 * 4096},
        {0x400000, 4096, 1024, false, 0},
        {0x1000, 0xFFFFFFFF, 0xFFFF, false, 0}, /* 48 bits */
        {0x1000, 0x80000000, 2, false, 0},      /* 0 in 32 bits */
        {0x1000, 0x10000, 0xFFFF, false, 0},
        {0x1000, 0x55555556, 3, false, 0}, /* 2 in 32 bits */
        {2, 2, 0, true, 0},
        {3, 2, 1, false, 0},
        {4, 2, 1, true, 2},
        {0x1000, 1, 1, false, 0}, /* odd */
        {0x1000, 1, 2, true, 2},
    };
    struct virtio_pci_queue_setup setup = queue_setup(1);
    void *doorbell;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        register_device_make(&device);
        device.region_length[REGION_NOTIFY] = rows[i].length;
        device.queues[1].notify_off = rows[i].notify_off;
        make_world_with(rows[i].multiplier);
        assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
        if (rows[i].good) {
            assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
            virtio_pci_modern_driver_ok(&transport);
            virtio_pci_modern_notify(&transport, doorbell, 1);
            assert_int_equal(device.doorbell_count, 1);
            assert_int_equal(device.doorbell_offset, rows[i].offset);
        } else {
            assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_QUEUE_BAD);
            assert_null(doorbell);
            assert_int_equal(device.queues[1].enable, 0);
        }
        drop_world();
    }
}

static void p21_a_notification_is_one_16_bit_write_of_the_queue_index(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(2);
    void *doorbell;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    virtio_pci_modern_driver_ok(&transport);
    register_device_forget(&device);
    virtio_pci_modern_notify(&transport, doorbell, 2);
    assert_int_equal(device.log_count, 1);
    assert_int_equal(device.log[0].region, REGION_NOTIFY);
    assert_int_equal(device.log[0].width, 2);
    assert_int_equal(device.log[0].offset, 8);
    assert_int_equal(device.log[0].value, 2);
    drop_world();
}

static void g16_no_notification_leaves_before_driver_ok(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    virtio_pci_modern_notify(&transport, doorbell, 0);
    assert_int_equal(device.doorbell_count, 0);
    virtio_pci_modern_driver_ok(&transport);
    virtio_pci_modern_notify(&transport, doorbell, 0);
    assert_int_equal(device.doorbell_count, 1);
    virtio_pci_modern_reset_no_wait(&transport);
    virtio_pci_modern_notify(&transport, doorbell, 0);
    assert_int_equal(device.doorbell_count, 1);
    drop_world();
}

/* ---- vectors ---- */

static void p19_p20_every_vector_is_read_back(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell;

    (void)state;
    make_world();
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_set_config_vector(&transport, 0), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_config_vector(&transport), 0);
    assert_int_equal(virtio_pci_modern_set_config_vector(&transport, 4), VIRTIO_PCI_VECTOR_REFUSED);
    setup.vector = 4;
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_VECTOR_REFUSED);
    assert_null(doorbell);
    assert_int_equal(device.queues[0].enable, 0);
    /* With fewer vectors it goes. */
    setup.vector = 0;
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    drop_world();
}

static void no_vector_is_never_refused(void **state)
{
    struct virtio_pci_queue_setup setup = queue_setup(0);
    void *doorbell;

    (void)state;
    make_world();
    device.vectors = 0;
    assert_int_equal(negotiate(NULL), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_set_config_vector(&transport, MSI_NO_VECTOR), VIRTIO_PCI_OK);
    assert_int_equal(virtio_pci_modern_setup_queue(&transport, &setup, &doorbell), VIRTIO_PCI_OK);
    drop_world();
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_sizes_are_read_and_checked),
        cmocka_unit_test(p12_all_fields_are_written_before_the_queue_is_enabled),
        cmocka_unit_test(p3_addresses_are_written_as_two_halves),
        cmocka_unit_test(p11_bad_sizes_are_never_written),
        cmocka_unit_test(a_size_that_the_device_does_not_take_is_noticed),
        cmocka_unit_test(an_absent_queue_is_not_set_up),
        cmocka_unit_test(doorbells_lie_inside_the_notify_structure_or_nowhere),
        cmocka_unit_test(p21_a_notification_is_one_16_bit_write_of_the_queue_index),
        cmocka_unit_test(g16_no_notification_leaves_before_driver_ok),
        cmocka_unit_test(p19_p20_every_vector_is_read_back),
        cmocka_unit_test(no_vector_is_never_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
