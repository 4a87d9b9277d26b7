/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* internet_checksum.c - sums in 32-bit steps, which compilers turn into vector code: whole large packets are summed here. */
#include "frame/internet_checksum.h"

#include <arpa/inet.h>
#include <string.h>

static uint16_t fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xFFFF) + (sum >> 16);
    return (uint16_t)sum;
}

static uint64_t words_sum(const uint8_t *bytes, size_t length)
{
    uint64_t sum = 0;
    size_t words = length / 4;

    for (size_t index = 0; index < words; index++) {
        uint32_t word;

        memcpy(&word, bytes + index * 4, sizeof(word));
        sum += word;
    }
    bytes += words * 4;
    if (length & 2) {
        uint16_t word;

        memcpy(&word, bytes, sizeof(word));
        sum += word;
        bytes += 2;
    }
    if (length & 1) {
        uint16_t word = 0;

        memcpy(&word, bytes, 1);
        sum += word;
    }
    return sum;
}

void internet_sum_add(struct internet_sum *sum, const uint8_t *bytes, size_t length)
{
    uint16_t piece;

    if (!length)
        return;
    piece = fold(words_sum(bytes, length));
    /* Behind an odd number of bytes every word of the piece is turned around; so is its sum. */
    if (sum->odd)
        piece = (uint16_t)(piece << 8 | piece >> 8);
    sum->sum += piece;
    sum->odd ^= length & 1;
}

void internet_sum_add_number(struct internet_sum *sum, uint32_t number)
{
    sum->sum += htons((uint16_t)(number >> 16));
    sum->sum += htons((uint16_t)number);
}

uint16_t internet_sum_value(const struct internet_sum *sum)
{
    return ntohs(fold(sum->sum));
}
