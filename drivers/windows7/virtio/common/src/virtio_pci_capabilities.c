/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_pci_capabilities.c - walks the capability list of a configuration space and keeps the first usable instance of each structure. */
#include "virtio_pci_capabilities.h"
#include "virtio_memory.h"
#include "virtio_spec.h"

/* Four structure types, 1..4; index 0 is unused. */
#define STRUCTURE_TYPES (VIRTIO_PCI_TYPE_DEVICE + 1u)

/* What a structure must be like to be used, and what its absence is called. */
struct structure_rule {
    virtio_u8 capability_bytes; /* least cap_len */
    virtio_u8 least_bytes;      /* least length of the structure (G12: never a most) */
    virtio_u8 offset_alignment; /* its registers' widest access, at most 4 (P3) */
    enum virtio_pci_capability_result missing;
};

static const struct structure_rule structure_rules[STRUCTURE_TYPES] = {
    {0, 0, 0, VIRTIO_PCI_CAPABILITIES_OK},
    {VIRTIO_PCI_CAPABILITY_BYTES, VIRTIO_COMMON_BYTES, 4, VIRTIO_PCI_NO_COMMON},
    {VIRTIO_PCI_NOTIFY_CAPABILITY_BYTES, 2, 2, VIRTIO_PCI_NO_NOTIFY},
    {VIRTIO_PCI_CAPABILITY_BYTES, 1, 1, VIRTIO_PCI_NO_ISR},
    {VIRTIO_PCI_CAPABILITY_BYTES, 1, 4, VIRTIO_PCI_NO_DEVICE},
};

/* ---- bytes of the configuration space ---- */

static virtio_u16 config_read16(const virtio_u8 *config, virtio_u32 offset)
{
    return (virtio_u16)(config[offset] | ((virtio_u32)config[offset + 1] << 8));
}

static virtio_u32 config_read32(const virtio_u8 *config, virtio_u32 offset)
{
    return config_read16(config, offset) | ((virtio_u32)config_read16(config, offset + 2) << 16);
}

/* ---- one capability ---- */

static struct virtio_pci_region *region_of(struct virtio_pci_capabilities *capabilities, virtio_u32 type)
{
    switch (type) {
    case VIRTIO_PCI_TYPE_COMMON:
        return &capabilities->common;
    case VIRTIO_PCI_TYPE_NOTIFY:
        return &capabilities->notify;
    case VIRTIO_PCI_TYPE_ISR:
        return &capabilities->isr;
    default:
        return &capabilities->device;
    }
}

/*
 * Looks at the vendor capability at `at`. One that cannot be used is skipped, because a later one of its type may be usable (P5); why is
 * noted in `rejected` for the case that none follows. Only a capability that lies about its own length is an error at once.
 */
static enum virtio_pci_capability_result take_structure(const virtio_u8 *config, virtio_u32 at,
                                                        struct virtio_pci_capabilities *capabilities,
                                                        enum virtio_pci_capability_result *rejected)
{
    virtio_u32 type = config[at + VIRTIO_PCI_CAPABILITY_TYPE];
    virtio_u32 capability_bytes = config[at + VIRTIO_PCI_CAPABILITY_LENGTH];
    const struct structure_rule *rule;
    struct virtio_pci_region *region;
    virtio_u32 bar, offset, length;

    /* Reserved types are ignored (P4). The PCI_CFG window is another way to the same registers: not used. */
    if (type < VIRTIO_PCI_TYPE_COMMON || type > VIRTIO_PCI_TYPE_DEVICE)
        return VIRTIO_PCI_CAPABILITIES_OK;
    region = region_of(capabilities, type);
    if (region->present)
        return VIRTIO_PCI_CAPABILITIES_OK;

    rule = &structure_rules[type];
    if (capability_bytes < rule->capability_bytes || capability_bytes > VIRTIO_PCI_CONFIG_BYTES - at)
        return VIRTIO_PCI_CAPABILITY_SHORT;

    /* Reserved BAR numbers (P7), and BARs in I/O space, which this transport does not drive. */
    bar = config[at + VIRTIO_PCI_CAPABILITY_BAR];
    if (bar >= PCI_BAR_COUNT || (config[PCI_CONFIG_BAR0 + 4 * bar] & PCI_BAR_IO) != 0)
        return VIRTIO_PCI_CAPABILITIES_OK;

    offset = config_read32(config, at + VIRTIO_PCI_CAPABILITY_OFFSET);
    length = config_read32(config, at + VIRTIO_PCI_CAPABILITY_SIZE);
    if (length < rule->least_bytes) {
        rejected[type] = VIRTIO_PCI_STRUCTURE_SHORT;
        return VIRTIO_PCI_CAPABILITIES_OK;
    }
    if (offset > 0xFFFFFFFFu - length) {
        rejected[type] = VIRTIO_PCI_STRUCTURE_OVERFLOW;
        return VIRTIO_PCI_CAPABILITIES_OK;
    }
    if (offset % rule->offset_alignment != 0)
        return VIRTIO_PCI_CAPABILITIES_OK;

    region->present = 1;
    region->bar = (virtio_u8)bar;
    region->offset = offset;
    region->length = length;
    if (type == VIRTIO_PCI_TYPE_NOTIFY)
        capabilities->notify_multiplier = config_read32(config, at + VIRTIO_PCI_CAPABILITY_MULTIPLIER);
    return VIRTIO_PCI_CAPABILITIES_OK;
}

static enum virtio_pci_capability_result take_msix(const virtio_u8 *config, virtio_u32 at, struct virtio_pci_capabilities *capabilities)
{
    if (capabilities->msix_offset != 0)
        return VIRTIO_PCI_CAPABILITIES_OK;
    if (at > VIRTIO_PCI_CONFIG_BYTES - PCI_MSIX_BYTES)
        return VIRTIO_PCI_CAPABILITY_SHORT;
    capabilities->msix_offset = (virtio_u8)at;
    /* P18: every size from 1 to 0x800 entries. */
    capabilities->msix_table_size = (virtio_u16)((config_read16(config, at + PCI_MSIX_CONTROL) & PCI_MSIX_CONTROL_SIZE_MASK) + 1u);
    return VIRTIO_PCI_CAPABILITIES_OK;
}

/* ---- the list ---- */

enum virtio_pci_capability_result virtio_pci_parse_capabilities(const virtio_u8 config[VIRTIO_PCI_CONFIG_BYTES],
                                                                struct virtio_pci_capabilities *capabilities)
{
    enum virtio_pci_capability_result rejected[STRUCTURE_TYPES];
    enum virtio_pci_capability_result result;
    virtio_u8 visited[VIRTIO_PCI_CONFIG_BYTES / 4];
    virtio_u32 at, type;

    virtio_memory_zero(capabilities, (virtio_u32)sizeof *capabilities);
    virtio_memory_zero(visited, (virtio_u32)sizeof visited);
    for (type = 0; type < STRUCTURE_TYPES; type++)
        rejected[type] = VIRTIO_PCI_CAPABILITIES_OK;

    if ((config_read16(config, PCI_CONFIG_STATUS) & PCI_STATUS_CAPABILITY_LIST) == 0)
        return VIRTIO_PCI_NO_CAPABILITY_LIST;

    /* Every step marks a new place, so the walk ends after at most 48. */
    for (at = config[PCI_CONFIG_CAPABILITIES]; at != 0; at = config[at + PCI_CAPABILITY_NEXT]) {
        if (at % 4 != 0 || at < PCI_CONFIG_HEADER_BYTES)
            return VIRTIO_PCI_CAPABILITY_UNALIGNED;
        if (visited[at / 4])
            return VIRTIO_PCI_CAPABILITY_LOOP;
        visited[at / 4] = 1;

        result = VIRTIO_PCI_CAPABILITIES_OK;
        if (config[at] == PCI_CAPABILITY_VENDOR)
            result = take_structure(config, at, capabilities, rejected);
        else if (config[at] == PCI_CAPABILITY_MSIX)
            result = take_msix(config, at, capabilities);
        if (result != VIRTIO_PCI_CAPABILITIES_OK)
            return result;
    }

    for (type = VIRTIO_PCI_TYPE_COMMON; type < STRUCTURE_TYPES; type++) {
        if (region_of(capabilities, type)->present)
            continue;
        return rejected[type] != VIRTIO_PCI_CAPABILITIES_OK ? rejected[type] : structure_rules[type].missing;
    }
    return VIRTIO_PCI_CAPABILITIES_OK;
}
