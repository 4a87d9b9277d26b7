/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_pci_capabilities.h - finds the virtio structures in a PCI configuration space (virtio 1.x, "Virtio Structure PCI
 * Capabilities") and answers the contract questions about it. Pure arithmetic on a 256-byte copy.
 */
#ifndef VIRTIO_PCI_CAPABILITIES_H
#define VIRTIO_PCI_CAPABILITIES_H

#include "virtio_types.h"

#define VIRTIO_PCI_CONFIG_BYTES 256u

struct virtio_pci_region {
    virtio_u8 present;
    virtio_u8 bar; /* 0..5 */
    virtio_u32 offset;
    virtio_u32 length;
};

struct virtio_pci_capabilities {
    struct virtio_pci_region common, notify, isr, device;
    virtio_u32 notify_multiplier;
    virtio_u16 msix_table_size; /* entries; 0: no MSI-X capability */
    virtio_u8 msix_offset;      /* of the capability in configuration space; 0: none */
};

enum virtio_pci_capability_result {
    VIRTIO_PCI_CAPABILITIES_OK = 0,
    VIRTIO_PCI_NO_CAPABILITY_LIST, /* status bit 4 clear */
    VIRTIO_PCI_CAPABILITY_LOOP,
    VIRTIO_PCI_CAPABILITY_UNALIGNED, /* pointer not 4-byte aligned or below 0x40 */
    VIRTIO_PCI_CAPABILITY_SHORT,     /* cap_len too small for its type, or crosses the end of the space */
    VIRTIO_PCI_NO_COMMON,            /* a structure that every modern device has is missing */
    VIRTIO_PCI_NO_NOTIFY,
    VIRTIO_PCI_NO_ISR,
    VIRTIO_PCI_NO_DEVICE,         /* net devices have a device configuration */
    VIRTIO_PCI_STRUCTURE_SHORT,   /* a structure is too small to be used */
    VIRTIO_PCI_STRUCTURE_OVERFLOW /* offset + length does not fit 32 bits */
};

/* Unknown types, reserved BARs and later duplicates are skipped (P4, P5, P7); larger cap_len is accepted (P6). */
enum virtio_pci_capability_result virtio_pci_parse_capabilities(const virtio_u8 config[VIRTIO_PCI_CONFIG_BYTES],
                                                                struct virtio_pci_capabilities *capabilities);

/* ---- AERO-W7-VIRTIO contract v1 (docs/windows7-virtio-driver-contract.md) ---- */

enum virtio_contract_rule {
    VIRTIO_CONTRACT_OK = 0,
    VIRTIO_CONTRACT_COMMON_PLACE, /* a region is not where the fixed layout has it */
    VIRTIO_CONTRACT_NOTIFY_PLACE,
    VIRTIO_CONTRACT_ISR_PLACE,
    VIRTIO_CONTRACT_DEVICE_PLACE,
    VIRTIO_CONTRACT_MULTIPLIER /* notify_off_multiplier is not 4 */
};

struct virtio_contract_verdict {
    virtio_bool claims;               /* id 0x1041, revision 0x01, subsystem 1AF4:0001 */
    virtio_bool has_layout;           /* the capabilities are exactly the fixed table */
    virtio_bool is_contract_device;   /* id 0x1041, revision 0x01, and one of the two */
    enum virtio_contract_rule broken; /* first rule that the layout breaks, or OK */
};

/* The one predicate for header length, notification policy and layout enforcement. */
struct virtio_contract_verdict virtio_contract_judge(const virtio_u8 config[VIRTIO_PCI_CONFIG_BYTES],
                                                     const struct virtio_pci_capabilities *capabilities);

#endif
