/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* oid_buffer.c - guarded information buffers. */
#include "ndis/oid_buffer.h"

#include <stdlib.h>
#include <string.h>

#include "rules/rules.h"

enum { BUFFER_GUARD = 32, GUARD_FILL = 0xFD };

struct oid_buffer oid_buffer_create(uint32_t length, bool unaligned)
{
    struct oid_buffer buffer;

    buffer.length = length;
    buffer.size = (size_t)length + 2 * BUFFER_GUARD + 1;
    buffer.block = malloc(buffer.size);
    if (!buffer.block)
        abort();
    memset(buffer.block, GUARD_FILL, buffer.size);
    buffer.data = buffer.block + BUFFER_GUARD + unaligned;
    return buffer;
}

void oid_buffer_destroy(struct oid_buffer *buffer, uint32_t oid)
{
    for (uint8_t *at = buffer->block; at < buffer->block + buffer->size; at++) {
        if ((at < buffer->data || at >= buffer->data + buffer->length) && *at != GUARD_FILL) {
            rule_violated("OID-08", NULL, "OID 0x%08x: byte %ld of a buffer of %u was written", oid, (long)(at - buffer->data),
                          buffer->length);
            break;
        }
    }
    memset(buffer->block, 0xDD, buffer->size);
    free(buffer->block);
}
