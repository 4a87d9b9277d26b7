/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* hang.c - the end of a run in which nothing goes on: who waits, for what, and where it is. */
#include "call.h"
#include "processor.h"
#include "trap.h"

#include <stdio.h>
#include <string.h>

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

static void describe_wait(const struct sched_thread *thread, char *text, size_t size)
{
    text[0] = '\0';
    if (thread->waiting == NULL)
        snprintf(text, size, "runs or is ready");
    else if (thread->wait_deadline == SCHED_FOREVER)
        snprintf(text, size, "waits for ever for %s", thread->wait_reason != NULL ? thread->wait_reason : "an event");
    else
        snprintf(text, size, "waits until %llu.%07llu for %s", (unsigned long long)(thread->wait_deadline / 10000000),
                 (unsigned long long)(thread->wait_deadline % 10000000), thread->wait_reason != NULL ? thread->wait_reason : "an event");
}

static void print_threads(void)
{
    char line[512], wait[128];
    for (const struct sched_thread *thread = threads; thread != NULL; thread = thread->next) {
        describe_wait(thread, wait, sizeof(wait));
        snprintf(line, sizeof(line), "  thread %s, processor %u: %s", thread->name, thread->processor->number, wait);
        trap_print_line(line);
        call_context_print(&thread->context, trap_print_line);
    }
}

static void print_processors(void)
{
    char line[256];
    for (unsigned i = 0; i < processor_count; i++) {
        const struct processor *processor = &processors[i];
        bool idle = processor->current == &processor->idle;
        uint32_t attention = atomic_load(&processor->attention);
        snprintf(line, sizeof(line), "  processor %u: IRQL %u, %s%s; pending:%s%s%s", i, processor->irql, idle ? "no thread" : "thread ",
                 idle ? "" : ((const struct sched_thread *)processor->current)->name, attention & ATTENTION_INTERRUPT ? " interrupts" : "",
                 attention & ATTENTION_DPC ? " DPCs" : "", attention & ATTENTION_READY ? " threads" : "");
        trap_print_line(line);
        if (idle)
            call_context_print(&processor->idle, trap_print_line);
    }
}

static void print_rest(void)
{
    char line[256];
    for (const struct agent *agent = agents; agent != NULL; agent = agent->next) {
        snprintf(line, sizeof(line), "  agent %s: %s", agent->sched->name, atomic_load(&agent->wanted) ? "has something to do" : "asleep");
        trap_print_line(line);
    }
    uint64_t due = timers_earliest();
    if (due == SCHED_FOREVER)
        snprintf(line, sizeof(line), "  no timer is armed");
    else
        snprintf(line, sizeof(line), "  the next timer is due at %llu.%07llu", (unsigned long long)(due / 10000000),
                 (unsigned long long)(due % 10000000));
    trap_print_line(line);
}

void hang_report(const char *why)
{
    char names[300] = "", line[128];
    for (const struct sched_thread *thread = threads; thread != NULL; thread = thread->next) {
        append(names, sizeof(names), names[0] != '\0' ? ", " : "");
        append(names, sizeof(names), thread->name);
        if (thread->waiting != NULL && thread->wait_reason != NULL) {
            append(names, sizeof(names), " (");
            append(names, sizeof(names), thread->wait_reason);
            append(names, sizeof(names), ")");
        }
    }
    snprintf(line, sizeof(line), "ndishost: %s at %llu.%07llu:", why, (unsigned long long)(sched_now() / 10000000),
             (unsigned long long)(sched_now() % 10000000));
    trap_print_line(line);
    print_processors();
    print_threads();
    print_rest();
    trap_bugcheck("HOST-HANG", "%s; threads: %s", why, names);
}
