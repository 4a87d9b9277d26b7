/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pci_device.h - the interface between ndishost and a PCI device back-end, built in (qemu, model) or loaded from a shared object
 * (`--device plugin:FILE.so[,OPTIONS]`; docs/plugin-devices.md). It stands alone: a plugin needs no other file of ndishost.
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
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the host gives a device when it is created. */
struct ndishost_pci_host {
    void *context;
    uint8_t *ram; /* guest RAM, shared; physical address = offset */
    uint64_t ram_size;
    int ram_fd; /* the memfd behind it, to hand to another process */
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
    /* The last call: the device's threads have ended when it returns, and the host's functions are not called any more. */
    void (*destroy)(void *state);
};

/* ---- devices from a shared object ---- */

/* Counts up whenever a structure of this file changes; host and plugin must have been compiled with the same. */
#define NDISHOST_PCI_PLUGIN_VERSION 1u

/* Which device is wanted. The structure is gone when create() returns, what it points to as well. */
struct ndishost_pci_plugin_order {
    const char *options; /* what follows FILE.so and a comma on the command line, verbatim; "" for nothing */
    unsigned index;      /* 0 for the first adapter of the run, 1 for the next */
    uint8_t mac[6];      /* the address that the device should have, different for each index */
    /*
     * The far end of the device's cable: each write() sends one Ethernet frame (without check sequence) to it, each read() takes one from
     * it. Non-blocking, poll() works; the host's own, not to be closed; usable until destroy() returns. -1: the cable ends nowhere.
     */
    int network_fd;
};

struct ndishost_pci_plugin {
    uint32_t version; /* NDISHOST_PCI_PLUGIN_VERSION */
    /*
     * Fills *device; on failure false, one line in `error` (error_size bytes with its NUL), and nothing is left. `host` outlives the
     * device. Called on one thread, before the driver is loaded.
     */
    bool (*create)(const struct ndishost_pci_plugin_order *order, const struct ndishost_pci_host *host, struct ndishost_pci_device *device,
                   char *error, size_t error_size);
};

/* The one symbol that a plugin exports. What it returns stays valid: a plugin is not unloaded before the process ends. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct ndishost_pci_plugin *
ndishost_pci_plugin(void);

#ifdef __cplusplus
}
#endif
#endif
