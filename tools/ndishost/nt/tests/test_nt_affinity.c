/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Threads that bind themselves to processors: where they run, what they get back, misuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/nt.h"
#include "nt/worker.h"
#include "rules/rules.h"

static uint32_t here(void)
{
    return STDCALL(uint32_t, "KeGetCurrentProcessorNumberEx", void *)(NULL);
}

static uintptr_t bind(uintptr_t mask)
{
    return STDCALL(uintptr_t, "KeSetSystemAffinityThreadEx", uintptr_t)(mask);
}

static void revert_to(uintptr_t mask)
{
    STDCALL(void, "KeRevertToUserAffinityThreadEx", uintptr_t)(mask);
}

static void IMAGE_ENTRY visit_processors(void)
{
    for (unsigned round = 0; round < 50; round++) {
        for (uint32_t number = 0; number < 4; number++) {
            CLAIM_EQUAL(bind((uintptr_t)1 << number), 0);
            CLAIM_EQUAL(here(), number);
            revert_to(0);
        }
    }
    CLAIM_EQUAL(bind(2), 0);
    CLAIM_EQUAL(bind(12), 2);
    CLAIM(here() == 2 || here() == 3);
    uint32_t stayed = here();
    CLAIM_EQUAL(bind((uintptr_t)1 << stayed | 1), 12); /* the processor that it is on is one of them */
    CLAIM_EQUAL(here(), stayed);
    revert_to(12);
    revert_to(2);
    CLAIM_EQUAL(here(), 1);
    revert_to(0);

    nt_GROUP_AFFINITY affinity = {.Group = 0}, previous;
    memset(&affinity, 0, sizeof(affinity));
    affinity.Mask = 8;
    memset(&previous, 0xA5, sizeof(previous));
    STDCALL(void, "KeSetSystemGroupAffinityThread", const void *, void *)(&affinity, &previous);
    CLAIM_EQUAL(here(), 3);
    CLAIM(previous.Mask == 0 && previous.Group == 0 && previous.Reserved[0] == 0);
    STDCALL(void, "KeRevertToUserGroupAffinityThread", const void *)(&previous);

    STDCALL(void, "KeSetSystemAffinityThread", uintptr_t)(4);
    CLAIM_EQUAL(here(), 2);
    STDCALL(void, "KeRevertToUserAffinityThread", void)();

    /* At DISPATCH_LEVEL it is a wish that is granted below. */
    uint32_t before = here();
    uint8_t irql = STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)();
    bind(before == 0 ? 2 : 1);
    CLAIM_EQUAL(here(), before);
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
    CLAIM_EQUAL(here(), before == 0 ? 1 : 0);
    revert_to(0);
    CLAIM_EQUAL(rules_violation_count() + rules_warning_count(), 0);
}

static void a_bound_thread_runs_where_it_is_bound(void **state)
{
    (void)state;
    run_image(4, visit_processors);
}

static void IMAGE_ENTRY misuse(void)
{
    CLAIM_EQUAL(bind(0), 0);
    CLAIM_ONLY("HOST-PROCESSOR", 1);
    CLAIM_EQUAL(bind(4), 0);
    CLAIM_ONLY("HOST-PROCESSOR", 2);
    CLAIM_EQUAL(bind(6), 0); /* what there is of it counts */
    CLAIM_EQUAL(here(), 1);
    CLAIM_ONLY("HOST-PROCESSOR", 3);
    revert_to(0);
    STDCALL(void, "KeRevertToUserAffinityThread", void)();
    CLAIM_EQUAL(rules_report_count("HOST-AFFINITY"), 1);
}

static void masks_without_processors_and_reverting_twice_are_reported(void **state)
{
    (void)state;
    run_image(2, misuse);
}

/* ---- a work item that forgets: the next user of the thread must not suffer ---- */

static nt_KEVENT done;
static uint32_t last_processor;

static void IMAGE_ENTRY bind_and_leave(void *parameter)
{
    (void)parameter;
    bind(2);
    last_processor = here();
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(&done, 0, 0);
}

static void IMAGE_ENTRY queue_forgetful_work(void)
{
    nt_WORK_QUEUE_ITEM item = {0};
    STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(&done, 1, 0);
    item.WorkerRoutine = (uintptr_t)bind_and_leave;
    STDCALL(void, "ExQueueWorkItem", void *, uint32_t)(&item, 1);
    STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint8_t, uint8_t, void *)(&done, 0, 0, 0, NULL);
    CLAIM_EQUAL(last_processor, 1);
}

static void with_workers(void *unused)
{
    (void)unused;
    worker_threads_acquire();
    image_call("test", (uintptr_t)queue_forgetful_work, 0, NULL);
    worker_threads_release(); /* the routine has returned then */
}

static void a_worker_is_given_back_unbound(void **state)
{
    (void)state;
    image_side_set_up();
    assert_int_equal(sched_start(2), 0);
    sched_run("test", with_workers, NULL);
    assert_int_equal(sched_stop(), 0);
    assert_int_equal(rules_report_count("HOST-AFFINITY"), 1);
    assert_int_equal(rules_violation_count(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bound_thread_runs_where_it_is_bound),
        cmocka_unit_test(masks_without_processors_and_reverting_twice_are_reported),
        cmocka_unit_test(a_worker_is_given_back_unbound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
