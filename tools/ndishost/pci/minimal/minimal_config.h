/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* minimal_config.h - the minimal device's PCI configuration space: header, BARs, virtio and MSI-X capabilities, writable bits. */
#ifndef NDISHOST_PCI_MINIMAL_MINIMAL_CONFIG_H
#define NDISHOST_PCI_MINIMAL_MINIMAL_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

enum { MINIMAL_CONFIG_SIZE = 256, MINIMAL_MSIX_SIZE = 0x1000, MINIMAL_PBA_OFFSET = 0x800, MINIMAL_NOTIFY_MULTIPLIER = 4 };

struct minimal_range {
    uint32_t offset, length;
};

/* Which structure lies where in the BAR of the registers. */
struct minimal_layout {
    unsigned bar, msix_bar;
    uint32_t size;
    struct minimal_range common, notify, isr, device;
};
const struct minimal_layout *minimal_layout(bool contract);

struct minimal_config {
    uint8_t bytes[MINIMAL_CONFIG_SIZE], writable[MINIMAL_CONFIG_SIZE];
    unsigned msix; /* offset of the capability, 0: none */
};
void minimal_config_init(struct minimal_config *config, bool contract, unsigned vectors);
uint32_t minimal_config_read(const struct minimal_config *config, unsigned offset, unsigned width);
void minimal_config_write(struct minimal_config *config, unsigned offset, unsigned width, uint32_t value);

bool minimal_config_memory_enabled(const struct minimal_config *config);
bool minimal_config_master_enabled(const struct minimal_config *config);
bool minimal_config_line_disabled(const struct minimal_config *config);
bool minimal_config_msix_enabled(const struct minimal_config *config);
bool minimal_config_msix_masked(const struct minimal_config *config);
/* The interrupt status bit of the status register. */
void minimal_config_set_interrupt(struct minimal_config *config, bool pending);

#endif
