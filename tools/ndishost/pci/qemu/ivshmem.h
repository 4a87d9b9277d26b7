/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * ivshmem.h - how MSI-X messages wake us although no APIC listens: an `ivshmem-doorbell` device in the same QEMU. The virtio device's
 * table entries point at the doorbell register; a write there makes QEMU signal one eventfd per vector, which the I/O thread polls.
 */
#ifndef NDISHOST_PCI_QEMU_IVSHMEM_H
#define NDISHOST_PCI_QEMU_IVSHMEM_H

#include <stdbool.h>
#include <stdint.h>

#include "qtest.h"

enum { IVSHMEM_MAX_VECTORS = 64, IVSHMEM_SLOT = 6 };

struct ivshmem;
/* A message arrived, on the I/O thread. */
typedef void ivshmem_message(void *context, uint64_t address, uint32_t data);

/* Makes the eventfds and speaks the server's side of the protocol; *child_fd is to be inherited by QEMU as the device's chardev. */
struct ivshmem *ivshmem_create(unsigned vectors, ivshmem_message *message, void *context, int *child_fd);
void ivshmem_destroy(struct ivshmem *ivshmem);
/* Places the doorbell in the started machine and rings it until it is heard; false when it stays silent. */
bool ivshmem_connect(struct ivshmem *ivshmem, struct qtest *qtest);
/* Where vector `vector` has to be written to; starts listening for it. */
bool ivshmem_target(struct ivshmem *ivshmem, unsigned vector, uint64_t *address, uint32_t *data);

#endif
