/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_contract.c - does a device claim contract AERO-W7-VIRTIO version 1, and does its layout keep it? */
#include "virtio_net_spec.h"
#include "virtio_pci_capabilities.h"
#include "virtio_spec.h"

#define CONTRACT_DEVICE     (VIRTIO_PCI_MODERN_BASE + VIRTIO_NET_DEVICE_TYPE)
#define CONTRACT_REVISION   0x01u
#define CONTRACT_SUBSYSTEM  0x0001u
#define CONTRACT_BAR        0u
#define CONTRACT_MULTIPLIER 4u

static virtio_u32 config_read16(const virtio_u8 *config, virtio_u32 offset)
{
    return config[offset] | ((virtio_u32)config[offset + 1] << 8);
}

static virtio_bool lies_at(const struct virtio_pci_region *region, virtio_u32 offset, virtio_u32 length)
{
    return region->present && region->bar == CONTRACT_BAR && region->offset == offset && region->length == length;
}

/* The fixed table of the contract, in its order. */
static enum virtio_contract_rule first_broken_rule(const struct virtio_pci_capabilities *capabilities)
{
    if (!lies_at(&capabilities->common, 0x0000u, 0x0100u))
        return VIRTIO_CONTRACT_COMMON_PLACE;
    if (!lies_at(&capabilities->notify, 0x1000u, 0x0100u))
        return VIRTIO_CONTRACT_NOTIFY_PLACE;
    if (!lies_at(&capabilities->isr, 0x2000u, 0x0020u))
        return VIRTIO_CONTRACT_ISR_PLACE;
    if (!lies_at(&capabilities->device, 0x3000u, 0x0100u))
        return VIRTIO_CONTRACT_DEVICE_PLACE;
    if (capabilities->notify_multiplier != CONTRACT_MULTIPLIER)
        return VIRTIO_CONTRACT_MULTIPLIER;
    return VIRTIO_CONTRACT_OK;
}

struct virtio_contract_verdict virtio_contract_judge(const virtio_u8 config[VIRTIO_PCI_CONFIG_BYTES],
                                                     const struct virtio_pci_capabilities *capabilities)
{
    struct virtio_contract_verdict verdict;
    virtio_bool identity, subsystem;

    identity = config_read16(config, PCI_CONFIG_VENDOR) == VIRTIO_PCI_VENDOR &&
               config_read16(config, PCI_CONFIG_DEVICE) == CONTRACT_DEVICE && config[PCI_CONFIG_REVISION] == CONTRACT_REVISION;
    subsystem = config_read16(config, PCI_CONFIG_SUBSYSTEM_VENDOR) == VIRTIO_PCI_VENDOR &&
                config_read16(config, PCI_CONFIG_SUBSYSTEM) == CONTRACT_SUBSYSTEM;

    verdict.broken = first_broken_rule(capabilities);
    verdict.has_layout = verdict.broken == VIRTIO_CONTRACT_OK;
    verdict.claims = identity && subsystem;
    verdict.is_contract_device = identity && (subsystem || verdict.has_layout);
    return verdict;
}
