/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fuzz_rules.c - rules.h for fuzz targets, with the trace on: a million reports of one run would be memory and time; here each is formatted
 * into a buffer and forgotten. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fuzz_target.h"
#include "rules/rules.h"

enum { REPORT_BYTES = 4096 };

bool trace_enabled = true;

/* A report is one line. */
static void look_at(const char *format, va_list arguments)
{
    char text[REPORT_BYTES];
    int length = vsnprintf(text, sizeof text, format, arguments);

    MUST(length > 0 && length < (int)sizeof text);
    MUST(!strchr(text, '\n'));
}

void rule_violated(const char *id, const void *object, const char *format, ...)
{
    va_list arguments;

    (void)object;
    MUST(id && *id);
    va_start(arguments, format);
    look_at(format, arguments);
    va_end(arguments);
}

void rule_warned(const char *id, const void *object, const char *format, ...)
{
    va_list arguments;

    (void)object;
    MUST(id && *id);
    va_start(arguments, format);
    look_at(format, arguments);
    va_end(arguments);
}

void trace_line(const char *topic, const char *format, ...)
{
    va_list arguments;

    MUST(topic && *topic);
    va_start(arguments, format);
    look_at(format, arguments);
    va_end(arguments);
}
