/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* msix.h - the MSI-X capability and table of a function, programmed as the bus driver and the interrupt arbiter of Windows would. */
#ifndef NDISHOST_PCI_MSIX_H
#define NDISHOST_PCI_MSIX_H

#include <stdatomic.h>

#include "bars.h"

enum { MSIX_MAX_MESSAGES = 64 };

struct msix {
    const struct ndishost_pci_device *device;
    unsigned capability; /* offset of it, 0: none */
    unsigned entries;    /* size of the table */
    unsigned table_bar;
    uint32_t table_offset;
    atomic_uint granted; /* entries 0..granted-1 are programmed; 0: disabled */
    uint64_t addresses[MSIX_MAX_MESSAGES];
    uint32_t values[MSIX_MAX_MESSAGES];
};

/* Finds and reads the capability; entries stays 0 when there is none, or when its table lies in no BAR. */
void msix_discover(struct msix *msix, const struct ndishost_pci_device *device, const struct pci_bar bars[PCI_BAR_COUNT]);
/* Programs and unmasks the first `messages` entries, masks the rest, enables. False when the device offers no target for one. */
bool msix_enable(struct msix *msix, unsigned messages);
void msix_disable(struct msix *msix);
bool msix_mask(struct msix *msix, unsigned entry, bool masked);
/* The entry that (address, data) belongs to, or -1. */
int msix_find(const struct msix *msix, uint64_t address, uint32_t data);

#endif
