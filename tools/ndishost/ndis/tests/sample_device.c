/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * sample_device.c - the sample's control device: one request that fills the buffer, one that pends until it is cancelled; and the user who
 * sends them.
 */
#include <string.h>

#include "exec/sched.h"
#include "nt/io.h"
#include "sample.h"

#define FAULTY(name) (sample_fault == FAULT_##name)

enum { CODE_FILL = 0x22E000, CODE_PEND = 0x22E004, ANSWER_BYTES = 64, BUFFER_BYTES = 128, CANCEL_AFTER_MS = 20, EXTENSION_BYTES = 16 };

static void *object, *device;
static uintptr_t pending; /* the IRP that waits to be cancelled */

static nt_IO_STACK_LOCATION *location_of(nt_IRP *irp)
{
    return (nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation;
}

static uint32_t complete(nt_IRP *irp, uint32_t status, uintptr_t information)
{
    ((nt_IO_STATUS_BLOCK *)irp->IoStatus)->Status = status;
    ((nt_IO_STATUS_BLOCK *)irp->IoStatus)->Information = information;
    CompleteRequest(irp, 0);
    return status;
}

/* ---- dispatch routines ---- */

static uint32_t IMAGE open_close(void *device_object, nt_IRP *irp)
{
    (void)device_object;
    return complete(irp, NT_STATUS_SUCCESS, 0);
}

static uint32_t fill(nt_IRP *irp)
{
    uint8_t *buffer = (uint8_t *)irp->AssociatedIrp_SystemBuffer;
    uint32_t length = location_of(irp)->Parameters_DeviceIoControl_OutputBufferLength;
    uint32_t status = NT_STATUS_SUCCESS;
    uint8_t irql;

    if (length < ANSWER_BYTES && !FAULTY(IRP_OVERRUN))
        return complete(irp, NT_STATUS_BUFFER_TOO_SMALL, ANSWER_BYTES);
    memset(buffer, 0x5A, FAULTY(IRP_UNWRITTEN) ? ANSWER_BYTES / 2 : ANSWER_BYTES);
    if (FAULTY(IRP_KEPT))
        return NT_STATUS_SUCCESS;
    if (FAULTY(IRP_FOREIGN))
        CompleteRequest((nt_IRP *)buffer, 0);
    if (FAULTY(IRP_LOCKED)) {
        irql = AcquireSpinLock(&sample.other_lock);
        complete(irp, status, ANSWER_BYTES);
        ReleaseSpinLock(&sample.other_lock, irql);
        return status;
    }
    if (FAULTY(IRP_STATUS_PENDING))
        location_of(irp)->Control |= NT_SL_PENDING_RETURNED;
    status = complete(irp, FAULTY(IRP_STATUS_PENDING) ? NT_STATUS_PENDING : status, FAULTY(IRP_INFORMATION) ? 4096 : ANSWER_BYTES);
    if (FAULTY(IRP_TWICE))
        CompleteRequest(irp, 0);
    if (FAULTY(IRP_AFTERWARDS))
        ((nt_IO_STATUS_BLOCK *)irp->IoStatus)->Information = 0;
    if (FAULTY(IRP_STATUS))
        return NT_STATUS_INVALID_PARAMETER;
    return FAULTY(IRP_NOT_MARKED) ? NT_STATUS_PENDING : status;
}

static void IMAGE cancelled(void *device_object, nt_IRP *irp)
{
    (void)device_object;
    IoReleaseCancelSpinLock(irp->CancelIrql);
    if (!FAULTY(IRP_NOT_CANCELLED))
        complete((nt_IRP *)__atomic_exchange_n(&pending, 0, __ATOMIC_SEQ_CST), NT_STATUS_CANCELLED, 0);
}

static uint32_t pend(nt_IRP *irp)
{
    location_of(irp)->Control |= NT_SL_PENDING_RETURNED;
    pending = (uintptr_t)irp;
    __atomic_store_n(&irp->CancelRoutine, (uintptr_t)cancelled, __ATOMIC_SEQ_CST);
    if (FAULTY(IRP_CANCEL_ROUTINE))
        complete(irp, NT_STATUS_SUCCESS, 0);
    return NT_STATUS_PENDING;
}

static uint32_t IMAGE control(void *device_object, nt_IRP *irp)
{
    (void)device_object;
    switch (location_of(irp)->Parameters_DeviceIoControl_IoControlCode) {
    case CODE_FILL:
        return fill(irp);
    case CODE_PEND:
        return pend(irp);
    default:
        return complete(irp, NT_STATUS_INVALID_DEVICE_REQUEST, 0);
    }
}

/* ---- life ---- */

static uint32_t register_device(const char *name_text, const char *link_text)
{
    nt_NDIS_DEVICE_OBJECT_ATTRIBUTES attributes;
    nt_UNICODE_STRING name, link, security;
    uint16_t name_buffer[48], link_buffer[48], security_buffer[64];
    uintptr_t functions[IO_MAJOR_FUNCTIONS];

    sample_unicode(&name, name_buffer, name_text);
    sample_unicode(&link, link_buffer, link_text);
    sample_unicode(&security, security_buffer, FAULTY(DEVICE_SECURITY) ? "D:P(A;;QQ;;;SY)" : "D:P(A;;GA;;;SY)(A;;GR;;;WD)");
    memset(functions, 0, sizeof(functions));
    functions[NT_IRP_MJ_CREATE] = functions[NT_IRP_MJ_CLEANUP] = functions[NT_IRP_MJ_CLOSE] = (uintptr_t)open_close;
    functions[NT_IRP_MJ_DEVICE_CONTROL] = (uintptr_t)control;
    if (FAULTY(DEVICE_PNP_HANDLER))
        functions[NT_IRP_MJ_PNP] = (uintptr_t)open_close;
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, 1, NT_NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
    attributes.DeviceName = (uintptr_t)&name;
    attributes.SymbolicName = (uintptr_t)&link;
    attributes.MajorFunctions = (uintptr_t)functions;
    attributes.ExtensionSize = EXTENSION_BYTES;
    attributes.DefaultSDDLString = (uintptr_t)&security;
    return NdisRegisterDeviceEx(FAULTY(DEVICE_ADAPTER_HANDLE) ? sample.adapter : sample.driver_handle, &attributes, &object, &device);
}

bool sample_device_create(void)
{
    nt_UNICODE_STRING link, target;
    uint16_t link_buffer[48], target_buffer[48];
    uint8_t irql = FAULTY(DEVICE_UNDER_LOCK) ? AcquireSpinLock(&sample.other_lock) : 0;
    bool good = register_device("\\Device\\SampleControl", "\\DosDevices\\SampleControl") == NT_NDIS_STATUS_SUCCESS;

    if (FAULTY(DEVICE_UNDER_LOCK))
        ReleaseSpinLock(&sample.other_lock, irql);
    if (good && FAULTY(DEVICE_EXTENSION_WRITTEN))
        ((nt_DEVICE_OBJECT *)object)->DeviceExtension = (uintptr_t)&sample;
    sample_unicode(&link, link_buffer, "\\DosDevices\\SampleOther");
    sample_unicode(&target, target_buffer, "\\Device\\SampleControl");
    IoCreateSymbolicLink(&link, &target);
    if (!FAULTY(LINK_LEFT))
        IoDeleteSymbolicLink(&link);
    if (FAULTY(LINK_TWICE))
        IoDeleteSymbolicLink(&link);
    return good;
}

void sample_device_destroy(void)
{
    if (device && !FAULTY(DEVICE_LEFT))
        NdisDeregisterDeviceEx(device);
    device = NULL;
}

/* ---- the user ---- */

static void expect(bool holds, const char *what)
{
    if (!holds && !sample.exercise_failed)
        sample.exercise_failed = what;
}

static void use_open_device(struct io_file *file)
{
    uint8_t buffer[BUFFER_BYTES];
    struct io_result result;

    memset(buffer, 0x11, sizeof(buffer));
    result = io_control(file, CODE_FILL, NULL, 0, buffer, FAULTY(IRP_OVERRUN) ? ANSWER_BYTES / 2 : sizeof(buffer), 0);
    expect(result.status == NT_STATUS_SUCCESS && result.information == ANSWER_BYTES, "a request is answered");
    expect(buffer[0] == 0x5A && buffer[ANSWER_BYTES - 1] == 0x5A && buffer[ANSWER_BYTES] == 0x11, "what was returned is copied, no more");
    memset(buffer, 0x11, sizeof(buffer));
    result = io_control(file, CODE_FILL, NULL, 0, buffer, ANSWER_BYTES - 1, 0);
    expect(result.status == NT_STATUS_BUFFER_TOO_SMALL && buffer[0] == 0x11, "an error returns no data");
    result = io_control(file, CODE_PEND, buffer, 4, NULL, 0, CANCEL_AFTER_MS);
    expect(result.status == NT_STATUS_CANCELLED, "a request that pends can be cancelled");
    expect(io_transfer(file, NT_IRP_MJ_READ, buffer, 16).status == NT_STATUS_INVALID_DEVICE_REQUEST, "what has no routine is refused");
}

void sample_device_use(void)
{
    struct io_file *file, *second;

    if (io_open("\\\\.\\SampleControl", IO_USER_SYSTEM, IO_GENERIC_READ | IO_GENERIC_WRITE, &file) != NT_STATUS_SUCCESS) {
        expect(false, "a device can be opened by its link");
        return;
    }
    expect(io_open("\\Device\\SampleControl", IO_USER_EVERYBODY, IO_GENERIC_WRITE, &second) == NT_STATUS_ACCESS_DENIED,
           "its security descriptor decides");
    expect(io_open("\\\\.\\SampleOther", IO_USER_SYSTEM, IO_GENERIC_READ, &second) == NT_STATUS_OBJECT_NAME_NOT_FOUND,
           "a link that was deleted leads nowhere");
    use_open_device(file);
    io_close(file);
}
