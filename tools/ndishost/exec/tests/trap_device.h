/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_device.h - a device that is a piece of memory and remembers how it was accessed, and image code that accesses it. */
#ifndef NDISHOST_EXEC_TESTS_TRAP_DEVICE_H
#define NDISHOST_EXEC_TESTS_TRAP_DEVICE_H

#include "doubles.h"

#include "exec/trap.h"

#include <stdint.h>

#define DEVICE_SIZE 256u

struct trap_device {
    uint8_t registers[DEVICE_SIZE];
    uint8_t *mapped; /* where the image sees them */
    unsigned reads, writes, last_width;
    uint64_t last_offset;
};
extern struct trap_device device;

uint64_t device_read(void *context, uint64_t offset, unsigned width);
void device_write(void *context, uint64_t offset, unsigned width, uint64_t value);
extern const struct trap_region_ops device_ops;

/* cmocka's set-up of a group: traps, and the device behind them. */
int trap_device_map(void **state);

IMAGE_FUNCTION uintptr_t image_reads_4(const volatile uint32_t *pointer);
IMAGE_FUNCTION void image_writes_4(volatile uint32_t *pointer, uint32_t value);

#endif
