/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* IRPs of the driver's own, sent to a device object of its own, and cancel-safe queues: what they do, and which misuse is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/device_property.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { MAJOR_READ = 3, MAJOR_WRITE = 4, MAJOR_CONTROL = 14, MAJOR_PNP = 0x1B, INFORMATION = 12 };

static nt_DRIVER_OBJECT driver;
static nt_DEVICE_OBJECT *upper, *lower;

/* ---- the macros of the WDK ---- */

static nt_IO_STACK_LOCATION *current(const nt_IRP *irp)
{
    return (nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation;
}

static nt_IO_STATUS_BLOCK *result_of(nt_IRP *irp)
{
    return (nt_IO_STATUS_BLOCK *)irp->IoStatus;
}

static void set_next(nt_IRP *irp, uint8_t major, void *routine, uintptr_t context)
{
    nt_IO_STACK_LOCATION *next = current(irp) - 1;
    next->MajorFunction = major;
    next->CompletionRoutine = (uintptr_t)routine;
    next->Context = context;
    next->Control = NT_SL_INVOKE_ON_SUCCESS | NT_SL_INVOKE_ON_ERROR | NT_SL_INVOKE_ON_CANCEL;
}

static nt_IRP *allocate(unsigned locations)
{
    return STDCALL(nt_IRP *, "IoAllocateIrp", uint8_t, uint8_t)((uint8_t)locations, 0);
}

static void release(nt_IRP *irp)
{
    STDCALL(void, "IoFreeIrp", void *)(irp);
}

static uint32_t send(nt_DEVICE_OBJECT *device, nt_IRP *irp)
{
    return FASTCALL(uint32_t, "IofCallDriver", void *, void *)(device, irp);
}

static void complete(nt_IRP *irp, uint32_t status)
{
    result_of(irp)->Status = status;
    result_of(irp)->Information = INFORMATION;
    FASTCALL(void, "IofCompleteRequest", void *, uint8_t)(irp, 0);
}

/* ---- a driver with two device objects: reads are completed at once, writes stay, controls go from the upper one to the lower one ---- */

static nt_IRP *held;
static uintptr_t completions;
static uint32_t completion_answer, completion_status;
static uintptr_t completion_device;
static uint8_t completion_pending;

static uint32_t IMAGE_STDCALL completed(void *device, nt_IRP *irp, void *context)
{
    completions = completions * 10 + (uintptr_t)context;
    completion_device = (uintptr_t)device;
    completion_status = result_of(irp)->Status;
    completion_pending = irp->PendingReturned;
    if (irp->PendingReturned && completion_answer == NT_STATUS_SUCCESS && irp->CurrentLocation <= irp->StackCount)
        current(irp)->Control |= NT_SL_PENDING_RETURNED;
    return (uintptr_t)context == 2 ? NT_STATUS_SUCCESS : completion_answer;
}

static uint32_t IMAGE_STDCALL freeing(void *device, nt_IRP *irp, void *context)
{
    (void)device;
    completions++;
    release(irp);
    return context ? NT_STATUS_MORE_PROCESSING_REQUIRED : NT_STATUS_SUCCESS;
}

static uint32_t IMAGE_STDCALL dispatch_read(void *device, nt_IRP *irp)
{
    CLAIM_EQUAL(current(irp)->DeviceObject, (uintptr_t)device);
    complete(irp, NT_STATUS_SUCCESS);
    return NT_STATUS_SUCCESS;
}

static uint32_t IMAGE_STDCALL dispatch_write(void *device, nt_IRP *irp)
{
    (void)device;
    current(irp)->Control |= NT_SL_PENDING_RETURNED;
    held = irp;
    return NT_STATUS_PENDING;
}

static uint32_t IMAGE_STDCALL dispatch_control(void *device, nt_IRP *irp)
{
    if (device == lower)
        return dispatch_write(device, irp);
    set_next(irp, MAJOR_CONTROL, (void *)completed, 2);
    return send(lower, irp);
}

static void set_up(void)
{
    memset(&driver, 0, sizeof(driver));
    ((uintptr_t *)driver.MajorFunction)[MAJOR_READ] = (uintptr_t)dispatch_read;
    ((uintptr_t *)driver.MajorFunction)[MAJOR_WRITE] = (uintptr_t)dispatch_write;
    ((uintptr_t *)driver.MajorFunction)[MAJOR_CONTROL] = (uintptr_t)dispatch_control;
    for (unsigned index = 0; index < 2; ++index)
        CLAIM_EQUAL(STDCALL(uint32_t, "IoCreateDevice", void *, uint32_t, void *, uint32_t, uint32_t, uint8_t,
                            void *)(&driver, 0, NULL, NT_FILE_DEVICE_NETWORK, 0, 0, index ? &lower : &upper),
                    NT_STATUS_SUCCESS);
    held = NULL;
    completions = 0;
    completion_answer = NT_STATUS_MORE_PROCESSING_REQUIRED;
}

static void tear_down(void)
{
    STDCALL(void, "IoDeleteDevice", void *)(upper);
    STDCALL(void, "IoDeleteDevice", void *)(lower);
}

static void IMAGE_ENTRY send_and_reuse(void)
{
    set_up();
    nt_IRP *irp = allocate(1);
    CLAIM_EQUAL(irp->StackCount, 1);
    CLAIM_EQUAL(irp->CurrentLocation, 2);
    set_next(irp, MAJOR_READ, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(completions, 1);
    CLAIM_EQUAL(completion_device, 0); /* the maker has no location */
    CLAIM_EQUAL(result_of(irp)->Information, INFORMATION);

    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, NT_STATUS_UNSUCCESSFUL);
    CLAIM_EQUAL(result_of(irp)->Status, NT_STATUS_UNSUCCESSFUL);
    set_next(irp, MAJOR_WRITE, (void *)completed, 3);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_PENDING);
    CLAIM_EQUAL(completions, 1);
    complete(held, NT_STATUS_CANCELLED);
    CLAIM_EQUAL(completions, 13);
    CLAIM_EQUAL(completion_status, NT_STATUS_CANCELLED);
    CLAIM_EQUAL(completion_pending, 1);

    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, 0);
    set_next(irp, MAJOR_WRITE + 1, (void *)completed, 4); /* no routine: as Windows' own */
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_EQUAL(completions, 134);
    CLAIM_EQUAL(completion_status, NT_STATUS_INVALID_DEVICE_REQUEST);
    release(irp);

    irp = allocate(1);
    set_next(irp, MAJOR_READ, (void *)freeing, 1); /* the usual way: freed where it ends */
    CLAIM_EQUAL(send(lower, irp), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(completions, 135);
    tear_down();
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void an_irp_is_sent_completed_and_sent_again(void **state)
{
    (void)state;
    run_image(1, send_and_reuse);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static void IMAGE_ENTRY send_through_two(void)
{
    static uint64_t memory[64];
    nt_IRP *irp = (nt_IRP *)memory;
    set_up();
    STDCALL(void, "IoInitializeIrp", void *, uint16_t, uint8_t)(irp, sizeof(memory), 2);
    set_next(irp, MAJOR_CONTROL, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_PENDING);
    CLAIM_EQUAL(irp->CurrentLocation, 1);
    CLAIM(held == irp);
    completion_answer = NT_STATUS_MORE_PROCESSING_REQUIRED;
    current(irp)[1].Control |= NT_SL_PENDING_RETURNED; /* the upper one returned what the lower one did */
    complete(held, NT_STATUS_SUCCESS);
    CLAIM_EQUAL(completions, 21); /* from below to above */
    CLAIM_EQUAL(irp->CurrentLocation, 3);
    tear_down();
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(void, "IoInitializeIrp", void *, uint16_t, uint8_t)(irp, sizeof(memory), 1); /* once more: allowed here */
    CLAIM_EQUAL(rules_violation_count(), 0);
    STDCALL(void, "IoFreeIrp", void *)(irp);
    CLAIM_ONLY("HOST-IRP", 1);
    STDCALL(void, "IoInitializeIrp", void *, uint16_t, uint8_t)(irp, sizeof(nt_IRP), 1);
    CLAIM_EQUAL(rules_report_count("HOST-ARGUMENT"), 1);
}

static void completion_routines_are_called_from_below_to_above(void **state)
{
    (void)state;
    run_image(1, send_through_two);
}

static uint32_t ask_bus(nt_IRP *irp, void *bus, uint8_t major, uint32_t status)
{
    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, status);
    set_next(irp, major, (void *)completed, 1);
    return send(bus, irp);
}

static void IMAGE_ENTRY send_to_bus(void)
{
    static nt_DEVICE_OBJECT bus;
    set_up();
    device_property_add(&bus, &(struct device_identity){.number = 1});
    nt_IRP *irp = allocate(1);
    CLAIM_EQUAL(ask_bus(irp, &bus, MAJOR_PNP, NT_STATUS_NOT_SUPPORTED), NT_STATUS_NOT_SUPPORTED); /* an interface that it does not have */
    CLAIM_EQUAL(ask_bus(irp, &bus, MAJOR_CONTROL, NT_STATUS_NOT_SUPPORTED), NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_EQUAL(completions, 11);
    CLAIM_EQUAL(completion_status, NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(ask_bus(irp, &bus, MAJOR_PNP, NT_STATUS_SUCCESS), NT_STATUS_SUCCESS); /* what looks like an answer is none */
    CLAIM_ONLY("HOST-IRP-STATUS", 1);
    device_property_remove(&bus);
    CLAIM_EQUAL(ask_bus(irp, &bus, MAJOR_PNP, NT_STATUS_NOT_SUPPORTED), NT_STATUS_NO_SUCH_DEVICE);
    CLAIM_EQUAL(rules_report_count("HOST-DEVICE-OBJECT"), 1);
    release(irp);
    tear_down();
}

static void the_bus_leaves_what_it_does_not_know(void **state)
{
    (void)state;
    run_image(1, send_to_bus);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

static uint32_t IMAGE_STDCALL forgets(void *device, nt_IRP *irp)
{
    (void)device;
    (void)irp;
    return NT_STATUS_SUCCESS;
}

static uint32_t IMAGE_STDCALL pends_unmarked(void *device, nt_IRP *irp)
{
    (void)device;
    held = irp;
    return NT_STATUS_PENDING;
}

static void IMAGE_ENTRY misuse(void)
{
    set_up();
    nt_IRP *irp = allocate(1);
    release(irp);
    release(irp); /* twice */
    CLAIM_ONLY("HOST-IRP", 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_INVALID_PARAMETER);
    CLAIM_ONLY("HOST-IRP", 2);
    CLAIM(allocate(0) == NULL);
    CLAIM_EQUAL(rules_report_count("HOST-ARGUMENT"), 1);

    irp = allocate(1);
    complete(irp, NT_STATUS_SUCCESS); /* never sent */
    CLAIM_EQUAL(rules_report_count("DEV-06"), 1);
    set_next(irp, MAJOR_WRITE, (void *)completed, 1);
    CLAIM_EQUAL(send((void *)&driver, irp), NT_STATUS_NO_SUCH_DEVICE);
    CLAIM_EQUAL(rules_report_count("HOST-DEVICE-OBJECT"), 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_PENDING);
    release(irp); /* while the device has it */
    CLAIM_EQUAL(rules_report_count("HOST-IRP"), 3);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_INVALID_PARAMETER); /* no location left */
    CLAIM_EQUAL(rules_report_count("HOST-IRP"), 4);
    complete(held, NT_STATUS_PENDING);
    CLAIM_EQUAL(rules_report_count("HOST-IRP-STATUS"), 1);
    complete(held, NT_STATUS_SUCCESS); /* twice */
    CLAIM_EQUAL(rules_report_count("DEV-06"), 2);

    completion_answer = NT_STATUS_SUCCESS; /* nobody stops the completion */
    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, 0);
    set_next(irp, MAJOR_READ, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_report_count("HOST-IRP"), 5);
    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, 0);
    set_next(irp, MAJOR_READ, (void *)freeing, 0);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_report_count("HOST-IRP"), 6);

    irp = allocate(1);
    ((uintptr_t *)driver.MajorFunction)[MAJOR_WRITE] = (uintptr_t)forgets;
    set_next(irp, MAJOR_WRITE, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_report_count("DEV-06"), 3);
    completion_answer = NT_STATUS_MORE_PROCESSING_REQUIRED;
    complete(irp, NT_STATUS_SUCCESS);
    STDCALL(void, "IoReuseIrp", void *, uint32_t)(irp, 0);
    ((uintptr_t *)driver.MajorFunction)[MAJOR_WRITE] = (uintptr_t)pends_unmarked;
    set_next(irp, MAJOR_WRITE, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, irp), NT_STATUS_PENDING);
    complete(irp, NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_report_count("HOST-IRP-PENDING"), 1);
    tear_down();

    acquire_reset();
    acquire_refuse_number(1);
    CLAIM(allocate(1) == NULL); /* memory is short */
    acquire_reset();
}

static void misuse_of_irps_is_reported(void **state)
{
    (void)state;
    run_image(1, misuse);
    assert_int_equal(track_audit(NULL, "at the end"), 1); /* the last one was never freed */
}

/* ---- cancel-safe queues ---- */

static nt_IO_CSQ queue;
static nt_LIST_ENTRY list;
static uintptr_t lock;
static unsigned cancelled;
static uint32_t insert_answer;
static uint8_t leave_locked;

static nt_IRP *irp_of(uintptr_t entry)
{
    return (nt_IRP *)(entry - offsetof(nt_IRP, Tail_Overlay_ListEntry));
}

static uint32_t IMAGE_STDCALL queue_insert(void *self, nt_IRP *irp, void *context)
{
    nt_LIST_ENTRY *entry = (nt_LIST_ENTRY *)irp->Tail_Overlay_ListEntry;
    CLAIM(self == &queue && context == (void *)8);
    if (insert_answer != NT_STATUS_SUCCESS)
        return insert_answer;
    entry->Flink = (uintptr_t)&list;
    entry->Blink = list.Blink;
    ((nt_LIST_ENTRY *)list.Blink)->Flink = (uintptr_t)entry;
    list.Blink = (uintptr_t)entry;
    return NT_STATUS_SUCCESS;
}

static void IMAGE_STDCALL queue_remove(void *self, nt_IRP *irp)
{
    nt_LIST_ENTRY *entry = (nt_LIST_ENTRY *)irp->Tail_Overlay_ListEntry;
    CLAIM(self == &queue);
    ((nt_LIST_ENTRY *)entry->Blink)->Flink = entry->Flink;
    ((nt_LIST_ENTRY *)entry->Flink)->Blink = entry->Blink;
}

static nt_IRP *IMAGE_STDCALL queue_peek(void *self, nt_IRP *irp, void *context)
{
    CLAIM(self == &queue);
    uintptr_t next = irp ? ((nt_LIST_ENTRY *)irp->Tail_Overlay_ListEntry)->Flink : list.Flink;
    while (context && next != (uintptr_t)&list && irp_of(next) != context)
        next = ((nt_LIST_ENTRY *)next)->Flink;
    return next == (uintptr_t)&list ? NULL : irp_of(next);
}

#if UINTPTR_MAX == UINT64_MAX
#define ACQUIRE STDCALL(uint8_t, "KeAcquireSpinLockRaiseToDpc", void *)
#define RELEASE STDCALL(void, "KeReleaseSpinLock", void *, uint8_t)
#else
#define ACQUIRE FASTCALL(uint8_t, "KfAcquireSpinLock", void *)
#define RELEASE FASTCALL(void, "KfReleaseSpinLock", void *, uint8_t)
#endif

static void IMAGE_STDCALL queue_lock(void *self, uint8_t *irql)
{
    (void)self;
    *irql = ACQUIRE(&lock);
}

static void IMAGE_STDCALL queue_unlock(void *self, uint8_t irql)
{
    (void)self;
    if (!leave_locked)
        RELEASE(&lock, irql);
}

static void IMAGE_STDCALL queue_complete_cancelled(void *self, nt_IRP *irp)
{
    CLAIM(self == &queue);
    cancelled++;
    complete(irp, NT_STATUS_CANCELLED);
}

static uint32_t IMAGE_STDCALL dispatch_queued(void *device, nt_IRP *irp)
{
    (void)device;
    uint32_t status = STDCALL(uint32_t, "IoCsqInsertIrpEx", void *, void *, void *,
                              void *)(&queue, irp, (void *)current(irp)->Parameters_Others_Argument1, (void *)8);
    if (status == NT_STATUS_SUCCESS)
        return NT_STATUS_PENDING;
    complete(irp, status);
    return status;
}

static void initialize_queue(void)
{
    set_up();
    list.Flink = list.Blink = (uintptr_t)&list;
    cancelled = 0;
    insert_answer = NT_STATUS_SUCCESS;
    leave_locked = 0;
    ((uintptr_t *)driver.MajorFunction)[MAJOR_WRITE] = (uintptr_t)dispatch_queued;
    STDCALL(void, "KeInitializeSpinLock", void *)(&lock);
    CLAIM_EQUAL(STDCALL(uint32_t, "IoCsqInitializeEx", void *, void *, void *, void *, void *, void *,
                        void *)(&queue, queue_insert, queue_remove, queue_peek, queue_lock, queue_unlock, queue_complete_cancelled),
                NT_STATUS_SUCCESS);
}

static nt_IRP *enqueue(nt_IO_CSQ_IRP_CONTEXT *context)
{
    nt_IRP *irp = allocate(1);
    set_next(irp, MAJOR_WRITE, (void *)completed, 1);
    (current(irp) - 1)->Parameters_Others_Argument1 = (uintptr_t)context;
    CLAIM_EQUAL(send(upper, irp), insert_answer == NT_STATUS_SUCCESS ? NT_STATUS_PENDING : insert_answer);
    return irp;
}

static nt_IRP *remove_next(void *context)
{
    return STDCALL(nt_IRP *, "IoCsqRemoveNextIrp", void *, void *)(&queue, context);
}

static uint8_t cancel(nt_IRP *irp)
{
    return STDCALL(uint8_t, "IoCancelIrp", void *)(irp);
}

static void IMAGE_ENTRY use_queue(void)
{
    nt_IO_CSQ_IRP_CONTEXT context = {0};
    initialize_queue();
    nt_IRP *first = enqueue(NULL), *second = enqueue(&context), *third = enqueue(NULL);
    CLAIM_EQUAL(context.Irp, (uintptr_t)second);
    CLAIM(remove_next(third) == third);
    CLAIM(remove_next(NULL) == first);
    CLAIM(STDCALL(nt_IRP *, "IoCsqRemoveIrp", void *, void *)(&queue, &context) == second);
    CLAIM(STDCALL(nt_IRP *, "IoCsqRemoveIrp", void *, void *)(&queue, &context) == NULL);
    CLAIM(remove_next(NULL) == NULL);
    complete(first, NT_STATUS_SUCCESS);
    complete(second, NT_STATUS_SUCCESS);
    complete(third, NT_STATUS_SUCCESS);
    release(first);
    release(third);

    STDCALL(void, "IoReuseIrp", void *, uint32_t)(second, 0);
    CLAIM_EQUAL(cancel(second), 0); /* before it is queued: completed as soon as it is */
    set_next(second, MAJOR_WRITE, (void *)completed, 1);
    CLAIM_EQUAL(send(upper, second), NT_STATUS_PENDING);
    CLAIM_EQUAL(cancelled, 1);
    release(second);

    first = enqueue(&context);
    second = enqueue(NULL);
    CLAIM_EQUAL(cancel(first), 1);
    CLAIM_EQUAL(cancel(second), 1);
    CLAIM_EQUAL(cancel(second), 0);
    CLAIM_EQUAL(cancelled, 3);
    CLAIM_EQUAL(context.Irp, 0);
    CLAIM_EQUAL(list.Flink, (uintptr_t)&list);
    CLAIM_EQUAL(completion_status, NT_STATUS_CANCELLED);
    release(first);
    release(second);

    insert_answer = NT_STATUS_INSUFFICIENT_RESOURCES; /* the driver refuses: the IRP stays with the caller */
    release(enqueue(&context));
    CLAIM_EQUAL(context.Irp, 0);
    tear_down();
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void queued_irps_are_removed_once_or_cancelled(void **state)
{
    (void)state;
    run_image(1, use_queue);
    assert_int_equal(track_audit(NULL, "at the end"), 0);
}

enum { ROUNDS = 200 };
static nt_IRP *raced;
static unsigned removed_by_consumer;
static nt_KEVENT turns[2];

static void wait_for(void *event)
{
    STDCALL(uint32_t, "KeWaitForSingleObject", void *, uint32_t, uint8_t, uint8_t, void *)(event, 0, 0, 0, NULL);
}

static void signal(void *event)
{
    STDCALL(int32_t, "KeSetEvent", void *, int32_t, uint8_t)(event, 0, 0);
}

/* One thread takes the IRP out of the queue while another one cancels it: exactly one of them completes it. */
static void IMAGE_ENTRY race(uintptr_t number)
{
    for (unsigned round = 0; round < ROUNDS; ++round) {
        if (number == 1) {
            wait_for(&turns[0]);
            cancel(raced);
            signal(&turns[1]);
            continue;
        }
        unsigned before = cancelled;
        raced = enqueue(NULL);
        signal(&turns[0]);
        nt_IRP *irp = remove_next(NULL);
        if (irp)
            complete(irp, NT_STATUS_SUCCESS);
        wait_for(&turns[1]);
        CLAIM_EQUAL(cancelled - before, irp ? 0 : 1);
        removed_by_consumer += irp != NULL;
        release(raced);
    }
}

static void IMAGE_ENTRY prepare_race(void)
{
    initialize_queue();
    removed_by_consumer = 0;
    for (unsigned index = 0; index < 2; ++index)
        STDCALL(void, "KeInitializeEvent", void *, uint32_t, uint8_t)(&turns[index], 1, 0);
}

static void IMAGE_ENTRY finish_race(uintptr_t number)
{
    (void)number;
    tear_down();
}

static void removal_and_cancellation_race(void **state)
{
    (void)state;
    run_image(1, prepare_race);
    run_contenders(2, 2, race);
    run_contenders(1, 1, finish_race);
    assert_int_equal(removed_by_consumer + cancelled, ROUNDS);
    assert_int_equal(rules_violation_count(), 0);
}

static void IMAGE_ENTRY misuse_queue(void)
{
    nt_IO_CSQ other = {0};
    nt_IO_CSQ_IRP_CONTEXT context = {0};
    initialize_queue();
    CLAIM(STDCALL(nt_IRP *, "IoCsqRemoveNextIrp", void *, void *)(&other, NULL) == NULL); /* not initialised */
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(STDCALL(uint32_t, "IoCsqInitialize", void *, void *, void *, void *, void *, void *,
                        void *)(&other, queue_insert, queue_remove, queue_peek, NULL, queue_unlock, queue_complete_cancelled),
                NT_STATUS_INVALID_PARAMETER);
    CLAIM_ONLY("HOST-ARGUMENT", 2);
    STDCALL(uint32_t, "IoCsqInsertIrpEx", void *, void *, void *, void *)(&queue, (void *)&other, NULL, NULL); /* no IRP */
    CLAIM_EQUAL(rules_report_count("HOST-IRP"), 1);
    nt_IRP *irp = enqueue(&context);
    complete(irp, NT_STATUS_SUCCESS); /* still queued */
    CLAIM_EQUAL(rules_report_count("HOST-IRP-CANCEL"), 1);
    release(irp);
    list.Flink = list.Blink = (uintptr_t)&list;
    leave_locked = 1;
    remove_next(NULL);
    CLAIM_EQUAL(rules_report_count("IRQL-30"), 1);
    RELEASE(&lock, STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)()); /* the host has lowered the IRQL */
    tear_down();
}

static void misuse_of_queues_is_reported(void **state)
{
    (void)state;
    run_image(1, misuse_queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_irp_is_sent_completed_and_sent_again),
        cmocka_unit_test(completion_routines_are_called_from_below_to_above),
        cmocka_unit_test(the_bus_leaves_what_it_does_not_know),
        cmocka_unit_test(misuse_of_irps_is_reported),
        cmocka_unit_test(queued_irps_are_removed_once_or_cancelled),
        cmocka_unit_test(removal_and_cancellation_race),
        cmocka_unit_test(misuse_of_queues_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
