/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* handle.c - handle values, their slots and their leak tracking. */
#include "ndis/handle.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "rules/rules.h"

enum { HANDLE_SPACING = 64, HANDLE_SLOTS = 65536, REUSE_AFTER = 1024 };

struct handle_slot {
    enum handle_kind kind;
    enum handle_kind last_kind; /* of the object that lived here before, for messages */
    void *object;
    const void *owner;
    uintptr_t who;
    unsigned next_free;
};

static pthread_mutex_t slots_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct handle_slot *slots; /* slot 0 is never given out */
static uintptr_t range_base;
static unsigned slots_ever_used = 1, first_free, last_free, free_count; /* free slots form a queue: the longest free is reused first */

static const struct {
    const char *name;
    int track; /* enum track_kind, -1: not tracked */
} kind_facts[HANDLE_KIND_COUNT] = {
    [HANDLE_FREE] = {"closed", -1},
    [HANDLE_DRIVER] = {"miniport driver", TRACK_DRIVER},
    [HANDLE_ADAPTER] = {"miniport adapter", -1},
    [HANDLE_NBL_POOL] = {"NET_BUFFER_LIST pool", TRACK_NBL_POOL},
    [HANDLE_NB_POOL] = {"NET_BUFFER pool", TRACK_NB_POOL},
    [HANDLE_DMA] = {"scatter/gather DMA", TRACK_SG_DMA},
    [HANDLE_INTERRUPT] = {"interrupt", TRACK_INTERRUPT},
    [HANDLE_TIMER] = {"timer object", TRACK_TIMER},
    [HANDLE_WORK_ITEM] = {"work item", TRACK_WORK_ITEM},
    [HANDLE_CONFIGURATION] = {"configuration", TRACK_CONFIGURATION},
    [HANDLE_RW_LOCK] = {"read/write lock", TRACK_RW_LOCK},
    [HANDLE_DEVICE] = {"device", TRACK_DEVICE},
    [HANDLE_GENERIC_OBJECT] = {"generic object", TRACK_HANDLE},
    [HANDLE_FILE] = {"file", TRACK_HANDLE},
    [HANDLE_LOG] = {"log", TRACK_HANDLE},
    [HANDLE_PORT] = {"port", TRACK_HANDLE},
    [HANDLE_INTERFACE_PROVIDER] = {"interface provider", TRACK_HANDLE},
};

const char *handle_kind_name(enum handle_kind kind)
{
    return kind_facts[kind].name;
}

static void reserve_range(void)
{
    void *base = mmap(NULL, (size_t)HANDLE_SPACING * HANDLE_SLOTS, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    slots = calloc(HANDLE_SLOTS, sizeof(*slots));
    if (base == MAP_FAILED || !slots) {
        perror("ndishost: handle table");
        abort();
    }
    range_base = (uintptr_t)base;
}

static unsigned slot_of(const void *handle)
{
    uintptr_t offset = (uintptr_t)handle - range_base;

    if (!slots || (uintptr_t)handle < range_base || offset % HANDLE_SPACING || offset / HANDLE_SPACING >= slots_ever_used)
        return 0;
    return (unsigned)(offset / HANDLE_SPACING);
}

void *handle_create(enum handle_kind kind, void *object, const void *owner, uintptr_t who)
{
    struct handle_slot *slot;
    unsigned index;
    void *handle;

    pthread_mutex_lock(&slots_mutex);
    if (!slots)
        reserve_range();
    /* Long-closed slots are reused only when there are many: a stale handle then does not name a new object by accident. */
    if (free_count <= REUSE_AFTER && slots_ever_used < HANDLE_SLOTS) {
        index = slots_ever_used++;
    } else if (first_free) {
        index = first_free;
        first_free = slots[index].next_free;
        free_count--;
        if (!first_free)
            last_free = 0;
    } else {
        fprintf(stderr, "ndishost: out of handles\n");
        abort();
    }
    slot = &slots[index];
    slot->kind = kind;
    slot->object = object;
    slot->owner = owner;
    slot->who = who;
    slot->next_free = 0;
    handle = (void *)(range_base + (uintptr_t)index * HANDLE_SPACING);
    pthread_mutex_unlock(&slots_mutex);
    if (kind_facts[kind].track >= 0)
        track_acquire((enum track_kind)kind_facts[kind].track, handle, 0, owner, who);
    return handle;
}

/* Reads without the mutex: a slot's object is published before its handle reaches the image, and a race with destruction is the image's. */
void *handle_object(enum handle_kind kind, const void *handle)
{
    unsigned index = slot_of(handle);

    return index && slots[index].kind == kind ? slots[index].object : NULL;
}

enum handle_kind handle_kind(const void *handle)
{
    unsigned index = slot_of(handle);

    return index ? slots[index].kind : HANDLE_FREE;
}

void handle_destroy(void *handle)
{
    unsigned index = slot_of(handle);
    struct handle_slot *slot = &slots[index];

    if (!index || slot->kind == HANDLE_FREE)
        return;
    if (kind_facts[slot->kind].track >= 0)
        track_release((enum track_kind)kind_facts[slot->kind].track, handle);
    pthread_mutex_lock(&slots_mutex);
    slot->last_kind = slot->kind;
    slot->kind = HANDLE_FREE;
    slot->object = NULL;
    slot->owner = NULL;
    if (last_free)
        slots[last_free].next_free = index;
    else
        first_free = index;
    last_free = index;
    free_count++;
    pthread_mutex_unlock(&slots_mutex);
}

const char *handle_describe(const void *handle)
{
    static _Thread_local char text[80];
    unsigned index = slot_of(handle);

    if (!index)
        snprintf(text, sizeof(text), "%p, which is no handle", handle);
    else if (slots[index].kind == HANDLE_FREE)
        snprintf(text, sizeof(text), "%s handle that was closed", kind_facts[slots[index].last_kind].name);
    else
        snprintf(text, sizeof(text), "%s handle", kind_facts[slots[index].kind].name);
    return text;
}

unsigned handle_list(const void *owner, struct handle_facts *facts, unsigned limit)
{
    unsigned index, count = 0;

    pthread_mutex_lock(&slots_mutex);
    for (index = 1; index < slots_ever_used && count < limit; index++) {
        const struct handle_slot *slot = &slots[index];

        if (slot->kind == HANDLE_FREE || slot->owner != owner)
            continue;
        facts[count].kind = slot->kind;
        facts[count].handle = (void *)(range_base + (uintptr_t)index * HANDLE_SPACING);
        facts[count].object = slot->object;
        facts[count].who = slot->who;
        count++;
    }
    pthread_mutex_unlock(&slots_mutex);
    return count;
}
