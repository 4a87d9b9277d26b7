/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* io_device.c - device objects with names, symbolic links and references; IoCreateDevice and its family. */
#include "nt/io.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

/* What Windows gives a device that says nothing: system all, administrators read, write and execute, others read. */
#define SECURITY_DEFAULT "D:P(A;;GA;;;SY)(A;;GRGWGX;;;BA)(A;;GR;;;WD)(A;;GR;;;RC)"
enum { TICKS_PER_MS = 10000 };

struct io_device {
    struct io_device_options options;
    nt_DEVICE_OBJECT *object;
    struct security *security;
    char security_text[IO_SECURITY_SIZE];
    char name[IO_NAME_SIZE];
    unsigned handles;
    bool deleted;
    struct io_device *next;
};

struct link {
    char name[IO_NAME_SIZE]; /* without \DosDevices\ */
    char target[IO_NAME_SIZE];
    struct link *next;
};

/* Guards the lists, handle counts and `deleted`; never held across a yield point. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct io_device *devices;
static struct link *links;
static struct sched_event object_gone = {.automatic = 1};

/* ---- names ---- */

/* "\DosDevices\X", "\??\X" and "\\.\X" are all X; NULL: the name is of no such directory. */
static const char *short_name(const char *path)
{
    static const char *const directories[] = {"\\DosDevices\\Global\\", "\\DosDevices\\", "\\??\\", "\\GLOBAL??\\", "\\\\.\\"};
    for (size_t index = 0; index < sizeof(directories) / sizeof(directories[0]); ++index)
        if (strncasecmp(path, directories[index], strlen(directories[index])) == 0)
            return path + strlen(directories[index]);
    return NULL;
}

/* Both below: mutex held. `length` of the name counts. */
static struct io_device *device_named(const char *name)
{
    struct io_device *device = devices;
    while (device && (device->deleted || !device->name[0] || strcasecmp(device->name, name) != 0))
        device = device->next;
    return device;
}

static struct link **link_named(const char *name, size_t length)
{
    struct link **link = &links;
    while (*link && (strlen((*link)->name) != length || strncasecmp((*link)->name, name, length) != 0))
        link = &(*link)->next;
    return link;
}

uint32_t io_link_create(const char *path, const char *target)
{
    const char *name = short_name(path);
    if (!name || !*name)
        return NT_STATUS_OBJECT_NAME_INVALID;
    struct link *link = calloc(1, sizeof(*link));
    if (!link)
        abort();
    snprintf(link->name, sizeof(link->name), "%s", name);
    snprintf(link->target, sizeof(link->target), "%s", target);
    pthread_mutex_lock(&mutex);
    bool taken = *link_named(name, strlen(name)) != NULL;
    if (!taken) {
        link->next = links;
        links = link;
    }
    pthread_mutex_unlock(&mutex);
    if (taken)
        free(link);
    return taken ? NT_STATUS_OBJECT_NAME_COLLISION : NT_STATUS_SUCCESS;
}

uint32_t io_link_delete(const char *path)
{
    const char *name = short_name(path);
    struct link *link = NULL;
    pthread_mutex_lock(&mutex);
    struct link **place = name ? link_named(name, strlen(name)) : NULL;
    if (place && *place) {
        link = *place;
        *place = link->next;
    }
    pthread_mutex_unlock(&mutex);
    if (!link)
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    free(link);
    return NT_STATUS_SUCCESS;
}

unsigned io_links_audit(const char *when)
{
    unsigned count = 0;
    for (;;) {
        pthread_mutex_lock(&mutex);
        struct link **place = &links;
        while (*place && device_named((*place)->target))
            place = &(*place)->next;
        struct link *link = *place;
        if (link)
            *place = link->next;
        pthread_mutex_unlock(&mutex);
        if (!link)
            return count;
        rule_violated("HOST-DEVICE-OBJECT", NULL, "symbolic link %s to %s, which does not exist any more, is left %s", link->name,
                      link->target, when);
        free(link);
        ++count;
    }
}

/* ---- objects ---- */

static uintptr_t *place_in_driver(const struct io_device *device)
{
    uintptr_t *place = &device->options.driver->DeviceObject;
    while (*place && *place != (uintptr_t)device->object)
        place = &((nt_DEVICE_OBJECT *)*place)->NextDevice;
    return place;
}

static void create_object(struct io_device *device)
{
    nt_DEVICE_OBJECT *object = aligned_alloc(16, (sizeof(*object) + 15) & ~15u);
    if (!object)
        abort();
    memset(object, 0, sizeof(*object));
    object->Type = NT_IO_TYPE_DEVICE;
    object->Size = (uint16_t)(sizeof(*object) + device->options.extension_size);
    object->DriverObject = (uintptr_t)device->options.driver;
    object->DeviceType = device->options.type;
    object->Characteristics = device->options.characteristics;
    object->StackSize = 1;
    object->Flags = (device->name[0] ? NT_DO_DEVICE_HAS_NAME : 0) | (device->options.exclusive ? NT_DO_EXCLUSIVE : 0);
    if (device->options.extension_size) {
        object->DeviceExtension = (uintptr_t)calloc(1, (size_t)device->options.extension_size + 16);
        if (!object->DeviceExtension)
            abort();
    }
    device->object = object;
}

static void destroy(struct io_device *device)
{
    uintptr_t *place = place_in_driver(device);
    if (*place)
        *place = device->object->NextDevice;
    if (device->options.gone)
        device->options.gone(device->options.context);
    if (device->options.extension_size)
        free((void *)device->object->DeviceExtension);
    nt_memory_forget(device->object, sizeof(*device->object), 0);
    memset(device->object, 0xDD, sizeof(*device->object));
    free(device->object);
    security_free(device->security);
    free(device);
    sched_event_set(&object_gone);
}

uint32_t io_device_create(const struct io_device_options *options, struct io_device **result)
{
    char error[96];
    struct io_device *device = calloc(1, sizeof(*device));
    if (!device)
        abort();
    device->options = *options;
    snprintf(device->name, sizeof(device->name), "%s", options->name);
    snprintf(device->security_text, sizeof(device->security_text), "%s", options->security ? options->security : SECURITY_DEFAULT);
    device->security = security_parse(device->security_text, error, sizeof(error));
    *result = NULL;
    if (!device->security) {
        rule_violated("HOST-SDDL", NULL, "\"%s\" is no security descriptor, %s", device->security_text, error);
        free(device);
        return NT_STATUS_INVALID_PARAMETER;
    }
    pthread_mutex_lock(&mutex);
    bool taken = device->name[0] && device_named(device->name);
    if (!taken) {
        create_object(device);
        device->object->NextDevice = options->driver->DeviceObject;
        options->driver->DeviceObject = (uintptr_t)device->object;
        device->next = devices;
        devices = device;
    }
    pthread_mutex_unlock(&mutex);
    if (taken) {
        security_free(device->security);
        free(device);
        return NT_STATUS_OBJECT_NAME_COLLISION;
    }
    *result = device;
    return NT_STATUS_SUCCESS;
}

struct io_device *io_device_of_object(const void *object)
{
    pthread_mutex_lock(&mutex);
    struct io_device *device = devices;
    while (device && (device->object != object || device->deleted))
        device = device->next;
    pthread_mutex_unlock(&mutex);
    return device;
}

nt_DEVICE_OBJECT *io_device_object(const struct io_device *device)
{
    return device->object;
}

/* Takes it off the list when nobody needs it any more; the caller frees it. Mutex held. */
static bool take_off_if_unused(struct io_device *device)
{
    struct io_device **place = &devices;
    if (!device->deleted || device->handles)
        return false;
    while (*place != device)
        place = &(*place)->next;
    *place = device->next;
    return true;
}

void io_device_delete(struct io_device *device)
{
    io_registrations_check_gone(device->object);
    pthread_mutex_lock(&mutex);
    device->deleted = true;
    bool unused = take_off_if_unused(device);
    pthread_mutex_unlock(&mutex);
    if (unused)
        destroy(device);
}

uint32_t io_device_reference(const char *path, enum io_user user, uint32_t access, uint32_t *granted, struct io_device **result)
{
    char name[IO_NAME_SIZE];
    const char *linked = short_name(path);
    uint32_t status = NT_STATUS_SUCCESS;
    struct io_device *device = NULL;
    pthread_mutex_lock(&mutex);
    snprintf(name, sizeof(name), "%s", path);
    if (linked) {
        struct link *link = *link_named(linked, strcspn(linked, "\\"));
        snprintf(name, sizeof(name), "%s", link ? link->target : "");
    }
    device = name[0] ? device_named(name) : NULL;
    if (!device)
        status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
    else if (!security_grants(device->security, user, access, granted))
        status = NT_STATUS_ACCESS_DENIED;
    else if (device->object->Flags & NT_DO_DEVICE_INITIALIZING)
        status = NT_STATUS_NO_SUCH_DEVICE;
    else if (device->options.exclusive && device->handles)
        status = NT_STATUS_ACCESS_DENIED;
    if (status == NT_STATUS_SUCCESS)
        device->object->ReferenceCount = ++device->handles;
    pthread_mutex_unlock(&mutex);
    *result = status == NT_STATUS_SUCCESS ? device : NULL;
    return status;
}

void io_device_dereference(struct io_device *device)
{
    pthread_mutex_lock(&mutex);
    device->object->ReferenceCount = --device->handles;
    bool unused = take_off_if_unused(device);
    pthread_mutex_unlock(&mutex);
    if (unused)
        destroy(device);
}

uintptr_t io_device_routine(const struct io_device *device, uint8_t major)
{
    const uintptr_t *routines = device->options.major_functions;
    return (routines ? routines : (const uintptr_t *)device->options.driver->MajorFunction)[major];
}

/* ---- for whoever looks from outside ---- */

static void describe(const struct io_device *device, struct io_device_facts *facts)
{
    *facts = (struct io_device_facts){.handles = device->handles, .deleted = device->deleted};
    snprintf(facts->name, sizeof(facts->name), "%s", device->name);
    snprintf(facts->security, sizeof(facts->security), "%s", device->security_text);
    for (const struct link *link = device->deleted ? NULL : links; link; link = link->next)
        if (strcasecmp(link->target, device->name) == 0)
            snprintf(facts->link, sizeof(facts->link), "\\\\.\\%.120s", link->name);
}

bool io_device_facts(const nt_DRIVER_OBJECT *driver, unsigned index, struct io_device_facts *facts)
{
    pthread_mutex_lock(&mutex);
    const struct io_device *device = devices;
    while (device && (device->options.driver != driver || index--))
        device = device->next;
    if (device)
        describe(device, facts);
    pthread_mutex_unlock(&mutex);
    return device != NULL;
}

bool io_wait_handles_closed(const nt_DRIVER_OBJECT *driver, unsigned milliseconds)
{
    uint64_t deadline = sched_now() + (uint64_t)milliseconds * TICKS_PER_MS;
    for (;;) {
        pthread_mutex_lock(&mutex);
        const struct io_device *device = devices;
        while (device && (device->options.driver != driver || !device->deleted))
            device = device->next;
        pthread_mutex_unlock(&mutex);
        if (!device)
            return true;
        if (!sched_event_wait(&object_gone, deadline))
            return false;
    }
}

/* ---- exports ---- */

/* NTSTATUS IoCreateDevice(DriverObject, DeviceExtensionSize, DeviceName, DeviceType, DeviceCharacteristics, Exclusive, DeviceObject) */
static uint64_t export_IoCreateDevice(struct export_call *call)
{
    char name[IO_NAME_SIZE] = "";
    struct io_device_options options = {.name = name};
    options.driver = arg_pointer(call);
    options.extension_size = arg_u32(call);
    const void *given = arg_pointer(call);
    options.type = arg_u32(call);
    options.characteristics = arg_u32(call);
    options.exclusive = arg_u8(call);
    uintptr_t *object = arg_pointer(call);
    struct io_device *device;
    *object = 0;
    if (!acquire_permitted("IoCreateDevice"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    if (given)
        nt_unicode_to_utf8(given, name, sizeof(name));
    uint32_t status = io_device_create(&options, &device);
    if (status == NT_STATUS_SUCCESS) {
        device->object->Flags |= NT_DO_DEVICE_INITIALIZING; /* until DriverEntry has returned, or the driver clears it */
        track_acquire(TRACK_DEVICE, device->object, sizeof(*device->object), NULL, call->return_address);
        *object = (uintptr_t)device->object;
    }
    return status;
}

static uint64_t export_IoDeleteDevice(struct export_call *call)
{
    const void *object = arg_pointer(call);
    char here[128];
    pthread_mutex_lock(&mutex);
    struct io_device *device = devices;
    while (device && (device->object != object || device->deleted || device->options.major_functions))
        device = device->next;
    pthread_mutex_unlock(&mutex);
    if (!device) {
        rule_violated("HOST-DEVICE-OBJECT", object, "IoDeleteDevice of %p, which is no device object of IoCreateDevice, by %s", object,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return 0;
    }
    track_release(TRACK_DEVICE, object);
    io_device_delete(device);
    return 0;
}

static uint64_t export_IoCreateSymbolicLink(struct export_call *call)
{
    char link[IO_NAME_SIZE], target[IO_NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), link, sizeof(link));
    nt_unicode_to_utf8(arg_pointer(call), target, sizeof(target));
    return acquire_permitted("IoCreateSymbolicLink") ? io_link_create(link, target) : NT_STATUS_INSUFFICIENT_RESOURCES;
}

static uint64_t export_IoCreateUnprotectedSymbolicLink(struct export_call *call)
{
    return export_IoCreateSymbolicLink(call);
}

static uint64_t export_IoDeleteSymbolicLink(struct export_call *call)
{
    char link[IO_NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), link, sizeof(link));
    uint32_t status = io_link_delete(link);
    if (status != NT_STATUS_SUCCESS)
        rule_violated("HOST-DEVICE-OBJECT", NULL, "IoDeleteSymbolicLink of %s, which does not exist", link);
    return status;
}

const struct export_row nt_io_device_exports[] = {
    EXPORT(IoCreateDevice),       EXPORT(IoDeleteDevice),
    EXPORT(IoCreateSymbolicLink), EXPORT(IoCreateUnprotectedSymbolicLink),
    EXPORT(IoDeleteSymbolicLink), EXPORT_END,
};
