/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Work items of the I/O manager and the executive, and ERESOURCE: what they do, and which misuse is reported. */
#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "nt/worker.h"
#include "rules/rules.h"

/* ---- work items ---- */

static unsigned runs;
static uintptr_t last_object, last_context;
static void *own_item;
static nt_KEVENT done;

static void IMAGE_ENTRY io_routine(void *object, void *context)
{
    runs++;
    last_object = (uintptr_t)object;
    last_context = (uintptr_t)context;
    if (context == own_item)
        STDCALL(void, "IoFreeWorkItem", void *)(own_item); /* from inside its routine: allowed */
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(&done, 0, 0);
}

static void IMAGE_ENTRY executive_routine(void *parameter)
{
    runs++;
    last_context = (uintptr_t)parameter;
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(&done, 0, 0);
}

static void wait_done(void)
{
    STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint8_t, uint8_t, void *)(&done, 0, 0, 0, NULL);
}

static void IMAGE_ENTRY use_work_items(void)
{
    nt_WORK_QUEUE_ITEM queue_item = {0};
    void *item;
    runs = 0;
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(&done, 1, 0);
    item = STDCALL(void *, "IoAllocateWorkItem", void *)((void *)(uintptr_t)0x1000);
    STDCALL(void, "IoQueueWorkItem", void *, void *, uint32_t, void *)(item, io_routine, 1, (void *)(uintptr_t)0x2000);
    wait_done();
    CLAIM_EQUAL(last_object, 0x1000);
    CLAIM_EQUAL(last_context, 0x2000);
    STDCALL(void, "IoFreeWorkItem", void *)(item);

    own_item = STDCALL(void *, "IoAllocateWorkItem", void *)(NULL);
    STDCALL(void, "IoQueueWorkItem", void *, void *, uint32_t, void *)(own_item, io_routine, 1, own_item);
    wait_done();

    item = malloc(STDCALL(uint32_t, "IoSizeofWorkItem", void)());
    STDCALL(void, "IoInitializeWorkItem", void *, void *)((void *)(uintptr_t)0x3000, item);
    STDCALL(void, "IoQueueWorkItem", void *, void *, uint32_t, void *)(item, io_routine, 1, NULL);
    wait_done();
    CLAIM_EQUAL(last_object, 0x3000);
    STDCALL(void, "IoUninitializeWorkItem", void *)(item);
    free(item);

    queue_item.WorkerRoutine = (uintptr_t)executive_routine;
    queue_item.Parameter = 0x4000;
    STDCALL(void, "ExQueueWorkItem", void *, uint32_t)(&queue_item, 1);
    wait_done();
    CLAIM_EQUAL(last_context, 0x4000);
    CLAIM_EQUAL(runs, 4);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void workers_and(void(IMAGE_ENTRY *body)(void));

static void work_items_run_once_each_with_their_context(void **state)
{
    (void)state;
    workers_and(use_work_items);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

/* Nobody takes them out of the queue: there are no workers yet. */
static void IMAGE_ENTRY misuse_work_items(void)
{
    nt_WORK_QUEUE_ITEM linked = {0};
    void *item = STDCALL(void *, "IoAllocateWorkItem", void *)(NULL);
    STDCALL(void, "IoQueueWorkItem", void *, void *, uint32_t, void *)(item, io_routine, 1, NULL);
    STDCALL(void, "IoQueueWorkItem", void *, void *, uint32_t, void *)(item, io_routine, 1, NULL);
    CLAIM_ONLY("WRK-02", 1);
    STDCALL(void, "IoFreeWorkItem", void *)(item);
    CLAIM_EQUAL(rules_report_count("WRK-03"), 1);
    ((nt_LIST_ENTRY *)linked.List)->Flink = 1;
    STDCALL(void, "ExQueueWorkItem", void *, uint32_t)(&linked, 1);
    CLAIM_EQUAL(rules_report_count("WRK-02"), 2);
    STDCALL(void, "IoFreeWorkItem", void *)(&linked);
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 1);
}

static void queued_work_items_are_not_queued_again_nor_freed(void **state)
{
    (void)state;
    run_image(1, misuse_work_items);
}

static void(IMAGE_ENTRY *workers_body)(void);

static void workers_main(void *unused)
{
    (void)unused;
    worker_threads_acquire();
    image_call("test", (uintptr_t)workers_body, 0, NULL);
    worker_threads_release();
}

static void workers_and(void(IMAGE_ENTRY *body)(void))
{
    image_side_set_up();
    workers_body = body;
    assert_int_equal(sched_start(2), 0);
    sched_run("test", workers_main, NULL);
    assert_int_equal(sched_stop(), 0);
}

/* Tells that it has begun, as a driver's work item tells halt that it is done, and is not back yet. */
enum { LATE_CODE = 0x5000 };
struct late_entry {
    struct worker_entry entry;
    struct sched_event begun;
    atomic_bool returned;
};

static void run_late(struct worker_entry *entry)
{
    struct late_entry *late = (struct late_entry *)entry;
    sched_event_set(&late->begun);
    sched_sleep_until(sched_now() + 100 * 10000);
    late->returned = true;
}

static void wait_for_late_entry(void *unused)
{
    (void)unused;
    struct late_entry late = {.entry = {.run = run_late, .routine = LATE_CODE, .holds_driver = true}};
    sched_event_init(&late.begun, true, false);
    worker_threads_acquire();
    CLAIM(worker_wait_returned(LATE_CODE, 1, 0)); /* nothing is there */
    worker_queue(&late.entry);
    sched_event_wait(&late.begun, SCHED_FOREVER);
    bool early = late.returned;
    CLAIM(worker_has_routine(LATE_CODE, 1, true) && !worker_has_routine(LATE_CODE, 1, false));
    CLAIM(worker_wait_returned(LATE_CODE + 1, 1, 0)); /* another driver's concern */
    CLAIM(!worker_wait_returned(LATE_CODE, 1, 1) && !late.returned);
    CLAIM(worker_wait_returned(LATE_CODE, 1, 5000));
    CLAIM(!early && late.returned);
    worker_threads_release();
}

static void code_stays_until_a_running_work_item_has_returned(void **state)
{
    (void)state;
    image_side_set_up();
    assert_int_equal(sched_start(2), 0);
    sched_run("test", wait_for_late_entry, NULL);
    assert_int_equal(sched_stop(), 0);
}

/* ---- ERESOURCE ---- */

static nt_ERESOURCE resource;
static unsigned sharers, owners, sharers_at_most, turns;
enum { CONTENDERS = 4, TURNS = 300 };

static uint8_t lock(const char *how)
{
    return STDCALL(uint8_t, how, void *, uint8_t)(&resource, 1);
}

/* Every other thread wants to own it. */
static void IMAGE_ENTRY contend(uintptr_t number)
{
    for (unsigned i = 0; i < TURNS; i++) {
        STDCALL(void, "KeEnterCriticalRegion", void)();
        if (number % 2 != 0) {
            CLAIM_EQUAL(lock("ExAcquireResourceExclusiveLite"), 1);
            CLAIM_EQUAL(++owners, 1);
            CLAIM_EQUAL(__atomic_load_n(&sharers, __ATOMIC_SEQ_CST), 0);
            turns++;
            owners--;
            FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
            STDCALL(void, "KeLeaveCriticalRegion", void)();
        } else {
            CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 1);
            unsigned now = __atomic_add_fetch(&sharers, 1, __ATOMIC_SEQ_CST);
            CLAIM_EQUAL(owners, 0);
            if (now > sharers_at_most)
                sharers_at_most = now;
            __atomic_sub_fetch(&sharers, 1, __ATOMIC_SEQ_CST);
            FASTCALL(void, "ExReleaseResourceAndLeaveCriticalRegion", void *)(&resource);
        }
    }
}

static void IMAGE_ENTRY create_resource(void)
{
    STDCALL(uint32_t, "ExInitializeResourceLite", void *)(&resource);
}

static void IMAGE_ENTRY delete_resource(void)
{
    STDCALL(uint32_t, "ExDeleteResourceLite", void *)(&resource);
}

static void resources_have_one_owner_or_many_sharers(void **state)
{
    (void)state;
    turns = 0;
    run_image(2, create_resource);
    run_contenders(2, CONTENDERS, contend);
    assert_int_equal(turns, CONTENDERS / 2 * TURNS);
    assert_true(sharers_at_most >= 1);
    assert_int_equal(rules_violation_count(), 0);
    run_image(1, delete_resource);
    assert_int_equal(rules_violation_count(), 0);
}

static void IMAGE_ENTRY misuse_resource(void)
{
    create_resource();
    STDCALL(void, "KeEnterCriticalRegion", void)();
    CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 1);
    CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 1);
    CLAIM_EQUAL(STDCALL(uint32_t, "ExIsResourceAcquiredSharedLite", void *)(&resource), 2);
    CLAIM_EQUAL(STDCALL(uint8_t, "ExIsResourceAcquiredExclusiveLite", void *)(&resource), 0);
    CLAIM_EQUAL(STDCALL(uint8_t, "ExAcquireResourceExclusiveLite", void *, uint8_t)(&resource, 0), 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(lock("ExAcquireResourceExclusiveLite"), 0); /* a sharer that wants to own waits for itself */
    CLAIM_ONLY("HOST-MUTEX-OWNER", 1);
    FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
    FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
    FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
    CLAIM_ONLY("HOST-MUTEX-OWNER", 2);
    CLAIM_EQUAL(lock("ExAcquireResourceExclusiveLite"), 1);
    CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 1); /* the owner may share with itself */
    CLAIM_EQUAL(resource.ActiveCount, 1);
    FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
    FASTCALL(void, "ExReleaseResourceLite", void *)(&resource);
    STDCALL(void, "KeLeaveCriticalRegion", void)();
    CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 1);
    CLAIM_EQUAL(rules_report_count("HOST-REGION"), 1);
    delete_resource();
    CLAIM_EQUAL(rules_report_count("HOST-MUTEX-OWNER"), 3); /* it is owned */
    CLAIM_EQUAL(lock("ExAcquireResourceSharedLite"), 0);
    CLAIM_EQUAL(rules_report_count("HOST-HANDLE"), 1);
}

static void resources_are_released_by_who_acquired_them(void **state)
{
    (void)state;
    run_image(1, misuse_resource);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(work_items_run_once_each_with_their_context),
        cmocka_unit_test(code_stays_until_a_running_work_item_has_returned),
        cmocka_unit_test(queued_work_items_are_not_queued_again_nor_freed),
        cmocka_unit_test(resources_have_one_owner_or_many_sharers),
        cmocka_unit_test(resources_are_released_by_who_acquired_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
