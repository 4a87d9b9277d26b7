/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rules.c - violations and warnings: merged, printed once, counted. */
#include "rules/rules.h"
#include "rules/history.h"
#include "rules/rule_table.h"
#include "rules/track.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Details with addresses in them may differ every time; beyond this many, reports of one rule count under its last one. */
enum { DETAILS_PER_RULE = 16, DETAIL_SIZE = 512 };

struct report_entry {
    struct report_entry *next; /* in order of first occurrence */
    const struct rule *rule;
    char *detail;
    unsigned count;
    bool warning;
};

static pthread_mutex_t reports_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards everything below but the describer */
static struct report_entry *reports;
static struct report_entry **reports_end = &reports;
static unsigned violation_count, warning_count;

static const char *(*describer)(uintptr_t address, char *buffer, size_t size);

void rules_set_describer(const char *(*describe)(uintptr_t address, char *buffer, size_t size))
{
    describer = describe;
}

const char *rules_describe_address(uintptr_t address, char *buffer, size_t size)
{
    if (describer)
        return describer(address, buffer, size);
    snprintf(buffer, size, "0x%llx", (unsigned long long)address);
    return buffer;
}

static int compare_id(const void *id, const void *rule)
{
    return strcmp(id, ((const struct rule *)rule)->id);
}

static const struct rule *rule_find(const char *id)
{
    return bsearch(id, rule_table, rule_table_count, sizeof(rule_table[0]), compare_id);
}

const char *rule_text(const char *id)
{
    const struct rule *rule = rule_find(id);
    return rule ? rule->text : NULL;
}

/* The report to count under: an equal one, or the rule's last one when it has its share. Sets *first when it must be printed. */
static struct report_entry *report_obtain(const struct rule *rule, bool warning, const char *detail, bool *first)
{
    struct report_entry *last = NULL;
    unsigned details = 0;
    *first = false;
    for (struct report_entry *entry = reports; entry; entry = entry->next) {
        if (entry->rule != rule || entry->warning != warning)
            continue;
        if (strcmp(entry->detail, detail) == 0)
            return entry;
        last = entry;
        details++;
    }
    if (details >= DETAILS_PER_RULE)
        return last;
    struct report_entry *entry = calloc(1, sizeof(*entry));
    char *copy = strdup(detail);
    if (!entry || !copy)
        abort();
    entry->rule = rule;
    entry->warning = warning;
    entry->detail = copy;
    *reports_end = entry;
    reports_end = &entry->next;
    *first = true;
    return entry;
}

static void report(const char *id, bool warning, const void *object, const char *format, va_list arguments)
{
    const struct rule *rule = rule_find(id);
    if (!rule) {
        fprintf(stderr, "ndishost: internal error: there is no rule \"%s\"\n", id);
        abort();
    }
    char detail[DETAIL_SIZE];
    vsnprintf(detail, sizeof(detail), format, arguments);
    pthread_mutex_lock(&reports_mutex);
    bool first;
    report_obtain(rule, warning, detail, &first)->count++;
    warning ? warning_count++ : violation_count++;
    if (first) {
        char place[64];
        rules_write_place(place, sizeof(place));
        fprintf(stderr, "ndishost: %s %s: %s [%s; at%s]\n", warning ? "warning" : "VIOLATION", rule->id, detail, rule->text, place);
        if (object)
            history_print(object, stderr);
    }
    pthread_mutex_unlock(&reports_mutex);
}

void rule_violated(const char *id, const void *object, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(id, false, object, format, arguments);
    va_end(arguments);
}

void rule_warned(const char *id, const void *object, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report(id, true, object, format, arguments);
    va_end(arguments);
}

unsigned rules_violation_count(void)
{
    return __atomic_load_n(&violation_count, __ATOMIC_RELAXED);
}

unsigned rules_warning_count(void)
{
    return __atomic_load_n(&warning_count, __ATOMIC_RELAXED);
}

void rules_visit_reports(void (*visit)(const struct rule_report *report, void *context), void *context)
{
    pthread_mutex_lock(&reports_mutex);
    struct report_entry *entry = reports;
    while (entry) {
        struct rule_report copy = {entry->rule->id, entry->rule->text, entry->detail, entry->count, entry->warning};
        pthread_mutex_unlock(&reports_mutex); /* entries are only ever appended */
        visit(&copy, context);
        pthread_mutex_lock(&reports_mutex);
        entry = entry->next;
    }
    pthread_mutex_unlock(&reports_mutex);
}

unsigned rules_report_count(const char *id)
{
    unsigned count = 0;
    pthread_mutex_lock(&reports_mutex);
    for (const struct report_entry *entry = reports; entry; entry = entry->next)
        count += strcmp(entry->rule->id, id) == 0 ? entry->count : 0;
    pthread_mutex_unlock(&reports_mutex);
    return count;
}

void rules_reset(void)
{
    pthread_mutex_lock(&reports_mutex);
    while (reports) {
        struct report_entry *entry = reports;
        reports = entry->next;
        free(entry->detail);
        free(entry);
    }
    reports_end = &reports;
    violation_count = warning_count = 0;
    pthread_mutex_unlock(&reports_mutex);
    track_reset();
    history_reset();
}
