/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* function_state.h - a PCI function from inside: its state, and what function.c asks of function_access.c. */
#ifndef NDISHOST_PCI_FUNCTION_STATE_H
#define NDISHOST_PCI_FUNCTION_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "bars.h"
#include "function.h"
#include "host_block.h"
#include "transmit_referee.h"
#include "virtio_sniffer.h"

/* One register mapping: a trap region that starts with the page of the range. */
struct mapping {
    struct mapping *next;
    struct pci_function *function;
    unsigned bar;
    uint64_t bar_offset; /* of the region's first byte; may lie before the BAR when that is smaller than a page */
    uint8_t *region;
    void *address;
};

struct pci_function {
    struct ndishost_pci_device device;
    struct pci_host_block *block;
    struct pci_bar bars[PCI_BAR_COUNT];
    unsigned slot;
    struct pci_identity identity;
    atomic_bool detached, may_lie;
    struct pci_function *next; /* list of functions, for ports */
    pthread_mutex_t lock;      /* one operation at a time on the device; guards the rest */
    struct virtio_sniffer sniffer;
    struct transmit_referee *referee; /* NULL: not a virtio network device */
    bool referee_runs;
    struct mapping *mappings;
    uint64_t reads, writes, notifications[8];
    uint64_t detach_at; /* the access, counted from 1, that finds the device gone; 0: none */
    bool connected, by_messages;
};

/* Gives the function a slot and makes it known for port accesses; the first one installs the port handler, the last one takes it away. */
void pci_function_list(struct pci_function *function);
void pci_function_unlist(struct pci_function *function);

#endif
