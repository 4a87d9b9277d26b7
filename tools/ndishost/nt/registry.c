/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry.c - hardware keys: IoOpenDeviceRegistryKey, ZwOpenKey, ZwCreateKey, ZwQueryValueKey, ZwEnumerateValueKey, ZwSetValueKey. */
#include "nt/registry.h"
#include "nt/exports.h"
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    KEY_QUERY = 1,
    KEY_SET = 2,
    KEY_CREATE = 4,
    HARDWARE_KEY = 1,      /* PLUGPLAY_REGKEY_DEVICE */
    BASIC_INFORMATION = 0, /* KEY_VALUE_INFORMATION_CLASS */
    FULL_INFORMATION = 1,
    PARTIAL_INFORMATION = 2,
    BASIC_HEADER = 12,   /* TitleIndex, Type, NameLength; name */
    FULL_HEADER = 20,    /* TitleIndex, Type, DataOffset, DataLength, NameLength; name, data */
    PARTIAL_HEADER = 12, /* TitleIndex, Type, DataLength; data */
    DATA_ALIGNMENT = 4,
    DATA_MOST = 1 << 20, /* what Windows takes for a value at most */
    TYPE_STRING = 1,
    TYPE_DWORD = 4,
    TYPE_MULTI = 7,
    NAME_SIZE = 128,
    HANDLE_LIMIT = 256,
    DISPOSITION_NEW = 1,
    DISPOSITION_OLD = 2
};
static const uint32_t ACCESS_DENIED = 0xC0000022, NO_MORE_BUFFER = 0xC0000023, OVERFLOWN = 0x80000005, NO_MORE_ENTRIES = 0x8000001A,
                      KEY_DELETED = 0xC000017C;
static const uintptr_t FIRST_HANDLE = 0x90000000u; /* those of threads begin at 0x80000000 */

struct value {
    struct value *next;
    char name[NAME_SIZE];
    uint32_t type, length;
    uint8_t *data;
};

struct key {
    struct key *next, *children;
    const void *device; /* of a device's key; else NULL */
    struct value *values;
    char name[NAME_SIZE];
};

struct open_key {
    struct key *key; /* NULL: the key is gone */
    uint32_t access;
    bool open; /* else the slot is free */
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards everything below */
static struct key devices;
static struct open_key handles[HANDLE_LIMIT];

/* ---- the tree ---- */

static void *allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

static struct key *child_find(struct key *key, const char *name, size_t length)
{
    for (struct key *child = key->children; child; child = child->next)
        if (strlen(child->name) == length && strncasecmp(child->name, name, length) == 0)
            return child;
    return NULL;
}

static struct key *child_add(struct key *key, const char *name, size_t length)
{
    struct key *child = allocate(sizeof(*child));
    memcpy(child->name, name, length < NAME_SIZE - 1 ? length : NAME_SIZE - 1);
    child->next = key->children;
    key->children = child;
    return child;
}

static void value_set(struct key *key, const char *name, uint32_t type, const void *data, uint32_t length)
{
    struct value *value = key->values;
    while (value && strcasecmp(value->name, name) != 0)
        value = value->next;
    if (!value) {
        value = allocate(sizeof(*value));
        strncpy(value->name, name, NAME_SIZE - 1);
        value->next = key->values;
        key->values = value;
    }
    free(value->data);
    value->type = type;
    value->length = length;
    value->data = allocate(length);
    memcpy(value->data, data, length);
}

/* A handle outlives its key: it can still be closed. */
static void handles_forget(const struct key *key)
{
    for (unsigned i = 0; i < HANDLE_LIMIT; i++)
        if (handles[i].key == key)
            handles[i].key = NULL;
}

static void key_clear(struct key *key)
{
    handles_forget(key);
    for (struct value *value = key->values, *next; value; value = next) {
        next = value->next;
        free(value->data);
        free(value);
    }
    for (struct key *child = key->children, *next; child; child = next) {
        next = child->next;
        key_clear(child);
        free(child);
    }
}

static struct key *device_find(const void *device)
{
    struct key *key = devices.children;
    while (key && key->device != device)
        key = key->next;
    return key;
}

void registry_device_add(const void *physical_device)
{
    pthread_mutex_lock(&mutex);
    child_add(&devices, "Device Parameters", strlen("Device Parameters"))->device = physical_device;
    pthread_mutex_unlock(&mutex);
}

void registry_device_remove(const void *physical_device)
{
    pthread_mutex_lock(&mutex);
    for (struct key **link = &devices.children; *link; link = &(*link)->next) {
        struct key *key = *link;
        if (key->device == physical_device) {
            *link = key->next;
            key_clear(key);
            free(key);
            break;
        }
    }
    pthread_mutex_unlock(&mutex);
}

void registry_device_set(const void *physical_device, const char *path, const char *text)
{
    uint16_t units[1024] = {0};
    size_t count = 0;
    pthread_mutex_lock(&mutex);
    struct key *key = device_find(physical_device);
    for (const char *end; key && (end = strchr(path, '\\')); path = end + 1) {
        struct key *child = child_find(key, path, (size_t)(end - path));
        key = child ? child : child_add(key, path, (size_t)(end - path));
    }
    if (key && strncmp(text, "dword:", 6) == 0) {
        uint32_t number = (uint32_t)strtoul(text + 6, NULL, 0);
        value_set(key, path, TYPE_DWORD, &number, sizeof(number));
    } else if (key) {
        bool multi = strncmp(text, "multi:", 6) == 0;
        for (const char *at = multi ? text + 6 : text; *at && count < 1020; at++)
            units[count++] = multi && *at == ';' ? 0 : (uint8_t)*at;
        count += multi && count ? 2 : 1;
        value_set(key, path, multi ? TYPE_MULTI : TYPE_STRING, units, (uint32_t)(count * 2));
    }
    pthread_mutex_unlock(&mutex);
}

/* ---- handles; lock held ---- */

static struct open_key *handle_find(uintptr_t handle)
{
    uintptr_t index = (handle - FIRST_HANDLE) / 4;
    bool is_one = handle >= FIRST_HANDLE && index < HANDLE_LIMIT && FIRST_HANDLE + 4 * index == handle && handles[index].open;
    return is_one ? &handles[index] : NULL;
}

static uint32_t handle_open(struct key *key, uint32_t access, uintptr_t *handle, uintptr_t who)
{
    for (unsigned i = 0; i < HANDLE_LIMIT; i++) {
        if (!handles[i].open) {
            handles[i] = (struct open_key){key, access, true};
            *handle = FIRST_HANDLE + 4 * (uintptr_t)i;
            track_acquire(TRACK_HANDLE, (void *)*handle, 0, NULL, who);
            return NT_STATUS_SUCCESS;
        }
    }
    return NT_STATUS_INSUFFICIENT_RESOURCES;
}

bool registry_close(uintptr_t handle)
{
    pthread_mutex_lock(&mutex);
    struct open_key *open = handle_find(handle);
    if (open) {
        open->open = false;
        track_release(TRACK_HANDLE, (void *)handle);
    }
    pthread_mutex_unlock(&mutex);
    return open != NULL;
}

/* The key that a handle with `access` names; NULL and the status otherwise. */
static struct key *key_of(uintptr_t handle, uint32_t access, uintptr_t who, uint32_t *status)
{
    struct open_key *open = handle_find(handle);
    char here[128];
    if (!open) {
        rule_violated("HOST-HANDLE", NULL, "0x%llx, used by %s, is not an open key", (unsigned long long)handle,
                      rules_describe_address(who, here, sizeof(here)));
        *status = NT_STATUS_INVALID_HANDLE;
        return NULL;
    }
    *status = !open->key ? KEY_DELETED : (open->access & access) == access ? NT_STATUS_SUCCESS : ACCESS_DENIED;
    return *status == NT_STATUS_SUCCESS ? open->key : NULL;
}

/* ---- exports ---- */

/* NTSTATUS IoOpenDeviceRegistryKey(DEVICE_OBJECT *, ULONG DevInstKeyType, ACCESS_MASK, HANDLE *) */
static uint64_t export_IoOpenDeviceRegistryKey(struct export_call *call)
{
    const void *device = arg_pointer(call);
    uint32_t type = arg_u32(call), access = arg_u32(call), status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
    uintptr_t *handle = arg_pointer(call);
    *handle = 0;
    if (!acquire_permitted("IoOpenDeviceRegistryKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_lock(&mutex);
    struct key *key = device_find(device);
    if (key && type == HARDWARE_KEY)
        status = handle_open(key, access, handle, call->return_address);
    pthread_mutex_unlock(&mutex);
    return status;
}

static uint32_t open_or_create(const nt_OBJECT_ATTRIBUTES *attributes, uint32_t access, bool create, uintptr_t *handle,
                               uint32_t *disposition, uintptr_t who)
{
    char path[512];
    uint32_t status;
    nt_unicode_to_utf8((const void *)attributes->ObjectName, path, sizeof(path));
    struct key *key = key_of(attributes->RootDirectory, create ? KEY_CREATE : 0, who, &status);
    if (!key)
        return status;
    *disposition = DISPOSITION_OLD;
    for (const char *at = path; *at;) {
        size_t length = strcspn(at, "\\");
        struct key *child = child_find(key, at, length);
        bool last = !at[length];
        if (!child && create && last && length) {
            child = child_add(key, at, length);
            *disposition = DISPOSITION_NEW;
        }
        if (!child)
            return NT_STATUS_OBJECT_NAME_NOT_FOUND; /* ZwCreateKey makes one key, not a path */
        key = child;
        at += length + !last;
    }
    return handle_open(key, access, handle, who);
}

/* NTSTATUS ZwOpenKey(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *) */
static uint64_t export_ZwOpenKey(struct export_call *call)
{
    uintptr_t *handle = arg_pointer(call);
    uint32_t access = arg_u32(call), disposition;
    const nt_OBJECT_ATTRIBUTES *attributes = arg_pointer(call);
    *handle = 0;
    if (!acquire_permitted("ZwOpenKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_lock(&mutex);
    uint32_t status = open_or_create(attributes, access, false, handle, &disposition, call->return_address);
    pthread_mutex_unlock(&mutex);
    return status;
}

/* NTSTATUS ZwCreateKey(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, ULONG TitleIndex, UNICODE_STRING *Class, ULONG Options, ULONG *) */
static uint64_t export_ZwCreateKey(struct export_call *call)
{
    uintptr_t *handle = arg_pointer(call);
    uint32_t access = arg_u32(call), made = 0;
    const nt_OBJECT_ATTRIBUTES *attributes = arg_pointer(call);
    arg_u32(call);
    arg_pointer(call);
    arg_u32(call);
    uint32_t *disposition = arg_pointer(call);
    *handle = 0;
    if (!acquire_permitted("ZwCreateKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    pthread_mutex_lock(&mutex);
    uint32_t status = open_or_create(attributes, access, true, handle, &made, call->return_address);
    pthread_mutex_unlock(&mutex);
    if (disposition && status == NT_STATUS_SUCCESS)
        *disposition = made;
    return status;
}

/* The value in the form of a class, as much of it as `length` bytes take; its whole length in *result. */
static uint32_t value_describe(const struct value *value, uint32_t class, uint8_t *information, uint32_t length, uint32_t *result)
{
    const uint32_t name_length = 2 * (uint32_t)strlen(value->name);
    const uint32_t data_offset = (FULL_HEADER + name_length + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
    uint32_t words[FULL_HEADER / 4] = {0, value->type, class == BASIC_INFORMATION ? name_length : value->length};
    uint32_t header = class == BASIC_INFORMATION ? BASIC_HEADER : PARTIAL_HEADER;
    uint32_t needed = header + words[2], name_at = header;
    if (class == FULL_INFORMATION) {
        header = name_at = FULL_HEADER;
        needed = data_offset + value->length;
        words[2] = data_offset;
        words[3] = value->length;
        words[4] = name_length;
    }
    *result = needed;
    if (length < header)
        return NO_MORE_BUFFER;
    uint8_t *whole = allocate(needed);
    memcpy(whole, words, header);
    for (uint32_t i = 0; class != PARTIAL_INFORMATION && i < name_length / 2; i++)
        whole[name_at + 2 * i] = (uint8_t)value->name[i];
    if (class != BASIC_INFORMATION)
        memcpy(whole + needed - value->length, value->data, value->length);
    memcpy(information, whole, needed < length ? needed : length);
    free(whole);
    return length < needed ? OVERFLOWN : NT_STATUS_SUCCESS;
}

/* NTSTATUS ZwQueryValueKey(HANDLE, UNICODE_STRING *, KEY_VALUE_INFORMATION_CLASS, VOID *, ULONG Length, ULONG *ResultLength) */
static uint64_t export_ZwQueryValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    char name[NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    uint32_t class = arg_u32(call), status;
    uint8_t *information = arg_pointer(call);
    uint32_t length = arg_u32(call), *result = arg_pointer(call);
    if (class > PARTIAL_INFORMATION)
        return NT_STATUS_INVALID_PARAMETER; /* the aligned ones are for 64-bit readers of 32-bit buffers */
    pthread_mutex_lock(&mutex);
    struct key *key = key_of(handle, KEY_QUERY, call->return_address, &status);
    struct value *value = key ? key->values : NULL;
    while (value && strcasecmp(value->name, name) != 0)
        value = value->next;
    if (key)
        status = value ? value_describe(value, class, information, length, result) : NT_STATUS_OBJECT_NAME_NOT_FOUND;
    pthread_mutex_unlock(&mutex);
    return status;
}

/* NTSTATUS ZwEnumerateValueKey(HANDLE, ULONG Index, KEY_VALUE_INFORMATION_CLASS, VOID *, ULONG Length, ULONG *ResultLength) */
static uint64_t export_ZwEnumerateValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    uint32_t index = arg_u32(call), class = arg_u32(call), status;
    uint8_t *information = arg_pointer(call);
    uint32_t length = arg_u32(call), *result = arg_pointer(call);
    if (class > PARTIAL_INFORMATION)
        return NT_STATUS_INVALID_PARAMETER;
    pthread_mutex_lock(&mutex);
    struct key *key = key_of(handle, KEY_QUERY, call->return_address, &status);
    struct value *value = key ? key->values : NULL;
    while (value && index--)
        value = value->next;
    if (key)
        status = value ? value_describe(value, class, information, length, result) : NO_MORE_ENTRIES;
    pthread_mutex_unlock(&mutex);
    return status;
}

/* NTSTATUS ZwSetValueKey(HANDLE, UNICODE_STRING *, ULONG TitleIndex, ULONG Type, VOID *Data, ULONG DataSize) */
static uint64_t export_ZwSetValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    char name[NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    arg_u32(call);
    uint32_t type = arg_u32(call), status;
    const void *data = arg_pointer(call);
    uint32_t length = arg_u32(call);
    if (!acquire_permitted("ZwSetValueKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    if (length > DATA_MOST) {
        rule_violated("HOST-ARGUMENT", NULL, "ZwSetValueKey with a value of %u bytes", length);
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    }
    pthread_mutex_lock(&mutex);
    struct key *key = key_of(handle, KEY_SET, call->return_address, &status);
    if (key)
        value_set(key, name, type, data, length);
    pthread_mutex_unlock(&mutex);
    return status;
}

const struct export_row nt_registry_exports[] = {
    EXPORT(IoOpenDeviceRegistryKey), EXPORT(ZwOpenKey),     EXPORT(ZwCreateKey), EXPORT(ZwQueryValueKey),
    EXPORT(ZwEnumerateValueKey),     EXPORT(ZwSetValueKey), EXPORT_END,
};
