/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fuzz_capabilities.c - any 256 bytes as a configuration space: the walk ends, and what it accepts keeps its promises. */
#include "fuzz_target.h"

#include <stdlib.h>
#include <string.h>

#include "pci_config.h"
#include "virtio_pci_capabilities.h"

static void check_region(const struct virtio_pci_region *region, uint32_t least, uint32_t alignment)
{
    MUST(region->present == 1);
    MUST(region->bar <= 5);
    MUST(region->length >= least);
    MUST((uint64_t)region->offset + region->length <= 0xFFFFFFFFull);
    MUST(region->offset % alignment == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct virtio_pci_capabilities found;
    struct virtio_contract_verdict verdict;
    uint8_t *config = calloc(1, PCI_CONFIG_BYTES); /* on the heap: one byte more is noticed */

    MUST(config);
    memcpy(config, input, length < PCI_CONFIG_BYTES ? length : PCI_CONFIG_BYTES);
    if (virtio_pci_parse_capabilities(config, &found) == VIRTIO_PCI_CAPABILITIES_OK) {
        check_region(&found.common, 0x38, 4);
        check_region(&found.notify, 2, 2);
        check_region(&found.isr, 1, 1);
        check_region(&found.device, 1, 4);
        MUST(found.msix_table_size <= 0x800);
        MUST((found.msix_offset == 0) == (found.msix_table_size == 0));
        verdict = virtio_contract_judge(config, &found);
        MUST(verdict.has_layout == (verdict.broken == VIRTIO_CONTRACT_OK));
        MUST(!verdict.is_contract_device || verdict.claims || verdict.has_layout);
        MUST(!verdict.claims || verdict.is_contract_device);
    }
    free(config);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    struct pci_config config;

    switch (index) {
    case 0:
        pci_config_make_contract(&config);
        break;
    case 1:
        pci_config_make_qemu_modern(&config);
        break;
    case 2:
        pci_config_make_qemu_transitional(&config);
        break;
    case 3:
        pci_config_make_contract(&config);
        pci_config_add_msix(&config, 0x90, 3, 2);
        pci_config_add_structure(&config, 0xA0, 1, 3, 0x4000, 0x200, 0);
        break;
    default:
        return 0;
    }
    memcpy(bytes, config.bytes, PCI_CONFIG_BYTES);
    return PCI_CONFIG_BYTES;
}
