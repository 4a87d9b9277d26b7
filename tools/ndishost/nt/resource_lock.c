/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * resource_lock.c - ERESOURCE: a lock that many share or one owns, and that its owners may take again. The image's structure keeps what
 * drivers look at (counts, the exclusive owner); owners and waiters are kept here.
 */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/rules.h"

#include <stdlib.h>

enum { OWNERS_MAX = 64, FLAG_EXCLUSIVE = 0x80 };
/* An owner that never releases is a hang of the driver; in 100 ns units. */
#define PATIENCE (UINT64_C(30) * 10000000)

struct owner {
    void *thread;
    unsigned count;
};

struct resource {
    struct resource *next;
    nt_ERESOURCE *image;
    struct owner owners[OWNERS_MAX];
    bool exclusive;
    unsigned shared_waiters, exclusive_waiters;
    struct sched_event changed; /* set at every release; every waiter looks again */
};

/* Guarded by the dispatcher's lock, and everything in it but the events. */
static struct resource *resources;

/* Lock held. */
static struct resource *resource_of(const void *image)
{
    struct resource *resource = resources;
    while (resource && resource->image != image)
        resource = resource->next;
    return resource;
}

static struct resource *resource_argument(struct export_call *call, const char *what)
{
    void *image = arg_pointer(call);
    char here[128];
    dispatcher_lock();
    struct resource *resource = resource_of(image);
    dispatcher_unlock();
    if (!resource)
        rule_violated("HOST-HANDLE", image, "%s of %p, which is no initialised ERESOURCE, by %s", what, image,
                      rules_describe_address(call->return_address, here, sizeof(here)));
    return resource;
}

/* ---- owners; lock held ---- */

static struct owner *owner_find(struct resource *resource, const void *thread)
{
    for (unsigned i = 0; i < OWNERS_MAX; i++) {
        if (resource->owners[i].count && resource->owners[i].thread == thread)
            return &resource->owners[i];
    }
    return NULL;
}

static unsigned owner_total(const struct resource *resource)
{
    unsigned total = 0;
    for (unsigned i = 0; i < OWNERS_MAX; i++)
        total += resource->owners[i].count != 0;
    return total;
}

static bool owner_add(struct resource *resource, void *thread)
{
    for (unsigned i = 0; i < OWNERS_MAX; i++) {
        if (!resource->owners[i].count) {
            resource->owners[i] = (struct owner){thread, 1};
            return true;
        }
    }
    return false;
}

/* What drivers and debuggers read. */
static void show(struct resource *resource)
{
    resource->image->ActiveCount = (uint16_t)owner_total(resource);
    resource->image->ActiveEntries = owner_total(resource);
    resource->image->Flag = resource->exclusive ? FLAG_EXCLUSIVE : 0;
    resource->image->NumberOfSharedWaiters = resource->shared_waiters;
    resource->image->NumberOfExclusiveWaiters = resource->exclusive_waiters;
}

static bool try_exclusive(struct resource *resource, void *thread)
{
    struct owner *mine = owner_find(resource, thread);
    if (mine && resource->exclusive) {
        mine->count++;
        return true;
    }
    if (owner_total(resource) || !owner_add(resource, thread))
        return false;
    resource->exclusive = true;
    return true;
}

/* Who waits for exclusive access goes before new sharers, but not before those that share already. */
static bool try_shared(struct resource *resource, void *thread)
{
    struct owner *mine = owner_find(resource, thread);
    if (mine) {
        mine->count++;
        return true;
    }
    return !resource->exclusive && !resource->exclusive_waiters && owner_add(resource, thread);
}

/* ---- acquire and release ---- */

/* Kernel APCs have to be off: else the thread could be suspended while it owns the lock. */
static void check_region(const char *what, uintptr_t who)
{
    char here[128];
    if (!nt_kernel_apcs_disabled())
        rule_violated("HOST-REGION", NULL, "%s outside of a critical region by %s", what, rules_describe_address(who, here, sizeof(here)));
}

static bool acquire(struct resource *resource, bool exclusive, bool wait, const char *what, uintptr_t who)
{
    void *thread = sched_current_thread_key();
    bool (*attempt)(struct resource *, void *) = exclusive ? try_exclusive : try_shared;
    unsigned *waiters = exclusive ? &resource->exclusive_waiters : &resource->shared_waiters;
    uint64_t deadline = sched_now() + PATIENCE;
    char here[128];
    check_region(what, who);
    dispatcher_lock();
    bool sharing = exclusive && !resource->exclusive && owner_find(resource, thread);
    bool mine = attempt(resource, thread);
    show(resource);
    dispatcher_unlock();
    if (mine || !wait)
        return mine;
    if (sharing) {
        rule_violated("HOST-MUTEX-OWNER", resource->image, "%s by %s, which shares the resource already: a deadlock", what,
                      rules_describe_address(who, here, sizeof(here)));
        return false;
    }
    for (;;) {
        sched_event_reset(&resource->changed);
        dispatcher_lock();
        mine = attempt(resource, thread);
        ++*waiters;
        resource->image->ContentionCount += !mine;
        show(resource);
        dispatcher_unlock();
        bool in_time = mine || sched_event_wait(&resource->changed, deadline);
        dispatcher_lock();
        --*waiters;
        show(resource);
        dispatcher_unlock();
        if (mine)
            return true;
        if (!in_time)
            trap_bugcheck("HOST-HANG", "%s by %s: the owner does not release it", what, rules_describe_address(who, here, sizeof(here)));
    }
}

static void release(struct resource *resource, void *thread, const char *what, uintptr_t who)
{
    char here[128];
    dispatcher_lock();
    struct owner *mine = owner_find(resource, thread);
    if (mine && --mine->count == 0)
        resource->exclusive = false;
    show(resource);
    dispatcher_unlock();
    if (mine)
        sched_event_set(&resource->changed);
    else
        rule_violated("HOST-MUTEX-OWNER", resource->image, "%s by %s, for a thread that does not own the resource", what,
                      rules_describe_address(who, here, sizeof(here)));
}

/* ---- exports ---- */

static uint64_t export_ExInitializeResourceLite(struct export_call *call)
{
    nt_ERESOURCE *image = arg_pointer(call);
    struct resource *resource = calloc(1, sizeof(*resource));
    char here[128];
    if (!resource)
        abort();
    *image = (nt_ERESOURCE){0};
    resource->image = image;
    sched_event_init(&resource->changed, false, false);
    dispatcher_lock();
    bool known = resource_of(image) != NULL;
    if (!known) {
        resource->next = resources;
        resources = resource;
    }
    dispatcher_unlock();
    if (known) {
        free(resource);
        rule_violated("HOST-HANDLE", image, "ExInitializeResourceLite of an ERESOURCE that is in use, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_SUCCESS;
    }
    track_acquire(TRACK_RW_LOCK, image, sizeof(*image), NULL, call->return_address);
    return NT_STATUS_SUCCESS;
}

static uint64_t export_ExDeleteResourceLite(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExDeleteResourceLite"), **link = &resources;
    char here[128];
    if (!resource)
        return NT_STATUS_INVALID_PARAMETER;
    dispatcher_lock();
    while (*link != resource)
        link = &(*link)->next;
    *link = resource->next;
    bool owned = owner_total(resource) != 0;
    dispatcher_unlock();
    if (owned)
        rule_violated("HOST-MUTEX-OWNER", resource->image, "ExDeleteResourceLite of a resource that is owned, by %s",
                      rules_describe_address(call->return_address, here, sizeof(here)));
    track_release(TRACK_RW_LOCK, resource->image);
    free(resource);
    return NT_STATUS_SUCCESS;
}

static uint64_t export_ExAcquireResourceExclusiveLite(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExAcquireResourceExclusiveLite");
    bool wait = arg_u8(call);
    return resource && acquire(resource, true, wait, "ExAcquireResourceExclusiveLite", call->return_address);
}

static uint64_t export_ExAcquireResourceSharedLite(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExAcquireResourceSharedLite");
    bool wait = arg_u8(call);
    return resource && acquire(resource, false, wait, "ExAcquireResourceSharedLite", call->return_address);
}

static uint64_t export_ExReleaseResourceLite(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExReleaseResourceLite");
    if (resource)
        release(resource, sched_current_thread_key(), "ExReleaseResourceLite", call->return_address);
    return 0;
}

static uint64_t export_ExReleaseResourceForThreadLite(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExReleaseResourceForThreadLite");
    void *thread = arg_pointer(call);
    if (resource)
        release(resource, thread, "ExReleaseResourceForThreadLite", call->return_address);
    return 0;
}

static uint64_t export_ExReleaseResourceAndLeaveCriticalRegion(struct export_call *call)
{
    struct resource *resource = resource_argument(call, "ExReleaseResourceAndLeaveCriticalRegion");
    if (resource)
        release(resource, sched_current_thread_key(), "ExReleaseResourceAndLeaveCriticalRegion", call->return_address);
    nt_critical_region_leave("ExReleaseResourceAndLeaveCriticalRegion", call->return_address);
    return 0;
}

static uint64_t is_acquired(struct export_call *call, bool exclusive, const char *what)
{
    struct resource *resource = resource_argument(call, what);
    unsigned count = 0;
    if (resource) {
        dispatcher_lock();
        const struct owner *mine = owner_find(resource, sched_current_thread_key());
        count = mine && (resource->exclusive || !exclusive) ? mine->count : 0;
        dispatcher_unlock();
    }
    return exclusive ? count != 0 : count;
}

static uint64_t export_ExIsResourceAcquiredExclusiveLite(struct export_call *call)
{
    return is_acquired(call, true, "ExIsResourceAcquiredExclusiveLite");
}

static uint64_t export_ExIsResourceAcquiredSharedLite(struct export_call *call)
{
    return is_acquired(call, false, "ExIsResourceAcquiredSharedLite");
}

static uint64_t waiters(struct export_call *call, bool exclusive, const char *what)
{
    struct resource *resource = resource_argument(call, what);
    unsigned count = 0;
    if (resource) {
        dispatcher_lock();
        count = exclusive ? resource->exclusive_waiters : resource->shared_waiters;
        dispatcher_unlock();
    }
    return count;
}

static uint64_t export_ExGetExclusiveWaiterCount(struct export_call *call)
{
    return waiters(call, true, "ExGetExclusiveWaiterCount");
}

static uint64_t export_ExGetSharedWaiterCount(struct export_call *call)
{
    return waiters(call, false, "ExGetSharedWaiterCount");
}

const struct export_row nt_resource_lock_exports[] = {
    EXPORT(ExInitializeResourceLite),
    EXPORT(ExDeleteResourceLite),
    EXPORT(ExAcquireResourceExclusiveLite),
    EXPORT(ExAcquireResourceSharedLite),
    EXPORT(ExReleaseResourceLite),
    EXPORT(ExReleaseResourceForThreadLite),
    EXPORT(ExReleaseResourceAndLeaveCriticalRegion),
    EXPORT(ExIsResourceAcquiredExclusiveLite),
    EXPORT(ExIsResourceAcquiredSharedLite),
    EXPORT(ExGetExclusiveWaiterCount),
    EXPORT(ExGetSharedWaiterCount),
    EXPORT_END,
};
