/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_contract.c - who is a contract device: every combination of identity, subsystem and layout. */
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

static struct virtio_contract_verdict judge(void)
{
    struct virtio_pci_capabilities capabilities;

    assert_int_equal(virtio_pci_parse_capabilities(config.bytes, &capabilities), VIRTIO_PCI_CAPABILITIES_OK);
    return virtio_contract_judge(config.bytes, &capabilities);
}

static void a_device_that_keeps_the_contract_claims_and_has_it(void **state)
{
    struct virtio_contract_verdict verdict;

    (void)state;
    pci_config_make_contract(&config);
    verdict = judge();
    assert_true(verdict.claims);
    assert_true(verdict.has_layout);
    assert_true(verdict.is_contract_device);
    assert_int_equal(verdict.broken, VIRTIO_CONTRACT_OK);
}

static void stock_qemu_is_no_contract_device(void **state)
{
    struct virtio_contract_verdict verdict;

    (void)state;
    pci_config_make_qemu_modern(&config);
    verdict = judge();
    assert_false(verdict.claims);
    assert_false(verdict.has_layout);
    assert_false(verdict.is_contract_device);
    assert_int_equal(verdict.broken, VIRTIO_CONTRACT_COMMON_PLACE);
    pci_config_make_qemu_transitional(&config);
    verdict = judge();
    assert_false(verdict.claims);
    assert_false(verdict.is_contract_device);
}

/* One wrong byte in any part of the identity takes the claim away. */
static void every_part_of_the_identity_counts(void **state)
{
    static const uint8_t identity[] = {0x00, 0x01, 0x02, 0x03, 0x08}, subsystem[] = {0x2C, 0x2D, 0x2E, 0x2F};
    struct virtio_contract_verdict verdict;
    uint32_t i, bit;

    (void)state;
    for (bit = 0; bit < 8; bit++) {
        for (i = 0; i < sizeof identity; i++) {
            pci_config_make_contract(&config);
            config.bytes[identity[i]] ^= (uint8_t)(1u << bit);
            verdict = judge();
            assert_false(verdict.claims);
            assert_true(verdict.has_layout);
            assert_false(verdict.is_contract_device);
        }
        for (i = 0; i < sizeof subsystem; i++) {
            pci_config_make_contract(&config);
            config.bytes[subsystem[i]] ^= (uint8_t)(1u << bit);
            verdict = judge();
            assert_false(verdict.claims);
            assert_true(verdict.has_layout);
            assert_true(verdict.is_contract_device); /* by its layout */
        }
    }
}

static void every_part_of_the_layout_counts_and_is_named(void **state)
{
    static const struct {
        uint8_t at;
        uint32_t value;
        enum virtio_contract_rule broken;
    } rows[] = {
        {0x40 + 8, 0x0004, VIRTIO_CONTRACT_COMMON_PLACE},  {0x40 + 12, 0x0038, VIRTIO_CONTRACT_COMMON_PLACE},
        {0x40 + 4, 1, VIRTIO_CONTRACT_COMMON_PLACE},       {0x50 + 8, 0x1002, VIRTIO_CONTRACT_NOTIFY_PLACE},
        {0x50 + 12, 0x1000, VIRTIO_CONTRACT_NOTIFY_PLACE}, {0x50 + 4, 2, VIRTIO_CONTRACT_NOTIFY_PLACE},
        {0x64 + 8, 0x2001, VIRTIO_CONTRACT_ISR_PLACE},     {0x64 + 12, 0x0001, VIRTIO_CONTRACT_ISR_PLACE},
        {0x64 + 4, 3, VIRTIO_CONTRACT_ISR_PLACE},          {0x74 + 8, 0x3004, VIRTIO_CONTRACT_DEVICE_PLACE},
        {0x74 + 12, 0x0101, VIRTIO_CONTRACT_DEVICE_PLACE}, {0x74 + 4, 4, VIRTIO_CONTRACT_DEVICE_PLACE},
        {0x50 + 16, 2, VIRTIO_CONTRACT_MULTIPLIER},        {0x50 + 16, 0, VIRTIO_CONTRACT_MULTIPLIER},
        {0x50 + 16, 4096, VIRTIO_CONTRACT_MULTIPLIER},
    };
    struct virtio_contract_verdict verdict;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pci_config_make_contract(&config);
        pci_config_write32(&config, rows[i].at, rows[i].value);
        verdict = judge();
        assert_true(verdict.claims);
        assert_false(verdict.has_layout);
        assert_int_equal(verdict.broken, rows[i].broken);
        assert_true(verdict.is_contract_device); /* by its claim */

        /* Without the claim, the same device is a plain one. */
        config.bytes[0x2F] = 0x11;
        verdict = judge();
        assert_false(verdict.is_contract_device);
    }
}

static void the_first_broken_rule_is_named(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_write32(&config, 0x50 + 16, 2);
    pci_config_write32(&config, 0x64 + 8, 0x2004);
    assert_int_equal(judge().broken, VIRTIO_CONTRACT_ISR_PLACE);
}

/* Vectors are optional in the contract: MSI-X and unknown capabilities beside the four do not break the layout. */
static void other_capabilities_do_not_break_the_layout(void **state)
{
    (void)state;
    pci_config_make_contract(&config);
    pci_config_add_msix(&config, 0x90, 3, 2);
    assert_true(judge().has_layout);
}

/* P2: whether a device is driven at all does not depend on its revision; only the contract's special rules do. */
static void p2_other_revisions_are_plain_devices(void **state)
{
    uint32_t revision;

    (void)state;
    for (revision = 0; revision < 256; revision++) {
        pci_config_make_contract(&config);
        config.bytes[0x08] = (uint8_t)revision;
        assert_int_equal(judge().is_contract_device, revision == 1);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_that_keeps_the_contract_claims_and_has_it),
        cmocka_unit_test(stock_qemu_is_no_contract_device),
        cmocka_unit_test(every_part_of_the_identity_counts),
        cmocka_unit_test(every_part_of_the_layout_counts_and_is_named),
        cmocka_unit_test(the_first_broken_rule_is_named),
        cmocka_unit_test(other_capabilities_do_not_break_the_layout),
        cmocka_unit_test(p2_other_revisions_are_plain_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
