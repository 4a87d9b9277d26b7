/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry_table.c - values by path: RtlQueryRegistryValues with its query tables, RtlWriteRegistryValue and their like. */
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

enum { STRING_TAG = 0x67727453 /* "Strg": what RtlFreeUnicodeString frees */, ENTRY_LIMIT = 256 };

/* ---- paths ---- */

static void wide_to_text(const uint16_t *units, char *text, size_t size)
{
    size_t count = 0;
    for (; units && units[count] && count < size - 1; count++)
        text[count] = units[count] < 0x80 ? (char)units[count] : '?';
    text[count] = 0;
}

/* Lock held. NULL: there is none, or the handle is none (reported). */
static struct registry_key *base_key(uint32_t relative_to, const uint16_t *path, bool make, uintptr_t who)
{
    static const char *const bases[] = {
        [NT_RTL_REGISTRY_ABSOLUTE] = "",
        [NT_RTL_REGISTRY_SERVICES] = "Machine\\System\\CurrentControlSet\\Services",
        [NT_RTL_REGISTRY_CONTROL] = "Machine\\System\\CurrentControlSet\\Control",
        [NT_RTL_REGISTRY_WINDOWS_NT] = "Machine\\Software\\Microsoft\\Windows NT\\CurrentVersion",
        [NT_RTL_REGISTRY_DEVICEMAP] = "Machine\\Hardware\\DeviceMap",
        [NT_RTL_REGISTRY_USER] = "User\\.Default",
    };
    char text[REGISTRY_PATH_SIZE], here[128], *rest = text;
    uint32_t base = relative_to & ~(NT_RTL_REGISTRY_HANDLE | NT_RTL_REGISTRY_OPTIONAL);
    if (relative_to & NT_RTL_REGISTRY_HANDLE) { /* `path` is the handle */
        struct registry_key *key = registry_key_of_handle((uintptr_t)path);
        if (!key)
            rule_violated("HOST-HANDLE", NULL, "0x%llx, used by %s, is not an open key", (unsigned long long)(uintptr_t)path,
                          rules_describe_address(who, here, sizeof(here)));
        return key;
    }
    if (base >= sizeof(bases) / sizeof(bases[0]))
        return NULL;
    wide_to_text(path, text, sizeof(text));
    if (base == NT_RTL_REGISTRY_ABSOLUTE) {
        if (strncasecmp(text, "\\Registry\\", 10) != 0)
            return NULL;
        rest = text + 10;
    }
    struct registry_key *key = registry_walk(registry_root(), bases[base], make);
    return key ? registry_walk(key, rest, make) : NULL;
}

/* ---- one value, as it was when it was looked at: no lock is held while the driver is called ---- */

struct snapshot {
    char name[REGISTRY_NAME_SIZE];
    uint32_t type, length;
    uint8_t *data; /* two zero characters behind it */
};

static struct snapshot snapshot_of(const char *name, uint32_t type, const void *data, uint32_t length)
{
    struct snapshot snapshot = {.type = type, .length = length, .data = calloc(1, (size_t)length + 4)};
    if (!snapshot.data)
        abort();
    strncpy(snapshot.name, name, sizeof(snapshot.name) - 1);
    if (length)
        memcpy(snapshot.data, data, length);
    return snapshot;
}

static bool is_string(uint32_t type)
{
    return type == REGISTRY_STRING || type == REGISTRY_EXPAND_STRING || type == REGISTRY_MULTI_STRING;
}

static uint32_t string_bytes(const uint8_t *data, uint32_t length)
{
    uint32_t bytes = 0;
    while (bytes + 2 <= length && (data[bytes] || data[bytes + 1]))
        bytes += 2;
    return bytes + 2;
}

/* ---- what is done with a value ---- */

/* NTSTATUS QueryRoutine(PWSTR ValueName, ULONG ValueType, PVOID ValueData, ULONG ValueLength, PVOID Context, PVOID EntryContext) */
static uint32_t call_routine(const nt_RTL_QUERY_REGISTRY_TABLE *entry, const char *name, uint32_t type, const void *data, uint32_t length,
                             uintptr_t context)
{
    uint16_t units[REGISTRY_NAME_SIZE];
    nt_utf8_to_utf16(name, units, REGISTRY_NAME_SIZE);
    return (uint32_t)IMAGE_CALL("RTL_QUERY_REGISTRY_ROUTINE", entry->QueryRoutine, (uintptr_t)units, type, (uintptr_t)data, length, context,
                                entry->EntryContext);
}

/* Into the driver's UNICODE_STRING, whose buffer is allocated when it has none. */
static uint32_t store_string(nt_UNICODE_STRING *string, const void *data, uint32_t length, uintptr_t who)
{
    if (length > 0xFFFE)
        return NT_STATUS_BUFFER_TOO_SMALL;
    if (!string->Buffer) {
        if (!acquire_permitted("RtlQueryRegistryValues"))
            return NT_STATUS_INSUFFICIENT_RESOURCES;
        string->Buffer = (uintptr_t)pool_allocate(length, STRING_TAG, NULL, who, false);
        string->MaximumLength = (uint16_t)length;
    }
    if (string->MaximumLength < length)
        return NT_STATUS_BUFFER_TOO_SMALL;
    memcpy((void *)string->Buffer, data, length);
    string->Length = (uint16_t)(length - 2);
    return NT_STATUS_SUCCESS;
}

/*
 * RTL_QUERY_REGISTRY_DIRECT. What is no string and longer than a ULONG goes to a buffer that begins with its own length, negated, or,
 * when that is positive, gets length, type and data.
 */
static uint32_t store_direct(const nt_RTL_QUERY_REGISTRY_TABLE *entry, const struct snapshot *value, uintptr_t who)
{
    uint8_t *target = (uint8_t *)entry->EntryContext;
    int32_t room;
    if (is_string(value->type))
        return store_string((nt_UNICODE_STRING *)target, value->data,
                            value->type == REGISTRY_MULTI_STRING ? value->length : string_bytes(value->data, value->length), who);
    if (value->length <= sizeof(uint32_t)) {
        memcpy(target, value->data, value->length);
        return NT_STATUS_SUCCESS;
    }
    memcpy(&room, target, sizeof(room));
    if (room < 0) {
        if ((uint32_t)-(int64_t)room < value->length)
            return NT_STATUS_BUFFER_TOO_SMALL;
        memcpy(target, value->data, value->length);
        return NT_STATUS_SUCCESS;
    }
    if ((uint32_t)room < 2 * sizeof(uint32_t) + value->length)
        return NT_STATUS_BUFFER_TOO_SMALL;
    memcpy(target, &value->length, sizeof(uint32_t));
    memcpy(target + 4, &value->type, sizeof(uint32_t));
    memcpy(target + 8, value->data, value->length);
    return NT_STATUS_SUCCESS;
}

/* A list of strings is handed over one by one, unless NOEXPAND says otherwise. */
static uint32_t hand_over(const nt_RTL_QUERY_REGISTRY_TABLE *entry, const struct snapshot *value, uintptr_t context, uintptr_t who)
{
    bool one_by_one = value->type == REGISTRY_MULTI_STRING && !(entry->Flags & NT_RTL_QUERY_REGISTRY_NOEXPAND);
    uint32_t status = NT_STATUS_SUCCESS;
    if (entry->Flags & NT_RTL_QUERY_REGISTRY_DIRECT)
        return store_direct(entry, value, who);
    if (!entry->QueryRoutine)
        return NT_STATUS_SUCCESS;
    if (!one_by_one) /* no variable is known that an expanded string could name */
        return call_routine(entry, value->name, value->type == REGISTRY_EXPAND_STRING ? REGISTRY_STRING : value->type, value->data,
                            value->length, context);
    for (uint32_t at = 0, bytes; at < value->length && (int32_t)status >= 0; at += bytes) {
        bytes = string_bytes(value->data + at, value->length - at);
        if (bytes > 2)
            status = call_routine(entry, value->name, REGISTRY_STRING, value->data + at, bytes, context);
    }
    return status;
}

/* ---- a table ---- */

static bool take_snapshot(struct registry_key *key, const char *name, uint32_t index, struct snapshot *snapshot)
{
    registry_lock();
    const struct registry_value *value = key->deleted ? NULL : name ? registry_value(key, name) : registry_value_at(key, index);
    if (value)
        *snapshot = snapshot_of(value->name, value->type, value->data, value->length);
    registry_unlock();
    return value != NULL;
}

static bool take_default(const nt_RTL_QUERY_REGISTRY_TABLE *entry, const char *name, struct snapshot *snapshot)
{
    uint32_t type = entry->DefaultType & 0xFF, length = entry->DefaultLength;
    const uint8_t *data = (const uint8_t *)entry->DefaultData;
    if (type == REGISTRY_NONE || !data)
        return false;
    if (!length && (type == REGISTRY_STRING || type == REGISTRY_EXPAND_STRING)) {
        length = string_bytes(data, UINT32_MAX);
    } else if (!length && type == REGISTRY_MULTI_STRING) {
        for (uint32_t bytes = 0; bytes != 2; length += bytes)
            bytes = string_bytes(data + length, UINT32_MAX - length);
    } else if (!length && type == REGISTRY_DWORD) {
        length = sizeof(uint32_t);
    }
    *snapshot = snapshot_of(name, type, data, length);
    return true;
}

static uint32_t query_one(struct registry_key *key, const nt_RTL_QUERY_REGISTRY_TABLE *entry, uintptr_t context, uintptr_t who)
{
    char name[REGISTRY_NAME_SIZE];
    struct snapshot value;
    wide_to_text((const uint16_t *)entry->Name, name, sizeof(name));
    if (!take_snapshot(key, name, 0, &value)) {
        if (entry->Flags & NT_RTL_QUERY_REGISTRY_REQUIRED)
            return NT_STATUS_OBJECT_NAME_NOT_FOUND;
        if (!take_default(entry, name, &value))
            return NT_STATUS_SUCCESS;
    }
    uint32_t status = hand_over(entry, &value, context, who);
    free(value.data);
    if ((int32_t)status >= 0 && entry->Flags & NT_RTL_QUERY_REGISTRY_DELETE) {
        registry_lock();
        registry_value_delete(key, name);
        registry_unlock();
    }
    return status;
}

/* Every value of the key. */
static uint32_t query_all(struct registry_key *key, const nt_RTL_QUERY_REGISTRY_TABLE *entry, uintptr_t context, uintptr_t who)
{
    uint32_t status = NT_STATUS_SUCCESS, index = 0;
    struct snapshot value;
    for (; (int32_t)status >= 0 && take_snapshot(key, NULL, index, &value); index++) {
        status = hand_over(entry, &value, context, who);
        free(value.data);
    }
    return index || !(entry->Flags & NT_RTL_QUERY_REGISTRY_REQUIRED) ? status : NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

static uint32_t query_subkey(struct registry_key *top, struct registry_key **key, const nt_RTL_QUERY_REGISTRY_TABLE *entry,
                             uintptr_t context, uintptr_t who)
{
    char path[REGISTRY_PATH_SIZE];
    wide_to_text((const uint16_t *)entry->Name, path, sizeof(path));
    registry_lock();
    struct registry_key *below = *path ? registry_walk(top, path, false) : NULL;
    if (below) {
        registry_key_hold(below);
        registry_key_release(*key);
        *key = below;
    }
    registry_unlock();
    if (!below)
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    return entry->QueryRoutine ? query_all(below, entry, context, who) : NT_STATUS_SUCCESS;
}

static void back_to_top(struct registry_key *top, struct registry_key **key)
{
    registry_lock();
    registry_key_hold(top);
    registry_key_release(*key);
    *key = top;
    registry_unlock();
}

static uint32_t query_entry(struct registry_key *top, struct registry_key **key, const nt_RTL_QUERY_REGISTRY_TABLE *entry,
                            uintptr_t context, uintptr_t who)
{
    bool direct = entry->Flags & NT_RTL_QUERY_REGISTRY_DIRECT;
    if (direct && (!entry->Name || entry->Flags & NT_RTL_QUERY_REGISTRY_SUBKEY || entry->QueryRoutine))
        return NT_STATUS_INVALID_PARAMETER; /* documented: QueryRoutine is not used with DIRECT */
    if (entry->Flags & (NT_RTL_QUERY_REGISTRY_TOPKEY | NT_RTL_QUERY_REGISTRY_SUBKEY))
        back_to_top(top, key);
    if (entry->Flags & NT_RTL_QUERY_REGISTRY_SUBKEY)
        return entry->Name ? query_subkey(top, key, entry, context, who) : NT_STATUS_INVALID_PARAMETER;
    if (entry->Flags & NT_RTL_QUERY_REGISTRY_NOVALUE)
        return entry->QueryRoutine ? call_routine(entry, "", REGISTRY_NONE, NULL, 0, context) : NT_STATUS_SUCCESS;
    return entry->Name ? query_one(*key, entry, context, who) : query_all(*key, entry, context, who);
}

/* NTSTATUS RtlQueryRegistryValues(ULONG RelativeTo, PCWSTR Path, RTL_QUERY_REGISTRY_TABLE *, PVOID Context, PVOID Environment) */
static uint64_t export_RtlQueryRegistryValues(struct export_call *call)
{
    uint32_t relative_to = arg_u32(call), status = NT_STATUS_SUCCESS;
    const uint16_t *path = arg_pointer(call);
    const nt_RTL_QUERY_REGISTRY_TABLE *entry = arg_pointer(call);
    uintptr_t context = arg_word(call);
    registry_lock();
    struct registry_key *top = base_key(relative_to, path, false, call->return_address), *key = top;
    if (top) { /* once for this call, once for where the table is at */
        registry_key_hold(top);
        registry_key_hold(top);
    }
    registry_unlock();
    if (!top)
        return NT_STATUS_OBJECT_NAME_NOT_FOUND;
    for (unsigned count = 0; (int32_t)status >= 0 && (entry->QueryRoutine || entry->Name); entry++) {
        status = query_entry(top, &key, entry, context, call->return_address);
        if (++count == ENTRY_LIMIT) {
            rule_violated("HOST-ARGUMENT", NULL, "RtlQueryRegistryValues: a table of more than %d entries, or one without an end",
                          ENTRY_LIMIT);
            break;
        }
    }
    registry_lock();
    registry_key_release(key);
    registry_key_release(top);
    registry_unlock();
    return status;
}

/* ---- writing ---- */

/* NTSTATUS RtlWriteRegistryValue(ULONG RelativeTo, PCWSTR Path, PCWSTR ValueName, ULONG ValueType, PVOID ValueData, ULONG ValueLength) */
static uint64_t export_RtlWriteRegistryValue(struct export_call *call)
{
    uint32_t relative_to = arg_u32(call);
    const uint16_t *path = arg_pointer(call);
    char name[REGISTRY_NAME_SIZE];
    wide_to_text(arg_pointer(call), name, sizeof(name));
    uint32_t type = arg_u32(call);
    const void *data = arg_pointer(call);
    uint32_t length = arg_u32(call);
    if (!acquire_permitted("RtlWriteRegistryValue"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    if (length > REGISTRY_DATA_MOST) {
        rule_violated("HOST-ARGUMENT", NULL, "RtlWriteRegistryValue with a value of %u bytes", length);
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    }
    registry_lock();
    struct registry_key *key = base_key(relative_to, path, true, call->return_address);
    if (key)
        registry_value_set(key, name, type, data, length);
    registry_unlock();
    return key ? NT_STATUS_SUCCESS : NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

static uint64_t export_RtlDeleteRegistryValue(struct export_call *call)
{
    uint32_t relative_to = arg_u32(call);
    const uint16_t *path = arg_pointer(call);
    char name[REGISTRY_NAME_SIZE];
    wide_to_text(arg_pointer(call), name, sizeof(name));
    registry_lock();
    struct registry_key *key = base_key(relative_to, path, false, call->return_address);
    bool gone = key && registry_value_delete(key, name);
    registry_unlock();
    return gone ? NT_STATUS_SUCCESS : NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

static uint32_t find_key(struct export_call *call, bool make)
{
    uint32_t relative_to = arg_u32(call);
    const uint16_t *path = arg_pointer(call);
    registry_lock();
    struct registry_key *key = base_key(relative_to, path, make, call->return_address);
    registry_unlock();
    return key ? NT_STATUS_SUCCESS : NT_STATUS_OBJECT_NAME_NOT_FOUND;
}

static uint64_t export_RtlCheckRegistryKey(struct export_call *call)
{
    return find_key(call, false);
}

static uint64_t export_RtlCreateRegistryKey(struct export_call *call)
{
    return acquire_permitted("RtlCreateRegistryKey") ? find_key(call, true) : NT_STATUS_INSUFFICIENT_RESOURCES;
}

const struct export_row nt_registry_table_exports[] = {
    EXPORT(RtlQueryRegistryValues), EXPORT(RtlWriteRegistryValue), EXPORT(RtlDeleteRegistryValue),
    EXPORT(RtlCheckRegistryKey),    EXPORT(RtlCreateRegistryKey),  EXPORT_END,
};
