/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * device_queue.c - KDEVICE_QUEUE: entries that wait for a busy device, in order of arrival or of a key. The queue and its entries stand in
 * the image's memory; what is inserted into an idle queue makes it busy and is not queued.
 */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "rules/rules.h"

enum { DEVICE_QUEUE_TYPE = 20 };

struct link {
    struct link *next, *previous;
};

static struct link *head_of(nt_KDEVICE_QUEUE *queue)
{
    return (struct link *)queue->DeviceListHead;
}

/* DeviceListEntry is an entry's first field. */
static nt_KDEVICE_QUEUE_ENTRY *entry_of(struct link *link)
{
    return (nt_KDEVICE_QUEUE_ENTRY *)link;
}

static bool check(const nt_KDEVICE_QUEUE *queue, const char *what, uintptr_t who)
{
    char here[128];
    if (queue->Type == DEVICE_QUEUE_TYPE && queue->Size == sizeof(*queue))
        return true;
    rule_violated("HOST-HANDLE", queue, "%s of %p by %s, which is no initialised device queue", what, (const void *)queue,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

static uint64_t export_KeInitializeDeviceQueue(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    *queue = (nt_KDEVICE_QUEUE){.Type = DEVICE_QUEUE_TYPE};
    queue->Size = sizeof(*queue);
    head_of(queue)->next = head_of(queue)->previous = head_of(queue);
    return 0;
}

/* Dispatcher's lock held. */
static void link_before(nt_KDEVICE_QUEUE_ENTRY *entry, struct link *place)
{
    struct link *link = (struct link *)entry;
    link->next = place;
    link->previous = place->previous;
    link->previous->next = link;
    place->previous = link;
    entry->Inserted = 1;
}

static void unlink_entry(nt_KDEVICE_QUEUE_ENTRY *entry)
{
    struct link *link = (struct link *)entry;
    link->previous->next = link->next;
    link->next->previous = link->previous;
    entry->Inserted = 0;
}

/* Nothing is said of an entry that was never inserted: it may hold anything. Dispatcher's lock held. */
static bool is_queued(nt_KDEVICE_QUEUE *queue, const nt_KDEVICE_QUEUE_ENTRY *entry)
{
    struct link *link = head_of(queue)->next;
    while (link != head_of(queue) && entry_of(link) != entry)
        link = link->next;
    return link != head_of(queue);
}

/* Returns whether it was queued; the device was idle else, and is busy now. */
static uint64_t insert(nt_KDEVICE_QUEUE *queue, nt_KDEVICE_QUEUE_ENTRY *entry, bool by_key, uint32_t key, uintptr_t who)
{
    char here[128];
    bool queued_before = false;
    if (!check(queue, "an insertion", who))
        return 0;
    dispatcher_lock();
    bool busy = queue->Busy;
    if (busy) {
        struct link *place = head_of(queue);
        while (by_key && place->previous != head_of(queue) && entry_of(place->previous)->SortKey > key)
            place = place->previous;
        queued_before = is_queued(queue, entry);
        entry->SortKey = key;
        if (!queued_before)
            link_before(entry, place);
    } else {
        queue->Busy = 1;
        entry->Inserted = 0;
    }
    dispatcher_unlock();
    if (queued_before)
        rule_violated("HOST-LIST-CORRUPT", entry, "an entry of a device queue is inserted twice, by %s",
                      rules_describe_address(who, here, sizeof(here)));
    return busy;
}

static uint64_t export_KeInsertDeviceQueue(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    return insert(queue, arg_pointer(call), false, 0, call->return_address);
}

static uint64_t export_KeInsertByKeyDeviceQueue(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    nt_KDEVICE_QUEUE_ENTRY *entry = arg_pointer(call);
    return insert(queue, entry, true, arg_u32(call), call->return_address);
}

/* The first, or the first with at least that key, else the first; NULL: none waits, and the device is idle now. */
static uint64_t remove_next(nt_KDEVICE_QUEUE *queue, bool by_key, uint32_t key, bool must_be_busy, uintptr_t who)
{
    char here[128];
    nt_KDEVICE_QUEUE_ENTRY *entry = NULL;
    if (!check(queue, "a removal", who))
        return 0;
    dispatcher_lock();
    bool busy = queue->Busy;
    struct link *head = head_of(queue), *place = head->next;
    while (by_key && place != head && entry_of(place)->SortKey < key)
        place = place->next;
    place = place == head ? head->next : place;
    if (busy && place != head) {
        entry = entry_of(place);
        unlink_entry(entry);
    } else {
        queue->Busy = 0;
    }
    dispatcher_unlock();
    if (!busy && must_be_busy)
        rule_violated("HOST-ARGUMENT", queue, "an entry is removed from a device queue that is not busy, by %s",
                      rules_describe_address(who, here, sizeof(here)));
    return (uintptr_t)entry;
}

static uint64_t export_KeRemoveDeviceQueue(struct export_call *call)
{
    return remove_next(arg_pointer(call), false, 0, true, call->return_address);
}

static uint64_t export_KeRemoveByKeyDeviceQueue(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    return remove_next(queue, true, arg_u32(call), true, call->return_address);
}

static uint64_t export_KeRemoveByKeyDeviceQueueIfBusy(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    return remove_next(queue, true, arg_u32(call), false, call->return_address);
}

/* Whether the entry was in the queue. */
static uint64_t export_KeRemoveEntryDeviceQueue(struct export_call *call)
{
    nt_KDEVICE_QUEUE *queue = arg_pointer(call);
    nt_KDEVICE_QUEUE_ENTRY *entry = arg_pointer(call);
    if (!check(queue, "KeRemoveEntryDeviceQueue", call->return_address))
        return 0;
    dispatcher_lock();
    bool inserted = entry->Inserted == 1;
    if (inserted)
        unlink_entry(entry);
    dispatcher_unlock();
    return inserted;
}

const struct export_row nt_device_queue_exports[] = {
    EXPORT(KeInitializeDeviceQueue),  EXPORT(KeInsertDeviceQueue),
    EXPORT(KeInsertByKeyDeviceQueue), EXPORT(KeRemoveDeviceQueue),
    EXPORT(KeRemoveByKeyDeviceQueue), EXPORT(KeRemoveByKeyDeviceQueueIfBusy),
    EXPORT(KeRemoveEntryDeviceQueue), EXPORT_END,
};
