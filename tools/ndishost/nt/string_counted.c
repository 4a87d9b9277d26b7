/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * string_counted.c - counted strings, ANSI (code page 1252's ASCII part) and UTF-16. What a function allocates is pool with the tag "Strg".
 */
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stdio.h>
#include <string.h>

enum { STRING_TAG = 0x67727453 /* "Strg" */ };

static uint16_t *units_of(const nt_UNICODE_STRING *string)
{
    return (uint16_t *)string->Buffer;
}

static bool check(const nt_UNICODE_STRING *string, bool wide, uintptr_t who)
{
    char here[128];
    if (string->Length <= string->MaximumLength && !(wide && string->Length % 2) && (string->Buffer || string->Length == 0))
        return true;
    rule_violated("HOST-STRING", string, "string %p with length %u, maximum %u and buffer %p is used by %s", (const void *)string,
                  string->Length, string->MaximumLength, (void *)string->Buffer, rules_describe_address(who, here, sizeof(here)));
    return false;
}

/* ---- UTF-8 for the host ---- */

static size_t put_utf8(uint32_t point, char out[4])
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    size_t count = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = count - 1; i > 0; i--, point >>= 6)
        out[i] = (char)(0x80 | (point & 0x3F));
    out[0] = (char)((0xF00 >> count & 0xFF) | point);
    return count;
}

void nt_unicode_to_utf8(const void *unicode_string, char *buffer, size_t size)
{
    const nt_UNICODE_STRING *string = unicode_string;
    size_t count = string->Buffer ? string->Length / 2 : 0, used = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t point = units_of(string)[i];
        if (point >= 0xD800 && point < 0xDC00 && i + 1 < count && (units_of(string)[i + 1] & 0xFC00) == 0xDC00)
            point = 0x10000 + ((point & 0x3FF) << 10) + (units_of(string)[++i] & 0x3FF);
        else if (point >= 0xD800 && point < 0xE000)
            point = 0xFFFD; /* half a pair */
        char bytes[4];
        size_t length = put_utf8(point, bytes);
        if (used + length >= size)
            break;
        memcpy(buffer + used, bytes, length);
        used += length;
    }
    if (size)
        buffer[used] = 0;
}

size_t nt_utf8_to_utf16(const char *text, uint16_t *buffer, size_t units)
{
    size_t used = 0;
    const uint8_t *at = (const uint8_t *)text;
    while (*at && used + 1 < units) {
        unsigned more = *at >= 0xF0 ? 3 : *at >= 0xE0 ? 2 : *at >= 0xC0 ? 1 : 0;
        uint32_t point = more == 0 ? *at : *at & (0x3Fu >> more);
        for (at++; more && (*at & 0xC0) == 0x80; more--)
            point = point << 6 | (*at++ & 0x3F);
        if (more || point > 0x10FFFF)
            point = 0xFFFD;
        if (point < 0x10000) {
            buffer[used++] = (uint16_t)point;
        } else if (used + 2 < units) {
            buffer[used++] = (uint16_t)(0xD800 | (point - 0x10000) >> 10);
            buffer[used++] = (uint16_t)(0xDC00 | (point & 0x3FF));
        } else {
            break;
        }
    }
    if (units)
        buffer[used] = 0;
    return used;
}

/* ---- initialising ---- */

static uint64_t export_RtlInitUnicodeString(struct export_call *call)
{
    nt_UNICODE_STRING *string = arg_pointer(call);
    const uint16_t *text = arg_pointer(call);
    size_t length = 0;
    while (text && text[length] && length < 0x7FFE)
        length++;
    string->Length = (uint16_t)(length * 2);
    string->MaximumLength = (uint16_t)(text ? length * 2 + 2 : 0);
    string->Buffer = (uintptr_t)text;
    return 0;
}

static uint64_t export_RtlInitAnsiString(struct export_call *call)
{
    nt_UNICODE_STRING *string = arg_pointer(call); /* ANSI_STRING has the same layout */
    const char *text = arg_pointer(call);
    size_t length = text ? strnlen(text, 0xFFFE) : 0;
    string->Length = (uint16_t)length;
    string->MaximumLength = (uint16_t)(text ? length + 1 : 0);
    string->Buffer = (uintptr_t)text;
    return 0;
}

/* ---- comparing ---- */

uint16_t nt_upcase(uint16_t unit)
{
    if (unit >= 'a' && unit <= 'z')
        return (uint16_t)(unit - 0x20);
    if ((unit >= 0xE0 && unit <= 0xFE && unit != 0xF7) || (unit >= 0x3B1 && unit <= 0x3C9 && unit != 0x3C2) ||
        (unit >= 0x430 && unit <= 0x44F))
        return (uint16_t)(unit - 0x20); /* Latin-1, Greek, Cyrillic */
    return unit == 0xFF ? 0x178 : unit;
}

/* Unit `index` of a string of either width, upper case when case does not matter. */
static unsigned unit_at(const nt_UNICODE_STRING *string, bool wide, size_t index, bool ignore_case)
{
    unsigned unit = wide ? units_of(string)[index] : ((const uint8_t *)string->Buffer)[index];
    return ignore_case ? nt_upcase((uint16_t)unit) : unit;
}

static int32_t compare(const nt_UNICODE_STRING *left, const nt_UNICODE_STRING *right, bool wide, bool ignore_case, size_t limit)
{
    size_t width = wide ? 2 : 1, left_count = left->Length / width, right_count = right->Length / width;
    for (size_t i = 0; i < left_count && i < right_count && i < limit; i++) {
        int32_t difference = (int32_t)unit_at(left, wide, i, ignore_case) - (int32_t)unit_at(right, wide, i, ignore_case);
        if (difference)
            return difference;
    }
    return limit == SIZE_MAX ? (int32_t)left_count - (int32_t)right_count : 0;
}

static int32_t compare_arguments(struct export_call *call, bool wide)
{
    const nt_UNICODE_STRING *left = arg_pointer(call), *right = arg_pointer(call);
    bool ignore_case = arg_u8(call);
    if (!check(left, wide, call->return_address) || !check(right, wide, call->return_address))
        return -1;
    return compare(left, right, wide, ignore_case, SIZE_MAX);
}

static uint64_t export_RtlEqualUnicodeString(struct export_call *call)
{
    return compare_arguments(call, true) == 0;
}

static uint64_t export_RtlCompareUnicodeString(struct export_call *call)
{
    return (uint64_t)(uint32_t)compare_arguments(call, true);
}

static uint64_t export_RtlEqualString(struct export_call *call)
{
    return compare_arguments(call, false) == 0;
}

static uint64_t export_RtlCompareString(struct export_call *call)
{
    return (uint64_t)(uint32_t)compare_arguments(call, false);
}

static uint64_t export_RtlPrefixUnicodeString(struct export_call *call)
{
    const nt_UNICODE_STRING *prefix = arg_pointer(call), *string = arg_pointer(call);
    bool ignore_case = arg_u8(call);
    return prefix->Length <= string->Length && compare(prefix, string, true, ignore_case, prefix->Length / 2u) == 0;
}

/* ---- copying ---- */

static uint64_t export_RtlCopyUnicodeString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const nt_UNICODE_STRING *source = arg_pointer(call);
    destination->Length = 0;
    if (!source || !check(source, true, call->return_address))
        return 0;
    size_t length = source->Length < destination->MaximumLength ? source->Length : destination->MaximumLength & ~1u;
    memmove(units_of(destination), units_of(source), length);
    destination->Length = (uint16_t)length;
    if (length + 2 <= destination->MaximumLength)
        units_of(destination)[length / 2] = 0;
    return 0;
}

static uint32_t append(nt_UNICODE_STRING *destination, const uint16_t *units, size_t bytes)
{
    if (bytes > destination->MaximumLength || destination->Length > destination->MaximumLength - bytes)
        return NT_STATUS_BUFFER_TOO_SMALL;
    if (bytes != 0) /* an empty string may have no buffer */
        memmove((uint8_t *)destination->Buffer + destination->Length, units, bytes);
    destination->Length = (uint16_t)(destination->Length + bytes);
    if (destination->Length + 2u <= destination->MaximumLength)
        units_of(destination)[destination->Length / 2] = 0;
    return NT_STATUS_SUCCESS;
}

static uint64_t export_RtlAppendUnicodeToString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const uint16_t *text = arg_pointer(call);
    size_t length = 0;
    while (text && text[length])
        length++;
    return check(destination, true, call->return_address) ? append(destination, text, length * 2) : NT_STATUS_INVALID_PARAMETER;
}

static uint64_t export_RtlAppendUnicodeStringToString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const nt_UNICODE_STRING *source = arg_pointer(call);
    if (!check(destination, true, call->return_address) || !check(source, true, call->return_address))
        return NT_STATUS_INVALID_PARAMETER;
    return append(destination, units_of(source), source->Length);
}

/* ---- converting ---- */

/* Room for `bytes` with a terminator: the caller's buffer, or a new one. */
static uint32_t prepare(nt_UNICODE_STRING *destination, size_t bytes, size_t terminator, bool allocate, uintptr_t who)
{
    if (bytes + terminator > UINT16_MAX)
        return NT_STATUS_INVALID_PARAMETER;
    if (allocate) {
        destination->Buffer =
            acquire_permitted("buffer of a string") ? (uintptr_t)pool_allocate(bytes + terminator, STRING_TAG, NULL, who, true) : 0;
        destination->MaximumLength = (uint16_t)(bytes + terminator);
        if (!destination->Buffer)
            return NT_STATUS_NO_MEMORY;
    } else if (bytes + terminator > destination->MaximumLength) {
        return NT_STATUS_BUFFER_OVERFLOW;
    }
    destination->Length = (uint16_t)bytes;
    return NT_STATUS_SUCCESS;
}

static uint64_t export_RtlAnsiStringToUnicodeString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const nt_UNICODE_STRING *source = arg_pointer(call);
    bool allocate = arg_u8(call);
    if (!check(source, false, call->return_address))
        return NT_STATUS_INVALID_PARAMETER;
    uint32_t status = prepare(destination, source->Length * 2u, 2, allocate, call->return_address);
    for (size_t i = 0; status == NT_STATUS_SUCCESS && i <= source->Length; i++)
        units_of(destination)[i] = i < source->Length ? ((const uint8_t *)source->Buffer)[i] : 0;
    return status;
}

static uint64_t export_RtlUnicodeStringToAnsiString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const nt_UNICODE_STRING *source = arg_pointer(call);
    bool allocate = arg_u8(call);
    if (!check(source, true, call->return_address))
        return NT_STATUS_INVALID_PARAMETER;
    size_t count = source->Length / 2;
    uint32_t status = prepare(destination, count, 1, allocate, call->return_address);
    uint8_t *bytes = (uint8_t *)destination->Buffer;
    for (size_t i = 0; status == NT_STATUS_SUCCESS && i <= count; i++)
        bytes[i] = i == count ? 0 : units_of(source)[i] < 0x100 ? (uint8_t)units_of(source)[i] : (uint8_t)'?';
    return status;
}

static uint64_t export_RtlUpcaseUnicodeString(struct export_call *call)
{
    nt_UNICODE_STRING *destination = arg_pointer(call);
    const nt_UNICODE_STRING *source = arg_pointer(call);
    bool allocate = arg_u8(call);
    if (!check(source, true, call->return_address))
        return NT_STATUS_INVALID_PARAMETER;
    uint32_t status = prepare(destination, source->Length, 0, allocate, call->return_address);
    for (size_t i = 0; status == NT_STATUS_SUCCESS && i < source->Length / 2u; i++)
        units_of(destination)[i] = nt_upcase(units_of(source)[i]);
    return status;
}

static uint64_t export_RtlUpcaseUnicodeChar(struct export_call *call)
{
    return nt_upcase(arg_u16(call));
}

static uint64_t export_RtlFreeUnicodeString(struct export_call *call)
{
    nt_UNICODE_STRING *string = arg_pointer(call);
    if (string->Buffer)
        pool_free((void *)string->Buffer, STRING_TAG, call->return_address);
    *string = (nt_UNICODE_STRING){0};
    return 0;
}

/* ---- numbers ---- */

static unsigned digit_of(unsigned unit)
{
    if (unit >= '0' && unit <= '9')
        return unit - '0';
    unit |= 0x20;
    return unit >= 'a' && unit <= 'f' ? unit - 'a' + 10 : 255;
}

/* Leading blanks, a sign, and with base 0 a prefix 0x, 0o or 0b; ends at the first character that is no digit. */
static uint64_t export_RtlUnicodeStringToInteger(struct export_call *call)
{
    const nt_UNICODE_STRING *string = arg_pointer(call);
    uint32_t base = arg_u32(call);
    uint32_t *value = arg_pointer(call);
    if (!check(string, true, call->return_address) || (base != 0 && base != 2 && base != 8 && base != 10 && base != 16))
        return NT_STATUS_INVALID_PARAMETER;
    const uint16_t *units = units_of(string);
    size_t count = string->Length / 2, i = 0;
    while (i < count && units[i] <= ' ')
        i++;
    bool negative = i < count && units[i] == '-';
    i += i < count && (units[i] == '-' || units[i] == '+');
    if (base == 0) {
        base = 10;
        if (i + 1 < count && units[i] == '0' && (units[i + 1] == 'x' || units[i + 1] == 'o' || units[i + 1] == 'b')) {
            base = units[i + 1] == 'x' ? 16 : units[i + 1] == 'o' ? 8 : 2;
            i += 2;
        }
    }
    uint32_t result = 0;
    for (; i < count && digit_of(units[i]) < base; i++)
        result = result * base + digit_of(units[i]);
    *value = negative ? 0 - result : result;
    return NT_STATUS_SUCCESS;
}

static uint64_t export_RtlIntegerToUnicodeString(struct export_call *call)
{
    uint32_t value = arg_u32(call), base = arg_u32(call);
    nt_UNICODE_STRING *string = arg_pointer(call);
    base = base ? base : 10;
    if (base != 2 && base != 8 && base != 10 && base != 16)
        return NT_STATUS_INVALID_PARAMETER;
    uint16_t digits[32];
    size_t first = 32;
    do {
        digits[--first] = (uint16_t)"0123456789ABCDEF"[value % base];
        value /= base;
    } while (value);
    string->Length = 0;
    return append(string, digits + first, (32 - first) * 2) == NT_STATUS_SUCCESS ? NT_STATUS_SUCCESS : NT_STATUS_BUFFER_OVERFLOW;
}

static uint64_t export_RtlCopyString(struct export_call *call)
{
    nt_STRING *target = arg_pointer(call);
    const nt_STRING *source = arg_pointer(call);
    target->Length = 0;
    if (source) {
        target->Length = source->Length < target->MaximumLength ? source->Length : target->MaximumLength;
        memmove((void *)target->Buffer, (const void *)source->Buffer, target->Length);
    }
    return 0;
}

/* The digits of a text of bytes: blanks, a sign, with base 0 a prefix of the base. */
static uint64_t export_RtlCharToInteger(struct export_call *call)
{
    const char *text = arg_pointer(call);
    uint32_t base = arg_u32(call), *value = arg_pointer(call), result = 0;
    if (base != 0 && base != 2 && base != 8 && base != 10 && base != 16)
        return NT_STATUS_INVALID_PARAMETER;
    while (*text && (unsigned char)*text <= ' ')
        text++;
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    if (base == 0) {
        bool prefixed = text[0] == '0' && (text[1] == 'x' || text[1] == 'o' || text[1] == 'b');
        base = !prefixed ? 10 : text[1] == 'x' ? 16 : text[1] == 'o' ? 8 : 2;
        text += prefixed ? 2 : 0;
    }
    for (; digit_of((unsigned char)*text) < base; text++)
        result = result * base + digit_of((unsigned char)*text);
    *value = negative ? 0 - result : result;
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_string_counted_exports[] = {
    EXPORT(RtlCopyString),
    EXPORT(RtlCharToInteger),
    EXPORT(RtlInitUnicodeString),
    EXPORT(RtlInitAnsiString),
    {"RtlInitString", export_RtlInitAnsiString, 0},
    EXPORT(RtlEqualUnicodeString),
    EXPORT(RtlCompareUnicodeString),
    EXPORT(RtlEqualString),
    EXPORT(RtlCompareString),
    EXPORT(RtlPrefixUnicodeString),
    EXPORT(RtlCopyUnicodeString),
    EXPORT(RtlAppendUnicodeToString),
    EXPORT(RtlAppendUnicodeStringToString),
    EXPORT(RtlAnsiStringToUnicodeString),
    EXPORT(RtlUnicodeStringToAnsiString),
    EXPORT(RtlUpcaseUnicodeString),
    EXPORT(RtlUpcaseUnicodeChar),
    EXPORT(RtlFreeUnicodeString),
    {"RtlFreeAnsiString", export_RtlFreeUnicodeString, 0},
    EXPORT(RtlUnicodeStringToInteger),
    EXPORT(RtlIntegerToUnicodeString),
    EXPORT_END,
};
