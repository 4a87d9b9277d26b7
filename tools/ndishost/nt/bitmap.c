/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bitmap.c - RTL_BITMAP: bits in memory of the image, searched and counted as the Rtl routines promise. */
#include "abi/nt_types.h"
#include "exec/call.h"
#include "nt/exports.h"
#include "rules/rules.h"

#include <stdbool.h>
#include <string.h>

#define NOT_FOUND UINT32_MAX

static bool bit_is_set(const nt_RTL_BITMAP *map, uint32_t index)
{
    return ((const uint8_t *)map->Buffer)[index / 8] >> (index % 8) & 1;
}

static void bit_write(nt_RTL_BITMAP *map, uint32_t index, bool value)
{
    uint8_t *byte = (uint8_t *)map->Buffer + index / 8, mask = (uint8_t)(1u << index % 8);
    *byte = (uint8_t)(value ? *byte | mask : *byte & ~mask);
}

/* Whether [start, start + count) lies in the bitmap; a range that does not is reported. */
static bool range_fits(const nt_RTL_BITMAP *map, uint32_t start, uint32_t count, uintptr_t who)
{
    char here[128];
    if (start <= map->SizeOfBitMap && count <= map->SizeOfBitMap - start)
        return true;
    rule_violated("HOST-ARGUMENT", map, "%u bits from bit %u on, of a bitmap of %u, are used by %s", count, start, map->SizeOfBitMap,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

static uint32_t run_length(const nt_RTL_BITMAP *map, uint32_t start, bool value, uint32_t limit)
{
    uint32_t length = 0;
    while (length < limit && start + length < map->SizeOfBitMap && bit_is_set(map, start + length) == value)
        length++;
    return length;
}

static uint32_t count_bits(const nt_RTL_BITMAP *map, bool value)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < map->SizeOfBitMap; i++)
        count += bit_is_set(map, i) == value;
    return count;
}

/* The first run of `count` such bits at or after `hint`, then from the beginning. */
static uint32_t find(const nt_RTL_BITMAP *map, uint32_t count, uint32_t hint, bool value)
{
    uint32_t size = map->SizeOfBitMap;
    if (hint >= size)
        hint = 0;
    for (int round = 0; round < 2; round++, hint = 0) {
        for (uint32_t at = hint; count <= size && at <= size - count; at++)
            if (run_length(map, at, value, count) == count)
                return at;
    }
    return NOT_FOUND;
}

/* ---- exports ---- */

static uint64_t export_RtlInitializeBitMap(struct export_call *call)
{
    nt_RTL_BITMAP *map = arg_pointer(call);
    map->Buffer = arg_word(call);
    map->SizeOfBitMap = arg_u32(call);
    return 0;
}

static uint64_t write_one(struct export_call *call, bool value)
{
    nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t index = arg_u32(call);
    if (range_fits(map, index, 1, call->return_address))
        bit_write(map, index, value);
    return 0;
}

static uint64_t export_RtlSetBit(struct export_call *call)
{
    return write_one(call, true);
}

static uint64_t export_RtlClearBit(struct export_call *call)
{
    return write_one(call, false);
}

static uint64_t export_RtlTestBit(struct export_call *call)
{
    const nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t index = arg_u32(call);
    return range_fits(map, index, 1, call->return_address) && bit_is_set(map, index);
}

static uint64_t write_many(struct export_call *call, bool value)
{
    nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t start = arg_u32(call), count = arg_u32(call);
    if (range_fits(map, start, count, call->return_address))
        for (uint32_t i = 0; i < count; i++)
            bit_write(map, start + i, value);
    return 0;
}

static uint64_t export_RtlSetBits(struct export_call *call)
{
    return write_many(call, true);
}

static uint64_t export_RtlClearBits(struct export_call *call)
{
    return write_many(call, false);
}

/* Whole ULONGs, as documented: bits behind the last one as well. */
static uint64_t write_all(struct export_call *call, int byte)
{
    nt_RTL_BITMAP *map = arg_pointer(call);
    memset((void *)map->Buffer, byte, ((size_t)map->SizeOfBitMap + 31) / 32 * 4);
    return 0;
}

static uint64_t export_RtlSetAllBits(struct export_call *call)
{
    return write_all(call, 0xFF);
}

static uint64_t export_RtlClearAllBits(struct export_call *call)
{
    return write_all(call, 0);
}

static uint64_t are_bits(struct export_call *call, bool value)
{
    const nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t start = arg_u32(call), count = arg_u32(call);
    /* Documented: FALSE for a range that does not fit or is empty. */
    return count > 0 && start < map->SizeOfBitMap && count <= map->SizeOfBitMap - start && run_length(map, start, value, count) == count;
}

static uint64_t export_RtlAreBitsSet(struct export_call *call)
{
    return are_bits(call, true);
}

static uint64_t export_RtlAreBitsClear(struct export_call *call)
{
    return are_bits(call, false);
}

static uint64_t export_RtlNumberOfSetBits(struct export_call *call)
{
    return count_bits(arg_pointer(call), true);
}

static uint64_t export_RtlNumberOfClearBits(struct export_call *call)
{
    return count_bits(arg_pointer(call), false);
}

static uint64_t export_RtlNumberOfSetBitsUlongPtr(struct export_call *call)
{
    return (unsigned)__builtin_popcountll(arg_word(call));
}

static uint64_t find_and(struct export_call *call, bool value, bool flip)
{
    nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t count = arg_u32(call), hint = arg_u32(call);
    uint32_t at = find(map, count, hint, value);
    if (flip && at != NOT_FOUND)
        for (uint32_t i = 0; i < count; i++)
            bit_write(map, at + i, !value);
    return at;
}

static uint64_t export_RtlFindSetBits(struct export_call *call)
{
    return find_and(call, true, false);
}

static uint64_t export_RtlFindClearBits(struct export_call *call)
{
    return find_and(call, false, false);
}

static uint64_t export_RtlFindSetBitsAndClear(struct export_call *call)
{
    return find_and(call, true, true);
}

static uint64_t export_RtlFindClearBitsAndSet(struct export_call *call)
{
    return find_and(call, false, true);
}

/* The next run of clear bits at or after `from`: its length, and where it begins (0 and `from` for none). */
static uint32_t next_clear_run(const nt_RTL_BITMAP *map, uint32_t from, uint32_t *start)
{
    uint32_t at = from;
    while (at < map->SizeOfBitMap && bit_is_set(map, at))
        at++;
    *start = at < map->SizeOfBitMap ? at : from;
    return run_length(map, at, false, map->SizeOfBitMap);
}

static uint64_t export_RtlFindNextForwardRunClear(struct export_call *call)
{
    const nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t from = arg_u32(call);
    return next_clear_run(map, from, arg_pointer(call));
}

static uint64_t export_RtlFindFirstRunClear(struct export_call *call)
{
    const nt_RTL_BITMAP *map = arg_pointer(call);
    return next_clear_run(map, 0, arg_pointer(call));
}

static uint64_t export_RtlFindLongestRunClear(struct export_call *call)
{
    const nt_RTL_BITMAP *map = arg_pointer(call);
    uint32_t *longest_start = arg_pointer(call), longest = 0, start, length;
    *longest_start = 0;
    for (uint32_t at = 0; (length = next_clear_run(map, at, &start)) > 0; at = start + length) {
        if (length > longest) {
            longest = length;
            *longest_start = start;
        }
    }
    return longest;
}

/* CCHAR results: -1 when no bit is set. */
static uint64_t export_RtlFindMostSignificantBit(struct export_call *call)
{
    uint64_t value = arg_u64(call);
    return (uint8_t)(value ? 63 - __builtin_clzll(value) : -1);
}

static uint64_t export_RtlFindLeastSignificantBit(struct export_call *call)
{
    uint64_t value = arg_u64(call);
    return (uint8_t)(value ? __builtin_ctzll(value) : -1);
}

const struct export_row nt_bitmap_exports[] = {
    EXPORT(RtlInitializeBitMap),
    EXPORT(RtlSetBit),
    EXPORT(RtlClearBit),
    EXPORT(RtlTestBit),
    EXPORT(RtlSetBits),
    EXPORT(RtlClearBits),
    EXPORT(RtlSetAllBits),
    EXPORT(RtlClearAllBits),
    EXPORT(RtlAreBitsSet),
    EXPORT(RtlAreBitsClear),
    EXPORT(RtlNumberOfSetBits),
    EXPORT(RtlNumberOfClearBits),
    EXPORT(RtlNumberOfSetBitsUlongPtr),
    EXPORT(RtlFindSetBits),
    EXPORT(RtlFindClearBits),
    EXPORT(RtlFindSetBitsAndClear),
    EXPORT(RtlFindClearBitsAndSet),
    EXPORT(RtlFindFirstRunClear),
    EXPORT(RtlFindNextForwardRunClear),
    EXPORT(RtlFindLongestRunClear),
    EXPORT(RtlFindMostSignificantBit),
    EXPORT(RtlFindLeastSignificantBit),
    EXPORT_END,
};
