/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pci_config.c - configuration spaces for tests, byte by byte. */
#include "pci_config.h"

#include <string.h>

static void write16(struct pci_config *config, uint8_t at, uint16_t value)
{
    config->bytes[at] = (uint8_t)value;
    config->bytes[at + 1] = (uint8_t)(value >> 8);
}

void pci_config_write32(struct pci_config *config, uint8_t at, uint32_t value)
{
    write16(config, at, (uint16_t)value);
    write16(config, (uint8_t)(at + 2), (uint16_t)(value >> 16));
}

void pci_config_make(struct pci_config *config, uint16_t device, uint8_t revision, uint16_t subsystem)
{
    memset(config, 0, sizeof *config);
    write16(config, 0x00, 0x1AF4);
    write16(config, 0x02, device);
    write16(config, 0x06, 0x0010);
    config->bytes[0x08] = revision;
    config->bytes[0x0B] = 0x02; /* network controller */
    write16(config, 0x2C, 0x1AF4);
    write16(config, 0x2E, subsystem);
    config->bytes[0x3D] = 1; /* INTA# */
    config->link = 0x34;
}

void pci_config_add_capability(struct pci_config *config, uint8_t at, uint8_t id, const uint8_t *body, uint8_t length)
{
    memcpy(config->bytes + at, body, length);
    config->bytes[at] = id;
    config->bytes[at + 1] = 0;
    config->bytes[config->link] = at;
    config->link = (uint8_t)(at + 1);
}

void pci_config_add_structure(struct pci_config *config, uint8_t at, uint8_t type, uint8_t bar, uint32_t offset, uint32_t length,
                              uint32_t multiplier)
{
    uint8_t body[20] = {0};

    body[2] = type == 2 ? 20 : 16;
    body[3] = type;
    body[4] = bar;
    pci_config_add_capability(config, at, 0x09, body, body[2]);
    pci_config_write32(config, (uint8_t)(at + 8), offset);
    pci_config_write32(config, (uint8_t)(at + 12), length);
    if (type == 2)
        pci_config_write32(config, (uint8_t)(at + 16), multiplier);
}

void pci_config_add_msix(struct pci_config *config, uint8_t at, uint16_t entries, uint8_t table_bar)
{
    uint8_t body[12] = {0};

    body[2] = (uint8_t)(entries - 1);
    body[3] = (uint8_t)((entries - 1) >> 8);
    body[4] = table_bar;
    body[8] = table_bar;
    body[9] = 0x08; /* pending bits at 0x800 */
    pci_config_add_capability(config, at, 0x11, body, 12);
}

void pci_config_make_contract(struct pci_config *config)
{
    pci_config_make(config, 0x1041, 0x01, 0x0001);
    pci_config_write32(config, 0x10, 0xFE000004); /* 64-bit memory */
    pci_config_add_structure(config, 0x40, 1, 0, 0x0000, 0x0100, 0);
    pci_config_add_structure(config, 0x50, 2, 0, 0x1000, 0x0100, 4);
    pci_config_add_structure(config, 0x64, 3, 0, 0x2000, 0x0020, 0);
    pci_config_add_structure(config, 0x74, 4, 0, 0x3000, 0x0100, 0);
}

/* MSI-X first, then the PCI configuration window (20 bytes, all zero), notify, device, ISR, common. */
static void add_qemu_capabilities(struct pci_config *config)
{
    static const uint8_t window[20] = {0x09, 0, 20, 5};

    pci_config_write32(config, 0x14, 0xFEBF1000);
    pci_config_write32(config, 0x20, 0xFE00000C);
    pci_config_add_msix(config, 0x98, 4, 1);
    pci_config_add_capability(config, 0x84, 0x09, window, 20);
    pci_config_add_structure(config, 0x70, 2, 4, 0x3000, 0x1000, 4);
    pci_config_add_structure(config, 0x60, 4, 4, 0x2000, 0x1000, 0);
    pci_config_add_structure(config, 0x50, 3, 4, 0x1000, 0x1000, 0);
    pci_config_add_structure(config, 0x40, 1, 4, 0x0000, 0x1000, 0);
}

void pci_config_make_qemu_modern(struct pci_config *config)
{
    pci_config_make(config, 0x1041, 0x01, 0x1100);
    add_qemu_capabilities(config);
}

void pci_config_make_qemu_transitional(struct pci_config *config)
{
    pci_config_make(config, 0x1000, 0x00, 0x0001);
    pci_config_write32(config, 0x10, 0x0000C001); /* 32 bytes of I/O space */
    add_qemu_capabilities(config);
}
