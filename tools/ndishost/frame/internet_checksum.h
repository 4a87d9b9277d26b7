/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* internet_checksum.h - the one's complement sum of RFC 1071 over bytes that lie in several pieces. */
#ifndef NDISHOST_FRAME_INTERNET_CHECKSUM_H
#define NDISHOST_FRAME_INTERNET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct internet_sum {
    uint64_t sum; /* of 16-bit words in this machine's byte order */
    bool odd;     /* the next byte is the second one of a word */
};

void internet_sum_add(struct internet_sum *sum, const uint8_t *bytes, size_t length);
/* A number, as the 16-bit words of its network representation. */
void internet_sum_add_number(struct internet_sum *sum, uint32_t number);
/* The folded sum as a number (not complemented): 0xFFFF when everything including a right checksum was added. */
uint16_t internet_sum_value(const struct internet_sum *sum);

/* 0 and 0xFFFF are one number in one's complement. */
static inline bool internet_sums_equal(uint16_t one, uint16_t other)
{
    return one % 0xFFFF == other % 0xFFFF;
}

#endif
