/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pci_config.h - builds configuration spaces for tests: an identity, BARs, and capabilities linked in the order in which they are added. */
#ifndef PCI_CONFIG_H
#define PCI_CONFIG_H

#include <stdint.h>

#define PCI_CONFIG_BYTES 256

struct pci_config {
    uint8_t bytes[PCI_CONFIG_BYTES];
    uint8_t link; /* where the pointer to the next capability goes */
};

/* A header with a capability list that is still empty. */
void pci_config_make(struct pci_config *config, uint16_t device, uint8_t revision, uint16_t subsystem);
/* Links `length` bytes at `at` (the first two, id and next, are filled in). */
void pci_config_add_capability(struct pci_config *config, uint8_t at, uint8_t id, const uint8_t *body, uint8_t length);
/* A virtio structure: 16 bytes, or 20 with the multiplier for type 2. */
void pci_config_add_structure(struct pci_config *config, uint8_t at, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length,
                              uint32_t multiplier);
void pci_config_add_msix(struct pci_config *config, uint8_t at, uint16_t entries, uint8_t table_bar);

void pci_config_write32(struct pci_config *config, uint8_t at, uint32_t value);

/* The devices of the documents: contract version 1, and QEMU 7.2's in both kinds, with its order of capabilities. */
void pci_config_make_contract(struct pci_config *config);
void pci_config_make_qemu_modern(struct pci_config *config);
void pci_config_make_qemu_transitional(struct pci_config *config);

#endif
