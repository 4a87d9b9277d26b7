/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * guest_driver.h - a small virtio-net driver for tests, in the role of the .sys: finds the structures, negotiates, sets up two queues,
 * sends and receives frames, and takes interrupts by line or by messages. It asserts what must hold; every wait is bounded.
 */
#ifndef NDISHOST_PCI_TESTS_GUEST_DRIVER_H
#define NDISHOST_PCI_TESTS_GUEST_DRIVER_H

#include <pthread.h>

#include "pci/function.h"

enum { GUEST_QUEUE_MAX = 1024, GUEST_BUFFER_SIZE = 2048, GUEST_WAIT_MS = 10000 };

enum guest_status { GUEST_ACKNOWLEDGE = 1, GUEST_DRIVER = 2, GUEST_DRIVER_OK = 4, GUEST_FEATURES_OK = 8, GUEST_NEEDS_RESET = 0x40 };

#define GUEST_FEATURE(bit) (UINT64_C(1) << (bit))
enum { GUEST_MAC = 5, GUEST_MRG_RXBUF = 15, GUEST_STATUS = 16, GUEST_INDIRECT = 28, GUEST_EVENT_IDX = 29, GUEST_VERSION_1 = 32 };

struct guest_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};

struct guest_queue {
    uint16_t index, size, available, used_seen;
    struct guest_descriptor *descriptors;
    volatile uint16_t *avail, *used; /* flags, idx, ring... */
    uint8_t *buffers;
    uint64_t rings_physical, buffers_physical;
    size_t rings_size;
    uint8_t *doorbell;
};

struct guest_driver {
    struct pci_function *function;
    uint8_t *common, *notify, *isr, *device;
    size_t common_size, notify_size, isr_size, device_size;
    uint32_t notify_multiplier;
    unsigned messages;
    uint64_t offered, features;
    unsigned header_size;
    struct guest_queue queues[2]; /* receive, transmit */

    pthread_mutex_t lock; /* guards the rest: the interrupt sink's side */
    pthread_cond_t interrupted;
    bool line;
    unsigned message_counts[8];
};

enum { GUEST_RX, GUEST_TX };

/* Maps the structures and connects interrupts: messages == 0 by line. */
void guest_driver_attach(struct guest_driver *driver, struct pci_function *function, unsigned messages);
void guest_driver_detach(struct guest_driver *driver);

uint64_t guest_read(uint8_t *address, unsigned width);
void guest_write(uint8_t *address, unsigned width, uint64_t value);

/* Reset to DRIVER_OK with offered & wanted; the queues are filled. False when the device refuses FEATURES_OK. */
bool guest_driver_start(struct guest_driver *driver, uint64_t wanted, unsigned header_size);
/* Accepts what is offered and wanted, and `forced` even if it is not; returns the status read back after FEATURES_OK. */
uint8_t guest_driver_negotiate(struct guest_driver *driver, uint64_t wanted, uint64_t forced);
void guest_driver_reset(struct guest_driver *driver); /* and gives the queues' memory back */

/* Publishes one frame, as header and data descriptors or through an indirect table, and notifies. */
void guest_driver_send(struct guest_driver *driver, const void *frame, size_t length, bool indirect);
/* Puts any head into the available ring and notifies. */
void guest_driver_publish_head(struct guest_driver *driver, unsigned index, uint16_t head);
/* Waits by interrupts until the transmit queue has used everything. */
void guest_driver_wait_sent(struct guest_driver *driver);
/* Waits by interrupts for a frame; its length. The buffer goes back to the device. */
size_t guest_driver_receive(struct guest_driver *driver, void *frame, size_t size);
/* Waits for a configuration interrupt (ISR bit 1, or message 0). */
void guest_driver_wait_config(struct guest_driver *driver);
bool guest_driver_link_up(struct guest_driver *driver);
uint8_t guest_driver_status(struct guest_driver *driver);

#endif
