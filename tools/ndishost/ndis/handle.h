/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * handle.h - the handles that the image holds for host objects (drivers, adapters, pools, timers, ...).
 *
 * A handle is an address inside a reserved range without access rights: a driver that looks inside one faults, one that uses it after
 * the object is gone, or for another purpose, is told so. Slots are reused as late as possible. Any host thread.
 */
#ifndef NDISHOST_NDIS_HANDLE_H
#define NDISHOST_NDIS_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

enum handle_kind {
    HANDLE_FREE,
    HANDLE_DRIVER,
    HANDLE_ADAPTER,
    HANDLE_NBL_POOL,
    HANDLE_NB_POOL,
    HANDLE_DMA,
    HANDLE_INTERRUPT,
    HANDLE_TIMER,
    HANDLE_WORK_ITEM,
    HANDLE_CONFIGURATION,
    HANDLE_RW_LOCK,
    HANDLE_DEVICE,
    HANDLE_GENERIC_OBJECT,
    HANDLE_FILE,
    HANDLE_LOG,
    HANDLE_PORT,
    HANDLE_INTERFACE_PROVIDER,
    HANDLE_KIND_COUNT
};

/* Also makes the object known to leak tracking under `owner` (adapters excepted). Aborts when 65,535 handles are open. */
void *handle_create(enum handle_kind kind, void *object, const void *owner, uintptr_t who);
/* The object, or NULL when `handle` is not an open handle of that kind. */
void *handle_object(enum handle_kind kind, const void *handle);
/* Kind of an open handle, HANDLE_FREE for anything else. */
enum handle_kind handle_kind(const void *handle);
void handle_destroy(void *handle);
const char *handle_kind_name(enum handle_kind kind);
/* "timer handle that was closed", "address that is no handle": for violations. */
const char *handle_describe(const void *handle);

struct handle_facts {
    enum handle_kind kind;
    void *handle;
    void *object;
    uintptr_t who; /* the image's call that made it */
};
/* Copies the facts of the open handles of `owner`, at most `limit`; returns how many were copied. */
unsigned handle_list(const void *owner, struct handle_facts *facts, unsigned limit);

#endif
