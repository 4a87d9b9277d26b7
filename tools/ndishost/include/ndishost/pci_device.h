/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pci_device.h - the interface between ndishost and a PCI device back-end (qemu, minimal; later model, plugins, vfio).
 *
 * Shape: the device has a 256-byte configuration space and up to six BARs, masters the bus (guest RAM is one shared mapping whose
 * physical address 0 is its first byte) and interrupts by a line and by message writes.
 * Threads: the host calls the operations from its processors, one call at a time per device (it holds a mutex); the device may call
 * the host's functions from any thread, also from inside an operation.
 * Units: offsets and sizes in bytes, widths 1, 2, 4 (8 for BARs of devices that take it); all values little-endian.
 */
#ifndef NDISHOST_PCI_DEVICE_H
#define NDISHOST_PCI_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the host gives a device when it is created. */
struct ndishost_pci_host {
    void *context;
    uint8_t *ram;      /* guest RAM, shared; physical address = offset */
    uint64_t ram_size;
    int ram_fd;        /* the memfd behind it, to hand to another process */
    /* INTA# changed to `asserted`. */
    void (*line)(void *context, bool asserted);
    /* A message (MSI-X) write to a target that message_target() gave. */
    void (*message)(void *context, uint64_t address, uint32_t data);
    /* The device is broken beyond use (its process died, ...); `why` is one line. The host ends the run. */
    void (*failed)(void *context, const char *why);
};

struct ndishost_pci_device {
    const struct ndishost_pci_ops *ops;
    void *state;
};

/* Operations; those marked (optional) may be NULL. */
struct ndishost_pci_ops {
    uint32_t (*config_read)(void *state, unsigned offset, unsigned width);
    void (*config_write)(void *state, unsigned offset, unsigned width, uint32_t value);
    uint64_t (*bar_read)(void *state, unsigned bar, uint64_t offset, unsigned width);
    /* A write may be posted (return before the device saw it); a later read of the same device must see its effect. */
    void (*bar_write)(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value);
    /* Address and data that make message `vector` arrive at host->message(); false when the device has no such vector. (optional) */
    bool (*message_target)(void *state, unsigned vector, uint64_t *address, uint32_t *data);
    /* Link down or up as the outside would do it; false when impossible. (optional) */
    bool (*set_link)(void *state, bool up);
    /* One line about the device and its version for reports, e.g. "QEMU 7.2.22 virtio-net-pci". */
    const char *(*describe)(void *state);
    void (*destroy)(void *state);
};

#ifdef __cplusplus
}
#endif
#endif
