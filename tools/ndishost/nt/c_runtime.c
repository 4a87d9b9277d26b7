/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* c_runtime.c - the C run-time that ntoskrnl.exe exports beside string_memory.c: bytes, characters, numbers, bounded copies. */
#include "exec/call.h"
#include "exec/trap.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/rules.h"

#include <stdatomic.h>
#include <string.h>

/* EINVAL and ERANGE as Windows numbers them, which the bounded functions return. */
enum { CRT_INVALID = 22, CRT_RANGE = 34 };

/* ---- characters: the kernel's locale is "C" ---- */

static bool is_lower(uint32_t c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(uint32_t c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static uint32_t lower(uint32_t c)
{
    return is_upper(c) ? c + ('a' - 'A') : c;
}

static uint32_t upper(uint32_t c)
{
    return is_lower(c) ? c - ('a' - 'A') : c;
}

static uint64_t export_tolower(struct export_call *call)
{
    return lower(arg_u32(call));
}

static uint64_t export_toupper(struct export_call *call)
{
    return upper(arg_u32(call));
}

static uint64_t export_isdigit(struct export_call *call)
{
    return is_digit(arg_u32(call));
}

static uint64_t export_islower(struct export_call *call)
{
    return is_lower(arg_u32(call));
}

static uint64_t export_isupper(struct export_call *call)
{
    return is_upper(arg_u32(call));
}

static uint64_t export_isspace(struct export_call *call)
{
    return is_space(arg_u32(call));
}

static uint64_t export_isxdigit(struct export_call *call)
{
    uint32_t c = arg_u32(call);
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

static uint64_t export_isprint(struct export_call *call)
{
    uint32_t c = arg_u32(call);
    return c >= 0x20 && c < 0x7F;
}

/* ---- bytes ---- */

static uint64_t export_memchr(struct export_call *call)
{
    const uint8_t *memory = arg_pointer(call);
    int byte = (int)arg_u32(call);
    return (uintptr_t)memchr(memory, byte, arg_word(call));
}

#if UINTPTR_MAX != UINT32_MAX
static uint64_t export_memcmp(struct export_call *call)
{
    const void *left = arg_pointer(call), *right = arg_pointer(call);
    return (uint64_t)(uint32_t)memcmp(left, right, arg_word(call));
}
#endif

/* ---- strings ---- */

static uint64_t export_strcat(struct export_call *call)
{
    char *destination = arg_pointer(call);
    return (uintptr_t)strcat(destination, arg_pointer(call));
}

static uint64_t export_strncat(struct export_call *call)
{
    char *destination = arg_pointer(call);
    const char *source = arg_pointer(call);
    return (uintptr_t)strncat(destination, source, arg_word(call));
}

static uint64_t export_strchr(struct export_call *call)
{
    const char *text = arg_pointer(call);
    return (uintptr_t)strchr(text, (int)arg_u32(call));
}

static uint64_t export_strrchr(struct export_call *call)
{
    const char *text = arg_pointer(call);
    return (uintptr_t)strrchr(text, (int)arg_u32(call));
}

static uint64_t export_strstr(struct export_call *call)
{
    const char *text = arg_pointer(call);
    return (uintptr_t)strstr(text, arg_pointer(call));
}

static uint64_t export_strspn(struct export_call *call)
{
    const char *text = arg_pointer(call);
    return strspn(text, arg_pointer(call));
}

static uint64_t export_strnlen(struct export_call *call)
{
    const char *text = arg_pointer(call);
    return strnlen(text, arg_word(call));
}

static uint64_t compare_without_case(const uint8_t *left, const uint8_t *right, size_t most)
{
    for (; most; most--, left++, right++) {
        uint32_t a = lower(*left), b = lower(*right);
        if (a != b)
            return (uint64_t)(uint32_t)((a > b) - (a < b));
        if (!a)
            break;
    }
    return 0;
}

static uint64_t export__stricmp(struct export_call *call)
{
    const void *left = arg_pointer(call);
    return compare_without_case(left, arg_pointer(call), SIZE_MAX);
}

static uint64_t export__strnicmp(struct export_call *call)
{
    const void *left = arg_pointer(call), *right = arg_pointer(call);
    return compare_without_case(left, right, arg_word(call));
}

static uint64_t export__strlwr(struct export_call *call)
{
    char *text = arg_pointer(call);
    for (char *at = text; *at; at++)
        *at = (char)lower((uint8_t)*at);
    return (uintptr_t)text;
}

static uint64_t export__strupr(struct export_call *call)
{
    char *text = arg_pointer(call);
    for (char *at = text; *at; at++)
        *at = (char)upper((uint8_t)*at);
    return (uintptr_t)text;
}

/* ---- numbers ---- */

static uint32_t number_of(const char *text)
{
    uint32_t value = 0;
    while (is_space((uint8_t)*text))
        text++;
    bool negative = *text == '-';
    text += *text == '-' || *text == '+';
    for (; is_digit((uint8_t)*text); text++)
        value = value * 10 + (uint32_t)(*text - '0');
    return negative ? 0u - value : value;
}

static uint64_t export_atoi(struct export_call *call)
{
    return number_of(arg_pointer(call));
}

/* char *_itoa(int value, char *buffer, int radix): only a decimal number has a sign. */
static uint64_t export__itoa(struct export_call *call)
{
    uint32_t value = arg_u32(call);
    char *buffer = arg_pointer(call), digits[32], *at = buffer;
    uint32_t radix = arg_u32(call), count = 0;
    if (radix < 2 || radix > 36) {
        rule_violated("HOST-ARGUMENT", NULL, "_itoa with radix %u", radix);
        *buffer = 0;
        return (uintptr_t)buffer;
    }
    if (radix == 10 && (int32_t)value < 0) {
        *at++ = '-';
        value = 0u - value;
    }
    do
        digits[count++] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % radix];
    while (value /= radix);
    while (count)
        *at++ = digits[--count];
    *at = 0;
    return (uintptr_t)buffer;
}

/* One sequence for the whole system; a driver that wants its own has RtlRandomEx. */
static atomic_uint random_state = 1;

static uint64_t export_srand(struct export_call *call)
{
    random_state = arg_u32(call);
    return 0;
}

static uint64_t export_rand(struct export_call *call)
{
    (void)call;
    unsigned before = random_state, after;
    do
        after = before * 1103515245u + 12345u;
    while (!atomic_compare_exchange_weak(&random_state, &before, after));
    return after >> 16 & 0x7FFF;
}

/* ---- bounded copies: a text that does not fit is refused, and the destination emptied; what was wrong is the driver's to notice ---- */

static uint32_t copy_bounded(char *destination, size_t capacity, size_t used, const char *source, size_t most)
{
    if (!destination || !capacity)
        return CRT_INVALID;
    size_t length = source ? strnlen(source, most) : 0;
    if (!source || used >= capacity || length >= capacity - used) {
        *destination = 0;
        return source && used < capacity ? CRT_RANGE : CRT_INVALID;
    }
    memcpy(destination + used, source, length);
    destination[used + length] = 0;
    return 0;
}

static uint64_t export_strcpy_s(struct export_call *call)
{
    char *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    return copy_bounded(destination, capacity, 0, arg_pointer(call), SIZE_MAX);
}

static uint64_t export_strncpy_s(struct export_call *call)
{
    char *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    const char *source = arg_pointer(call);
    size_t most = arg_word(call);
    if (most == SIZE_MAX && capacity) /* _TRUNCATE */
        most = capacity - 1;
    return copy_bounded(destination, capacity, 0, source, most);
}

static uint64_t export_strcat_s(struct export_call *call)
{
    char *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    return copy_bounded(destination, capacity, destination ? strnlen(destination, capacity) : 0, arg_pointer(call), SIZE_MAX);
}

static uint64_t copy_bytes_bounded(struct export_call *call)
{
    void *destination = arg_pointer(call);
    size_t capacity = arg_word(call);
    const void *source = arg_pointer(call);
    size_t count = arg_word(call);
    if (!count)
        return 0;
    if (!destination)
        return CRT_INVALID;
    if (!source || count > capacity) {
        memset(destination, 0, capacity);
        return source ? CRT_RANGE : CRT_INVALID;
    }
    memmove(destination, source, count);
    return 0;
}

/* A virtual function without a body: the driver's fault, and the end. */
static uint64_t export__purecall(struct export_call *call)
{
    char here[128];
    trap_bugcheck("HOST-BUGCHECK", "a pure virtual function is called by %s",
                  rules_describe_address(call->return_address, here, sizeof(here)));
}

const struct export_row nt_c_runtime_exports[] = {
    EXPORT(tolower),
    EXPORT(toupper),
    EXPORT(isdigit),
    EXPORT(islower),
    EXPORT(isupper),
    EXPORT(isspace),
    EXPORT(isxdigit),
    EXPORT(isprint),
    EXPORT(memchr),
#if UINTPTR_MAX != UINT32_MAX
    EXPORT(memcmp),
#endif
    EXPORT(strcat),
    EXPORT(strncat),
    EXPORT(strchr),
    EXPORT(strrchr),
    EXPORT(strstr),
    EXPORT(strspn),
    EXPORT(strnlen),
    EXPORT(_stricmp),
    EXPORT(_strnicmp),
    EXPORT(_strlwr),
    EXPORT(_strupr),
    EXPORT(atoi),
    {"atol", export_atoi, 0}, /* a long is an int on Windows */
    EXPORT(_itoa),
    EXPORT(srand),
    EXPORT(rand),
    EXPORT(strcpy_s),
    EXPORT(strncpy_s),
    EXPORT(strcat_s),
    {"memcpy_s", copy_bytes_bounded, 0},
    {"memmove_s", copy_bytes_bounded, 0},
    EXPORT(_purecall),
    EXPORT_END,
};
