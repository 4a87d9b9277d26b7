/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* virtio_types.h - fixed-width integers for portable driver code: C89, no stdint.h, no NT header. */
#ifndef VIRTIO_TYPES_H
#define VIRTIO_TYPES_H

typedef unsigned char virtio_u8;
typedef unsigned short virtio_u16;
typedef unsigned int virtio_u32;
#if defined(_MSC_VER) && !defined(__clang__)
typedef unsigned __int64 virtio_u64;
#else
__extension__ typedef unsigned long long virtio_u64;
#endif

/* Pointer-sized and size types without <stddef.h>. */
#if defined(_WIN64) || defined(__LP64__)
typedef virtio_u64 virtio_size;
#else
typedef virtio_u32 virtio_size;
#endif

typedef int virtio_bool;
#define VIRTIO_FALSE 0
#define VIRTIO_TRUE  1

#define VIRTIO_BIT(number) ((virtio_u64)1 << (number))

/* Fails to compile when `condition` is false. */
#define VIRTIO_STATIC_ASSERT(name, condition) typedef char virtio_static_assert_##name[(condition) ? 1 : -1]

#endif
