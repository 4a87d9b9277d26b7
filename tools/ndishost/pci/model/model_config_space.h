/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_config_space.h - the PCI configuration space of a model device: bytes, and which bits of them the host may write. */
#ifndef NDISHOST_PCI_MODEL_MODEL_CONFIG_SPACE_H
#define NDISHOST_PCI_MODEL_MODEL_CONFIG_SPACE_H

#include "model_layout.h"

struct model_config_space {
    uint8_t bytes[PCI_CONFIG_SIZE], writable[PCI_CONFIG_SIZE];
    unsigned msix;    /* offset of the capability, 0: none */
    unsigned pci_cfg; /* likewise */
};

void model_config_space_build(struct model_config_space *space, const struct model_layout *layout, const struct model_options *options);
/* Accesses outside of the 256 bytes, or wider than 4, read as all ones and write nothing. */
uint32_t model_config_space_read(const struct model_config_space *space, unsigned offset, unsigned width);
void model_config_space_write(struct model_config_space *space, unsigned offset, unsigned width, uint32_t value);

/* Bits of the command register (PCI_COMMAND_*). */
bool model_config_space_command(const struct model_config_space *space, unsigned bits);
/* Bits of the MSI-X message control (MSIX_CONTROL_*); false without the capability. */
bool model_config_space_msix(const struct model_config_space *space, unsigned bits);
/* The interrupt status bit of the status register. */
void model_config_space_set_interrupt(struct model_config_space *space, bool pending);

#endif
