/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* driver.c - the life of a miniport driver: DriverEntry, registration, optional handlers, unload (section 2 of the rules). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "exec/call.h"
#include "exec/trap.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/shared_memory_provider.h"
#include "nt/io.h"
#include "nt/nt.h"
#include "nt/registry.h"
#include "nt/worker.h"
#include "rules/acquire.h"
#include "rules/rules.h"

static pthread_mutex_t driver_list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct driver *drivers;

struct driver *driver_of_object(const void *driver_object)
{
    struct driver *driver;

    pthread_mutex_lock(&driver_list_mutex);
    for (driver = drivers; driver && driver->object != driver_object; driver = driver->next)
        ;
    pthread_mutex_unlock(&driver_list_mutex);
    return driver;
}

bool adapters_find(bool (*is_it)(struct adapter *adapter, void *context), void *context)
{
    struct driver *driver;
    struct adapter *adapter = NULL;

    pthread_mutex_lock(&driver_list_mutex);
    for (driver = drivers; driver && !adapter; driver = driver->next) {
        for (adapter = driver->adapters; adapter && !is_it(adapter, context); adapter = adapter->next)
            ;
    }
    pthread_mutex_unlock(&driver_list_mutex);
    return adapter != NULL;
}

/* ---- what Windows gives to DriverEntry ---- */

static nt_UNICODE_STRING *unicode_string_create(const char *text)
{
    size_t units = strlen(text);
    nt_UNICODE_STRING *string = calloc(1, sizeof(*string));
    uint16_t *buffer = calloc(units + 1, sizeof(*buffer));

    if (!string || !buffer)
        abort();
    units = nt_utf8_to_utf16(text, buffer, units + 1);
    string->Length = (uint16_t)(units * 2);
    string->MaximumLength = (uint16_t)(units * 2 + 2);
    string->Buffer = (uintptr_t)buffer;
    return string;
}

static void unicode_string_destroy(nt_UNICODE_STRING *string)
{
    if (!string)
        return;
    free((void *)string->Buffer);
    free(string);
}

/* Where DriverUnload and the dispatch table of a miniport point: into NDIS, never called by the image. */
static uintptr_t ndis_owned_routine(void)
{
    static char reserved[16];

    return (uintptr_t)reserved;
}

static void create_objects(struct driver *driver)
{
    char path[160];

    driver->object = calloc(1, sizeof(*driver->object));
    driver->extension = calloc(1, sizeof(*driver->extension));
    if (!driver->object || !driver->extension)
        abort();
    snprintf(path, sizeof(path), "\\Registry\\Machine\\System\\CurrentControlSet\\Services\\%s", driver->service);
    driver->registry_path = unicode_string_create(path);
    registry_service_add(driver->service);
    driver->object->Type = 4; /* IO_TYPE_DRIVER */
    driver->object->Size = sizeof(*driver->object);
    driver->object->DriverExtension = (uintptr_t)driver->extension;
    driver->extension->DriverObject = (uintptr_t)driver->object;
    if (driver->image)
        driver->object->DriverStart = image_base(driver->image);
}

/* ---- registration ---- */

static bool characteristics_check(const nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS *given)
{
    static const struct {
        const char *name;
        size_t offset;
    } required[] = {
#define REQUIRED(member) {#member, offsetof(nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS, member)}
        REQUIRED(InitializeHandlerEx),
        REQUIRED(HaltHandlerEx),
        REQUIRED(UnloadHandler),
        REQUIRED(PauseHandler),
        REQUIRED(RestartHandler),
        REQUIRED(OidRequestHandler),
        REQUIRED(SendNetBufferListsHandler),
        REQUIRED(ReturnNetBufferListsHandler),
        REQUIRED(CancelSendHandler),
        REQUIRED(DevicePnPEventNotifyHandler),
        REQUIRED(ShutdownHandlerEx),
        REQUIRED(CancelOidRequestHandler),
#undef REQUIRED
    };
    bool good = true;

    for (size_t index = 0; index < sizeof(required) / sizeof(required[0]); index++) {
        if (*(const uintptr_t *)((const char *)given + required[index].offset) == 0) {
            rule_violated("DRV-12", NULL, "%s is NULL", required[index].name);
            good = false;
        }
    }
    if (given->CheckForHangHandlerEx && !given->ResetHandlerEx) {
        rule_violated("DRV-13", NULL, "CheckForHangHandlerEx without ResetHandlerEx");
        good = false;
    }
    if (!given->DirectOidRequestHandler != !given->CancelDirectOidRequestHandler) {
        rule_violated("DRV-15", NULL, "only one of DirectOidRequestHandler and CancelDirectOidRequestHandler is set");
        good = false;
    }
    if (given->Flags) {
        rule_violated("DRV-09", NULL, "Flags is 0x%x; no flag is defined for a driver that is not an intermediate one", given->Flags);
        good = false;
    }
    return good;
}

static uint32_t set_options(struct driver *driver)
{
    uint32_t status;
    unsigned ticket;

    if (!driver->characteristics.SetOptionsHandler)
        return NT_NDIS_STATUS_SUCCESS;
    driver->in_set_options = true;
    ticket = watchdog_arm("HOST-HANG", "MiniportSetOptions", ndis_watchdog_ms);
    status =
        (uint32_t)IMAGE_CALL("MiniportSetOptions", driver->characteristics.SetOptionsHandler, (uintptr_t)driver->handle, driver->context);
    watchdog_disarm(ticket);
    driver->in_set_options = false;
    return status;
}

static uint32_t register_driver(struct driver *driver, const nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS *given, uintptr_t *handle,
                                uintptr_t who)
{
    uint32_t status;

    if (!object_header_check("DRV-10", given, "NDIS_MINIPORT_DRIVER_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_MINIPORT_DRIVER_CHARACTERISTICS,
                             NT_NDIS_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2, NT_NDIS_SIZEOF_MINIPORT_DRIVER_CHARACTERISTICS_REVISION_2))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (given->MajorNdisVersion != 6 || given->MinorNdisVersion != 20) {
        rule_violated("DRV-11", NULL, "NDIS version %u.%u, must be 6.20", given->MajorNdisVersion, given->MinorNdisVersion);
        return NT_NDIS_STATUS_BAD_VERSION;
    }
    if (!characteristics_check(given))
        return NT_NDIS_STATUS_BAD_CHARACTERISTICS;
    if (driver->handle) {
        rule_violated("DRV-01", NULL, "NdisMRegisterMiniportDriver called twice");
        return NT_NDIS_STATUS_FAILURE;
    }
    driver->characteristics = *given;
    driver->handle = handle_create(HANDLE_DRIVER, driver, driver, who);
    *handle = (uintptr_t)driver->handle;
    driver->object->DriverUnload = driver->expected_unload = ndis_owned_routine();
    TRACE("ndis", "miniport driver %s %u.%u registered", driver->service, given->MajorDriverVersion, given->MinorDriverVersion);
    status = set_options(driver);
    if (status != NT_NDIS_STATUS_SUCCESS) {
        handle_destroy(driver->handle);
        driver->handle = NULL;
        driver->object->DriverUnload = driver->expected_unload = 0;
    } else {
        driver->ever_registered = true;
    }
    return status;
}

/* NDIS_STATUS NdisMRegisterMiniportDriver(DriverObject, RegistryPath, MiniportDriverContext, Characteristics, NdisMiniportDriverHandle) */
static uint64_t export_NdisMRegisterMiniportDriver(struct export_call *call)
{
    void *object = arg_pointer(call);
    void *registry_path = arg_pointer(call);
    uintptr_t context = arg_word(call);
    const nt_NDIS_MINIPORT_DRIVER_CHARACTERISTICS *given = arg_pointer(call);
    uintptr_t *handle = arg_pointer(call);
    struct driver *driver = driver_of_object(object);

    if (!driver || driver->registry_path != registry_path) {
        rule_violated("DRV-01", NULL, "NdisMRegisterMiniportDriver was not given the DriverObject and RegistryPath of DriverEntry");
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!driver->in_entry)
        rule_violated("DRV-01", NULL, "NdisMRegisterMiniportDriver called outside DriverEntry");
    if (!handle) {
        rule_violated("DRV-01", NULL, "NdisMiniportDriverHandle is NULL");
        return NT_NDIS_STATUS_FAILURE;
    }
    if (!acquire_permitted("NdisMRegisterMiniportDriver"))
        return driver->register_status = NT_NDIS_STATUS_RESOURCES;
    driver->context = context;
    driver->register_status = register_driver(driver, given, handle, call->return_address);
    return driver->register_status;
}

/* VOID NdisMDeregisterMiniportDriver(NdisMiniportDriverHandle) */
static uint64_t export_NdisMDeregisterMiniportDriver(struct export_call *call)
{
    void *handle = arg_pointer(call);
    struct driver *driver = handle_object(HANDLE_DRIVER, handle);

    if (!driver) {
        rule_violated("DRV-05", NULL, "NdisMDeregisterMiniportDriver was given a %s", handle_describe(handle));
        return 0;
    }
    if (!driver->in_entry && !driver->in_unload)
        rule_violated("DRV-05", NULL, "NdisMDeregisterMiniportDriver called outside DriverEntry and MiniportDriverUnload");
    driver->deregistrations++;
    driver->handle = NULL;
    driver->object->DriverUnload = driver->expected_unload = 0;
    handle_destroy(handle);
    return 0;
}

/* NDIS_STATUS NdisSetOptionalHandlers(NdisHandle, NDIS_DRIVER_OPTIONAL_HANDLERS *) */
static uint64_t export_NdisSetOptionalHandlers(struct export_call *call)
{
    void *handle = arg_pointer(call);
    const void *handlers = arg_pointer(call);
    const struct object_header *header = handlers;
    struct driver *driver = handle_object(HANDLE_DRIVER, handle);

    if (!driver) {
        rule_violated("DRV-20", NULL, "NdisSetOptionalHandlers was given a %s", handle_describe(handle));
        return NT_NDIS_STATUS_INVALID_PARAMETER;
    }
    if (!driver->in_set_options)
        rule_violated("DRV-20", NULL, "NdisSetOptionalHandlers called outside MiniportSetOptions");
    if (header->type == NT_NDIS_OBJECT_TYPE_SHARED_MEMORY_PROVIDER_CHARACTERISTICS)
        return shared_memory_provider_register(driver, handlers);
    if (header->type != NT_NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS) {
        rule_violated("DRV-24", NULL, "NdisSetOptionalHandlers: Type 0x%02x is not offered to an Ethernet miniport here", header->type);
        return NT_NDIS_STATUS_NOT_SUPPORTED;
    }
    if (!object_header_check("DRV-24", handlers, "NDIS_MINIPORT_PNP_CHARACTERISTICS", NT_NDIS_OBJECT_TYPE_MINIPORT_PNP_CHARACTERISTICS,
                             NT_NDIS_MINIPORT_PNP_CHARACTERISTICS_REVISION_1, NT_NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1))
        return NT_NDIS_STATUS_BAD_VERSION;
    if (!acquire_permitted("NdisSetOptionalHandlers"))
        return NT_NDIS_STATUS_RESOURCES;
    memset(&driver->pnp, 0, sizeof(driver->pnp));
    memcpy(&driver->pnp, handlers, NT_NDIS_SIZEOF_MINIPORT_PNP_CHARACTERISTICS_REVISION_1);
    if (!driver->pnp.MiniportAddDeviceHandler || !driver->pnp.MiniportRemoveDeviceHandler) {
        rule_violated("DRV-21", NULL, "PnP characteristics need both MiniportAddDevice and MiniportRemoveDevice");
        return NT_NDIS_STATUS_BAD_CHARACTERISTICS;
    }
    driver->has_pnp = true;
    return NT_NDIS_STATUS_SUCCESS;
}

const struct export_row ndis_driver_exports[] = {
    EXPORT(NdisMRegisterMiniportDriver),
    EXPORT(NdisMDeregisterMiniportDriver),
    EXPORT(NdisSetOptionalHandlers),
    EXPORT_END,
};

/* ---- load and unload ---- */

static void driver_destroy(struct driver *driver)
{
    struct driver **link;

    pthread_mutex_lock(&driver_list_mutex);
    for (link = &drivers; *link != driver; link = &(*link)->next)
        ;
    *link = driver->next;
    pthread_mutex_unlock(&driver_list_mutex);
    if (driver->image)
        image_unload(driver->image);
    worker_threads_release();
    if (!drivers)
        watchdog_stop();
    unicode_string_destroy(driver->registry_path);
    free(driver->extension);
    free(driver->object);
    free(driver);
}

/* Checks that hold right after DriverEntry; true when the driver stays loaded. */
static bool entry_check(struct driver *driver, uint32_t status)
{
    if (driver->object->DriverUnload != driver->expected_unload)
        rule_violated("DRV-08", NULL, "DriverEntry overwrote DriverObject->DriverUnload");
    if ((int32_t)status < 0) {
        if (driver->handle)
            rule_violated("DRV-03", NULL, "DriverEntry failed (0x%08x) without NdisMDeregisterMiniportDriver", status);
        return false;
    }
    if (!driver->ever_registered) {
        rule_violated("DRV-02", NULL, "DriverEntry returned 0x%08x although NdisMRegisterMiniportDriver returned 0x%08x", status,
                      driver->register_status);
        return false;
    }
    if (status != driver->register_status)
        rule_violated("DRV-02", NULL, "DriverEntry returned 0x%08x, NdisMRegisterMiniportDriver 0x%08x", status, driver->register_status);
    return driver->handle != NULL;
}

/* Device objects that DriverEntry made can be opened from now on. */
static void devices_ready(const struct driver *driver)
{
    uintptr_t object = driver->object->DeviceObject;

    for (; object; object = ((nt_DEVICE_OBJECT *)object)->NextDevice)
        ((nt_DEVICE_OBJECT *)object)->Flags &= ~NT_DO_DEVICE_INITIALIZING;
}

/*
 * A work item of NDIS or of the I/O manager refers to a device object, and so keeps the driver's code in memory until its routine has
 * returned: what the routine signals last may well be what unloading waits for. An executive's work item keeps nothing. (A driver without
 * an image, in tests: all of them are its.)
 */
static bool work_has_left(const struct driver *driver)
{
    uintptr_t base = driver->image ? image_base(driver->image) : 0;
    size_t size = driver->image ? image_size(driver->image) : SIZE_MAX;

    if (worker_has_routine(base, size, false))
        rule_violated("HOST-UNLOAD", NULL,
                      "a routine given to ExQueueWorkItem is queued or has not returned: it does not keep the driver loaded");
    if (worker_wait_returned(base, size, ndis_watchdog_ms))
        return true;
    rule_violated("HOST-UNLOAD", NULL, "a work item's routine does not return within %u ms", ndis_watchdog_ms);
    return false;
}

struct driver *driver_start(uintptr_t entry, struct image *image, const char *service_name, char *error, size_t error_size)
{
    struct driver *driver = calloc(1, sizeof(*driver));
    uint32_t status;
    unsigned ticket;

    if (!driver)
        abort();
    snprintf(driver->service, sizeof(driver->service), "%s", service_name);
    driver->image = image;
    driver->register_status = NT_NDIS_STATUS_FAILURE;
    create_objects(driver);
    driver->object->DriverInit = entry;
    worker_threads_acquire();
    watchdog_start();
    pthread_mutex_lock(&driver_list_mutex);
    driver->next = drivers;
    drivers = driver;
    pthread_mutex_unlock(&driver_list_mutex);

    driver->in_entry = true;
    ticket = watchdog_arm("HOST-HANG", "DriverEntry", ndis_watchdog_ms);
    status = (uint32_t)IMAGE_CALL("DriverEntry", entry, (uintptr_t)driver->object, (uintptr_t)driver->registry_path);
    watchdog_disarm(ticket);
    driver->in_entry = false;
    if (image)
        image_discard_init(image);
    if (entry_check(driver, status)) {
        devices_ready(driver);
        return driver;
    }

    snprintf(error, error_size, "DriverEntry of %s failed with 0x%08x", driver->service, status);
    if (!work_has_left(driver))
        driver->image = NULL;
    audit_owner(driver, AUDIT_UNLOAD, "after DriverEntry failed");
    driver_destroy(driver);
    return NULL;
}

struct driver *driver_load(const struct image_facts *facts, const char *service_name, char *error, size_t error_size)
{
    struct image *image = image_load(facts, error, error_size);

    struct driver *driver = image ? driver_start(image_entry(image), image, service_name, error, error_size) : NULL;

    if (driver)
        driver->facts = facts;
    return driver;
}

static void note_devices_kept(const struct driver *driver)
{
    struct io_device_facts facts;

    for (unsigned index = 0; io_device_facts(driver->object, index, &facts); index++) {
        if (!facts.deleted)
            rule_warned("HOST-DEVICE-KEPT", NULL, "device %s exists when no adapter is left: Windows keeps the driver loaded", facts.name);
    }
}

/* As long as a handle is open its device, though deleted, keeps the driver's code in memory. */
static void unload_when_unused(const struct driver *driver)
{
    if (!io_wait_handles_closed(driver->object, ndis_watchdog_ms))
        rule_violated("HOST-UNLOAD", NULL, "a handle on a deleted device of the driver is not closed: the driver cannot be unloaded");
}

void driver_unload(struct driver *driver)
{
    bool stays = false;

    note_devices_kept(driver);
    unload_when_unused(driver);
    if (driver->adapters)
        rule_violated("DRV-07", NULL, "driver_unload() while an adapter exists"); /* a fault of the caller, reported all the same */
    if (driver->object->DriverUnload != driver->expected_unload)
        rule_violated("DRV-08", NULL, "DriverObject->DriverUnload was overwritten");
    if (driver->handle) {
        unsigned ticket = watchdog_arm("HOST-HANG", "MiniportDriverUnload", ndis_watchdog_ms);

        driver->in_unload = true;
        IMAGE_CALL("MiniportDriverUnload", driver->characteristics.UnloadHandler, (uintptr_t)driver->object);
        driver->in_unload = false;
        watchdog_disarm(ticket);
        unload_when_unused(driver);
        if (driver->handle) {
            rule_violated("DRV-05", NULL, "MiniportDriverUnload returned without NdisMDeregisterMiniportDriver");
            handle_destroy(driver->handle);
        }
    }
    if (driver->object->DeviceObject) {
        rule_violated("DEV-05", NULL, "a device object is left after MiniportDriverUnload: Windows would keep the driver loaded");
        stays = true;
    }
    sched_dpc_flush();
    stays |= !work_has_left(driver);
    stays |= nt_threads_audit("after MiniportDriverUnload") != 0;
    audit_owner(driver, AUDIT_UNLOAD, "after MiniportDriverUnload");
    io_links_audit("after MiniportDriverUnload");
    if (stays)
        driver->image = NULL; /* as on Windows, its code stays where it is */
    driver_destroy(driver);
}
