/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* call.c - the two doors between host and image: image_call() with its checks, and the dispatcher behind every export thunk. */
#include "call.h"

#include "context.h"
#include "exports.h"
#include "processor.h"
#include "rules/rules.h"
#include "step.h"
#include "trap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOT_LIMIT 16

struct image_frame {
    const char *what;
    struct image_frame *outer;
};

struct export_frame {
    const struct export_entry *entry;
    uintptr_t return_address;
    struct export_frame *outer;
};

static unsigned no_locks(void)
{
    return 0;
}
static unsigned (*locks_held)(void) = no_locks;

void image_call_count_locks(unsigned (*held)(void))
{
    locks_held = held;
}

/* ---- host calls image ---- */

static const char *const nonvolatile_names[] = {
#if defined(__x86_64__)
    "rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15",
#else
    "ebx",
    "ebp",
    "esi",
    "edi",
#endif
};

static void check_registers(const char *what, const struct image_return *back)
{
    for (unsigned i = 0; i < NONVOLATILE_COUNT; i++)
        if (back->registers[i] != NONVOLATILE_PATTERN)
            rule_violated("HOST-NONVOLATILE", NULL, "%s did not preserve %s", what, nonvolatile_names[i]);
#if NONVOLATILE_XMM_COUNT
    static const uint32_t pattern[4] = {NONVOLATILE_PATTERN, NONVOLATILE_PATTERN, NONVOLATILE_PATTERN, NONVOLATILE_PATTERN};
    for (unsigned i = 0; i < NONVOLATILE_XMM_COUNT; i++)
        if (memcmp(back->xmm[i], pattern, sizeof(pattern)) != 0)
            rule_violated("HOST-NONVOLATILE", NULL, "%s did not preserve xmm%u", what, i + 6);
#endif
}

/* What the caller demands of IRQL and locks when the image comes back. */
struct return_state {
    uint8_t irql;
    unsigned locks;
    bool anything;
};

static uint64_t call_image(const char *what, uintptr_t function, unsigned slot_count, const uintptr_t *slots,
                           const struct return_state *demanded)
{
    struct context *context = context_current;
    struct processor *processor = processor_current;
    if (context == NULL || context->kernel_sp == 0 || slot_count > SLOT_LIMIT) {
        fprintf(stderr, "ndishost: %s called with %u arguments%s\n", what, slot_count,
                context == NULL || context->kernel_sp == 0 ? " where there is no kernel stack" : "");
        abort();
    }
    uint8_t irql = processor->irql;
    unsigned locks = locks_held();
    struct return_state after = demanded ? *demanded : (struct return_state){irql, locks, false};
    struct image_frame frame = {what, context->images};
    struct image_return back;

    TRACE("callback", "%s", what);
    context->images = &frame;
#if !defined(__x86_64__)
    uint32_t exception_list = context->exception_list;
#endif
    if (step_enabled)
        step_image_goes_on(context);
    uint64_t result = context_call_image(context, function, slot_count, slots, &back);
    context->images = frame.outer;
    processor = processor_current;

    if (back.actual_sp != back.expected_sp)
        rule_violated("HOST-STDCALL", NULL, "%s left the stack pointer off by %+ld bytes: it takes %u argument bytes", what,
                      (long)(intptr_t)(back.actual_sp - back.expected_sp), (unsigned)(slot_count * sizeof(uintptr_t)));
    check_registers(what, &back);
#if !defined(__x86_64__)
    if (context->exception_list != exception_list) {
        rule_violated("HOST-NONVOLATILE", NULL, "%s returned with an exception handler registered at fs:[0] that it had not on entry",
                      what);
        context->exception_list = exception_list;
    }
#endif
    if (!after.anything && locks_held() != after.locks)
        rule_violated("IRQL-30", NULL, "%s was entered with %u spin locks held and returned with %u", what, locks, locks_held());
    if (!after.anything && processor->irql != after.irql) {
        rule_violated("IRQL-30", NULL, "%s was entered at IRQL %u and returned at IRQL %u", what, irql, processor->irql);
        processor->irql = after.irql;
    }
    sched_yield_point(YIELD_CALLBACK_RETURN);
    return result;
}

uint64_t image_call(const char *what, uintptr_t function, unsigned slot_count, const uintptr_t *slots)
{
    return call_image(what, function, slot_count, slots, NULL);
}

uint64_t image_call_releasing(const char *what, uintptr_t function, uint8_t irql_after, unsigned locks_released, const uintptr_t *slots,
                              unsigned slot_count)
{
    struct return_state demanded = {irql_after, locks_held() - locks_released, false};

    return call_image(what, function, slot_count, slots, &demanded);
}

uint64_t image_call_locking(const char *what, uintptr_t function, unsigned slot_count, const uintptr_t *slots)
{
    struct return_state demanded = {0, 0, true};

    return call_image(what, function, slot_count, slots, &demanded);
}

/* ---- image calls host ---- */

static void report_irql(const struct export_entry *entry, uint8_t irql, uintptr_t return_address)
{
    char caller[128];
    rule_violated("IRQL-29", NULL, "%s called at IRQL %u, allowed %d..%d, from %s", entry->row->name, irql, entry->facts->irql_low,
                  entry->facts->irql_high, describe_address(return_address, caller, sizeof(caller)));
}

static void (*_Atomic export_observer)(void);

void call_on_export(void (*observe)(void))
{
    export_observer = observe;
}

static uint64_t dispatch(const struct export_entry *entry, const uintptr_t *slots, uintptr_t return_address)
{
    struct processor *processor = processor_current;
    struct context *context = processor->current;
    uint8_t irql = processor->irql;

    struct call_record *record = &processor->history[processor->history_next++ % HISTORY_LENGTH];
    record->name = entry->row->name;
    record->return_address = return_address;
    record->irql = irql;
    struct export_frame frame = {entry, return_address, context->exports};
    context->exports = &frame;

    if ((int)irql < entry->facts->irql_low || (int)irql > entry->facts->irql_high)
        report_irql(entry, irql, return_address);
    if (trace_enabled) {
        char caller[128];
        trace_line("call", "%s from %s", entry->row->name, describe_address(return_address, caller, sizeof(caller)));
    }
    void (*observe)(void) = export_observer;
    if (observe)
        observe();
    sched_yield_point(YIELD_EXPORT);
    struct export_call call = {entry->row, slots, 0, return_address};
    uint64_t result = entry->row->implementation(&call);
    sched_yield_point(YIELD_EXPORT);

    context->exports = frame.outer;
    if (step_enabled)
        step_image_goes_on(context);
    return result;
}

#if defined(__x86_64__)
/* From context_export_entry: `stack` is the return address, then the home words and the stack arguments. */
uint64_t export_dispatch(unsigned index, const uintptr_t *stack);
uint64_t export_dispatch(unsigned index, const uintptr_t *stack)
{
    return dispatch(&export_entries[index], stack + 1, stack[0]);
}
#else
/* From context_export_entry: `stack` is ecx, edx, the return address, then the stack arguments. */
uint64_t export_dispatch(unsigned index, const uintptr_t *stack, uint32_t *bytes_to_pop);
uint64_t export_dispatch(unsigned index, const uintptr_t *stack, uint32_t *bytes_to_pop)
{
    const struct export_entry *entry = &export_entries[index];
    const uintptr_t *slots = stack + 3;
    uintptr_t words[2 + SLOT_LIMIT];

    switch (entry->facts->convention) {
    case CONVENTION_FASTCALL:
        words[0] = stack[0];
        words[1] = stack[1];
        for (unsigned i = 0; i < entry->stack_bytes_popped / sizeof(uintptr_t) && i < SLOT_LIMIT; i++)
            words[2 + i] = stack[3 + i];
        slots = words;
        break;
    default:
        break;
    }
    *bytes_to_pop = entry->stack_bytes_popped;
    return dispatch(entry, slots, stack[2]);
}
#endif

/* ---- for reports ---- */

const char *call_current_export(void)
{
    const struct context *context = context_current;
    return context != NULL && context->exports != NULL ? context->exports->entry->row->name : NULL;
}

uintptr_t call_current_caller(void)
{
    const struct context *context = context_current;
    return context != NULL && context->exports != NULL ? context->exports->return_address : 0;
}

void call_context_print(const struct context *context, void (*print)(const char *line))
{
    char line[256], caller[128];
    for (const struct export_frame *frame = context->exports; frame != NULL; frame = frame->outer) {
        snprintf(line, sizeof(line), "    in export %s, called from %s", frame->entry->row->name,
                 describe_address(frame->return_address, caller, sizeof(caller)));
        print(line);
    }
    for (const struct image_frame *frame = context->images; frame != NULL; frame = frame->outer) {
        snprintf(line, sizeof(line), "    in callback %s", frame->what);
        print(line);
    }
}

void call_stack_print(void (*print)(const char *line))
{
    const struct context *context = context_current;
    char line[256];
    if (context == NULL)
        return;
    for (const struct image_frame *frame = context->images; frame != NULL; frame = frame->outer) {
        snprintf(line, sizeof(line), "  in %s", frame->what);
        print(line);
    }
}

void call_history_print(void (*print)(const char *line))
{
    const struct processor *processor = processor_current;
    char line[256], caller[128];
    if (processor == NULL)
        return;
    unsigned count = processor->history_next < HISTORY_LENGTH ? processor->history_next : HISTORY_LENGTH;
    for (unsigned i = 1; i <= count; i++) {
        const struct call_record *record = &processor->history[(processor->history_next - i) % HISTORY_LENGTH];
        snprintf(line, sizeof(line), "  %2u: %s at IRQL %u from %s", i, record->name, record->irql,
                 describe_address(record->return_address, caller, sizeof(caller)));
        print(line);
    }
}
