/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* string_memory.c - memory blocks and zero-terminated strings: the Rtl functions and the C run-time that ntoskrnl.exe exports. */
#include "nt/nt.h"

#include "rules/rules.h"

#include <string.h>

static uint64_t copy(struct export_call *call)
{
    void *destination = arg_pointer(call);
    const void *source = arg_pointer(call);
    memmove(destination, source, arg_word(call));
    return (uintptr_t)destination;
}

/* memcpy of overlapping blocks: what happens depends on the compiler's version, so it is a bug. */
static uint64_t export_memcpy(struct export_call *call)
{
    uintptr_t destination = arg_word(call), source = arg_word(call);
    size_t size = arg_word(call);
    char here[128];
    if (destination != source && (destination - source < size || source - destination < size))
        rule_violated("HOST-ARGUMENT", NULL, "memcpy of %zu bytes between overlapping blocks by %s", size,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    memmove((void *)destination, (const void *)source, size);
    return destination;
}

static uint64_t export_memset(struct export_call *call)
{
    void *destination = arg_pointer(call);
    int byte = (int)arg_u32(call);
    memset(destination, byte, arg_word(call));
    return (uintptr_t)destination;
}

static uint64_t export_RtlFillMemory(struct export_call *call)
{
    void *destination = arg_pointer(call);
    size_t size = arg_word(call);
    memset(destination, arg_u8(call), size);
    return 0;
}

static uint64_t export_RtlZeroMemory(struct export_call *call)
{
    void *destination = arg_pointer(call);
    memset(destination, 0, arg_word(call));
    return 0;
}

/* How many bytes are equal from the start. */
static uint64_t export_RtlCompareMemory(struct export_call *call)
{
    const uint8_t *left = arg_pointer(call), *right = arg_pointer(call);
    size_t size = arg_word(call), equal = 0;
    while (equal < size && left[equal] == right[equal])
        equal++;
    return equal;
}

static uint64_t export_strlen(struct export_call *call)
{
    return strlen(arg_pointer(call));
}

static uint64_t export_strcmp(struct export_call *call)
{
    const char *left = arg_pointer(call);
    return (uint64_t)(uint32_t)strcmp(left, arg_pointer(call));
}

static uint64_t export_strncmp(struct export_call *call)
{
    const char *left = arg_pointer(call), *right = arg_pointer(call);
    return (uint64_t)(uint32_t)strncmp(left, right, arg_word(call));
}

static uint64_t export_strcpy(struct export_call *call)
{
    char *destination = arg_pointer(call);
    return (uintptr_t)strcpy(destination, arg_pointer(call));
}

static uint64_t export_strncpy(struct export_call *call)
{
    char *destination = arg_pointer(call);
    const char *source = arg_pointer(call);
    size_t size = arg_word(call), length = strnlen(source, size);
    memcpy(destination, source, length);
    memset(destination + length, 0, size - length);
    return (uintptr_t)destination;
}

static uint64_t export_wcslen(struct export_call *call)
{
    const uint16_t *text = arg_pointer(call);
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static uint64_t export_wcscmp(struct export_call *call)
{
    const uint16_t *left = arg_pointer(call), *right = arg_pointer(call);
    while (*left && *left == *right) {
        left++;
        right++;
    }
    return (uint64_t)(uint32_t)((*left > *right) - (*left < *right));
}

/* A hint to the processor's cache: no program can tell whether it was taken. */
static uint64_t export_RtlPrefetchMemoryNonTemporal(struct export_call *call)
{
    (void)call;
    return 0;
}

const struct export_row nt_string_memory_exports[] = {
    EXPORT(RtlPrefetchMemoryNonTemporal),
    EXPORT(memcpy),
    EXPORT(memset),
    {"memmove", copy, 0},
#if UINTPTR_MAX != UINT32_MAX
    {"RtlCopyMemory", copy, 0},
    {"RtlCopyMemoryNonTemporal", copy, 0},
#endif
    {"RtlMoveMemory", copy, 0},
    EXPORT(RtlFillMemory),
    EXPORT(RtlZeroMemory),
    EXPORT(RtlCompareMemory),
    EXPORT(strlen),
    EXPORT(strcmp),
    EXPORT(strncmp),
    EXPORT(strcpy),
    EXPORT(strncpy),
    EXPORT(wcslen),
    EXPORT(wcscmp),
    EXPORT_END,
};
