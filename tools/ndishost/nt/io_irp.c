/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_irp.c - IRPs of the driver's own: IoAllocateIrp and IoInitializeIrp, IofCallDriver to device objects of the driver
 * and to the bus below its adapters, completion routines.
 *
 * An IRP is its maker's until IofCallDriver and again when the completion routine of its uppermost location has returned
 * STATUS_MORE_PROCESSING_REQUIRED; in between it is with whoever has been called. Nobody but the maker ends such an IRP, so that one whose
 * completion nobody stops is a violation: Windows' I/O manager would look for a thread and buffers that it never had.
 */
#include "nt/io.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "nt/device_property.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "nt/pool.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { MAJOR_POWER = 0x16, MAJOR_SYSTEM_CONTROL = 0x17, MAJOR_PNP = 0x1B };
enum { TAG_IRP = 0x20707249 /* 'Irp ' */, STACK_LOCATIONS_MAX = 64 };

/* One call of a dispatch routine: how it returned and how its location was completed, whichever came first. */
struct passage {
    struct passage *next;
    const nt_IO_STACK_LOCATION *location;
    uint8_t major;
    bool completed, marked_pending, has_returned;
    uint32_t status, returned;
};

struct own_irp {
    struct own_irp *next;
    nt_IRP *irp;
    bool allocated;         /* by IoAllocateIrp; else by IoInitializeIrp in memory of the driver */
    bool sent;              /* with a device object */
    uint8_t maker_location; /* CurrentLocation when it was sent */
    struct passage *passages;
};

/* Guards the list, the flags and the passages; never held across a yield point. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct own_irp *own_irps;

static size_t irp_size(unsigned locations)
{
    return sizeof(nt_IRP) + locations * sizeof(nt_IO_STACK_LOCATION);
}

static nt_IO_STACK_LOCATION *current_location(const nt_IRP *irp)
{
    return (nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation;
}

static nt_IO_STATUS_BLOCK *status_block(const nt_IRP *irp)
{
    return (nt_IO_STATUS_BLOCK *)irp->IoStatus;
}

/* Mutex held. */
static struct own_irp **place_of(const void *irp)
{
    struct own_irp **place = &own_irps;
    while (*place && (*place)->irp != irp)
        place = &(*place)->next;
    return place;
}

/* What is known of it; false: no IRP of the driver's own. */
static bool look_up(const void *irp, struct own_irp *copy)
{
    pthread_mutex_lock(&mutex);
    const struct own_irp *own = *place_of(irp);
    if (own)
        *copy = *own;
    pthread_mutex_unlock(&mutex);
    return own != NULL;
}

bool io_irp_is_own(const void *irp)
{
    struct own_irp copy;
    return look_up(irp, &copy);
}

static void misused(const char *id, const void *irp, const char *what, uintptr_t who)
{
    char here[128];
    rule_violated(id, irp, "IRP %p %s, by %s", irp, what, rules_describe_address(who, here, sizeof(here)));
}

/* ---- making and freeing ---- */

static void initialize(nt_IRP *irp, uint16_t size, uint8_t locations)
{
    memset(irp, 0, size);
    irp->Type = NT_IO_TYPE_IRP;
    irp->Size = size;
    irp->StackCount = (int8_t)locations;
    irp->CurrentLocation = (int8_t)(locations + 1);
    nt_LIST_ENTRY *threads = (nt_LIST_ENTRY *)irp->ThreadListEntry;
    threads->Flink = threads->Blink = (uintptr_t)threads;
    irp->Tail_Overlay_CurrentStackLocation = (uintptr_t)((nt_IO_STACK_LOCATION *)(irp + 1) + locations);
}

static void enlist(nt_IRP *irp, bool allocated)
{
    struct own_irp *own = calloc(1, sizeof(*own));
    if (!own)
        abort();
    own->irp = irp;
    own->allocated = allocated;
    pthread_mutex_lock(&mutex);
    own->next = own_irps;
    own_irps = own;
    pthread_mutex_unlock(&mutex);
}

/* Mutex held. Passages whose routine runs still are its own to free. */
static void unlink_own(struct own_irp **place)
{
    struct own_irp *own = *place;
    *place = own->next;
    while (own->passages) {
        struct passage *passage = own->passages;
        own->passages = passage->next;
        passage->completed = true;
        passage->location = NULL; /* nothing to judge */
        if (passage->has_returned)
            free(passage);
    }
    free(own);
}

/* PIRP IoAllocateIrp(CCHAR StackSize, BOOLEAN ChargeQuota) */
static uint64_t export_IoAllocateIrp(struct export_call *call)
{
    uint8_t locations = arg_u8(call);
    if (locations == 0 || locations > STACK_LOCATIONS_MAX) {
        char here[128];
        rule_violated("HOST-ARGUMENT", NULL, "IoAllocateIrp with %u stack locations, by %s", locations,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    nt_IRP *irp = acquire_permitted("IoAllocateIrp")
                      ? pool_allocate_block(irp_size(locations), TAG_IRP, NULL, call->return_address, POOL_UNTRACKED | POOL_ZEROED)
                      : NULL;
    if (!irp)
        return 0;
    initialize(irp, (uint16_t)irp_size(locations), locations);
    enlist(irp, true);
    track_acquire(TRACK_IRP, irp, irp_size(locations), NULL, call->return_address);
    return (uintptr_t)irp;
}

/* VOID IoInitializeIrp(PIRP Irp, USHORT PacketSize, CCHAR StackSize): in memory of the driver, which may be initialised again and again. */
static uint64_t export_IoInitializeIrp(struct export_call *call)
{
    nt_IRP *irp = arg_pointer(call);
    uint16_t size = arg_u16(call);
    uint8_t locations = arg_u8(call);
    struct own_irp known;
    bool is_known = look_up(irp, &known);
    if (is_known && (known.allocated || known.sent)) {
        misused("HOST-IRP", irp, known.sent ? "is initialised while a device object has it" : "of IoAllocateIrp is initialised once more",
                call->return_address);
        return 0;
    }
    if (locations == 0 || locations > STACK_LOCATIONS_MAX || size < irp_size(locations)) {
        misused("HOST-ARGUMENT", irp, "is initialised with a size that does not hold its stack locations", call->return_address);
        return 0;
    }
    initialize(irp, size, locations);
    if (!is_known)
        enlist(irp, false);
    return 0;
}

/* Takes an IRP of IoAllocateIrp away that is with its maker; false: it is reported. */
static bool maker_has_it(nt_IRP *irp, const char *export, uintptr_t who)
{
    struct own_irp known;
    char here[128];
    if (!look_up(irp, &known) || !known.allocated)
        rule_violated("HOST-IRP", irp, "%s of %p, which IoAllocateIrp has not made, by %s", export, (void *)irp,
                      rules_describe_address(who, here, sizeof(here)));
    else if (known.sent)
        rule_violated("HOST-IRP", irp, "%s of IRP %p while a device object has it, by %s", export, (void *)irp,
                      rules_describe_address(who, here, sizeof(here)));
    else
        return true;
    return false;
}

/* VOID IoReuseIrp(PIRP Irp, NTSTATUS Status) */
static uint64_t export_IoReuseIrp(struct export_call *call)
{
    nt_IRP *irp = arg_pointer(call);
    uint32_t status = arg_u32(call);
    if (!maker_has_it(irp, "IoReuseIrp", call->return_address))
        return 0;
    initialize(irp, irp->Size, (uint8_t)irp->StackCount);
    status_block(irp)->Status = status;
    return 0;
}

/* VOID IoFreeIrp(PIRP Irp) */
static uint64_t export_IoFreeIrp(struct export_call *call)
{
    nt_IRP *irp = arg_pointer(call);
    if (!maker_has_it(irp, "IoFreeIrp", call->return_address))
        return 0;
    pthread_mutex_lock(&mutex);
    unlink_own(place_of(irp));
    pthread_mutex_unlock(&mutex);
    track_release(TRACK_IRP, irp);
    pool_free_untracked(irp, call->return_address);
    return 0;
}

void io_irps_forget(const void *start, size_t size, uintptr_t who)
{
    for (;;) {
        pthread_mutex_lock(&mutex);
        struct own_irp **place = &own_irps;
        while (*place && (uintptr_t)(*place)->irp - (uintptr_t)start >= size)
            place = &(*place)->next;
        const void *irp = *place ? (*place)->irp : NULL;
        bool sent = irp && (*place)->sent;
        if (irp)
            unlink_own(place);
        pthread_mutex_unlock(&mutex);
        if (!irp)
            return;
        if (sent)
            misused("HOST-IRP", irp, "lies in memory that is freed while a device object has it", who);
    }
}

/* ---- sending ---- */

static void judge(const struct passage *passage)
{
    if (!passage->completed) {
        if (passage->returned != NT_STATUS_PENDING)
            rule_violated("DEV-06", NULL, "the routine for %s returned 0x%08x and has not completed the IRP", io_major_name(passage->major),
                          (unsigned)passage->returned);
        return;
    }
    if (passage->marked_pending != (passage->returned == NT_STATUS_PENDING))
        rule_violated("HOST-IRP-PENDING", NULL, "the routine for %s returned 0x%08x, and the IRP was %s with IoMarkIrpPending",
                      io_major_name(passage->major), (unsigned)passage->returned, passage->marked_pending ? "marked" : "not marked");
    else if (passage->returned != NT_STATUS_PENDING && passage->returned != passage->status)
        rule_violated("HOST-IRP-STATUS", NULL, "the routine for %s returned 0x%08x, but completed the IRP with 0x%08x",
                      io_major_name(passage->major), (unsigned)passage->returned, (unsigned)passage->status);
}

/* NULL for a request of a user, which is judged where it was made. */
static struct passage *passage_begin(const nt_IRP *irp, uint8_t major)
{
    struct passage *passage = calloc(1, sizeof(*passage));
    if (!passage)
        abort();
    pthread_mutex_lock(&mutex);
    struct own_irp *own = *place_of(irp);
    if (own) {
        if (!own->sent)
            own->maker_location = (uint8_t)(irp->CurrentLocation + 1);
        own->sent = true;
        *passage = (struct passage){.next = own->passages, .location = current_location(irp), .major = major};
        own->passages = passage;
    }
    pthread_mutex_unlock(&mutex);
    if (own)
        return passage;
    free(passage);
    return NULL;
}

static void passage_returned(struct passage *passage, uint32_t returned)
{
    pthread_mutex_lock(&mutex);
    passage->has_returned = true;
    passage->returned = returned;
    struct passage now = *passage;
    pthread_mutex_unlock(&mutex);
    if (now.location)
        judge(&now);
    if (now.completed)
        free(passage);
}

/* The location is completed: every call that it was given to. */
static void location_completed(const nt_IRP *irp, const nt_IO_STACK_LOCATION *location)
{
    bool more = true;
    while (more) {
        struct passage now = {0};
        pthread_mutex_lock(&mutex);
        struct own_irp *own = *place_of(irp);
        struct passage *passage = own ? own->passages : NULL;
        more = passage && passage->location == location;
        if (more) {
            own->passages = passage->next;
            passage->completed = true;
            passage->marked_pending = location->Control & NT_SL_PENDING_RETURNED;
            passage->status = status_block(irp)->Status;
            now = *passage;
        }
        pthread_mutex_unlock(&mutex);
        if (more && now.has_returned) {
            judge(&now);
            free(passage);
        }
    }
}

/*
 * Where no routine of the driver is: Windows' own, which refuses, or the bus below an adapter, which leaves the status of requests of Plug
 * and Play, power and WMI that it does not know as it is: STATUS_NOT_SUPPORTED, which their sender begins with.
 */
static uint32_t complete_for_system(nt_IRP *irp, uint8_t major, bool is_bus, uintptr_t who)
{
    bool left_alone = is_bus && (major == MAJOR_PNP || major == MAJOR_POWER || major == MAJOR_SYSTEM_CONTROL);
    uint32_t status = left_alone ? status_block(irp)->Status : NT_STATUS_INVALID_DEVICE_REQUEST;
    if (left_alone && status != NT_STATUS_NOT_SUPPORTED)
        misused("HOST-IRP-STATUS", irp, "of Plug and Play, power or WMI is sent without STATUS_NOT_SUPPORTED in it", who);
    if (status == NT_STATUS_PENDING)
        status = NT_STATUS_NOT_SUPPORTED;
    status_block(irp)->Status = status;
    io_complete(irp, who);
    return status;
}

/* NTSTATUS IofCallDriver(PDEVICE_OBJECT DeviceObject, PIRP Irp) */
static uint64_t export_IofCallDriver(struct export_call *call)
{
    void *object = arg_pointer(call);
    nt_IRP *irp = arg_pointer(call);
    struct io_device *device = io_device_of_object(object);
    if (!io_irp_is_own(irp) && !io_request_is_live(irp)) {
        misused("HOST-IRP", irp, "is sent and is none that the driver owns", call->return_address);
        return NT_STATUS_INVALID_PARAMETER;
    }
    char instance[128];
    bool is_bus = !device && device_property_instance(object, instance, sizeof(instance));
    if (!device && !is_bus) {
        misused("HOST-DEVICE-OBJECT", irp, "is sent to what is no device object of the driver or its bus", call->return_address);
        return NT_STATUS_NO_SUCH_DEVICE;
    }
    if (irp->CurrentLocation <= 1 || current_location(irp)[-1].MajorFunction >= IO_MAJOR_FUNCTIONS) {
        misused("HOST-IRP", irp, irp->CurrentLocation <= 1 ? "is sent and has no stack location left" : "is sent without a major function",
                call->return_address);
        return NT_STATUS_INVALID_PARAMETER;
    }
    irp->CurrentLocation--;
    nt_IO_STACK_LOCATION *location = current_location(irp) - 1;
    irp->Tail_Overlay_CurrentStackLocation = (uintptr_t)location;
    location->DeviceObject = (uintptr_t)object;
    uint8_t major = location->MajorFunction;
    uintptr_t routine = device ? io_device_routine(device, major) : 0;
    struct passage *passage = passage_begin(irp, major);
    uint32_t returned = routine ? (uint32_t)IMAGE_CALL(io_major_name(major), routine, (uintptr_t)object, (uintptr_t)irp)
                                : complete_for_system(irp, major, is_bus, call->return_address);
    if (passage)
        passage_returned(passage, returned);
    return returned;
}

/* ---- completing ---- */

static bool is_invoked(const nt_IRP *irp, uint8_t control)
{
    bool error = status_block(irp)->Status >> 31;
    return control & (error ? NT_SL_INVOKE_ON_ERROR : NT_SL_INVOKE_ON_SUCCESS) || (irp->Cancel && control & NT_SL_INVOKE_ON_CANCEL);
}

/* Back with the maker, before the routine of its location is called: that may free the IRP. */
static void note_back_with_maker(const nt_IRP *irp)
{
    pthread_mutex_lock(&mutex);
    struct own_irp *own = *place_of(irp);
    if (own && irp->CurrentLocation == own->maker_location)
        own->sent = false;
    pthread_mutex_unlock(&mutex);
}

/* False: the routine keeps the IRP, or has freed it. */
static bool call_completion_routine(nt_IRP *irp, uintptr_t routine, uintptr_t context, uintptr_t who)
{
    uintptr_t object = irp->CurrentLocation <= irp->StackCount ? current_location(irp)->DeviceObject : 0;
    uint32_t returned = (uint32_t)IMAGE_CALL("a completion routine", routine, object, (uintptr_t)irp, context);
    if (returned == NT_STATUS_MORE_PROCESSING_REQUIRED)
        return false;
    if (io_irp_is_own(irp))
        return true;
    misused("HOST-IRP", irp, "was freed by its completion routine, which did not return STATUS_MORE_PROCESSING_REQUIRED", who);
    return false;
}

static void walk_up(nt_IRP *irp, uintptr_t who)
{
    while (irp->CurrentLocation <= irp->StackCount) {
        nt_IO_STACK_LOCATION *location = current_location(irp);
        uint8_t control = location->Control;
        uintptr_t routine = location->CompletionRoutine, context = location->Context;
        irp->PendingReturned = control & NT_SL_PENDING_RETURNED;
        location_completed(irp, location);
        location->Control = 0;
        location->CompletionRoutine = location->Context = 0;
        irp->CurrentLocation++;
        irp->Tail_Overlay_CurrentStackLocation = (uintptr_t)(location + 1);
        note_back_with_maker(irp);
        if (routine && is_invoked(irp, control)) {
            if (!call_completion_routine(irp, routine, context, who))
                return;
        } else if (irp->PendingReturned && irp->CurrentLocation <= irp->StackCount) {
            (location + 1)->Control |= NT_SL_PENDING_RETURNED;
        }
    }
    misused("HOST-IRP", irp, "of the driver's own is completed and no completion routine returned STATUS_MORE_PROCESSING_REQUIRED", who);
}

bool io_irp_complete(nt_IRP *irp, uintptr_t who)
{
    struct own_irp known;
    if (!look_up(irp, &known))
        return false;
    if (!known.sent) {
        misused("DEV-06", irp, "is completed while its maker has it: it was completed already, or never sent", who);
        return true;
    }
    if (status_block(irp)->Status == NT_STATUS_PENDING)
        misused("HOST-IRP-STATUS", irp, "was completed with STATUS_PENDING", who);
    if (irp->CancelRoutine)
        misused("HOST-IRP-CANCEL", irp, "was completed with its cancel routine set", who);
    if (nt_spin_locks_held())
        misused("HOST-IRP-LOCKED", irp, "was completed with spin locks held", who);
    walk_up(irp, who);
    return true;
}

const struct export_row nt_io_irp_exports[] = {
    EXPORT(IoAllocateIrp), EXPORT(IoInitializeIrp), EXPORT(IoReuseIrp), EXPORT(IoFreeIrp), EXPORT(IofCallDriver), EXPORT_END,
};
