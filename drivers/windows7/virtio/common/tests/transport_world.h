/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* transport_world.h - a fresh world for one test: the modern transport on a device of registers that complains. */
#ifndef TRANSPORT_WORLD_H
#define TRANSPORT_WORLD_H

#include "register_device.h"

enum { MSI_NO_VECTOR = 0xFFFF };

#define BIT(number) ((uint64_t)1 << (number))
#define ACCEPTED    (BIT(32) | BIT(28) | BIT(5) | BIT(16))

extern struct register_device device;
extern struct virtio_pci_modern transport;

/* The transport on a new device; or on `device` as the test made it, whose doorbells lie `multiplier` bytes apart. */
void make_world(void);
void make_world_with(uint32_t multiplier);

/* Gives everything back. The test ends when the device complained, or when something stays mapped. */
void drop_world(void);

/* A decision for virtio_pci_modern_negotiate(), whose context is the device: takes `answer`, and keeps what was offered. */
extern uint64_t offered_to_decide, answer;
virtio_u64 decide(void *context, virtio_u64 offered);

/* Negotiates ACCEPTED; what was taken goes to `accepted` unless it is NULL. */
enum virtio_pci_result negotiate(uint64_t *accepted);

/* 256 entries without a vector, at addresses of which each byte differs. */
struct virtio_pci_queue_setup queue_setup(uint16_t queue);

#endif
