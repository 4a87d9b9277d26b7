/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* conversion.c - Rtl conversions between representations: calendar time, GUIDs as text, characters, random numbers. */
#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/acquire.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { GUID_CHARACTERS = 38, STRING_TAG = 0x67727453 /* "Strg": what RtlFreeUnicodeString frees */ };
#define TICKS_PER_MS INT64_C(10000)
#define MS_PER_DAY   INT64_C(86400000)
#define FIRST_YEAR   1601
#define LAST_YEAR    30827

/* ---- time: 100 ns since 1601-01-01, a Monday ---- */

static bool is_leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

/* Days from 1601-01-01 to the first of January of a year. */
static int64_t days_before_year(unsigned year)
{
    int64_t years = (int64_t)year - FIRST_YEAR;
    return years * 365 + years / 4 - years / 100 + years / 400;
}

static uint64_t export_RtlTimeToTimeFields(struct export_call *call)
{
    int64_t time;
    memcpy(&time, arg_pointer(call), sizeof(time));
    nt_TIME_FIELDS *fields = arg_pointer(call);
    int64_t ms = time / TICKS_PER_MS, day = ms / MS_PER_DAY, of_day = ms % MS_PER_DAY;
    unsigned year = FIRST_YEAR + (unsigned)(day / 366), month = 1;
    while (days_before_year(year + 1) <= day)
        year++;
    int64_t left = day - days_before_year(year);
    while (left >= days_in_month(year, month))
        left -= days_in_month(year, month++);
    fields->Year = (uint16_t)year;
    fields->Month = (uint16_t)month;
    fields->Day = (uint16_t)(left + 1);
    fields->Weekday = (uint16_t)((day + 1) % 7);
    fields->Hour = (uint16_t)(of_day / 3600000);
    fields->Minute = (uint16_t)(of_day / 60000 % 60);
    fields->Second = (uint16_t)(of_day / 1000 % 60);
    fields->Milliseconds = (uint16_t)(of_day % 1000);
    return 0;
}

static uint64_t export_RtlTimeFieldsToTime(struct export_call *call)
{
    const nt_TIME_FIELDS *fields = arg_pointer(call);
    void *result = arg_pointer(call);
    if (fields->Year < FIRST_YEAR || fields->Year > LAST_YEAR || fields->Month < 1 || fields->Month > 12 || fields->Day < 1 ||
        fields->Day > days_in_month(fields->Year, fields->Month) || fields->Hour > 23 || fields->Minute > 59 || fields->Second > 59 ||
        fields->Milliseconds > 999)
        return 0;
    int64_t day = days_before_year(fields->Year) + fields->Day - 1;
    for (unsigned month = 1; month < fields->Month; month++)
        day += days_in_month(fields->Year, month);
    int64_t time =
        (day * MS_PER_DAY + fields->Hour * 3600000 + fields->Minute * 60000 + fields->Second * 1000 + fields->Milliseconds) * TICKS_PER_MS;
    memcpy(result, &time, sizeof(time));
    return 1;
}

/* ---- GUIDs: {xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx} ---- */

static uint64_t export_RtlGUIDFromString(struct export_call *call)
{
    const nt_UNICODE_STRING *string = arg_pointer(call);
    nt_GUID *guid = arg_pointer(call);
    char text[2 * GUID_CHARACTERS + 1];
    unsigned part[11];
    int used = 0;
    nt_unicode_to_utf8(string, text, sizeof(text));
    if (string->Length != 2 * GUID_CHARACTERS ||
        sscanf(text, "{%8x-%4x-%4x-%2x%2x-%2x%2x%2x%2x%2x%2x}%n", &part[0], &part[1], &part[2], &part[3], &part[4], &part[5], &part[6],
               &part[7], &part[8], &part[9], &part[10], &used) != 11 ||
        used != GUID_CHARACTERS || strspn(text, "{}-0123456789abcdefABCDEF") != GUID_CHARACTERS)
        return NT_STATUS_INVALID_PARAMETER;
    guid->Data1 = part[0];
    guid->Data2 = (uint16_t)part[1];
    guid->Data3 = (uint16_t)part[2];
    for (unsigned i = 0; i < 8; i++)
        ((uint8_t *)guid)[8 + i] = (uint8_t)part[3 + i];
    return NT_STATUS_SUCCESS;
}

static uint64_t export_RtlStringFromGUID(struct export_call *call)
{
    const nt_GUID *guid = arg_pointer(call);
    nt_UNICODE_STRING *string = arg_pointer(call);
    const uint8_t *tail = (const uint8_t *)guid + 8;
    char text[GUID_CHARACTERS + 1];
    memset(string, 0, sizeof(*string));
    uint16_t *buffer = acquire_permitted("RtlStringFromGUID")
                           ? pool_allocate(2 * (GUID_CHARACTERS + 1), STRING_TAG, NULL, call->return_address, true)
                           : NULL;
    if (!buffer)
        return NT_STATUS_NO_MEMORY;
    snprintf(text, sizeof(text), "{%08X-%04X-%04X-%02X%02X-%02X%02X%02X%02X%02X%02X}", guid->Data1, guid->Data2, guid->Data3, tail[0],
             tail[1], tail[2], tail[3], tail[4], tail[5], tail[6], tail[7]);
    nt_utf8_to_utf16(text, buffer, GUID_CHARACTERS + 1);
    string->Length = 2 * GUID_CHARACTERS;
    string->MaximumLength = 2 * (GUID_CHARACTERS + 1);
    string->Buffer = (uintptr_t)buffer;
    return NT_STATUS_SUCCESS;
}

/* ---- characters and numbers ---- */

static uint16_t fold(uint16_t unit, bool fold_case)
{
    return fold_case && unit >= 'a' && unit <= 'z' ? (uint16_t)(unit - 0x20) : unit;
}

static uint64_t export_RtlDowncaseUnicodeChar(struct export_call *call)
{
    uint16_t unit = arg_u16(call);
    bool upper = (unit >= 'A' && unit <= 'Z') || (unit >= 0xC0 && unit <= 0xDE && unit != 0xD7);
    return upper ? unit + 0x20u : unit;
}

static uint64_t export_RtlCompareUnicodeStrings(struct export_call *call)
{
    const uint16_t *left = arg_pointer(call);
    uintptr_t left_units = arg_word(call);
    const uint16_t *right = arg_pointer(call);
    uintptr_t right_units = arg_word(call);
    bool fold_case = arg_u8(call) != 0;
    for (uintptr_t i = 0; i < left_units && i < right_units; i++) {
        int difference = (int)fold(left[i], fold_case) - (int)fold(right[i], fold_case);
        if (difference)
            return (uint64_t)(int64_t)difference;
    }
    return (uint64_t)((int64_t)left_units - (int64_t)right_units);
}

/* The x65599 hash, which is the default and the only one. */
static uint64_t export_RtlHashUnicodeString(struct export_call *call)
{
    const nt_UNICODE_STRING *string = arg_pointer(call);
    bool fold_case = arg_u8(call) != 0;
    uint32_t algorithm = arg_u32(call), hash = 0;
    uint32_t *result = arg_pointer(call);
    if (!string || !result || algorithm > 1)
        return NT_STATUS_INVALID_PARAMETER;
    for (unsigned i = 0; i < string->Length / 2u; i++)
        hash = hash * 65599 + fold(((const uint16_t *)string->Buffer)[i], fold_case);
    *result = hash;
    return NT_STATUS_SUCCESS;
}

/* The documented generator: a linear congruence modulo 2^31 - 1; the seed is the caller's. */
static uint64_t export_RtlRandomEx(struct export_call *call)
{
    uint32_t *seed = arg_pointer(call);
    *seed = (uint32_t)(((uint64_t)*seed * 0x7FFFFFED + 0x7FFFFFC3) % 0x7FFFFFFF);
    return *seed;
}

/* A random one of version 4, by the seed as everything that is random. */
static uint64_t export_ExUuidCreate(struct export_call *call)
{
    uint8_t *uuid = arg_pointer(call);
    uint64_t halves[2] = {sched_random(SCHED_STREAM_OTHER), sched_random(SCHED_STREAM_OTHER)};
    memcpy(uuid, halves, sizeof(halves));
    uuid[7] = (uint8_t)((uuid[7] & 0x0F) | 0x40); /* of Data3, which is little-endian */
    uuid[8] = (uint8_t)((uuid[8] & 0x3F) | 0x80);
    return NT_STATUS_SUCCESS;
}

static unsigned utf8_encode(uint32_t point, uint8_t bytes[4])
{
    if (point < 0x80)
        return bytes[0] = (uint8_t)point, 1;
    unsigned length = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (unsigned at = length - 1; at; at--, point >>= 6)
        bytes[at] = (uint8_t)(0x80 | (point & 0x3F));
    bytes[0] = (uint8_t)(0xF00 >> length | point);
    return length;
}

/* NTSTATUS (target or NULL, its bytes, how many are written or needed, source, its bytes): what is no character becomes U+FFFD */
static uint64_t export_RtlUnicodeToUTF8N(struct export_call *call)
{
    uint8_t *target = arg_pointer(call), bytes[4];
    uint32_t room = arg_u32(call), *written = arg_pointer(call), used = 0;
    const uint16_t *source = arg_pointer(call);
    uint32_t size = arg_u32(call), status = NT_STATUS_SUCCESS;
    if (!source || size % 2)
        return source ? NT_STATUS_INVALID_PARAMETER_5 : NT_STATUS_INVALID_PARAMETER_4;
    for (uint32_t i = 0; i < size / 2; i++) {
        uint32_t point = source[i];
        bool high = (point & 0xFC00) == 0xD800, pair = high && i + 1 < size / 2 && (source[i + 1] & 0xFC00) == 0xDC00;
        if (pair) {
            point = 0x10000 + ((point & 0x3FF) << 10) + (source[++i] & 0x3FFu);
        } else if ((point & 0xF800) == 0xD800) {
            point = 0xFFFD;
            status = 0x00000107; /* STATUS_SOME_NOT_MAPPED */
        }
        unsigned length = utf8_encode(point, bytes);
        if (target && length > room - used) {
            status = 0xC0000023; /* STATUS_BUFFER_TOO_SMALL */
            break;
        }
        if (target)
            memcpy(target + used, bytes, length);
        used += length;
    }
    if (written)
        *written = used;
    return status;
}

const struct export_row nt_conversion_exports[] = {
    EXPORT(ExUuidCreate),         EXPORT(RtlUnicodeToUTF8N), EXPORT(RtlTimeToTimeFields),          EXPORT(RtlTimeFieldsToTime),
    EXPORT(RtlGUIDFromString),    EXPORT(RtlStringFromGUID), EXPORT(RtlDowncaseUnicodeChar),       EXPORT(RtlCompareUnicodeStrings),
    EXPORT(RtlHashUnicodeString), EXPORT(RtlRandomEx),       {"RtlRandom", export_RtlRandomEx, 0}, EXPORT_END,
};
