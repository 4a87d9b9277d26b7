/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_interface.c - IoRegisterDeviceInterface and its family: by which names programs find a device of a class. */
#include "nt/device_property.h"
#include "nt/exports.h"
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LINK_SIZE = 320, LIST_SIZE = 4096, STRING_TAG = 0x67727453 /* "Strg" */, INCLUDE_NONACTIVE = 1 };
static const uint32_t NAME_EXISTS = 0x40000000;

struct device_interface {
    struct device_interface *next;
    const void *device;
    uint8_t class[16];
    char link[LINK_SIZE]; /* "\??\PCI#VEN_...#...#{class}\reference" */
    bool enabled;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct device_interface *interfaces;

/* ---- names ---- */

static void put_class(const uint8_t *guid, char *text, size_t size)
{
    snprintf(text, size, "{%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x}", guid[3], guid[2], guid[1], guid[0],
             guid[5], guid[4], guid[7], guid[6], guid[8], guid[9], guid[10], guid[11], guid[12], guid[13], guid[14], guid[15]);
}

static bool make_link(const void *device, const uint8_t *class, const char *reference, char *link)
{
    char instance[160], guid[48];
    if (!device_property_instance(device, instance, sizeof(instance)))
        return false;
    for (char *at = instance; *at; at++)
        *at = *at == '\\' ? '#' : *at;
    put_class(class, guid, sizeof(guid));
    snprintf(link, LINK_SIZE, "\\??\\%s#%s%s%s", instance, guid, *reference ? "\\" : "", reference);
    return true;
}

/* Mutex held. */
static struct device_interface *find(const char *link)
{
    struct device_interface *one = interfaces;
    while (one && strcasecmp(one->link, link) != 0)
        one = one->next;
    return one;
}

void device_interfaces_remove(const void *physical_device)
{
    pthread_mutex_lock(&mutex);
    for (struct device_interface **link = &interfaces; *link;) {
        struct device_interface *one = *link;
        if (one->device != physical_device) {
            link = &one->next;
            continue;
        }
        if (one->enabled)
            rule_warned("HOST-INTERFACE", NULL, "%s is enabled although its device is gone", one->link);
        *link = one->next;
        free(one);
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- exports ---- */

/* NTSTATUS (PDEVICE_OBJECT Pdo, const GUID *, PUNICODE_STRING Reference, PUNICODE_STRING SymbolicLinkName) */
static uint64_t export_IoRegisterDeviceInterface(struct export_call *call)
{
    const void *device = arg_pointer(call);
    const uint8_t *class = arg_pointer(call);
    const nt_UNICODE_STRING *reference = arg_pointer(call);
    nt_UNICODE_STRING *name = arg_pointer(call);
    char text[64] = "", link[LINK_SIZE], here[128];
    memset(name, 0, sizeof(*name));
    if (reference)
        nt_unicode_to_utf8(reference, text, sizeof(text));
    if (!make_link(device, class, text, link)) {
        rule_violated("HOST-DEVICE-OBJECT", device, "IoRegisterDeviceInterface for %p, which is no physical device, by %s", device,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_DEVICE_REQUEST;
    }
    if (strpbrk(text, "\\/"))
        return NT_STATUS_INVALID_DEVICE_REQUEST; /* documented: no path separators in the reference */
    if (!acquire_permitted("IoRegisterDeviceInterface"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_lock(&mutex);
    if (!find(link)) { /* registering again gives the same name */
        struct device_interface *one = calloc(1, sizeof(*one));
        if (!one)
            abort();
        one->device = device;
        memcpy(one->class, class, sizeof(one->class));
        strcpy(one->link, link);
        one->next = interfaces;
        interfaces = one;
    }
    pthread_mutex_unlock(&mutex);
    size_t bytes = 2 * strlen(link) + 2;
    name->Buffer = (uintptr_t)pool_allocate(bytes, STRING_TAG, NULL, call->return_address, true);
    name->Length = (uint16_t)(bytes - 2);
    name->MaximumLength = (uint16_t)bytes;
    nt_utf8_to_utf16(link, (uint16_t *)name->Buffer, bytes / 2);
    return NT_STATUS_SUCCESS;
}

/* NTSTATUS (PUNICODE_STRING SymbolicLinkName, BOOLEAN Enable) */
static uint64_t export_IoSetDeviceInterfaceState(struct export_call *call)
{
    char link[LINK_SIZE];
    uint32_t status = NT_STATUS_SUCCESS;
    nt_unicode_to_utf8(arg_pointer(call), link, sizeof(link));
    bool enable = arg_u8(call);
    pthread_mutex_lock(&mutex);
    struct device_interface *one = find(link);
    if (!one || (!enable && !one->enabled))
        status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
    else if (enable && one->enabled)
        status = NAME_EXISTS;
    else
        one->enabled = enable;
    pthread_mutex_unlock(&mutex);
    return status;
}

/* NTSTATUS (const GUID *, PDEVICE_OBJECT Pdo, ULONG Flags, PWSTR *SymbolicLinkList): the caller frees the list. */
static uint64_t export_IoGetDeviceInterfaces(struct export_call *call)
{
    const uint8_t *class = arg_pointer(call);
    const void *device = arg_pointer(call);
    uint32_t flags = arg_u32(call);
    uint16_t **result = arg_pointer(call), units[LIST_SIZE] = {0};
    size_t used = 0;
    if (!acquire_permitted("IoGetDeviceInterfaces"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_lock(&mutex);
    for (const struct device_interface *one = interfaces; one; one = one->next)
        if (memcmp(one->class, class, sizeof(one->class)) == 0 && (!device || one->device == device) &&
            (one->enabled || flags & INCLUDE_NONACTIVE) && used + strlen(one->link) + 2 < LIST_SIZE)
            used += nt_utf8_to_utf16(one->link, units + used, LIST_SIZE - used) + 1;
    pthread_mutex_unlock(&mutex);
    *result = pool_allocate(2 * (used + 1), STRING_TAG, NULL, call->return_address, true);
    memcpy(*result, units, 2 * used);
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_device_interface_exports[] = {
    EXPORT(IoRegisterDeviceInterface),
    EXPORT(IoSetDeviceInterfaceState),
    EXPORT(IoGetDeviceInterfaces),
    EXPORT_END,
};
