/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * io_request.c - IRPs: built as the I/O manager builds them for a user's call, given to the driver, judged when they come back.
 *
 * An IRP and its system buffer lie in pool between guards and are gone the moment it is completed, so that a driver that touches them
 * afterwards is found. What the driver did not write is filled with bytes of chance, so that it is seen when it is given to the user.
 */
#include "nt/io.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "nt/pool.h"
#include "rules/rules.h"

enum { TICKS_PER_MS = 10000, TAG_IRP = 0x20707249 /* 'Irp ' */, UNWRITTEN_RUN = 16, REMEMBERED = 64, CANCELLED_PATIENCE_MS = 5000 };
enum { MODE_USER = 1, ACCESS_SHIFT = 14, METHOD_MASK = 3, OPEN_EXISTING = 1u << 24 };

unsigned io_patience_ms = 20000;

struct io_file {
    struct io_device *device;
    nt_FILE_OBJECT *object;
    uint32_t granted;
};

/* Kernel layout; not in the tables. */
struct security_context {
    uintptr_t quality_of_service, access_state;
    uint32_t desired_access, create_options;
};

struct request {
    struct io_file *file;
    uint8_t major;
    nt_IRP *irp;
    nt_IO_STACK_LOCATION *location;
    void *system_buffer;
    uint32_t system_length;
    void *original; /* what the driver did not write, for comparison */
    void *mdl, *direct_buffer;
    /* what the user gave */
    const void *input;
    void *output;
    uint32_t input_length, output_length;
    uint8_t method;
    /* how it ended; written by the completion */
    bool completed, marked_pending;
    struct io_result result;
    struct sched_event done;
    struct request *next;
};

/* Guards the list of live requests and the ring of completed ones; never held across a yield point. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct request *requests;
static const void *completed_irps[REMEMBERED];
static unsigned completed_next;
static uintptr_t cancel_lock; /* KSPIN_LOCK */

const char *io_major_name(uint8_t major)
{
    static const char *const names[] = {"IRP_MJ_CREATE",
                                        NULL,
                                        "IRP_MJ_CLOSE",
                                        "IRP_MJ_READ",
                                        "IRP_MJ_WRITE",
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL,
                                        "IRP_MJ_FLUSH_BUFFERS",
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL,
                                        "IRP_MJ_DEVICE_CONTROL"};
    if (major == NT_IRP_MJ_CLEANUP)
        return "IRP_MJ_CLEANUP";
    return major < sizeof(names) / sizeof(names[0]) && names[major] ? names[major] : "an IRP of another major function";
}

static const nt_IO_STATUS_BLOCK *status_block(const struct request *request)
{
    return (const nt_IO_STATUS_BLOCK *)request->irp->IoStatus;
}

static bool is_error(uint32_t status)
{
    return status >> 30 == 3;
}

/* ---- building ---- */

static void *buffer_of(uint32_t length)
{
    void *buffer = length ? pool_allocate_block(length, TAG_IRP, NULL, 0, POOL_UNTRACKED) : NULL;
    if (length && !buffer)
        abort();
    return buffer;
}

/* One buffer of the larger length, the input in front, chance behind it. */
static void make_system_buffer(struct request *request, uint32_t length)
{
    request->system_buffer = buffer_of(length);
    request->system_length = length;
    for (uint32_t at = 0; at < length; ++at)
        ((uint8_t *)request->system_buffer)[at] = (uint8_t)sched_random(SCHED_STREAM_OTHER);
    if (request->input_length)
        memcpy(request->system_buffer, request->input, request->input_length);
    request->original = malloc((size_t)length + 1);
    if (!request->original)
        abort();
    if (length)
        memcpy(request->original, request->system_buffer, length);
    request->irp->AssociatedIrp_SystemBuffer = (uintptr_t)request->system_buffer;
}

static void make_irp(struct request *request)
{
    size_t size = sizeof(nt_IRP) + sizeof(nt_IO_STACK_LOCATION);
    nt_IRP *irp = pool_allocate_block(size, TAG_IRP, NULL, 0, POOL_UNTRACKED | POOL_ZEROED);
    if (!irp)
        abort();
    request->irp = irp;
    request->location = (nt_IO_STACK_LOCATION *)(irp + 1);
    irp->Type = NT_IO_TYPE_IRP;
    irp->Size = (uint16_t)size;
    irp->RequestorMode = MODE_USER;
    irp->StackCount = 1;
    irp->CurrentLocation = 1;
    irp->Tail_Overlay_Thread = (uintptr_t)sched_current_thread_key();
    irp->Tail_Overlay_CurrentStackLocation = (uintptr_t)request->location;
    irp->Tail_Overlay_OriginalFileObject = (uintptr_t)request->file->object;
    request->location->MajorFunction = request->major;
    request->location->DeviceObject = (uintptr_t)io_device_object(request->file->device);
    request->location->FileObject = (uintptr_t)request->file->object;
    sched_event_init(&request->done, false, false);
}

/* The system's copy of a buffer that the driver reaches through an MDL. */
static void make_direct_buffer(struct request *request)
{
    if (!request->output_length)
        return;
    request->direct_buffer = buffer_of(request->output_length);
    memcpy(request->direct_buffer, request->output, request->output_length);
    request->mdl = mdl_allocate(request->direct_buffer, request->output_length, NULL, 0);
    request->irp->MdlAddress = (uintptr_t)request->mdl;
}

static void set_control_parameters(struct request *request, uint32_t code)
{
    nt_IO_STACK_LOCATION *location = request->location;
    location->Parameters_DeviceIoControl_IoControlCode = code;
    location->Parameters_DeviceIoControl_InputBufferLength = request->input_length;
    location->Parameters_DeviceIoControl_OutputBufferLength = request->output_length;
    request->method = code & METHOD_MASK;
    switch (request->method) {
    case NT_METHOD_BUFFERED:
        make_system_buffer(request, request->input_length > request->output_length ? request->input_length : request->output_length);
        request->irp->UserBuffer = (uintptr_t)request->output;
        break;
    case NT_METHOD_NEITHER:
        location->Parameters_DeviceIoControl_Type3InputBuffer = (uintptr_t)request->input;
        request->irp->UserBuffer = (uintptr_t)request->output;
        break;
    default:
        make_system_buffer(request, request->input_length);
        make_direct_buffer(request);
    }
}

/* ---- completion ---- */

/* A run of bytes that the driver did not write, in what goes to the user: whatever lay in the kernel's pool there. */
static bool has_unwritten_run(const struct request *request, uintptr_t length)
{
    const uint8_t *now = request->system_buffer, *before = request->original;
    unsigned run = 0;
    for (uintptr_t at = request->input_length; at < length && run < UNWRITTEN_RUN; ++at)
        run = now[at] == before[at] ? run + 1 : 0;
    return run == UNWRITTEN_RUN;
}

static void copy_to_user(struct request *request)
{
    uintptr_t length = request->result.information;
    bool returns_data = request->major == NT_IRP_MJ_DEVICE_CONTROL || request->major == NT_IRP_MJ_READ;
    if (!returns_data || is_error(request->result.status))
        return;
    if (length > request->output_length) {
        rule_violated("HOST-IRP-INFORMATION", NULL, "%s returned 0x%08x with %zu bytes for a buffer of %u", io_major_name(request->major),
                      (unsigned)request->result.status, (size_t)length, (unsigned)request->output_length);
        length = request->output_length;
    }
    if (request->method == NT_METHOD_BUFFERED && length) {
        if (has_unwritten_run(request, length))
            rule_violated("HOST-IRP-UNWRITTEN", NULL, "%s returned %zu bytes, of which it has not written all",
                          io_major_name(request->major), (size_t)length);
        memcpy(request->output, request->system_buffer, length);
    } else if (request->direct_buffer && request->method == NT_METHOD_OUT_DIRECT) {
        memcpy(request->output, request->direct_buffer, request->output_length);
    }
}

static void free_irp(struct request *request, uintptr_t who)
{
    if (request->mdl)
        mdl_free(request->mdl, who);
    if (request->direct_buffer)
        pool_free_untracked(request->direct_buffer, who);
    if (request->system_buffer)
        pool_free_untracked(request->system_buffer, who);
    pool_free_untracked(request->irp, who);
    free(request->original);
    request->irp = NULL;
}

static void check_completed(const struct request *request, const char *who)
{
    uint32_t status = status_block(request)->Status;
    if (status == NT_STATUS_PENDING)
        rule_violated("HOST-IRP-STATUS", NULL, "%s was completed with STATUS_PENDING by %s", io_major_name(request->major), who);
    if (request->irp->CancelRoutine)
        rule_violated("HOST-IRP-CANCEL", NULL, "%s was completed with its cancel routine set by %s", io_major_name(request->major), who);
    if (nt_spin_locks_held())
        rule_violated("HOST-IRP-LOCKED", NULL, "%s was completed with %u spin locks held by %s", io_major_name(request->major),
                      nt_spin_locks_held(), who);
}

static bool was_completed(const void *irp)
{
    bool found = false;
    for (unsigned index = 0; index < REMEMBERED; ++index)
        found |= completed_irps[index] == irp;
    return found;
}

/* Mutex held. */
static struct request *live_request(const void *irp)
{
    struct request *request = requests;
    while (request && (request->irp != irp || request->completed))
        request = request->next;
    return request;
}

bool io_request_is_live(const void *irp)
{
    pthread_mutex_lock(&mutex);
    bool live = live_request(irp) != NULL;
    pthread_mutex_unlock(&mutex);
    return live;
}

void io_complete(nt_IRP *irp, uintptr_t caller)
{
    char here[128];
    const char *who = rules_describe_address(caller, here, sizeof(here));
    if (io_irp_complete(irp, caller))
        return;
    pthread_mutex_lock(&mutex);
    struct request *request = live_request(irp);
    bool twice = !request && was_completed(irp);
    if (request) {
        request->completed = true;
        completed_irps[completed_next++ % REMEMBERED] = irp;
    }
    pthread_mutex_unlock(&mutex);
    if (!request) {
        if (twice)
            rule_violated("DEV-06", irp, "IRP %p was completed already, and again by %s", (void *)irp, who);
        else
            rule_violated("HOST-IRP", irp, "%p, completed by %s, is not an IRP that the driver owns", (void *)irp, who);
        return;
    }
    check_completed(request, who);
    request->marked_pending = request->location->Control & NT_SL_PENDING_RETURNED;
    request->result = (struct io_result){status_block(request)->Status, status_block(request)->Information};
    copy_to_user(request);
    free_irp(request, caller);
    sched_event_set(&request->done); /* the last touch: whoever waits frees the request */
}

/* VOID IofCompleteRequest(Irp, PriorityBoost) */
static uint64_t export_IofCompleteRequest(struct export_call *call)
{
    io_complete(arg_pointer(call), call->return_address);
    return 0;
}

/* ---- cancelling ---- */

/*
 * Marks it as cancelled and takes its cancel routine, which is 0 for one that is not there any more. A user's request may be completed
 * and freed meanwhile; the maker of any other IRP keeps it.
 */
static uintptr_t take_cancel_routine(nt_IRP *irp, uint8_t irql, uintptr_t *object)
{
    uintptr_t routine = 0;
    bool own = io_irp_is_own(irp);
    pthread_mutex_lock(&mutex);
    if (own || live_request(irp)) {
        irp->Cancel = 1;
        irp->CancelIrql = irql;
        routine = __atomic_exchange_n(&irp->CancelRoutine, 0, __ATOMIC_ACQ_REL);
        if (routine && irp->CurrentLocation <= irp->StackCount)
            *object = ((const nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation)->DeviceObject;
    }
    pthread_mutex_unlock(&mutex);
    return routine;
}

/* The routine is entered with the cancel lock held and releases it; false: there is none. */
static bool cancel(nt_IRP *irp)
{
    uint8_t irql = nt_spin_lock_acquire_raise(&cancel_lock, 0);
    uintptr_t object = 0, routine = take_cancel_routine(irp, irql, &object);
    if (!routine) {
        nt_spin_lock_release_lower(&cancel_lock, irql, 0);
        return false;
    }
    image_call_releasing("a cancel routine", routine, irql, 1, (const uintptr_t[]){object, (uintptr_t)irp}, 2);
    return true;
}

/* BOOLEAN IoCancelIrp(PIRP Irp) */
static uint64_t export_IoCancelIrp(struct export_call *call)
{
    nt_IRP *irp = arg_pointer(call);
    char here[128];
    if (io_request_is_live(irp) || io_irp_is_own(irp))
        return cancel(irp);
    rule_violated("HOST-IRP", irp, "%p, cancelled by %s, is not an IRP that the driver owns", (void *)irp,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

/* VOID IoAcquireCancelSpinLock(PKIRQL Irql) */
static uint64_t export_IoAcquireCancelSpinLock(struct export_call *call)
{
    uint8_t *irql = arg_pointer(call);
    *irql = nt_spin_lock_acquire_raise(&cancel_lock, call->return_address);
    return 0;
}

void io_cancel_lock_release(uint8_t irql)
{
    nt_spin_lock_release_lower(&cancel_lock, irql, 0);
}

/* VOID IoReleaseCancelSpinLock(KIRQL Irql) */
static uint64_t export_IoReleaseCancelSpinLock(struct export_call *call)
{
    nt_spin_lock_release_lower(&cancel_lock, arg_u8(call), call->return_address);
    return 0;
}

const struct export_row nt_io_request_exports[] = {
    EXPORT(IofCompleteRequest), EXPORT(IoCancelIrp), EXPORT(IoAcquireCancelSpinLock), EXPORT(IoReleaseCancelSpinLock), EXPORT_END,
};

/* ---- one request from beginning to end ---- */

static void enlist(struct request *request)
{
    pthread_mutex_lock(&mutex);
    request->next = requests;
    requests = request;
    pthread_mutex_unlock(&mutex);
}

static void delist(struct request *request)
{
    pthread_mutex_lock(&mutex);
    struct request **place = &requests;
    while (*place != request)
        place = &(*place)->next;
    *place = request->next;
    pthread_mutex_unlock(&mutex);
}

static bool wait_done(struct request *request, unsigned milliseconds)
{
    return sched_event_wait(&request->done, sched_now() + (uint64_t)milliseconds * TICKS_PER_MS);
}

/* The driver returned before the IRP (its address: it may be gone) was completed, or says so. False: it will never be completed. */
static bool wait_for_driver(struct request *request, nt_IRP *irp, uint32_t returned, unsigned cancel_after_ms)
{
    if (returned != NT_STATUS_PENDING) {
        if (wait_done(request, 0))
            return true;
        rule_violated("DEV-06", NULL, "the routine for %s returned 0x%08x and has not completed the IRP", io_major_name(request->major),
                      (unsigned)returned);
        return false;
    }
    if (wait_done(request, cancel_after_ms ? cancel_after_ms : io_patience_ms))
        return true;
    cancel(irp);
    if (wait_done(request, CANCELLED_PATIENCE_MS))
        return true;
    rule_violated("DEV-06", NULL, "%s pended, was cancelled, and has not been completed", io_major_name(request->major));
    return false;
}

/* After completion the request's own copies are all there is. */
static void check_returned(const struct request *request, uint32_t returned)
{
    if (request->marked_pending != (returned == NT_STATUS_PENDING))
        rule_violated("HOST-IRP-PENDING", NULL, "the routine for %s returned 0x%08x, and the IRP was %s with IoMarkIrpPending",
                      io_major_name(request->major), (unsigned)returned, request->marked_pending ? "marked" : "not marked");
    else if (returned != NT_STATUS_PENDING && returned != request->result.status)
        rule_violated("HOST-IRP-STATUS", NULL, "the routine for %s returned 0x%08x, but completed the IRP with 0x%08x",
                      io_major_name(request->major), (unsigned)returned, (unsigned)request->result.status);
}

/* Frees the request, unless the driver has kept the IRP: then it stays known, and a late completion does no harm. */
static struct io_result run(struct request *request, unsigned cancel_after_ms)
{
    uintptr_t routine = io_device_routine(request->file->device, request->major);
    struct io_result result = {NT_STATUS_INVALID_DEVICE_REQUEST, 0};
    if (!routine) {
        free_irp(request, 0);
        free(request);
        return result;
    }
    enlist(request);
    nt_IRP *irp = request->irp;
    uint32_t returned =
        (uint32_t)IMAGE_CALL(io_major_name(request->major), routine, (uintptr_t)io_device_object(request->file->device), (uintptr_t)irp);
    if (!wait_for_driver(request, irp, returned, cancel_after_ms))
        return (struct io_result){NT_STATUS_CANCELLED, 0};
    check_returned(request, returned);
    result = request->result;
    delist(request);
    free(request);
    return result;
}

static struct request *request_create(struct io_file *file, uint8_t major)
{
    struct request *request = calloc(1, sizeof(*request));
    if (!request)
        abort();
    request->file = file;
    request->major = major;
    make_irp(request);
    return request;
}

static struct io_result run_simple(struct io_file *file, uint8_t major)
{
    return run(request_create(file, major), 0);
}

struct io_result io_send(struct io_device *device, uint8_t major)
{
    struct io_file file = {.device = device};
    return run_simple(&file, major);
}

/* ---- the user's side ---- */

uint32_t io_open(const char *path, enum io_user user, uint32_t access, struct io_file **result)
{
    struct io_file *file = calloc(1, sizeof(*file));
    struct security_context context = {.desired_access = access};
    if (!file || !(file->object = calloc(1, sizeof(*file->object))))
        abort();
    *result = NULL;
    uint32_t status = io_device_reference(path, user, access, &file->granted, &file->device);
    if (status == NT_STATUS_SUCCESS) {
        file->object->Type = NT_IO_TYPE_FILE;
        file->object->Size = sizeof(*file->object);
        file->object->DeviceObject = (uintptr_t)io_device_object(file->device);
        file->object->ReadAccess = file->granted & IO_READ_DATA;
        file->object->WriteAccess = (file->granted & IO_WRITE_DATA) != 0;
        context.desired_access = file->granted;
        struct request *request = request_create(file, NT_IRP_MJ_CREATE);
        request->location->Parameters_Create_SecurityContext = (uintptr_t)&context;
        request->location->Parameters_Create_Options = OPEN_EXISTING;
        status = run(request, 0).status;
        if (is_error(status))
            io_device_dereference(file->device);
    }
    if (is_error(status)) {
        free(file->object);
        free(file);
        return status;
    }
    *result = file;
    return status;
}

struct io_result io_control(struct io_file *file, uint32_t code, const void *input, uint32_t input_length, void *output,
                            uint32_t output_length, unsigned cancel_after_ms)
{
    uint32_t wanted = code >> ACCESS_SHIFT & (IO_READ_DATA | IO_WRITE_DATA);
    if ((file->granted & wanted) != wanted)
        return (struct io_result){NT_STATUS_ACCESS_DENIED, 0};
    struct request *request = request_create(file, NT_IRP_MJ_DEVICE_CONTROL);
    request->input = input;
    request->input_length = input_length;
    request->output = output;
    request->output_length = output_length;
    set_control_parameters(request, code);
    return run(request, cancel_after_ms);
}

struct io_result io_transfer(struct io_file *file, uint8_t major, void *buffer, uint32_t length)
{
    struct request *request = request_create(file, major);
    bool writes = major == NT_IRP_MJ_WRITE;
    request->input = writes ? buffer : NULL;
    request->input_length = writes ? length : 0;
    request->output = writes ? NULL : buffer;
    request->output_length = writes ? 0 : length;
    request->location->Parameters_Read_Length = length; /* Write's is at the same place */
    request->irp->UserBuffer = (uintptr_t)buffer;
    if (io_device_object(file->device)->Flags & NT_DO_DIRECT_IO) {
        request->method = NT_METHOD_OUT_DIRECT;
        request->output = buffer;
        request->output_length = length;
        make_direct_buffer(request);
    } else if (io_device_object(file->device)->Flags & NT_DO_BUFFERED_IO) {
        make_system_buffer(request, length);
    } else {
        request->method = NT_METHOD_NEITHER;
    }
    return run(request, 0);
}

void io_close(struct io_file *file)
{
    run_simple(file, NT_IRP_MJ_CLEANUP);
    run_simple(file, NT_IRP_MJ_CLOSE);
    io_device_dereference(file->device);
    free(file->object);
    free(file);
}
