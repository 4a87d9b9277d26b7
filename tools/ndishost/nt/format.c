/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* format.c - the kernel's printf: %I64, %Z, %wZ, %ws, 32-bit long and 16-bit wchar_t; no floating point. */
#include "nt/format.h"
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/rules.h"

#include <string.h>

struct output {
    void *buffer;
    size_t capacity, length;
    bool wide;
};

static void put(struct output *output, unsigned unit)
{
    if (output->length < output->capacity) {
        if (output->wide)
            ((uint16_t *)output->buffer)[output->length] = (uint16_t)unit;
        else
            ((uint8_t *)output->buffer)[output->length] = unit < 0x100 ? (uint8_t)unit : (uint8_t)'?';
    }
    output->length++;
}

struct directive {
    bool left, plus, space, alternate, zero;
    int width, precision; /* precision -1: none */
    enum { LENGTH_INT, LENGTH_SHORT, LENGTH_LONG, LENGTH_64, LENGTH_POINTER } length;
};

struct format {
    const void *text;
    size_t index;
    bool wide;
    const uintptr_t *slots;
};

static unsigned peek(const struct format *format)
{
    return format->wide ? ((const uint16_t *)format->text)[format->index] : ((const uint8_t *)format->text)[format->index];
}

static bool accept(struct format *format, unsigned unit)
{
    if (peek(format) != unit)
        return false;
    format->index++;
    return true;
}

static uintptr_t next_word(struct format *format)
{
    return *format->slots++;
}

static uint64_t next_u64(struct format *format)
{
    uint64_t value = next_word(format);
#if UINTPTR_MAX == UINT32_MAX
    value |= (uint64_t)next_word(format) << 32;
#endif
    return value;
}

static int read_number(struct format *format)
{
    if (accept(format, '*'))
        return (int)(int32_t)next_word(format);
    int number = 0;
    while (peek(format) >= '0' && peek(format) <= '9' && number < 10000)
        number = number * 10 + (int)(peek(format) - '0'), format->index++;
    return number;
}

static struct directive read_directive(struct format *format)
{
    struct directive directive = {.precision = -1};
    for (bool more = true; more;) {
        if (accept(format, '-'))
            directive.left = true;
        else if (accept(format, '+'))
            directive.plus = true;
        else if (accept(format, ' '))
            directive.space = true;
        else if (accept(format, '#'))
            directive.alternate = true;
        else if (accept(format, '0'))
            directive.zero = true;
        else
            more = false;
    }
    directive.width = read_number(format);
    if (directive.width < 0) {
        directive.left = true;
        directive.width = -directive.width;
    }
    if (accept(format, '.'))
        directive.precision = read_number(format);
    if (accept(format, 'h')) {
        accept(format, 'h');
        directive.length = LENGTH_SHORT;
    } else if (accept(format, 'l')) {
        directive.length = accept(format, 'l') ? LENGTH_64 : LENGTH_LONG;
    } else if (accept(format, 'w') || accept(format, 'L')) {
        directive.length = LENGTH_LONG;
    } else if (accept(format, 'I')) {
        directive.length = LENGTH_POINTER;
        if (accept(format, '6'))
            directive.length = accept(format, '4') ? LENGTH_64 : LENGTH_INT;
        else if (accept(format, '3'))
            directive.length = LENGTH_INT, accept(format, '2');
    }
    return directive;
}

static void pad(struct output *output, int count, unsigned unit)
{
    for (; count > 0; count--)
        put(output, unit);
}

/* ---- numbers ---- */

static void put_number(struct output *output, const struct directive *directive, uint64_t value, const char *sign, unsigned base,
                       bool upper)
{
    char digits[64];
    int count = 0;
    for (; value || (count == 0 && directive->precision != 0); value /= base)
        digits[count++] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[value % base];
    int zeros = directive->precision > count ? directive->precision - count : 0;
    int length = (int)strlen(sign) + zeros + count;
    if (directive->zero && !directive->left && directive->precision < 0 && directive->width > length) {
        zeros += directive->width - length;
        length = directive->width;
    }
    pad(output, directive->left ? 0 : directive->width - length, ' ');
    for (; *sign; sign++)
        put(output, (unsigned char)*sign);
    pad(output, zeros, '0');
    while (count > 0)
        put(output, (unsigned char)digits[--count]);
    pad(output, directive->left ? directive->width - length : 0, ' ');
}

static void put_integer(struct output *output, struct format *format, const struct directive *directive, unsigned conversion)
{
    bool wide_value = directive->length == LENGTH_64 || (directive->length == LENGTH_POINTER && sizeof(uintptr_t) == 8);
    uint64_t value = wide_value ? next_u64(format) : (uint32_t)next_word(format);
    if (directive->length == LENGTH_SHORT)
        value &= 0xFFFF;
    if (conversion == 'd' || conversion == 'i') {
        int64_t number = wide_value ? (int64_t)value : directive->length == LENGTH_SHORT ? (int16_t)value : (int32_t)value;
        const char *sign = number < 0 ? "-" : directive->plus ? "+" : directive->space ? " " : "";
        put_number(output, directive, number < 0 ? 0 - (uint64_t)number : (uint64_t)number, sign, 10, false);
        return;
    }
    unsigned base = conversion == 'u' ? 10 : conversion == 'o' ? 8 : 16;
    const char *prefix = base == 16 && directive->alternate && value ? (conversion == 'X' ? "0X" : "0x") : "";
    put_number(output, directive, value, prefix, base, conversion == 'X');
}

static void put_pointer(struct output *output, struct format *format, const struct directive *directive)
{
    struct directive whole = *directive;
    whole.precision = sizeof(uintptr_t) * 2;
    put_number(output, &whole, next_word(format), "", 16, true);
}

/* ---- strings ---- */

/* `count` units, or up to a terminator when it is -1; the precision limits both. */
static void put_string(struct output *output, const struct directive *directive, const void *text, bool wide, long count)
{
    if (!text) {
        text = "(null)";
        wide = false;
        count = -1;
    }
    const uint16_t *units = text;
    const uint8_t *bytes = text;
    long length = 0, limit = directive->precision >= 0 ? directive->precision : 0x7FFFFFFF;
    while (length < limit && (count >= 0 ? length < count : (wide ? units[length] : bytes[length]) != 0))
        length++;
    pad(output, directive->left ? 0 : directive->width - (int)length, ' ');
    for (long i = 0; i < length; i++)
        put(output, wide ? units[i] : bytes[i]);
    pad(output, directive->left ? directive->width - (int)length : 0, ' ');
}

static void put_counted(struct output *output, const struct directive *directive, const nt_UNICODE_STRING *string, bool wide)
{
    if (!string || !string->Buffer)
        put_string(output, directive, NULL, false, -1);
    else
        put_string(output, directive, (const void *)string->Buffer, wide, wide ? string->Length / 2 : string->Length);
}

/* ---- the whole ---- */

static void put_conversion(struct output *output, struct format *format, const struct directive *directive, unsigned conversion)
{
    bool opposite = conversion == 'S' || conversion == 'C'; /* the other width than the format's */
    bool wide = directive->length == LENGTH_LONG || (directive->length != LENGTH_SHORT && format->wide != opposite);
    struct directive one = *directive;
    switch (conversion) {
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        put_integer(output, format, directive, conversion);
        break;
    case 'p':
        put_pointer(output, format, directive);
        break;
    case 'c':
    case 'C': {
        uint16_t unit = (uint16_t)next_word(format);
        one.precision = 1;
        put_string(output, &one, &unit, true, 1);
        break;
    }
    case 's':
    case 'S':
        put_string(output, directive, (const void *)next_word(format), wide, -1);
        break;
    case 'Z':
        put_counted(output, directive, (const nt_UNICODE_STRING *)next_word(format), directive->length == LENGTH_LONG);
        break;
    default: /* %% and what is not known: as it stands */
        if (conversion != '%')
            put(output, '%');
        put(output, conversion);
        break;
    }
}

size_t format_text(void *buffer, size_t capacity, bool wide, const void *text, const uintptr_t *slots)
{
    struct output output = {buffer, capacity, 0, wide};
    struct format format = {text, 0, wide, slots};
    while (peek(&format)) {
        unsigned unit = peek(&format);
        format.index++;
        if (unit != '%') {
            put(&output, unit);
            continue;
        }
        struct directive directive = read_directive(&format);
        unsigned conversion = peek(&format);
        if (!conversion)
            break;
        format.index++;
        put_conversion(&output, &format, &directive, conversion);
    }
    return output.length;
}

/* ---- exports ---- */

/* As Windows' C run-time: -1 when the text does not fit, no terminator when it just fits. */
static uint64_t bounded(void *buffer, size_t capacity, bool wide, const void *format, const uintptr_t *slots)
{
    size_t length = format_text(buffer, capacity, wide, format, slots);
    if (length < capacity)
        memset((uint8_t *)buffer + length * (wide ? 2 : 1), 0, wide ? 2 : 1);
    return length <= capacity ? length : 0xFFFFFFFFu;
}

static uint64_t print_bounded(struct export_call *call, bool wide, bool list)
{
    void *buffer = arg_pointer(call);
    size_t capacity = arg_word(call);
    const void *format = arg_pointer(call);
    const uintptr_t *slots = list ? arg_pointer(call) : call->slots + call->cursor;
    return bounded(buffer, capacity, wide, format, slots);
}

static uint64_t print_unbounded(struct export_call *call, bool wide, bool list)
{
    void *buffer = arg_pointer(call);
    const void *format = arg_pointer(call);
    const uintptr_t *slots = list ? arg_pointer(call) : call->slots + call->cursor;
    return bounded(buffer, SIZE_MAX / 4, wide, format, slots);
}

static uint64_t export__vsnprintf(struct export_call *call)
{
    return print_bounded(call, false, true);
}

static uint64_t export__snprintf(struct export_call *call)
{
    return print_bounded(call, false, false);
}

static uint64_t export__vsnwprintf(struct export_call *call)
{
    return print_bounded(call, true, true);
}

static uint64_t export__snwprintf(struct export_call *call)
{
    return print_bounded(call, true, false);
}

static uint64_t export_sprintf(struct export_call *call)
{
    return print_unbounded(call, false, false);
}

static uint64_t export_vsprintf(struct export_call *call)
{
    return print_unbounded(call, false, true);
}

static uint64_t export_swprintf(struct export_call *call)
{
    return print_unbounded(call, true, false);
}

/* The secure ones: a text that does not fit is refused, or cut where `count` allows it; there always is a terminator. */
static uint64_t print_secure(struct export_call *call, bool wide, bool list, bool counted)
{
    uint8_t *buffer = arg_pointer(call);
    size_t capacity = arg_word(call), count = counted ? arg_word(call) : SIZE_MAX - 1, width = wide ? 2 : 1;
    const void *format = arg_pointer(call);
    const uintptr_t *slots = list ? arg_pointer(call) : call->slots + call->cursor;
    if (!buffer || !capacity || !format)
        return 0xFFFFFFFFu;
    size_t room = count < capacity ? count : capacity - 1, length = format_text(buffer, room, wide, format, slots);
    size_t end = length <= room ? length : counted && (count < capacity || count == SIZE_MAX) ? room : 0;
    memset(buffer + end * width, 0, width);
    return length <= room ? length : 0xFFFFFFFFu;
}

static uint64_t export_sprintf_s(struct export_call *call)
{
    return print_secure(call, false, false, false);
}

static uint64_t export_vsprintf_s(struct export_call *call)
{
    return print_secure(call, false, true, false);
}

static uint64_t export__snprintf_s(struct export_call *call)
{
    return print_secure(call, false, false, true);
}

static uint64_t export__vsnprintf_s(struct export_call *call)
{
    return print_secure(call, false, true, true);
}

static uint64_t export_swprintf_s(struct export_call *call)
{
    return print_secure(call, true, false, false);
}

static uint64_t export__snwprintf_s(struct export_call *call)
{
    return print_secure(call, true, false, true);
}

static uint64_t export__vsnwprintf_s(struct export_call *call)
{
    return print_secure(call, true, true, true);
}

/* What the driver prints is seen with --trace. */
static uint64_t print_debug(const void *format, const uintptr_t *slots)
{
    char line[513]; /* a debug message has at most 512 bytes */
    if (trace_enabled) {
        size_t length = format_text(line, sizeof(line) - 1, false, format, slots);
        line[length < sizeof(line) - 1 ? length : sizeof(line) - 1] = 0;
        line[strcspn(line, "\r\n")] = 0;
        trace_line("driver", "%s", line);
    }
    return NT_STATUS_SUCCESS;
}

static uint64_t export_DbgPrint(struct export_call *call)
{
    const void *format = arg_pointer(call);
    return print_debug(format, call->slots + call->cursor);
}

static uint64_t export_DbgPrintEx(struct export_call *call)
{
    arg_u32(call); /* component and level: everything is shown */
    arg_u32(call);
    const void *format = arg_pointer(call);
    return print_debug(format, call->slots + call->cursor);
}

static uint64_t export_vDbgPrintEx(struct export_call *call)
{
    arg_u32(call);
    arg_u32(call);
    const void *format = arg_pointer(call);
    return print_debug(format, arg_pointer(call));
}

const struct export_row nt_format_exports[] = {
    EXPORT(_vsnprintf),  EXPORT(_snprintf),    EXPORT(_vsnwprintf), EXPORT(_snwprintf),   EXPORT(sprintf),       EXPORT(vsprintf),
    EXPORT(swprintf),    EXPORT(DbgPrint),     EXPORT(DbgPrintEx),  EXPORT(vDbgPrintEx),  EXPORT(sprintf_s),     EXPORT(vsprintf_s),
    EXPORT(_snprintf_s), EXPORT(_vsnprintf_s), EXPORT(swprintf_s),  EXPORT(_snwprintf_s), EXPORT(_vsnwprintf_s), EXPORT_END,
};
