/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * nt.h - what the kernel half offers to the NDIS half. NT objects themselves live in the image's memory with the layouts of the
 * generated abi/nt_types.h; nothing here includes a header of the driver or of sdk/.
 */
#ifndef NDISHOST_NT_NT_H
#define NDISHOST_NT_NT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../exec/call.h"

/* Registers every export table of nt/. Called once by the command line and by tests, after trap_install(). */
void nt_exports_register(void);
/* How a host address is translated: guest_memory_physical() of pci/, UINT64_MAX for what is not guest RAM. Until it is set nothing is. */
void nt_set_physical(uint64_t (*physical)(const void *address));
/*
 * Where memory that devices reach comes from: guest_memory_allocate() and guest_memory_free() of pci/. Until it is set, there is none.
 */
void nt_set_guest_memory(void *(*allocate)(size_t size, size_t alignment, uint64_t *physical), void (*release)(void *address, size_t size));
/*
 * Memory goes away (pool that is freed, an image that is unloaded, any other memory that the image could use): held locks, waited-on
 * objects, queued or running DPCs and armed timers in it are violations; what was known of them is forgotten. `who` freed it.
 */
void nt_memory_forget(const void *start, size_t size, uintptr_t who);
/* System threads of the driver: frees those that have ended; the others are violation HOST-THREAD-LEFT, and counted. PASSIVE_LEVEL. */
unsigned nt_threads_audit(const char *when);

/* ---- pool (pool.c): not reachable by DMA; each block between guard bytes, or against a guard page when pool_guard_pages is set ---- */
extern bool pool_guard_pages;
void *pool_allocate(size_t size, uint32_t tag, const void *owner, uintptr_t who, bool zeroed); /* filled 0xCD unless zeroed */
/* Checks guards, owner, double free; fills 0xDD; freed blocks stay unusable for a while (quarantine). tag 0: any. */
bool pool_free(void *block, uint32_t tag, uintptr_t who);
bool pool_contains(const void *address, size_t size); /* inside one live block */
/* Checks the guard bytes of every live block and the freed ones in quarantine; returns how many were written to: for the end of a run. */
unsigned pool_check(void);

/* ---- MDLs (mdl.c) ---- */
/* Builds an MDL for nonpaged memory: header and page array; PFNs are real for guest RAM, and out of any device's reach else. */
void *mdl_allocate(void *address, size_t length, const void *owner, uintptr_t who);
void mdl_free(void *mdl, uintptr_t who);
void *mdl_system_address(void *mdl);
uint32_t mdl_byte_count(const void *mdl);
void *mdl_next(const void *mdl);

/* ---- spin locks (spinlock.c) over KSPIN_LOCK words in image memory; each knows its owner ---- */
void nt_spin_lock_acquire(void *lock, uintptr_t who); /* at DISPATCH or above */
void nt_spin_lock_release(void *lock, uintptr_t who);
unsigned nt_spin_locks_held(void); /* by the current processor; for IRQL-30 */
/* KeAcquireSpinLock and KeReleaseSpinLock: raise to DISPATCH_LEVEL (the old IRQL is returned) and lower again. */
uint8_t nt_spin_lock_acquire_raise(void *lock, uintptr_t who);
void nt_spin_lock_release_lower(void *lock, uint8_t irql, uintptr_t who);
void nt_spin_lock_initialize(void *lock, uintptr_t who);
void nt_spin_lock_forget_range(const void *start, size_t size); /* memory is freed: a lock in it must not be held */

/* ---- events in image memory (event.c): KEVENT and NDIS_EVENT ---- */
void nt_event_initialize(void *kevent, bool synchronization, bool signalled);
void nt_event_set(void *kevent);
void nt_event_reset(void *kevent);
bool nt_event_wait(void *kevent, uint64_t deadline); /* SCHED_FOREVER; true: signalled */
/* A KEVENT that is not initialised is violation HOST-EVENT-UNINITIALIZED; every function above copes with it. */

/* ---- bug check callbacks (bugcheck_callback.c): runs what the image registered, at HIGH_LEVEL, for scenarios of a bug check ---- */
void nt_bugcheck_callbacks_run(void);

/* ---- timers and DPCs in image memory (timer.c, dpc.c), for structures that hold one: as KeInitializeTimer, KeSetTimerEx and so on ---- */
void nt_timer_initialize(void *ktimer);
bool nt_timer_set(void *ktimer, uint32_t first_ms, int32_t period_ms, void *kdpc, uintptr_t who);
bool nt_timer_cancel(void *ktimer, uintptr_t who);
void nt_dpc_initialize(void *kdpc, uintptr_t routine, uintptr_t context);

/* ---- callback objects (callback_object.c): calls what is registered at a system's object, "\\Callback\\PowerState" ---- */
void nt_callback_notify(const char *name, uintptr_t first, uintptr_t second);

/* ---- strings ---- */
/* UTF-16 in image memory to UTF-8; at most size-1 bytes, always terminated. */
void nt_unicode_to_utf8(const void *unicode_string, char *buffer, size_t size);
uint16_t nt_upcase(uint16_t unit);
size_t nt_utf8_to_utf16(const char *text, uint16_t *buffer, size_t units); /* returns units written without the NUL */

#endif
