/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qemu_device.h - back-end `qemu`: a stock QEMU child whose real virtio-net-pci is driven through qtest, with guest RAM shared. */
#ifndef NDISHOST_PCI_QEMU_DEVICE_H
#define NDISHOST_PCI_QEMU_DEVICE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../include/ndishost/pci_device.h"

struct qemu_device_options {
    const char *machine;    /* "pc" or "q35" */
    bool transitional;      /* false: disable-legacy=on */
    const char *properties; /* further virtio-net-pci properties "mrg_rxbuf=off,vectors=2", or NULL */
    const char *netdev;     /* complete -netdev argument with id=n0, from the network */
    const int *inherit;     /* descriptors that the netdev names, inherited by the child */
    unsigned inherit_count;
    const char *mac;       /* "52:54:00:12:34:56" */
    int network_namespace; /* setns() in the child before exec, or -1 */
};

/*
 * Starts QEMU (found on PATH, or NDISHOST_QEMU) and waits until it answers. On failure returns false and `error` holds one line: no
 * QEMU installed; a property QEMU does not know (its own message is quoted); QEMU's first line on stderr otherwise.
 * The child dies with this process (PR_SET_PDEATHSIG); it leaves no file behind.
 */
bool qemu_device_create(const struct qemu_device_options *options, const struct ndishost_pci_host *host, struct ndishost_pci_device *device,
                        char *error, size_t error_size);

/* One QMP command (a JSON object as text); true when QEMU answered "return". Any thread. */
bool qemu_device_qmp(const struct ndishost_pci_device *device, const char *command, char *error, size_t error_size);
/* The same; what QEMU returned, as JSON on one line, to be freed, or NULL. */
char *qemu_device_query(const struct ndishost_pci_device *device, const char *command, char *error, size_t error_size);

#endif
