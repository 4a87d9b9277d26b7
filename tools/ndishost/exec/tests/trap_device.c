/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_device.c - see trap_device.h. */
#include "trap_device.h"

#include <stddef.h>
#include <string.h>

struct trap_device device;

uint64_t device_read(void *context, uint64_t offset, unsigned width)
{
    uint64_t value = 0;
    (void)context;
    CLAIM(offset + width <= DEVICE_SIZE);
    memcpy(&value, device.registers + offset, width);
    device.reads++;
    device.last_width = width;
    device.last_offset = offset;
    return value;
}

void device_write(void *context, uint64_t offset, unsigned width, uint64_t value)
{
    (void)context;
    CLAIM(offset + width <= DEVICE_SIZE);
    memcpy(device.registers + offset, &value, width);
    device.writes++;
    device.last_width = width;
    device.last_offset = offset;
}
const struct trap_region_ops device_ops = {device_read, device_write};

int trap_device_map(void **state)
{
    (void)state;
    trap_install();
    device.mapped = trap_region_map("test device", DEVICE_SIZE, &device_ops, NULL);
    return device.mapped == NULL;
}

IMAGE_CODE uintptr_t image_reads_4(const volatile uint32_t *pointer)
{
    return *pointer;
}

IMAGE_CODE void image_writes_4(volatile uint32_t *pointer, uint32_t value)
{
    *pointer = value;
}
