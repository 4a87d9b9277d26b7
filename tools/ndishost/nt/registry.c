/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry.c - keys by handle: IoOpenDeviceRegistryKey, ZwOpenKey, ZwCreateKey, ZwQueryValueKey and their like. */
#include "nt/registry.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "nt/registry_tree.h"

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    KEY_QUERY = 1,
    KEY_SET = 2,
    KEY_CREATE = 4,
    KEY_ENUMERATE = 8,
    KEY_DELETE = 0x10000,
    HARDWARE_KEY = 1,      /* PLUGPLAY_REGKEY_DEVICE */
    DRIVER_KEY = 2,        /* PLUGPLAY_REGKEY_DRIVER */
    BASIC_INFORMATION = 0, /* KEY_VALUE_INFORMATION_CLASS */
    FULL_INFORMATION = 1,
    PARTIAL_INFORMATION = 2,
    BASIC_HEADER = 12,   /* TitleIndex, Type, NameLength; name */
    FULL_HEADER = 20,    /* TitleIndex, Type, DataOffset, DataLength, NameLength; name, data */
    PARTIAL_HEADER = 12, /* TitleIndex, Type, DataLength; data */
    DATA_ALIGNMENT = 4,
    KEY_BASIC = 0, /* KEY_INFORMATION_CLASS */
    KEY_NODE = 1,
    KEY_FULL = 2,
    KEY_NAME = 3,
    HANDLE_LIMIT = 256,
    DISPOSITION_NEW = 1,
    DISPOSITION_OLD = 2
};
static const uint32_t ACCESS_DENIED = 0xC0000022, NO_MORE_BUFFER = 0xC0000023, OVERFLOWN = 0x80000005, NO_MORE_ENTRIES = 0x8000001A,
                      KEY_DELETED = 0xC000017C, CANNOT_DELETE = 0xC0000121;
static const uint32_t GENERIC_READ = 0x80000000, GENERIC_WRITE = 0x40000000, GENERIC_ALL = 0x10000000, MAXIMUM_ALLOWED = 0x02000000;
static const uintptr_t FIRST_HANDLE = 0x90000000u; /* those of threads begin at 0x80000000 */
#define SERVICES "Machine\\System\\CurrentControlSet\\Services\\"

struct device_keys {
    struct device_keys *next;
    const void *device;
    struct registry_key *hardware, *driver;
};

struct open_key {
    struct registry_key *key; /* NULL: the slot is free */
    uint32_t access;
};

/* Both under registry_lock(). */
static struct device_keys *devices;
static struct open_key handles[HANDLE_LIMIT];

/* ---- what the host puts there ---- */

static struct device_keys *device_find(const void *device)
{
    struct device_keys *keys = devices;
    while (keys && keys->device != device)
        keys = keys->next;
    return keys;
}

void registry_device_add(const void *physical_device)
{
    struct device_keys *keys = calloc(1, sizeof(*keys));
    if (!keys)
        abort();
    registry_lock();
    *keys = (struct device_keys){devices, physical_device, registry_child_make(NULL, "Device Parameters", 17),
                                 registry_child_make(NULL, "0000", 4)};
    devices = keys;
    registry_unlock();
}

void registry_device_remove(const void *physical_device)
{
    registry_lock();
    struct device_keys **link = &devices;
    while (*link && (*link)->device != physical_device)
        link = &(*link)->next;
    struct device_keys *keys = *link;
    if (keys) {
        *link = keys->next;
        registry_key_delete(keys->hardware);
        registry_key_delete(keys->driver);
        free(keys);
    }
    registry_unlock();
}

static void set_below(struct registry_key *key, const char *path, const char *text)
{
    char folder[REGISTRY_PATH_SIZE] = "";
    const char *name = strrchr(path, '\\');
    if (name && (size_t)(name - path) < sizeof(folder))
        memcpy(folder, path, (size_t)(name - path));
    registry_value_set_text(registry_walk(key, folder, true), name ? name + 1 : path, text);
}

void registry_device_set(const void *physical_device, const char *path, const char *text)
{
    registry_lock();
    struct device_keys *keys = device_find(physical_device);
    if (keys)
        set_below(keys->hardware, path, text);
    registry_unlock();
}

void registry_driver_set(const void *physical_device, const char *path, const char *text)
{
    registry_lock();
    struct device_keys *keys = device_find(physical_device);
    if (keys)
        set_below(keys->driver, path, text);
    registry_unlock();
}

void registry_service_add(const char *service)
{
    static const char *const roots[] = {"Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion", "Machine\\Hardware\\DeviceMap",
                                        "User\\.Default", "Machine\\System\\CurrentControlSet\\Control"};
    registry_lock();
    struct registry_key *services = registry_walk(registry_root(), SERVICES, true);
    struct registry_key *key = registry_child_make(services, service, strlen(service));
    registry_value_set_text(key, "Type", "dword:1");         /* SERVICE_KERNEL_DRIVER */
    registry_value_set_text(key, "Start", "dword:3");        /* SERVICE_DEMAND_START */
    registry_value_set_text(key, "ErrorControl", "dword:1"); /* SERVICE_ERROR_NORMAL */
    registry_value_set_text(key, "Group", "NDIS");
    for (size_t index = 0; index < sizeof(roots) / sizeof(roots[0]); index++)
        registry_walk(registry_root(), roots[index], true);
    registry_unlock();
}

/* ---- handles; lock held ---- */

static struct open_key *handle_find(uintptr_t handle)
{
    uintptr_t index = (handle - FIRST_HANDLE) / 4;
    bool is_one = handle >= FIRST_HANDLE && index < HANDLE_LIMIT && FIRST_HANDLE + 4 * index == handle && handles[index].key;
    return is_one ? &handles[index] : NULL;
}

struct registry_key *registry_key_of_handle(uintptr_t handle)
{
    struct open_key *open = handle_find(handle);
    return open && !open->key->deleted ? open->key : NULL;
}

/* What an access mask asks of a key. */
static uint32_t granted_by(uint32_t access)
{
    if (access & GENERIC_READ)
        access |= KEY_QUERY | KEY_ENUMERATE;
    if (access & GENERIC_WRITE)
        access |= KEY_SET | KEY_CREATE;
    if (access & (GENERIC_ALL | MAXIMUM_ALLOWED))
        access |= KEY_QUERY | KEY_ENUMERATE | KEY_SET | KEY_CREATE | KEY_DELETE;
    return access;
}

static uint32_t handle_open(struct registry_key *key, uint32_t access, uintptr_t *handle, uintptr_t who)
{
    for (unsigned i = 0; i < HANDLE_LIMIT; i++) {
        if (!handles[i].key) {
            registry_key_hold(key);
            handles[i] = (struct open_key){key, granted_by(access)};
            *handle = FIRST_HANDLE + 4 * (uintptr_t)i;
            track_acquire(TRACK_HANDLE, (void *)*handle, 0, NULL, who);
            return NT_STATUS_SUCCESS;
        }
    }
    return NT_STATUS_INSUFFICIENT_RESOURCES;
}

bool registry_close(uintptr_t handle)
{
    registry_lock();
    struct open_key *open = handle_find(handle);
    if (open) {
        registry_key_release(open->key);
        open->key = NULL;
        track_release(TRACK_HANDLE, (void *)handle);
    }
    registry_unlock();
    return open != NULL;
}

/* The key that a handle with `access` names; NULL and the status otherwise. */
static struct registry_key *key_of(uintptr_t handle, uint32_t access, uintptr_t who, uint32_t *status)
{
    struct open_key *open = handle_find(handle);
    char here[128];
    if (!open) {
        rule_violated("HOST-HANDLE", NULL, "0x%llx, used by %s, is not an open key", (unsigned long long)handle,
                      rules_describe_address(who, here, sizeof(here)));
        *status = NT_STATUS_INVALID_HANDLE;
        return NULL;
    }
    *status = open->key->deleted ? KEY_DELETED : (open->access & access) == access ? NT_STATUS_SUCCESS : ACCESS_DENIED;
    return *status == NT_STATUS_SUCCESS ? open->key : NULL;
}

/* ---- opening ---- */

/* NTSTATUS IoOpenDeviceRegistryKey(DEVICE_OBJECT *, ULONG DevInstKeyType, ACCESS_MASK, HANDLE *) */
static uint64_t export_IoOpenDeviceRegistryKey(struct export_call *call)
{
    const void *device = arg_pointer(call);
    uint32_t type = arg_u32(call), access = arg_u32(call), status = NT_STATUS_INVALID_PARAMETER;
    uintptr_t *handle = arg_pointer(call);
    *handle = 0;
    if (!acquire_permitted("IoOpenDeviceRegistryKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    registry_lock();
    struct device_keys *keys = device_find(device);
    if (!keys)
        status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
    else if (type == HARDWARE_KEY || type == DRIVER_KEY)
        status = handle_open(type == HARDWARE_KEY ? keys->hardware : keys->driver, access, handle, call->return_address);
    registry_unlock();
    return status;
}

/* Where a name begins: the key of a handle, or "\Registry" for a path that has no root. */
static struct registry_key *starting_key(const nt_OBJECT_ATTRIBUTES *attributes, char **path, uint32_t access, uintptr_t who,
                                         uint32_t *status)
{
    static const char prefix[] = "\\Registry";
    const size_t length = sizeof(prefix) - 1;
    if (attributes->RootDirectory)
        return key_of(attributes->RootDirectory, access, who, status);
    bool absolute = strncasecmp(*path, prefix, length) == 0 && ((*path)[length] == '\\' || !(*path)[length]);
    *status = absolute ? NT_STATUS_SUCCESS : NT_STATUS_OBJECT_NAME_NOT_FOUND;
    *path += absolute ? length + ((*path)[length] == '\\') : 0;
    return absolute ? registry_root() : NULL;
}

/* What is missing of the path is at most its last name, and may be made then. */
static uint32_t open_or_create(const nt_OBJECT_ATTRIBUTES *attributes, uint32_t access, bool create, uintptr_t *handle,
                               uint32_t *disposition, uintptr_t who)
{
    char text[REGISTRY_PATH_SIZE], *path = text;
    uint32_t status;
    nt_unicode_to_utf8((const void *)attributes->ObjectName, text, sizeof(text));
    struct registry_key *start = starting_key(attributes, &path, 0, who, &status);
    if (!start)
        return status;
    struct registry_key *key = registry_walk(start, path, false);
    *disposition = DISPOSITION_OLD;
    if (!key && create) {
        char *last = strrchr(path, '\\');
        if (last)
            *last = 0;
        struct registry_key *parent = last ? registry_walk(start, path, false) : start;
        const char *name = last ? last + 1 : path;
        /* Whoever makes a key below one that he holds by handle needs the right to. */
        if (parent && attributes->RootDirectory && !key_of(attributes->RootDirectory, KEY_CREATE, who, &status))
            return status;
        if (parent)
            key = registry_child_make(parent, name, strlen(name));
        *disposition = DISPOSITION_NEW;
    }
    return key ? handle_open(key, access, handle, who) : NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

static uint64_t open_key(struct export_call *call)
{
    uintptr_t *handle = arg_pointer(call);
    uint32_t access = arg_u32(call), disposition;
    const nt_OBJECT_ATTRIBUTES *attributes = arg_pointer(call);
    *handle = 0;
    if (!acquire_permitted(call->row->name))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    registry_lock();
    uint32_t status = open_or_create(attributes, access, false, handle, &disposition, call->return_address);
    registry_unlock();
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
    registry_lock();
    uint32_t status = open_or_create(attributes, access, true, handle, &made, call->return_address);
    registry_unlock();
    if (disposition && status == NT_STATUS_SUCCESS)
        *disposition = made;
    return status;
}

/* ---- values ---- */

/* As much of what was described as `length` bytes take; its whole length in *result. */
static uint32_t give(const uint8_t *whole, uint32_t needed, uint32_t header, void *information, uint32_t length, uint32_t *result)
{
    *result = needed;
    if (length < header)
        return NO_MORE_BUFFER;
    memcpy(information, whole, needed < length ? needed : length);
    return length < needed ? OVERFLOWN : NT_STATUS_SUCCESS;
}

static void *described(uint32_t needed)
{
    void *whole = calloc(1, needed + 64);
    if (!whole)
        abort();
    return whole;
}

static void put_name(uint8_t *place, const char *name)
{
    for (; *name; name++, place += 2)
        *place = (uint8_t)*name;
}

static uint32_t value_describe(const struct registry_value *value, uint32_t class, void *information, uint32_t length, uint32_t *result)
{
    const uint32_t name_length = 2 * (uint32_t)strlen(value->name);
    const uint32_t data_offset = (FULL_HEADER + name_length + DATA_ALIGNMENT - 1) / DATA_ALIGNMENT * DATA_ALIGNMENT;
    uint32_t words[FULL_HEADER / 4] = {0, value->type, class == BASIC_INFORMATION ? name_length : value->length};
    uint32_t header = class == BASIC_INFORMATION ? BASIC_HEADER : PARTIAL_HEADER;
    uint32_t needed = header + words[2];
    if (class == FULL_INFORMATION) {
        header = FULL_HEADER;
        needed = data_offset + value->length;
        words[2] = data_offset;
        words[3] = value->length;
        words[4] = name_length;
    }
    uint8_t *whole = described(needed);
    memcpy(whole, words, header);
    if (class != PARTIAL_INFORMATION)
        put_name(whole + header, value->name);
    if (class != BASIC_INFORMATION && value->length)
        memcpy(whole + needed - value->length, value->data, value->length);
    uint32_t status = give(whole, needed, header, information, length, result);
    free(whole);
    return status;
}

/* NTSTATUS ZwQueryValueKey(HANDLE, UNICODE_STRING *, KEY_VALUE_INFORMATION_CLASS, VOID *, ULONG Length, ULONG *ResultLength) */
static uint64_t export_ZwQueryValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    char name[REGISTRY_NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    uint32_t class = arg_u32(call), status;
    uint8_t *information = arg_pointer(call);
    uint32_t length = arg_u32(call), *result = arg_pointer(call);
    if (class > PARTIAL_INFORMATION)
        return NT_STATUS_INVALID_PARAMETER; /* the aligned ones are for 64-bit readers of 32-bit buffers */
    registry_lock();
    struct registry_key *key = key_of(handle, KEY_QUERY, call->return_address, &status);
    if (key) {
        const struct registry_value *value = registry_value(key, name);
        status = value ? value_describe(value, class, information, length, result) : NT_STATUS_OBJECT_NAME_NOT_FOUND;
    }
    registry_unlock();
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
    registry_lock();
    struct registry_key *key = key_of(handle, KEY_QUERY, call->return_address, &status);
    if (key) {
        const struct registry_value *value = registry_value_at(key, index);
        status = value ? value_describe(value, class, information, length, result) : NO_MORE_ENTRIES;
    }
    registry_unlock();
    return status;
}

/* NTSTATUS ZwSetValueKey(HANDLE, UNICODE_STRING *, ULONG TitleIndex, ULONG Type, VOID *Data, ULONG DataSize) */
static uint64_t export_ZwSetValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    char name[REGISTRY_NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    arg_u32(call);
    uint32_t type = arg_u32(call), status;
    const void *data = arg_pointer(call);
    uint32_t length = arg_u32(call);
    if (!acquire_permitted("ZwSetValueKey"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    if (length > REGISTRY_DATA_MOST) {
        rule_violated("HOST-ARGUMENT", NULL, "ZwSetValueKey with a value of %u bytes", length);
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    }
    registry_lock();
    struct registry_key *key = key_of(handle, KEY_SET, call->return_address, &status);
    if (key)
        registry_value_set(key, name, type, data, length);
    registry_unlock();
    return status;
}

/* NTSTATUS ZwDeleteValueKey(HANDLE, UNICODE_STRING *) */
static uint64_t export_ZwDeleteValueKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    char name[REGISTRY_NAME_SIZE];
    nt_unicode_to_utf8(arg_pointer(call), name, sizeof(name));
    uint32_t status;
    registry_lock();
    struct registry_key *key = key_of(handle, KEY_SET, call->return_address, &status);
    if (key && !registry_value_delete(key, name))
        status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
    registry_unlock();
    return status;
}

/* ---- keys ---- */

static void key_path(const struct registry_key *key, char *path, size_t size)
{
    size_t used = 0;
    if (key->parent) {
        key_path(key->parent, path, size);
        used = strlen(path);
    }
    if (used + 2 + strlen(key->name) <= size) {
        path[used] = '\\';
        strcpy(path + used + 1, key->name);
    }
}

static uint32_t longest_name_of_children(const struct registry_key *key, uint32_t *count)
{
    uint32_t longest = 0;
    *count = 0;
    for (const struct registry_key *child = key->children; child; child = child->next, ++*count)
        if (2 * strlen(child->name) > longest)
            longest = 2 * (uint32_t)strlen(child->name);
    return longest;
}

static void full_information(const struct registry_key *key, nt_KEY_FULL_INFORMATION *full)
{
    uint32_t count;
    full->MaxNameLen = longest_name_of_children(key, &count);
    full->SubKeys = count;
    full->ClassOffset = UINT32_MAX;
    count = 0;
    for (const struct registry_value *value = key->values; value; value = value->next, count++) {
        if (2 * strlen(value->name) > full->MaxValueNameLen)
            full->MaxValueNameLen = 2 * (uint32_t)strlen(value->name);
        if (value->length > full->MaxValueDataLen)
            full->MaxValueDataLen = value->length;
    }
    full->Values = count;
}

static uint32_t key_describe(const struct registry_key *key, uint32_t class, void *information, uint32_t length, uint32_t *result)
{
    char name[REGISTRY_PATH_SIZE] = "";
    uint32_t header = class == KEY_BASIC  ? offsetof(nt_KEY_BASIC_INFORMATION, Name)
                      : class == KEY_NODE ? offsetof(nt_KEY_NODE_INFORMATION, Name)
                      : class == KEY_FULL ? offsetof(nt_KEY_FULL_INFORMATION, Class)
                                          : 4;
    if (class == KEY_NAME)
        key_path(key, name, sizeof(name));
    else if (class != KEY_FULL)
        strcpy(name, key->name);
    uint32_t name_length = 2 * (uint32_t)strlen(name), needed = header + name_length;
    uint8_t *whole = described(needed);
    if (class == KEY_BASIC) {
        ((nt_KEY_BASIC_INFORMATION *)whole)->NameLength = name_length;
    } else if (class == KEY_NODE) {
        ((nt_KEY_NODE_INFORMATION *)whole)->ClassOffset = UINT32_MAX;
        ((nt_KEY_NODE_INFORMATION *)whole)->NameLength = name_length;
    } else if (class == KEY_FULL) {
        full_information(key, (nt_KEY_FULL_INFORMATION *)whole);
    } else {
        memcpy(whole, &name_length, sizeof(name_length));
    }
    put_name(whole + header, name);
    uint32_t status = give(whole, needed, header, information, length, result);
    free(whole);
    return status;
}

/* NTSTATUS ZwQueryKey(HANDLE, KEY_INFORMATION_CLASS, VOID *, ULONG Length, ULONG *ResultLength) */
static uint64_t export_ZwQueryKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    uint32_t class = arg_u32(call), status;
    uint8_t *information = arg_pointer(call);
    uint32_t length = arg_u32(call), *result = arg_pointer(call);
    if (class > KEY_NAME)
        return NT_STATUS_INVALID_PARAMETER;
    registry_lock();
    struct registry_key *key = key_of(handle, class == KEY_NAME ? 0 : KEY_QUERY, call->return_address, &status);
    if (key)
        status = key_describe(key, class, information, length, result);
    registry_unlock();
    return status;
}

/* NTSTATUS ZwEnumerateKey(HANDLE, ULONG Index, KEY_INFORMATION_CLASS, VOID *, ULONG Length, ULONG *ResultLength) */
static uint64_t export_ZwEnumerateKey(struct export_call *call)
{
    uintptr_t handle = arg_word(call);
    uint32_t index = arg_u32(call), class = arg_u32(call), status;
    uint8_t *information = arg_pointer(call);
    uint32_t length = arg_u32(call), *result = arg_pointer(call);
    if (class > KEY_FULL)
        return NT_STATUS_INVALID_PARAMETER;
    registry_lock();
    struct registry_key *key = key_of(handle, KEY_ENUMERATE, call->return_address, &status);
    if (key) {
        const struct registry_key *child = key->children;
        while (child && index--)
            child = child->next;
        status = child ? key_describe(child, class, information, length, result) : NO_MORE_ENTRIES;
    }
    registry_unlock();
    return status;
}

/* NTSTATUS ZwDeleteKey(HANDLE): a key with keys below it stays. */
static uint64_t export_ZwDeleteKey(struct export_call *call)
{
    uint32_t status;
    registry_lock();
    struct registry_key *key = key_of(arg_word(call), KEY_DELETE, call->return_address, &status);
    if (key && (key->children || !key->parent))
        status = CANNOT_DELETE;
    else if (key)
        registry_key_delete(key);
    registry_unlock();
    return status;
}

/* NTSTATUS ZwFlushKey(HANDLE): there is nothing behind the memory that it could be written to. */
static uint64_t export_ZwFlushKey(struct export_call *call)
{
    uint32_t status;
    registry_lock();
    key_of(arg_word(call), 0, call->return_address, &status);
    registry_unlock();
    return status;
}

const struct export_row nt_registry_exports[] = {
    EXPORT(IoOpenDeviceRegistryKey),
    {"ZwOpenKey", open_key, 0},
    {"ZwOpenKeyEx", open_key, 0}, /* its options are about restore privileges */
    EXPORT(ZwCreateKey),
    EXPORT(ZwQueryValueKey),
    EXPORT(ZwEnumerateValueKey),
    EXPORT(ZwSetValueKey),
    EXPORT(ZwDeleteValueKey),
    EXPORT(ZwQueryKey),
    EXPORT(ZwEnumerateKey),
    EXPORT(ZwDeleteKey),
    EXPORT(ZwFlushKey),
    EXPORT_END,
};
