/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trace.c - where and when something happens, and the lines of --trace. */
#include "rules/rules.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool trace_enabled;

static void (*place_of)(struct rules_place *place);

/* Until somebody knows better: the host's clock, no processor. */
static void host_place(struct rules_place *place)
{
    static uint64_t start; /* racing first callers agree within microseconds */
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    uint64_t now = (uint64_t)time.tv_sec * 10000000u + (uint64_t)time.tv_nsec / 100u;
    uint64_t expected = 0;
    __atomic_compare_exchange_n(&start, &expected, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    place->now = now - __atomic_load_n(&start, __ATOMIC_RELAXED);
    place->processor = RULES_NO_PROCESSOR;
    place->irql = 0;
}

void rules_set_place(void (*where)(struct rules_place *place))
{
    place_of = where;
}

static char irql_letter(uint8_t irql)
{
    if (irql < 3)
        return "PAD"[irql];
    return irql < 15 ? 'I' : 'H';
}

void rules_write_place(char *buffer, size_t size)
{
    struct rules_place place;
    if (place_of)
        place_of(&place);
    else
        host_place(&place);
    char processor[4] = "--";
    if (place.processor != RULES_NO_PROCESSOR)
        snprintf(processor, sizeof(processor), "%u%c", place.processor % 10, irql_letter(place.irql));
    snprintf(buffer, size, "%4llu.%06llu %s", (unsigned long long)(place.now / 10000000u),
             (unsigned long long)(place.now % 10000000u / 10u), processor);
}

void trace_line(const char *topic, const char *format, ...)
{
    char line[1024];
    rules_write_place(line, sizeof(line));
    size_t used = strlen(line);
    used += (size_t)snprintf(line + used, sizeof(line) - used, " %-8s ", topic);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof(line) - used - 1, format, arguments);
    va_end(arguments);
    strcat(line, "\n");
    fputs(line, stderr); /* one call, so that lines of several processors do not mix */
}
