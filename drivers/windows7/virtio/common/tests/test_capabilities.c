/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_capabilities.c - finding the virtio structures in configuration spaces: real, unusual, and broken ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "pci_config.h"
#include "virtio_pci_capabilities.h"

static struct pci_config config;
static struct virtio_pci_capabilities found;

static void expect(enum virtio_pci_capability_result result)
{
    assert_int_equal(virtio_pci_parse_capabilities(config.bytes, &found), result);
}

static void expect_region(const struct virtio_pci_region *region, uint8_t bar, uint32_t offset, uint32_t length)
{
    assert_int_equal(region->present, 1);
    assert_int_equal(region->bar, bar);
    assert_int_equal(region->offset, offset);
    assert_int_equal(region->length, length);
}

/* ---- real devices ---- */

static void the_contract_layout_is_found(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    expect_region(&found.common, 0, 0x0000, 0x0100);
    expect_region(&found.notify, 0, 0x1000, 0x0100);
    expect_region(&found.isr, 0, 0x2000, 0x0020);
    expect_region(&found.device, 0, 0x3000, 0x0100);
    assert_int_equal(found.notify_multiplier, 4);
    assert_int_equal(found.msix_table_size, 0);
    assert_int_equal(found.msix_offset, 0);
}

static void p1_both_kinds_of_qemu_device_are_found(void **state)
{
    uint32_t kind;

    (void)state;
    for (kind = 0; kind < 2; kind++) {
        if (kind == 0)
            pci_config_make_qemu_modern(&config);
        else
            pci_config_make_qemu_transitional(&config);
        expect(VIRTIO_PCI_CAPABILITIES_OK);
        expect_region(&found.common, 4, 0x0000, 0x1000);
        expect_region(&found.isr, 4, 0x1000, 0x1000);
        expect_region(&found.device, 4, 0x2000, 0x1000);
        expect_region(&found.notify, 4, 0x3000, 0x1000);
        assert_int_equal(found.notify_multiplier, 4);
        assert_int_equal(found.msix_table_size, 4);
        assert_int_equal(found.msix_offset, 0x98);
    }
}

static void p8_a_page_per_queue_is_found(void **state)
{
    (void)state;
    pci_config_make_qemu_modern(&config);
    pci_config_write32(&config, 0x70 + 12, 0x400000);
    pci_config_write32(&config, 0x70 + 16, 0x1000);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    assert_int_equal(found.notify.length, 0x400000);
    assert_int_equal(found.notify_multiplier, 0x1000);
}

static void p18_every_size_of_a_vector_table_is_read(void **state)
{
    static const uint16_t sizes[] = {1, 2, 3, 4, 255, 256, 257, 0x7FF, 0x800};
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        pci_config_make_contract(&config);
        pci_config_add_msix(&config, 0x90, sizes[i], 1);
        config.bytes[0x93] |= 0xC0; /* enabled and masked: not part of the size */
        expect(VIRTIO_PCI_CAPABILITIES_OK);
        assert_int_equal(found.msix_table_size, sizes[i]);
        assert_int_equal(found.msix_offset, 0x90);
    }
}

/* ---- what must be ignored ---- */

static void p4_p16_p17_other_types_are_ignored_whatever_they_hold(void **state)
{
    uint8_t body[16];
    uint32_t type;

    (void)state;
    for (type = 0; type < 256; type++) {
        if (type >= 1 && type <= 4)
            continue;
        pci_config_make_contract(&config);
        memset(body, 0xFF, sizeof body);
        body[2] = (uint8_t)(type * 7); /* any length */
        body[3] = (uint8_t)type;
        pci_config_add_capability(&config, 0xFC, 0x09, body, 4);
        expect(VIRTIO_PCI_CAPABILITIES_OK);
        expect_region(&found.common, 0, 0x0000, 0x0100);
    }
}

static void p7_reserved_bars_are_ignored(void **state)
{
    uint32_t bar;

    (void)state;
    for (bar = 6; bar < 256; bar++) {
        pci_config_make(&config, 0x1041, 1, 1);
        pci_config_add_structure(&config, 0xA0, 1, (uint8_t)bar, 0, 0x100, 0);
        pci_config_add_structure(&config, 0x40, 1, 2, 0x0000, 0x0100, 0);
        pci_config_add_structure(&config, 0x50, 2, 3, 0x1000, 0x0100, 4);
        pci_config_add_structure(&config, 0x64, 3, 5, 0x2000, 0x0020, 0);
        pci_config_add_structure(&config, 0x74, 4, 0, 0x3000, 0x0100, 0);
        expect(VIRTIO_PCI_CAPABILITIES_OK);
        expect_region(&found.common, 2, 0x0000, 0x0100);
        expect_region(&found.isr, 5, 0x2000, 0x0020);
        config.bytes[0x44] = (uint8_t)bar;
        expect(VIRTIO_PCI_NO_COMMON);
    }
}

static void p5_the_first_usable_instance_is_taken(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_add_structure(&config, 0x90, 1, 3, 0x4000, 0x0200, 0);
    pci_config_add_structure(&config, 0xA0, 2, 3, 0x5000, 0x0200, 8);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    expect_region(&found.common, 0, 0x0000, 0x0100);
    expect_region(&found.notify, 0, 0x1000, 0x0100);
    assert_int_equal(found.notify_multiplier, 4);
}

/* A later duplicate is not even looked at. */
static void p5_a_broken_duplicate_does_no_harm(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_add_structure(&config, 0x90, 1, 9, 0xFFFFFFFF, 0xFFFFFFFF, 0);
    config.bytes[0x92] = 1;
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    expect_region(&found.common, 0, 0x0000, 0x0100);
}

static void p5_an_unusable_instance_is_passed_over_for_a_later_one(void **state)
{
    (void)state;
    /* Doorbells in I/O space come first when QEMU has modern-pio-notify=on. */
    pci_config_make(&config, 0x1041, 1, 0x1100);
    pci_config_write32(&config, 0x18, 0x0000C001);
    pci_config_add_structure(&config, 0xA0, 2, 2, 0, 4, 0);
    pci_config_add_structure(&config, 0x90, 1, 4, 0x0000, 0x37, 0);      /* too short */
    pci_config_add_structure(&config, 0xB4, 4, 4, 0xFFFFFFF8, 8 + 4, 0); /* overflows */
    pci_config_add_structure(&config, 0xC4, 1, 4, 0x0002, 0x100, 0);     /* its registers would not be aligned */
    pci_config_add_structure(&config, 0x40, 1, 4, 0x0000, 0x0100, 0);
    pci_config_add_structure(&config, 0x50, 2, 4, 0x1000, 0x0100, 4);
    pci_config_add_structure(&config, 0x64, 3, 4, 0x2001, 0x0001, 0);
    pci_config_add_structure(&config, 0x74, 4, 4, 0x3000, 0x0100, 0);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    expect_region(&found.common, 4, 0x0000, 0x0100);
    expect_region(&found.notify, 4, 0x1000, 0x0100);
    expect_region(&found.isr, 4, 0x2001, 0x0001);
    expect_region(&found.device, 4, 0x3000, 0x0100);
}

static void p6_a_larger_capability_is_accepted(void **state)
{
    (void)state;
    pci_config_make(&config, 0x1041, 1, 1);
    pci_config_add_structure(&config, 0x40, 1, 0, 0x0000, 0x0100, 0);
    pci_config_add_structure(&config, 0x60, 2, 0, 0x1000, 0x0100, 4);
    pci_config_add_structure(&config, 0x80, 3, 0, 0x2000, 0x0020, 0);
    pci_config_add_structure(&config, 0xE0, 4, 0, 0x3000, 0x0100, 0);
    config.bytes[0x42] = 32;
    config.bytes[0x62] = 24;
    config.bytes[0x82] = 64;
    config.bytes[0xE2] = 32; /* up to the last byte */
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    config.bytes[0xE2] = 33;
    expect(VIRTIO_PCI_CAPABILITY_SHORT);
}

static void g12_larger_structures_are_accepted(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_write32(&config, 0x40 + 12, 0xFFFFFFFF);
    pci_config_write32(&config, 0x74 + 12, 0x80000000);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    assert_int_equal(found.common.length, 0xFFFFFFFF);
}

static void other_capabilities_are_ignored(void **state)
{
    static const uint8_t power[8] = {0}, express[4] = {0};

    (void)state;
    pci_config_make_contract(&config);
    pci_config_add_capability(&config, 0xA0, 0x01, power, 8);
    pci_config_add_capability(&config, 0xFC, 0x10, express, 4);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
}

/* ---- what is refused ---- */

static void without_a_list_there_is_nothing(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    config.bytes[0x06] = 0;
    expect(VIRTIO_PCI_NO_CAPABILITY_LIST);
    memset(config.bytes, 0, sizeof config.bytes);
    expect(VIRTIO_PCI_NO_CAPABILITY_LIST);
}

static void a_removed_device_is_refused(void **state)
{
    (void)state;
    memset(config.bytes, 0xFF, sizeof config.bytes);
    expect(VIRTIO_PCI_CAPABILITY_UNALIGNED);
}

static void a_loop_is_found(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    config.bytes[0x75] = 0x74; /* on itself */
    expect(VIRTIO_PCI_CAPABILITY_LOOP);
    config.bytes[0x75] = 0x40; /* on the first */
    expect(VIRTIO_PCI_CAPABILITY_LOOP);
}

/* Every place in the list, one after the other, and back to the first. */
static void the_longest_list_ends(void **state)
{
    uint32_t at;

    (void)state;
    memset(&config, 0, sizeof config);
    config.bytes[0x06] = 0x10;
    config.bytes[0x34] = 0x40;
    for (at = 0x40; at < 0x100; at += 4) {
        config.bytes[at] = 0x09;
        config.bytes[at + 1] = (uint8_t)(at + 4); /* the last: 0 */
    }
    expect(VIRTIO_PCI_NO_COMMON);
    config.bytes[0xFD] = 0x40;
    expect(VIRTIO_PCI_CAPABILITY_LOOP);
}

static void pointers_off_their_grid_are_refused(void **state)
{
    uint32_t pointer;

    (void)state;
    for (pointer = 1; pointer < 256; pointer++) {
        if (pointer % 4 == 0 && pointer >= 0x40)
            continue;
        pci_config_make_contract(&config);
        config.bytes[0x34] = (uint8_t)pointer;
        expect(VIRTIO_PCI_CAPABILITY_UNALIGNED);
        pci_config_make_contract(&config);
        config.bytes[0x65] = (uint8_t)pointer;
        expect(VIRTIO_PCI_CAPABILITY_UNALIGNED);
    }
}

static void short_capabilities_are_refused(void **state)
{
    static const uint8_t places[4] = {0x40, 0x50, 0x64, 0x74};
    uint32_t i, length;

    (void)state;
    for (i = 0; i < 4; i++) {
        for (length = 0; length < 256; length++) {
            pci_config_make_contract(&config);
            config.bytes[places[i] + 2] = (uint8_t)length;
            if (length < (i == 1 ? 20u : 16u) || length > 256u - places[i])
                expect(VIRTIO_PCI_CAPABILITY_SHORT);
            else
                expect(VIRTIO_PCI_CAPABILITIES_OK);
        }
    }
}

static void a_capability_across_the_end_is_refused(void **state)
{
    uint8_t body[4] = {0x09, 0, 16, 1};
    uint32_t at;

    (void)state;
    for (at = 0xF4; at <= 0xFC; at += 4) {
        pci_config_make(&config, 0x1041, 1, 1);
        body[2] = 16;
        pci_config_add_capability(&config, (uint8_t)at, 0x09, body, 4);
        expect(VIRTIO_PCI_CAPABILITY_SHORT);
    }
    pci_config_make_contract(&config);
    pci_config_add_capability(&config, 0xF8, 0x11, body, 4);
    expect(VIRTIO_PCI_CAPABILITY_SHORT);
    pci_config_make_contract(&config);
    pci_config_add_msix(&config, 0xF4, 2, 1);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
}

/* A list that ends after 0, 1, 2 or 3 structures says which is missing first. */
static void every_truncation_of_the_list_names_what_is_missing(void **state)
{
    static const uint8_t links[4] = {0x34, 0x41, 0x51, 0x65};
    static const enum virtio_pci_capability_result results[4] = {VIRTIO_PCI_NO_COMMON, VIRTIO_PCI_NO_NOTIFY, VIRTIO_PCI_NO_ISR,
                                                                 VIRTIO_PCI_NO_DEVICE};
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        pci_config_make_contract(&config);
        config.bytes[links[i]] = 0;
        expect(results[i]);
    }
}

/* Bytes from `end` on read 0, as from a device that answers only a part of its space. */
static void every_truncation_of_the_space_is_survived(void **state)
{
    uint32_t end, kind;

    (void)state;
    for (kind = 0; kind < 3; kind++) {
        for (end = 0; end <= 256; end++) {
            enum virtio_pci_capability_result result;

            if (kind == 0)
                pci_config_make_contract(&config);
            else if (kind == 1)
                pci_config_make_qemu_modern(&config);
            else
                pci_config_make_qemu_transitional(&config);
            memset(config.bytes + end, 0, 256 - end);
            result = virtio_pci_parse_capabilities(config.bytes, &found);
            if (end <= 0x40)
                assert_int_not_equal(result, VIRTIO_PCI_CAPABILITIES_OK);
            if (end >= 0xA4)
                assert_int_equal(result, VIRTIO_PCI_CAPABILITIES_OK);
        }
    }
}

static void structures_too_small_to_use_are_named(void **state)
{
    static const struct {
        uint8_t place;
        uint32_t least;
    } rows[] = {{0x40, 0x38}, {0x50, 2}, {0x64, 1}, {0x74, 1}};
    uint32_t i, length;

    (void)state;
    for (i = 0; i < 4; i++) {
        for (length = 0; length <= rows[i].least; length++) {
            pci_config_make_contract(&config);
            pci_config_write32(&config, (uint8_t)(rows[i].place + 12), length);
            expect(length < rows[i].least ? VIRTIO_PCI_STRUCTURE_SHORT : VIRTIO_PCI_CAPABILITIES_OK);
        }
    }
}

static void structures_that_overflow_are_named(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_write32(&config, 0x50 + 8, 0xFFFFFFF0);
    pci_config_write32(&config, 0x50 + 12, 0x0F);
    expect(VIRTIO_PCI_CAPABILITIES_OK);
    pci_config_write32(&config, 0x50 + 12, 0x10);
    expect(VIRTIO_PCI_STRUCTURE_OVERFLOW);
    pci_config_write32(&config, 0x50 + 12, 0xFFFFFFFF);
    expect(VIRTIO_PCI_STRUCTURE_OVERFLOW);
}

/* ---- robustness ---- */

/* What an accepted space must keep, whatever its bytes are. */
static void check_what_was_accepted(void)
{
    const struct virtio_pci_region *regions[4] = {&found.common, &found.notify, &found.isr, &found.device};
    uint32_t i;

    for (i = 0; i < 4; i++) {
        assert_int_equal(regions[i]->present, 1);
        assert_true(regions[i]->bar <= 5);
        assert_true(regions[i]->length >= 1);
        assert_true((uint64_t)regions[i]->offset + regions[i]->length <= 0xFFFFFFFFull);
    }
    assert_true(found.common.length >= 0x38);
    assert_true(found.msix_table_size <= 0x800);
    assert_true((found.msix_table_size == 0) == (found.msix_offset == 0));
}

static void every_flipped_bit_is_survived(void **state)
{
    struct pci_config original;
    uint32_t first, second, kind;

    (void)state;
    for (kind = 0; kind < 2; kind++) {
        if (kind == 0)
            pci_config_make_contract(&original);
        else
            pci_config_make_qemu_modern(&original);
        for (first = 0; first < 2048; first++) {
            for (second = first; second < 2048; second += 13) {
                config = original;
                config.bytes[first / 8] ^= (uint8_t)(1u << (first % 8));
                if (second != first)
                    config.bytes[second / 8] ^= (uint8_t)(1u << (second % 8));
                if (virtio_pci_parse_capabilities(config.bytes, &found) == VIRTIO_PCI_CAPABILITIES_OK)
                    check_what_was_accepted();
            }
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_contract_layout_is_found),
        cmocka_unit_test(p1_both_kinds_of_qemu_device_are_found),
        cmocka_unit_test(p8_a_page_per_queue_is_found),
        cmocka_unit_test(p18_every_size_of_a_vector_table_is_read),
        cmocka_unit_test(p4_p16_p17_other_types_are_ignored_whatever_they_hold),
        cmocka_unit_test(p7_reserved_bars_are_ignored),
        cmocka_unit_test(p5_the_first_usable_instance_is_taken),
        cmocka_unit_test(p5_a_broken_duplicate_does_no_harm),
        cmocka_unit_test(p5_an_unusable_instance_is_passed_over_for_a_later_one),
        cmocka_unit_test(p6_a_larger_capability_is_accepted),
        cmocka_unit_test(g12_larger_structures_are_accepted),
        cmocka_unit_test(other_capabilities_are_ignored),
        cmocka_unit_test(without_a_list_there_is_nothing),
        cmocka_unit_test(a_removed_device_is_refused),
        cmocka_unit_test(a_loop_is_found),
        cmocka_unit_test(the_longest_list_ends),
        cmocka_unit_test(pointers_off_their_grid_are_refused),
        cmocka_unit_test(short_capabilities_are_refused),
        cmocka_unit_test(a_capability_across_the_end_is_refused),
        cmocka_unit_test(every_truncation_of_the_list_names_what_is_missing),
        cmocka_unit_test(every_truncation_of_the_space_is_survived),
        cmocka_unit_test(structures_too_small_to_use_are_named),
        cmocka_unit_test(structures_that_overflow_are_named),
        cmocka_unit_test(every_flipped_bit_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
