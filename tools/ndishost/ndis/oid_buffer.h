/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_buffer.h - information buffers of OID requests: between guards, every other one at an odd address (OID-17). */
#ifndef NDISHOST_NDIS_OID_BUFFER_H
#define NDISHOST_NDIS_OID_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oid_buffer {
    uint8_t *block, *data;
    uint32_t length;
    size_t size;
};

struct oid_buffer oid_buffer_create(uint32_t length, bool unaligned);
/* Violation OID-08 when bytes outside were written; what the image still looks at is overwritten. */
void oid_buffer_destroy(struct oid_buffer *buffer, uint32_t oid);

#endif
