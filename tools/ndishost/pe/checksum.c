/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* checksum.c - sum of all 16-bit words with end-around carry, plus the file's length. */
#include "pe/checksum.h"

uint32_t pe_checksum(const uint8_t *bytes, size_t size, size_t field)
{
    uint64_t sum = 0;
    for (size_t offset = 0; offset < size; offset += 2) {
        if (offset == field || offset == field + 2)
            continue;
        sum += bytes[offset] | (offset + 1 < size ? (unsigned)bytes[offset + 1] << 8 : 0u);
    }
    while (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint32_t)(sum + size);
}
