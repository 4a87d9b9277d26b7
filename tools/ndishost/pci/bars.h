/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bars.h - base address registers: sizing, and addresses that are unique among all functions of the process. */
#ifndef NDISHOST_PCI_BARS_H
#define NDISHOST_PCI_BARS_H

#include "function.h"

enum { PCI_BAR_COUNT = 6 };

/* Sizes every BAR, assigns addresses and writes them; decoding must be off. False and one line in `error` when something is odd. */
bool pci_bars_assign(const struct ndishost_pci_device *device, struct pci_bar bars[PCI_BAR_COUNT], char *error, size_t error_size);
/* Gives the addresses back. */
void pci_bars_release(const struct pci_bar bars[PCI_BAR_COUNT]);

#endif
