/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* plugin_device.h - PCI devices out of shared objects: finds the entry point, compares versions, creates, checks what was created. */
#ifndef NDISHOST_PCI_PLUGIN_DEVICE_H
#define NDISHOST_PCI_PLUGIN_DEVICE_H

#include "../../include/ndishost/pci_device.h"

/*
 * False and one line in `error` (the file is missing, is for the other twin, has no entry point, another version, create() failed with its
 * reason, or made a device without an operation that must be there). The shared object stays loaded until the process ends.
 */
bool plugin_device_create(const char *path, const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host,
                          struct ndishost_pci_device *device, char *error, size_t error_size);

#endif
