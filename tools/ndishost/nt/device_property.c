/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device_property.c - IoGetDeviceProperty: what the bus driver and the installation say of a physical device. */
#include "nt/device_property.h"
#include "nt/exports.h"
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_SIZE = 512, PCI_BUS = 5 /* INTERFACE_TYPE */, INTERNAL_BUS = 0, REMOVAL_NOT_EXPECTED = 1 };
#define NET_CLASS "{4d36e972-e325-11ce-bfc1-08002be10318}"
#define LIST_END  '\x01' /* between the strings of a list, while it is a C string */

struct device {
    struct device *next;
    const void *object;
    struct device_identity identity;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct device *devices;

void device_property_add(const void *physical_device, const struct device_identity *identity)
{
    struct device *device = calloc(1, sizeof(*device));
    if (!device)
        abort();
    pthread_mutex_lock(&mutex);
    *device = (struct device){devices, physical_device, *identity};
    devices = device;
    pthread_mutex_unlock(&mutex);
}

void device_property_remove(const void *physical_device)
{
    device_interfaces_remove(physical_device);
    pthread_mutex_lock(&mutex);
    struct device **link = &devices;
    while (*link && (*link)->object != physical_device)
        link = &(*link)->next;
    struct device *device = *link;
    if (device)
        *link = device->next;
    pthread_mutex_unlock(&mutex);
    free(device);
}

static bool find(const void *object, struct device_identity *identity)
{
    pthread_mutex_lock(&mutex);
    const struct device *device = devices;
    while (device && device->object != object)
        device = device->next;
    if (device)
        *identity = device->identity;
    pthread_mutex_unlock(&mutex);
    return device != NULL;
}

/* ---- texts ---- */

static void put_instance(const struct device_identity *id, char *text, size_t size)
{
    if (!id->on_pci)
        snprintf(text, size, "ROOT\\NET\\%04u", id->number);
    else
        snprintf(text, size, "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%04X%04X&REV_%02X\\3&11583659&0&%02X", id->vendor, id->device, id->subsystem,
                 id->subsystem_vendor, id->revision, id->number << 3);
}

bool device_property_instance(const void *physical_device, char *text, unsigned size)
{
    struct device_identity identity;
    if (!find(physical_device, &identity))
        return false;
    put_instance(&identity, text, size);
    return true;
}

/* As the PCI bus driver lists them, most specific first. */
static void put_hardware_ids(const struct device_identity *id, char *text)
{
    if (!id->on_pci)
        snprintf(text, TEXT_SIZE, "ROOT\\NET%c", LIST_END);
    else
        snprintf(text, TEXT_SIZE,
                 "PCI\\VEN_%04X&DEV_%04X&SUBSYS_%04X%04X&REV_%02X%cPCI\\VEN_%04X&DEV_%04X&SUBSYS_%04X%04X%c"
                 "PCI\\VEN_%04X&DEV_%04X&CC_%02X%02X%02X%cPCI\\VEN_%04X&DEV_%04X&CC_%02X%02X%c",
                 id->vendor, id->device, id->subsystem, id->subsystem_vendor, id->revision, LIST_END, id->vendor, id->device, id->subsystem,
                 id->subsystem_vendor, LIST_END, id->vendor, id->device, id->base_class, id->sub_class, id->interface, LIST_END, id->vendor,
                 id->device, id->base_class, id->sub_class, LIST_END);
}

static void put_compatible_ids(const struct device_identity *id, char *text)
{
    if (id->on_pci)
        snprintf(text, TEXT_SIZE,
                 "PCI\\VEN_%04X&DEV_%04X&REV_%02X%cPCI\\VEN_%04X&DEV_%04X%cPCI\\VEN_%04X&CC_%02X%02X%cPCI\\VEN_%04X%cPCI\\CC_%02X%02X%02X%c"
                 "PCI\\CC_%02X%02X%c",
                 id->vendor, id->device, id->revision, LIST_END, id->vendor, id->device, LIST_END, id->vendor, id->base_class,
                 id->sub_class, LIST_END, id->vendor, LIST_END, id->base_class, id->sub_class, id->interface, LIST_END, id->base_class,
                 id->sub_class, LIST_END);
}

/* False: it is no text. An empty one: this device has none. */
static bool put_text(const struct device_identity *id, uint32_t property, char *text)
{
    text[0] = 0;
    switch (property) {
    case NT_DevicePropertyDeviceDescription:
    case NT_DevicePropertyFriendlyName:
        snprintf(text, TEXT_SIZE, "Network adapter %u", id->number);
        return true;
    case NT_DevicePropertyHardwareID:
        put_hardware_ids(id, text);
        return true;
    case NT_DevicePropertyCompatibleIDs:
        put_compatible_ids(id, text);
        return true;
    case NT_DevicePropertyClassName:
        strcpy(text, "Net");
        return true;
    case NT_DevicePropertyClassGuid:
        strcpy(text, NET_CLASS);
        return true;
    case NT_DevicePropertyDriverKeyName:
        snprintf(text, TEXT_SIZE, NET_CLASS "\\%04u", id->number);
        return true;
    case NT_DevicePropertyManufacturer:
        strcpy(text, "ndishost");
        return true;
    case NT_DevicePropertyLocationInformation:
        if (id->on_pci)
            snprintf(text, TEXT_SIZE, "PCI bus 0, device %u, function 0", id->number);
        return true;
    case NT_DevicePropertyPhysicalDeviceObjectName:
        snprintf(text, TEXT_SIZE, id->on_pci ? "\\Device\\NTPNP_PCI%04u" : "\\Device\\%08u", id->number);
        return true;
    case NT_DevicePropertyEnumeratorName:
        strcpy(text, id->on_pci ? "PCI" : "ROOT");
        return true;
    default:
        return false;
    }
}

/* UTF-16 into zeroed bytes, with the zero that ends it: behind the last string of a list, which has one of its own, the second one. */
static uint32_t encode(const char *text, uint8_t *bytes)
{
    uint32_t used = 0;
    for (; *text; text++, used += 2)
        bytes[used] = *text == LIST_END ? 0 : (uint8_t)*text;
    return used + 2;
}

/* ---- numbers ---- */

static const uint8_t pci_bus_guid[16] = {0xB0, 0xDF, 0xEB, 0xC8, 0x10, 0xB5, 0xD0, 0x11, 0x80, 0xE5, 0x00, 0xA0, 0xC9, 0x25, 0x42, 0xE3};

/* The length; 0: this device does not have it. */
static uint32_t put_number(const struct device_identity *id, uint32_t property, uint8_t *bytes)
{
    uint32_t value;
    switch (property) {
    case NT_DevicePropertyBusTypeGuid:
        memcpy(bytes, pci_bus_guid, sizeof(pci_bus_guid));
        return id->on_pci ? sizeof(pci_bus_guid) : 0;
    case NT_DevicePropertyLegacyBusType:
        value = id->on_pci ? PCI_BUS : INTERNAL_BUS;
        break;
    case NT_DevicePropertyBusNumber:
        if (!id->on_pci)
            return 0;
        value = 0;
        break;
    case NT_DevicePropertyAddress:
        if (!id->on_pci)
            return 0;
        value = id->number << 16; /* device, function */
        break;
    case NT_DevicePropertyInstallState:
        value = 0; /* installed */
        break;
    case NT_DevicePropertyRemovalPolicy:
        value = REMOVAL_NOT_EXPECTED;
        break;
    default: /* resources, user-interface number, container: of this device nobody knows them */
        return 0;
    }
    memcpy(bytes, &value, sizeof(value));
    return sizeof(value);
}

/* NTSTATUS IoGetDeviceProperty(PDEVICE_OBJECT, DEVICE_REGISTRY_PROPERTY, ULONG BufferLength, PVOID Buffer, PULONG ResultLength) */
static uint64_t export_IoGetDeviceProperty(struct export_call *call)
{
    const void *object = arg_pointer(call);
    uint32_t property = arg_u32(call), length = arg_u32(call);
    void *buffer = arg_pointer(call);
    uint32_t *result = arg_pointer(call);
    struct device_identity identity;
    char text[TEXT_SIZE], here[128];
    uint8_t bytes[2 * TEXT_SIZE + 4] = {0};
    *result = 0;
    if (!find(object, &identity)) {
        rule_violated("HOST-DEVICE-OBJECT", object, "IoGetDeviceProperty of %p, which is no physical device, by %s", object,
                      rules_describe_address(call->return_address, here, sizeof(here)));
        return NT_STATUS_INVALID_DEVICE_REQUEST;
    }
    if (property > NT_DevicePropertyContainerID)
        return NT_STATUS_INVALID_PARAMETER;
    uint32_t needed = put_text(&identity, property, text) ? (*text ? encode(text, bytes) : 0) : put_number(&identity, property, bytes);
    if (!needed)
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    *result = needed;
    if (length < needed)
        return NT_STATUS_BUFFER_TOO_SMALL;
    memcpy(buffer, bytes, needed);
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_device_property_exports[] = {
    EXPORT(IoGetDeviceProperty),
    EXPORT_END,
};
