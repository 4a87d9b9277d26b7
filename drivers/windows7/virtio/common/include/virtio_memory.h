/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * virtio_memory.h - the only way to touch memory that a device may write or watch at the same time: every access is one load or store of
 * the width named, in program order as far as the compiler is concerned. Order between processors is virtio_barrier.h's. All such
 * memory is little-endian, like every machine this code is built for.
 */
#ifndef VIRTIO_MEMORY_H
#define VIRTIO_MEMORY_H

#include "virtio_types.h"

static __inline virtio_u16 virtio_shared_read16(const void *address)
{
    return *(const volatile virtio_u16 *)address;
}

static __inline virtio_u32 virtio_shared_read32(const void *address)
{
    return *(const volatile virtio_u32 *)address;
}

static __inline void virtio_shared_write16(void *address, virtio_u16 value)
{
    *(volatile virtio_u16 *)address = value;
}

static __inline void virtio_memory_zero(void *address, virtio_u32 bytes)
{
    virtio_u8 *byte = (virtio_u8 *)address;

    while (bytes-- != 0)
        *byte++ = 0;
}

#endif
