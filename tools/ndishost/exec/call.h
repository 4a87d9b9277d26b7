/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * call.h - the two doors between host code and code of the image: image_call() in, exports out.
 *
 * Words: an argument list is an array of machine words ("slots"), in order. On x64 every argument takes one slot. On x86 a 64-bit
 * value passed by value (LARGE_INTEGER, PHYSICAL_ADDRESS, ULONGLONG) takes two, low word first; use arg_u64() and SLOTS_U64().
 *
 * Stacks: image code runs only on the guarded kernel stack of the current context (24 KiB on x64, 12 KiB on x86, as Windows has),
 * host code only on its host stack. Both doors switch stacks; they nest to any depth (image -> export -> callback -> export ...).
 */
#ifndef NDISHOST_EXEC_CALL_H
#define NDISHOST_EXEC_CALL_H

#include <stdbool.h>
#include <stdint.h>

/* ---- host calls image ---- */

/*
 * Calls `function` in the image with `slot_count` (<= 16) argument words and returns rax, or edx:eax.
 * `what` names the callback ("MiniportInitializeEx") in traces and violations. x86: stdcall; a callee that leaves the stack
 * unbalanced is reported as violation HOST-STDCALL. On return the IRQL must be what it was on entry and no spin lock taken inside
 * may still be held (IRQL-30), else a violation is reported and the IRQL is put back.
 * Must run on a context (sched.h), at the IRQL the callback is documented to run at.
 */
uint64_t image_call(const char *what, uintptr_t function, unsigned slot_count, const uintptr_t *slots);

#define IMAGE_CALL(what, function, ...)                                                                                                    \
    image_call((what), (uintptr_t)(function), sizeof((uintptr_t[]){__VA_ARGS__}) / sizeof(uintptr_t), (const uintptr_t[]){__VA_ARGS__})

/* The same for a callback that releases locks which the host took for it, and lowers the IRQL: a cancel routine. */
uint64_t image_call_releasing(const char *what, uintptr_t function, uint8_t irql_after, unsigned locks_released, const uintptr_t *slots,
                              unsigned slot_count);

/* The same for a callback that takes or releases a lock on behalf of its caller: what it leaves behind is for the caller to judge. */
uint64_t image_call_locking(const char *what, uintptr_t function, unsigned slot_count, const uintptr_t *slots);

/*
 * How image_call() learns how many spin locks the current processor holds (IRQL-30): given by the room that implements them, since
 * exec/ knows no locks. Without it only the IRQL is compared.
 */
void image_call_count_locks(unsigned (*held)(void));

/* ---- image calls host: exports ---- */

struct export_row;

/* One call of an export in progress; the arguments are read with a cursor, left to right, each exactly once. */
struct export_call {
    const struct export_row *row;
    const uintptr_t *slots;
    unsigned cursor;
    uintptr_t return_address; /* in the image: names the caller in traces, leaks and violations */
};

static inline uintptr_t arg_word(struct export_call *call)
{
    return call->slots[call->cursor++];
}
static inline void *arg_pointer(struct export_call *call)
{
    return (void *)arg_word(call);
}
static inline uint32_t arg_u32(struct export_call *call)
{
    return (uint32_t)arg_word(call);
}
static inline uint16_t arg_u16(struct export_call *call)
{
    return (uint16_t)arg_word(call);
}
static inline uint8_t arg_u8(struct export_call *call)
{
    return (uint8_t)arg_word(call);
}
static inline uint64_t arg_u64(struct export_call *call)
{
    uint64_t value = arg_word(call);
#if UINTPTR_MAX == UINT32_MAX
    value |= (uint64_t)arg_word(call) << 32;
#endif
    return value;
}

typedef uint64_t export_implementation(struct export_call *call);

/*
 * A row of an export table. The file that implements an export has it in its table:
 *     static uint64_t export_KeSetEvent(struct export_call *call) {...}
 *     const struct export_row nt_event_exports[] = { EXPORT(KeSetEvent), ..., EXPORT_END };
 * DLL, x86 convention, stack bytes, allowed IRQL come from the generated facts (abi/ndis620-functions.csv, rules/functions-irql.csv)
 * and are joined by name when the tables are registered; a name without facts is a start-up error.
 */
struct export_row {
    const char *name;
    export_implementation *implementation; /* NULL for a data export */
    void *data;                            /* address the import resolves to, for a data export */
};
#define EXPORT(name_)                {#name_, export_##name_, 0}
#define EXPORT_DATA(name_, address_) {#name_, 0, (address_)}
#define EXPORT_END                   {0, 0, 0}

/* What is known of an export from the ABI and IRQL tables (generated: export_facts.c). */
enum export_convention { CONVENTION_STDCALL, CONVENTION_CDECL, CONVENTION_FASTCALL, CONVENTION_DATA };
struct export_facts {
    const char *name;
    const char *dll;           /* "ntoskrnl.exe", "hal.dll", "ndis.sys" */
    unsigned char convention;  /* enum export_convention, x86 */
    unsigned char stack_bytes; /* x86: what the callee pops (stdcall), or all argument bytes */
    signed char irql_low;      /* lowest and highest IRQL documented for the call; 0 and 31 where nothing is documented */
    signed char irql_high;
};

/* Adds a table; called once per table at start-up, before any image is loaded. Aborts on a duplicate or a name without facts. */
void export_table_register(const struct export_row *table);
/* Address to put into an import slot, or 0 when nobody implements DLL!name. Never case-sensitive in the DLL. */
uintptr_t export_resolve(const char *dll, const char *name);
/* Visits every registered row, for `ndishost info` and tests. */
void export_visit(void (*visit)(const struct export_row *row, const struct export_facts *facts, void *context), void *context);

/* `observe` is called before each export of the image is carried out; on any processor, at any IRQL. One observer. */
void call_on_export(void (*observe)(void));

/*
 * The export that the current context is executing and its caller in the image; NULL and 0 outside of one. For tracking and
 * violations deep inside an implementation, where the export_call is out of reach.
 */
const char *call_current_export(void);
uintptr_t call_current_caller(void);

#endif
