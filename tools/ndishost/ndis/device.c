/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device.c - control devices: NdisRegisterDeviceEx and its family (rules DEV). */
#include "ndis/device.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/io.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { IRP_MJ_POWER = 0x16, IRP_MJ_PNP = 0x1B };

/* Lives until the last user has closed it; `handle` until it is deregistered. */
struct control_device {
    void *handle;
    struct io_device *io;
    void *extension; /* what NdisGetDeviceReservedExtension gives */
    uint32_t extension_size;
    uintptr_t expected_device_extension; /* DEV-02 */
    uintptr_t major_functions[IO_MAJOR_FUNCTIONS];
    char link[IO_NAME_SIZE];
    struct control_device *next;
};

static pthread_mutex_t devices_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct control_device *devices;

/* The I/O manager has no use for it any more. */
static void control_device_gone(void *context)
{
    struct control_device *device = context, **link;

    pthread_mutex_lock(&devices_mutex);
    for (link = &devices; *link != device; link = &(*link)->next)
        ;
    *link = device->next;
    pthread_mutex_unlock(&devices_mutex);
    nt_memory_forget(device->extension, device->extension_size, 0);
    free(device->extension);
    free(device);
}

void device_discard(struct control_device *device)
{
    nt_DEVICE_OBJECT *object = io_device_object(device->io);

    if (object->DeviceExtension != device->expected_device_extension)
        rule_violated("DEV-02", object, "DeviceObject->DeviceExtension was overwritten");
    handle_destroy(device->handle);
    if (device->link[0])
        io_link_delete(device->link);
    io_device_delete(device->io);
}

static void check_attributes(const nt_NDIS_DEVICE_OBJECT_ATTRIBUTES *given)
{
    const uintptr_t *functions = (const uintptr_t *)given->MajorFunctions;

    if (functions && (functions[IRP_MJ_PNP] || functions[IRP_MJ_POWER]))
        rule_violated("DEV-03", NULL, "MajorFunctions contains a PNP or POWER handler");
    if (!given->DefaultSDDLString || given->DeviceClassGuid)
        rule_warned("DEV-04", NULL, "DefaultSDDLString is missing or DeviceClassGuid is set");
    if (nt_spin_locks_held())
        rule_violated("DEV-07", NULL, "NdisRegisterDeviceEx with a spin lock held");
}

static struct control_device *control_device_create(const nt_NDIS_DEVICE_OBJECT_ATTRIBUTES *given)
{
    struct control_device *device = calloc(1, sizeof(*device));

    if (!device || !(device->extension = calloc(1, (size_t)given->ExtensionSize + 16)))
        abort();
    device->extension_size = given->ExtensionSize;
    if (given->MajorFunctions)
        memcpy(device->major_functions, (const void *)given->MajorFunctions, sizeof(device->major_functions));
    if (given->SymbolicName)
        nt_unicode_to_utf8((const void *)given->SymbolicName, device->link, sizeof(device->link));
    pthread_mutex_lock(&devices_mutex);
    device->next = devices;
    devices = device;
    pthread_mutex_unlock(&devices_mutex);
    return device;
}

/* Device object and symbolic link; on failure the device is gone. */
static uint32_t publish(struct driver *driver, struct control_device *device, const nt_NDIS_DEVICE_OBJECT_ATTRIBUTES *given)
{
    char name[IO_NAME_SIZE] = "", security[IO_SECURITY_SIZE];
    struct io_device_options options = {.driver = driver->object,
                                        .major_functions = device->major_functions,
                                        .name = name,
                                        .type = NT_FILE_DEVICE_NETWORK,
                                        .gone = control_device_gone,
                                        .context = device};
    nt_DEVICE_OBJECT *object;
    uint32_t status;

    if (given->DeviceName)
        nt_unicode_to_utf8((const void *)given->DeviceName, name, sizeof(name));
    if (given->DefaultSDDLString) {
        nt_unicode_to_utf8((const void *)given->DefaultSDDLString, security, sizeof(security));
        options.security = security;
    }
    status = io_device_create(&options, &device->io);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        control_device_gone(device);
        return status;
    }
    object = io_device_object(device->io);
    object->Flags |= NT_DO_BUFFERED_IO;
    object->DeviceExtension = device->expected_device_extension = (uintptr_t)device->extension;
    status = device->link[0] ? io_link_create(device->link, name) : NT_NDIS_STATUS_SUCCESS;
    if (status != NT_NDIS_STATUS_SUCCESS)
        io_device_delete(device->io);
    return status;
}

/* NDIS_STATUS NdisRegisterDeviceEx(NdisHandle, NDIS_DEVICE_OBJECT_ATTRIBUTES *, DEVICE_OBJECT **, NDIS_HANDLE *NdisDeviceHandle) */
static uint64_t export_NdisRegisterDeviceEx(struct export_call *call)
{
    void *handle = arg_pointer(call);
    const nt_NDIS_DEVICE_OBJECT_ATTRIBUTES *given = arg_pointer(call);
    uintptr_t *object = arg_pointer(call);
    uintptr_t *device_handle = arg_pointer(call);
    struct driver *driver = handle_object(HANDLE_DRIVER, handle);
    struct control_device *device;
    uint32_t status;

    *object = 0;
    *device_handle = 0;
    if (!acquire_permitted("NdisRegisterDeviceEx"))
        return NT_NDIS_STATUS_RESOURCES;
    if (!driver) {
        rule_violated("DEV-01", NULL, "NdisRegisterDeviceEx was given a %s, not the driver handle", handle_describe(handle));
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!object_header_check("HDR-15", given, "NDIS_DEVICE_OBJECT_ATTRIBUTES", NT_NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES,
                             NT_NDIS_DEVICE_OBJECT_ATTRIBUTES_REVISION_1, NT_NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    check_attributes(given);
    device = control_device_create(given);
    status = publish(driver, device, given);
    if (status != NT_NDIS_STATUS_SUCCESS)
        return status;
    device->handle = handle_create(HANDLE_DEVICE, device, driver, call->return_address);
    *object = (uintptr_t)io_device_object(device->io);
    *device_handle = (uintptr_t)device->handle;
    TRACE("ndis", "device with link %s registered", device->link);
    return NT_NDIS_STATUS_SUCCESS;
}

/* NDIS_STATUS NdisDeregisterDeviceEx(NdisDeviceHandle) */
static uint64_t export_NdisDeregisterDeviceEx(struct export_call *call)
{
    void *handle = arg_pointer(call);
    struct control_device *device = handle_object(HANDLE_DEVICE, handle);

    if (!device) {
        rule_violated("DEV-05", NULL, "NdisDeregisterDeviceEx was given a %s", handle_describe(handle));
        return 0;
    }
    if (nt_spin_locks_held())
        rule_violated("DEV-07", NULL, "NdisDeregisterDeviceEx with a spin lock held");
    device_discard(device);
    return NT_NDIS_STATUS_SUCCESS;
}

/* PVOID NdisGetDeviceReservedExtension(DEVICE_OBJECT *) */
static uint64_t export_NdisGetDeviceReservedExtension(struct export_call *call)
{
    const void *object = arg_pointer(call);
    struct control_device *device;

    pthread_mutex_lock(&devices_mutex);
    for (device = devices; device && io_device_object(device->io) != object; device = device->next)
        ;
    pthread_mutex_unlock(&devices_mutex);
    return device && device->extension_size ? (uintptr_t)device->extension : 0;
}

bool driver_device(const struct driver *driver, unsigned index, struct io_device_facts *facts)
{
    return io_device_facts(driver->object, index, facts);
}

const struct export_row ndis_device_exports[] = {
    EXPORT(NdisRegisterDeviceEx),
    EXPORT(NdisDeregisterDeviceEx),
    EXPORT(NdisGetDeviceReservedExtension),
    EXPORT_END,
};
