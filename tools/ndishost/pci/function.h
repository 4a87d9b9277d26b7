/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * function.h - a PCI function as Windows' PCI bus driver presents it: BARs sized and assigned, resources, configuration access,
 * interrupt by line or by messages (never both), register mappings with tracing that names virtio registers.
 */
#ifndef NDISHOST_PCI_FUNCTION_H
#define NDISHOST_PCI_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../include/ndishost/pci_device.h"

/* The machine's memory: one per process. RAM that devices can reach; allocation is by page, physical address = offset in it. */
struct guest_memory {
    uint8_t *base;
    uint64_t size;
    int fd;
};
/* memfd of `size` bytes (256 MiB for qemu: it wants the whole), sparse: only touched pages count. NULL and errno on failure. */
const struct guest_memory *guest_memory_create(uint64_t size);
/* Physically contiguous, page-aligned, above 1 MiB; *physical is set. NULL when full. Freed ranges fault no one but are refilled 0xDD. */
void *guest_memory_allocate(size_t size, size_t alignment, uint64_t *physical);
void guest_memory_free(void *address, size_t size);
uint64_t guest_memory_physical(const void *address); /* UINT64_MAX when not inside */
size_t guest_memory_in_use(void);
/* Reports freed pages that were written to since (HOST-DMA-FREED; also checked when pages are given out again); how many. */
unsigned guest_memory_audit(void);

enum interrupt_choice { INTERRUPTS_AUTO, INTERRUPTS_INTX, INTERRUPTS_MSIX };

struct pci_function;
/* The callbacks with which the NDIS layer receives interrupts; any thread. */
struct pci_interrupt_sink {
    void *context;
    void (*line)(void *context, bool asserted);
    void (*message)(void *context, unsigned message); /* 0..granted-1 */
};

/*
 * Takes over a device: sizes BARs, assigns addresses (memory from 0xE0000000, ports from 0xC000), enables memory, I/O and bus
 * mastering. `owner_host` is the host block that was given to the device: its callbacks are routed to this function.
 */
struct pci_function *pci_function_create(const struct ndishost_pci_device *device, char *error, size_t error_size);
void pci_function_destroy(struct pci_function *function); /* also destroys the device */
const struct ndishost_pci_device *pci_function_device(const struct pci_function *function);
/* The host block to create a back-end with; line/message/failed are routed to the function created from that device. */
struct ndishost_pci_host *pci_host_block_create(const struct guest_memory *memory);
/* pci_function_create() takes the youngest block that has no function yet; who creates several back-ends first, names the block. */
struct pci_function *pci_function_create_on(struct ndishost_pci_host *host, const struct ndishost_pci_device *device, char *error,
                                            size_t error_size);
/* For a block whose back-end could not be created; otherwise it goes with its function (also when pci_function_create() fails). */
void pci_host_block_destroy(struct ndishost_pci_host *host);

/* Configuration space as the driver sees it (NdisMGetBusData / BUS_INTERFACE); offset + length <= 256. Returns the bytes transferred. */
uint32_t pci_function_config_read(struct pci_function *function, uint32_t offset, void *buffer, uint32_t length);
uint32_t pci_function_config_write(struct pci_function *function, uint32_t offset, const void *buffer, uint32_t length);

struct pci_bar {
    bool present, is_port, is_64bit, prefetchable;
    uint64_t address, size;
};
struct pci_bar pci_function_bar(const struct pci_function *function, unsigned index);
unsigned pci_function_slot(const struct pci_function *function);        /* device number on bus 0 */
uint32_t pci_function_line_vector(const struct pci_function *function); /* "IRQ" to show */

/* Register access to a physical range inside a BAR; NULL when no BAR contains it. The mapping traps (trap_region_map()). */
void *pci_function_map(struct pci_function *function, uint64_t physical, size_t length);
void pci_function_unmap(struct pci_function *function, void *address, size_t length);

/* Number of messages the MSI-X capability has (0: none). */
unsigned pci_function_message_count(const struct pci_function *function);
/* Connects the sink. messages == 0: the line. Else programs table entries 0..messages-1, masks the rest, enables MSI-X. */
bool pci_function_interrupt_connect(struct pci_function *function, unsigned messages, const struct pci_interrupt_sink *sink);
void pci_function_interrupt_disconnect(struct pci_function *function);
/* NdisMConfigMSIXTableEntry: mask, unmask, map. */
bool pci_function_message_mask(struct pci_function *function, unsigned entry, bool masked); /* false: no such entry is granted */

/* What the device looks like, for reports. */
struct pci_identity {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint8_t revision;
    uint32_t class_code;
    unsigned msix_entries; /* of the MSI-X table; 0: there is none */
};
struct pci_identity pci_function_identity(const struct pci_function *function);
/* virtio feature bits offered and accepted, sniffed from the common configuration accesses; false if not seen yet. */
bool pci_function_virtio_features(const struct pci_function *function, uint64_t *offered, uint64_t *accepted);
/* "MRG_RXBUF", or NULL for a bit without a name. */
const char *virtio_feature_name(unsigned bit);
/* Register reads, register writes, notifications (doorbells) per queue since creation. */
struct pci_counts {
    uint64_t reads, writes, notifications[8];
    uint64_t line_interrupts, messages[8];
    uint64_t frames_judged; /* transmitted frames that the referee saw (transmit_referee.h) */
};
struct pci_counts pci_function_counts(const struct pci_function *function);
/* Surprise removal: from now on reads give all ones, writes go nowhere, no interrupt comes, the device reaches no memory. */
void pci_function_detach(struct pci_function *function);
bool pci_function_detached(const struct pci_function *function);
/* The device is gone when register access number `access` (counted from 1 at creation, reads and writes of BARs) is made; 0: never. */
void pci_function_detach_at(struct pci_function *function, uint64_t access);
bool pci_function_set_link(struct pci_function *function, bool up);
/* True: DEVICE_NEEDS_RESET is part of the scenario and not reported as HOST-DEVICE-FAILED. */
void pci_function_expect_device_failure(struct pci_function *function, bool expected);
/* True: broken checksums that the driver hands on unasked are the scenario's, not the driver's (transmit_referee.h). */
void pci_function_trust_sums(struct pci_function *function, bool trusted);
/* The device may say of frames what is not true: a driver that believes it (a checksum) is not to blame. */
void pci_function_expect_lies(struct pci_function *function, bool expected);
bool pci_function_may_lie(const struct pci_function *function);
/* Set when the back-end called failed(); one line, or NULL. */
const char *pci_function_failure(const struct pci_function *function);
/* Called from any thread when a back-end fails. */
void pci_function_on_failure(struct pci_function *function, void (*callback)(void *context), void *context);

#endif
