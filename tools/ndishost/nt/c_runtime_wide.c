/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* c_runtime_wide.c - the same for UTF-16: search, copies, comparison without case, conversion to and from bytes. */
#include "exec/call.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/rules.h"

#include <string.h>

enum { CRT_INVALID = 22, CRT_RANGE = 34 }; /* Windows' EINVAL and ERANGE */

static size_t length_of(const uint16_t *text, size_t most)
{
    size_t length = 0;
    while (length < most && text[length])
        length++;
    return length;
}

static bool contains(const uint16_t *set, uint16_t unit)
{
    while (*set && *set != unit)
        set++;
    return *set != 0;
}

/* ---- search ---- */

static uint64_t export_wcschr(struct export_call *call)
{
    const uint16_t *text = arg_pointer(call);
    uint16_t unit = arg_u16(call);
    while (*text && *text != unit)
        text++;
    return *text == unit ? (uintptr_t)text : 0;
}

static uint64_t export_wcsrchr(struct export_call *call)
{
    const uint16_t *text = arg_pointer(call), *found = NULL;
    uint16_t unit = arg_u16(call);
    do
        found = *text == unit ? text : found;
    while (*text++);
    return (uintptr_t)found;
}

static uint64_t export_wcsstr(struct export_call *call)
{
    const uint16_t *text = arg_pointer(call), *sought = arg_pointer(call);
    size_t length = length_of(sought, SIZE_MAX);
    for (;; text++) {
        if (length_of(text, length) == length && memcmp(text, sought, length * 2) == 0)
            return (uintptr_t)text;
        if (!*text)
            return 0;
    }
}

static uint64_t span(struct export_call *call, bool of_set)
{
    const uint16_t *text = arg_pointer(call), *set = arg_pointer(call);
    size_t length = 0;
    while (text[length] && contains(set, text[length]) == of_set)
        length++;
    return length;
}

static uint64_t export_wcsspn(struct export_call *call)
{
    return span(call, true);
}

static uint64_t export_wcscspn(struct export_call *call)
{
    return span(call, false);
}

static uint64_t export_wcsnlen(struct export_call *call)
{
    const uint16_t *text = arg_pointer(call);
    return length_of(text, arg_word(call));
}

/* ---- comparison ---- */

static uint64_t compare(const uint16_t *left, const uint16_t *right, size_t most, bool without_case)
{
    for (; most; most--, left++, right++) {
        uint16_t a = *left, b = *right;
        if (without_case) {
            a = nt_upcase(a);
            b = nt_upcase(b);
        }
        if (a != b)
            return (uint64_t)(uint32_t)((a > b) - (a < b));
        if (!a)
            break;
    }
    return 0;
}

static uint64_t export_wcsncmp(struct export_call *call)
{
    const uint16_t *left = arg_pointer(call), *right = arg_pointer(call);
    return compare(left, right, arg_word(call), false);
}

static uint64_t export__wcsicmp(struct export_call *call)
{
    const uint16_t *left = arg_pointer(call);
    return compare(left, arg_pointer(call), SIZE_MAX, true);
}

static uint64_t export__wcsnicmp(struct export_call *call)
{
    const uint16_t *left = arg_pointer(call), *right = arg_pointer(call);
    return compare(left, right, arg_word(call), true);
}

/* ---- copies ---- */

static void copy_units(uint16_t *destination, const uint16_t *source, size_t length)
{
    memmove(destination, source, length * 2);
    destination[length] = 0;
}

static uint64_t export_wcscpy(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    const uint16_t *source = arg_pointer(call);
    copy_units(destination, source, length_of(source, SIZE_MAX));
    return (uintptr_t)destination;
}

/* Fills up with zeros; without a terminator when there is no room. */
static uint64_t export_wcsncpy(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    const uint16_t *source = arg_pointer(call);
    size_t most = arg_word(call), length = length_of(source, most);
    memmove(destination, source, length * 2);
    memset(destination + length, 0, (most - length) * 2);
    return (uintptr_t)destination;
}

static uint64_t export_wcscat(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    const uint16_t *source = arg_pointer(call);
    copy_units(destination + length_of(destination, SIZE_MAX), source, length_of(source, SIZE_MAX));
    return (uintptr_t)destination;
}

static uint64_t export_wcsncat(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    const uint16_t *source = arg_pointer(call);
    copy_units(destination + length_of(destination, SIZE_MAX), source, length_of(source, arg_word(call)));
    return (uintptr_t)destination;
}

/* Refuses what does not fit and empties the destination. */
static uint32_t copy_bounded(uint16_t *destination, size_t capacity, size_t used, const uint16_t *source)
{
    if (!destination || !capacity)
        return CRT_INVALID;
    size_t length = source ? length_of(source, capacity) : 0;
    if (!source || used >= capacity || length >= capacity - used) {
        *destination = 0;
        return source && used < capacity ? CRT_RANGE : CRT_INVALID;
    }
    copy_units(destination + used, source, length);
    return 0;
}

static uint64_t export_wcscpy_s(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    return copy_bounded(destination, capacity, 0, arg_pointer(call));
}

static uint64_t export_wcscat_s(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    return copy_bounded(destination, capacity, destination ? length_of(destination, capacity) : 0, arg_pointer(call));
}

static uint64_t export__wcsupr(struct export_call *call)
{
    uint16_t *text = arg_pointer(call);
    for (uint16_t *at = text; *at; at++)
        *at = nt_upcase(*at);
    return (uintptr_t)text;
}

static uint64_t export_towupper(struct export_call *call)
{
    return nt_upcase(arg_u16(call));
}

/* ---- to and from bytes: the system's code page is taken to be Latin 1 ---- */

static uint64_t export_mbstowcs(struct export_call *call)
{
    uint16_t *destination = arg_pointer(call);
    const uint8_t *source = arg_pointer(call);
    size_t most = arg_word(call), count = 0;
    if (!destination)
        return strlen((const char *)source);
    for (; count < most; count++)
        if (!(destination[count] = source[count]))
            break;
    return count;
}

static uint64_t export_wcstombs(struct export_call *call)
{
    uint8_t *destination = arg_pointer(call);
    const uint16_t *source = arg_pointer(call);
    size_t most = arg_word(call), count = 0;
    for (; !destination || count < most; count++) {
        if (source[count] > 0xFF)
            return (uintptr_t)-1; /* no such character */
        if (destination)
            destination[count] = (uint8_t)source[count];
        if (!source[count])
            break;
    }
    return count;
}

const struct export_row nt_c_runtime_wide_exports[] = {
    EXPORT(wcschr),   EXPORT(wcsrchr),   EXPORT(wcsstr),   EXPORT(wcsspn),   EXPORT(wcscspn),  EXPORT(wcsnlen), EXPORT(wcsncmp),
    EXPORT(_wcsicmp), EXPORT(_wcsnicmp), EXPORT(wcscpy),   EXPORT(wcsncpy),  EXPORT(wcscat),   EXPORT(wcsncat), EXPORT(wcscpy_s),
    EXPORT(wcscat_s), EXPORT(_wcsupr),   EXPORT(towupper), EXPORT(mbstowcs), EXPORT(wcstombs), EXPORT_END,
};
