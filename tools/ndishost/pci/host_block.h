/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * host_block.h - what a back-end calls: the line, messages and failure of one device, routed to whoever has connected.
 *
 * Calls come from any thread, also from inside an operation of the device, so nothing here takes the function's lock. The sink is
 * called under `lock`: it must not call back into the function.
 */
#ifndef NDISHOST_PCI_HOST_BLOCK_H
#define NDISHOST_PCI_HOST_BLOCK_H

#include <pthread.h>

#include "function.h"
#include "msix.h"

struct pci_host_block {
    struct ndishost_pci_host host; /* first: the back-end's view */
    struct pci_host_block *next;   /* blocks without a function */
    struct msix msix;              /* set up by the function; msix_find() is safe on any thread */
    pthread_mutex_t lock;          /* guards the rest */
    bool line_asserted, connected, by_messages;
    struct pci_interrupt_sink sink;
    uint64_t line_interrupts, messages[8];
    bool failed;
    char failure[256];
    void (*on_failure)(void *context);
    void *on_failure_context;
};

/* Takes the youngest block without a function, or the given one, off the list; NULL when it is not there. */
struct pci_host_block *pci_host_block_take(const struct ndishost_pci_host *host);
/* Frees a block that is on no list. */
void pci_host_block_free(struct pci_host_block *block);
void pci_host_block_connect(struct pci_host_block *block, bool by_messages, const struct pci_interrupt_sink *sink);
/* When it returns, the sink is not being called. A line that is asserted is taken back first. */
void pci_host_block_disconnect(struct pci_host_block *block);

#endif
