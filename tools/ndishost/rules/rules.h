/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * rules.h - what the host demands, told apart from where it is checked: rule texts, violations, leak tracking, trace.
 * Everything here may be called from any host thread, at any IRQL.
 */
#ifndef NDISHOST_RULES_RULES_H
#define NDISHOST_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- violations ---- */
/*
 * Reports that rule `id` (a row of rules/rules.csv: the ids of spec/ndis-rules.md, and HOST-* rows for what no page states) was
 * broken. `object` may be NULL, else the history that track_event() kept for it is printed too. An unknown id aborts: rules are data.
 */
void rule_violated(const char *id, const void *object, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* SHOULD rules: printed and counted apart, do not fail a run. */
void rule_warned(const char *id, const void *object, const char *format, ...) __attribute__((format(printf, 3, 4)));
unsigned rules_violation_count(void);
unsigned rules_warning_count(void);
struct rule_report {
    const char *id;
    const char *text;
    const char *detail;
    unsigned count;
    bool warning;
};
/* Violations and warnings so far, merged by id and detail's first occurrence. */
void rules_visit_reports(void (*visit)(const struct rule_report *report, void *context), void *context);
/* How often rule `id` was reported so far, violations and warnings together: for tests. */
unsigned rules_report_count(const char *id);
/* The rule's text, or NULL when there is no such rule. */
const char *rule_text(const char *id);
/* Forgets every report, tracked object, leak and history: between tests. */
void rules_reset(void);

/* ---- what the rooms above tell this one, once, at start-up ---- */
/* How an address of the image is written ("aero_virtio_net.sys+0x1234 (.text)"): image_describe_address(). */
void rules_set_describer(const char *(*describe)(uintptr_t address, char *buffer, size_t size));
/* Writes an address as the describer does, or as plain hexadecimal as long as there is none. Returns buffer. */
const char *rules_describe_address(uintptr_t address, char *buffer, size_t size);
/* Where the caller is, for trace lines and histories. */
struct rules_place {
    uint64_t now;       /* 100 ns since the start */
    unsigned processor; /* RULES_NO_PROCESSOR on a plain host thread */
    uint8_t irql;
};
#define RULES_NO_PROCESSOR (~0u)
void rules_set_place(void (*where)(struct rules_place *place));
/* The place as "  0.123456 1D": seconds, processor, IRQL (P, A, D, I, H; - on a host thread). */
void rules_write_place(char *buffer, size_t size);

/* ---- tracking: everything the image acquires and must give back ---- */
enum track_kind {
    TRACK_POOL,
    TRACK_NBL,
    TRACK_NB,
    TRACK_MDL,
    TRACK_NBL_POOL,
    TRACK_NB_POOL,
    TRACK_SG_LIST,
    TRACK_SHARED_MEMORY,
    TRACK_IO_MAPPING,
    TRACK_INTERRUPT,
    TRACK_SG_DMA,
    TRACK_TIMER,
    TRACK_WORK_ITEM,
    TRACK_CONFIGURATION,
    TRACK_HANDLE,
    TRACK_DEVICE,
    TRACK_RW_LOCK,
    TRACK_DRIVER,
    TRACK_SYSTEM_MAPPING,
    TRACK_CALLBACK,
    TRACK_LOOKASIDE_LIST,
    TRACK_IRP,
    TRACK_KIND_COUNT
};
const char *track_kind_name(enum track_kind kind);
/* `owner` groups objects (an adapter or a driver) so that the audit can be made for it alone; `who` is the image's return address. */
void track_acquire(enum track_kind kind, const void *object, size_t bytes, const void *owner, uintptr_t who);
/* False (and no change) when the object is not there under that kind: the caller reports the rule that fits (double or foreign free). */
bool track_release(enum track_kind kind, const void *object);
bool track_find(enum track_kind kind, const void *object, size_t *bytes, const void **owner);
/* Adds a line to the history of an object (the last 8 are kept); printed with violations about it. */
void track_event(const void *object, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Objects still held by `owner` (NULL: by anybody): each one is printed and counted as a leak. Returns how many. */
unsigned track_audit(const void *owner, const char *when);
unsigned track_leak_count(void);
uint64_t track_live_bytes(void);
unsigned track_live_count(enum track_kind kind);
/* What an audit says of an object of this kind beyond size and caller (a pool tag): writes it to buffer. */
void track_set_describer(enum track_kind kind, void (*describe)(const void *object, char *buffer, size_t size));
/* Visits the live objects of a kind, in the order they were acquired; the visitor may acquire and release. */
void track_visit(enum track_kind kind, void (*visit)(const void *object, size_t bytes, const void *owner, void *context), void *context);

/* ---- trace: what --trace shows; one line each, with time, processor and IRQL, to stderr ---- */
extern bool trace_enabled;
void trace_line(const char *topic, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define TRACE(topic, ...)                                                                                                                  \
    do {                                                                                                                                   \
        if (trace_enabled)                                                                                                                 \
            trace_line(topic, __VA_ARGS__);                                                                                                \
    } while (0)

#endif
