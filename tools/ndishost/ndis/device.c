/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device.c - control devices: NdisRegisterDeviceEx and its family (rules DEV). */
#include "ndis/device.h"

#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { MAJOR_FUNCTIONS = 28, IRP_MJ_POWER = 0x16, IRP_MJ_PNP = 0x1B };

struct control_device {
    void *handle;
    struct driver *driver;
    nt_DEVICE_OBJECT *object;
    void *extension; /* what NdisGetDeviceReservedExtension gives */
    uint32_t extension_size;
    uintptr_t expected_device_extension; /* DEV-02 */
    uintptr_t major_functions[MAJOR_FUNCTIONS];
    char name[128], link[128];
    struct control_device *next;
};

static pthread_mutex_t devices_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct control_device *devices;

static void unlink_object(struct control_device *device)
{
    uintptr_t *link = &device->driver->object->DeviceObject;

    while (*link && *link != (uintptr_t)device->object)
        link = &((nt_DEVICE_OBJECT *)*link)->NextDevice;
    if (*link)
        *link = device->object->NextDevice;
}

void device_discard(struct control_device *device)
{
    struct control_device **link;

    if (device->object->DeviceExtension != device->expected_device_extension)
        rule_violated("DEV-02", device->object, "DeviceObject->DeviceExtension was overwritten");
    pthread_mutex_lock(&devices_mutex);
    for (link = &devices; *link != device; link = &(*link)->next)
        ;
    *link = device->next;
    pthread_mutex_unlock(&devices_mutex);
    unlink_object(device);
    handle_destroy(device->handle);
    memset(device->object, 0xDD, sizeof(*device->object));
    free(device->object);
    free(device->extension);
    free(device);
}

static bool name_taken(const char *name, const char *link)
{
    struct control_device *device;

    pthread_mutex_lock(&devices_mutex);
    for (device = devices; device && strcmp(device->name, name) && strcmp(device->link, link); device = device->next)
        ;
    pthread_mutex_unlock(&devices_mutex);
    return device != NULL;
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

/* NDIS_STATUS NdisRegisterDeviceEx(NdisHandle, NDIS_DEVICE_OBJECT_ATTRIBUTES *, DEVICE_OBJECT **, NDIS_HANDLE *NdisDeviceHandle) */
static uint64_t export_NdisRegisterDeviceEx(struct export_call *call)
{
    void *handle = arg_pointer(call);
    const nt_NDIS_DEVICE_OBJECT_ATTRIBUTES *given = arg_pointer(call);
    uintptr_t *object = arg_pointer(call);
    uintptr_t *device_handle = arg_pointer(call);
    struct driver *driver = handle_object(HANDLE_DRIVER, handle);
    struct control_device *device;

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
    device = calloc(1, sizeof(*device));
    if (!device || !(device->object = calloc(1, sizeof(*device->object))))
        abort();
    nt_unicode_to_utf8((const void *)given->DeviceName, device->name, sizeof(device->name));
    nt_unicode_to_utf8((const void *)given->SymbolicName, device->link, sizeof(device->link));
    if (name_taken(device->name, device->link)) {
        free(device->object);
        free(device);
        return 0xC0000035u; /* STATUS_OBJECT_NAME_COLLISION */
    }
    device->driver = driver;
    device->extension_size = given->ExtensionSize;
    device->extension = calloc(1, (size_t)given->ExtensionSize + 16);
    if (!device->extension)
        abort();
    if (given->MajorFunctions)
        memcpy(device->major_functions, (const void *)given->MajorFunctions, sizeof(device->major_functions));
    device->object->Type = 3; /* IO_TYPE_DEVICE */
    device->object->Size = sizeof(*device->object);
    device->object->DriverObject = (uintptr_t)driver->object;
    device->object->DeviceType = 0x12; /* FILE_DEVICE_NETWORK */
    device->object->StackSize = 1;
    device->object->Flags = 4; /* DO_BUFFERED_IO */
    device->object->DeviceExtension = device->expected_device_extension = (uintptr_t)device->extension;
    device->object->NextDevice = driver->object->DeviceObject;
    driver->object->DeviceObject = (uintptr_t)device->object;
    device->handle = handle_create(HANDLE_DEVICE, device, driver, call->return_address);
    pthread_mutex_lock(&devices_mutex);
    device->next = devices;
    devices = device;
    pthread_mutex_unlock(&devices_mutex);
    *object = (uintptr_t)device->object;
    *device_handle = (uintptr_t)device->handle;
    TRACE("ndis", "device %s registered", device->name);
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
    for (device = devices; device && device->object != object; device = device->next)
        ;
    pthread_mutex_unlock(&devices_mutex);
    return device && device->extension_size ? (uintptr_t)device->extension : 0;
}

const struct export_row ndis_device_exports[] = {
    EXPORT(NdisRegisterDeviceEx),
    EXPORT(NdisDeregisterDeviceEx),
    EXPORT(NdisGetDeviceReservedExtension),
    EXPORT_END,
};
