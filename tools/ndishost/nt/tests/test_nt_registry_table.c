/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Keys by path: query tables, writing, deleting, enumerating; what a driver finds at its registry path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "image_side.h"
#include "nt/registry.h"
#include "rules/rules.h"

#define SERVICE_PATH "\\Registry\\Machine\\SYSTEM\\CurrentControlSet\\Services\\TestNic"
enum { SZ = 1, BINARY = 3, DWORD = 4, MULTI = 7, READ = 0x20019, ALL = 0xF003F, DRIVER_KEY = 2 };
static const uint32_t NO_MORE = 0x8000001A, CANNOT_DELETE = 0xC0000121, DENIED = 0xC0000022, DELETED = 0xC000017C;

/* Texts of one call at a time. */
static const uint16_t *wide(const char *text)
{
    static uint16_t units[64][128];
    static unsigned next;
    uint16_t *place = units[next++ % 64];
    unsigned count = 0;
    for (; text[count]; count++)
        place[count] = (uint8_t)text[count];
    place[count] = 0;
    return place;
}

static uint32_t write(uint32_t base, const char *path, const char *name, uint32_t type, const void *data, uint32_t length)
{
    return STDCALL(uint32_t, "RtlWriteRegistryValue", uint32_t, const uint16_t *, const uint16_t *, uint32_t, const void *,
                   uint32_t)(base, wide(path), wide(name), type, data, length);
}

static uint32_t query(uint32_t base, const uint16_t *path, nt_RTL_QUERY_REGISTRY_TABLE *table, void *context)
{
    return STDCALL(uint32_t, "RtlQueryRegistryValues", uint32_t, const uint16_t *, void *, void *, void *)(base, path, table, context,
                                                                                                           NULL);
}

static uint32_t check(uint32_t base, const char *path)
{
    return STDCALL(uint32_t, "RtlCheckRegistryKey", uint32_t, const uint16_t *)(base, wide(path));
}

static void set_entry(nt_RTL_QUERY_REGISTRY_TABLE *entry, uint32_t flags, const char *name, void *target)
{
    memset(entry, 0, sizeof(*entry));
    entry->Flags = flags;
    entry->Name = (uintptr_t)wide(name);
    entry->EntryContext = (uintptr_t)target;
}

static uint32_t open_path(const char *path, uint32_t access, uintptr_t *handle)
{
    nt_OBJECT_ATTRIBUTES attributes;
    nt_UNICODE_STRING name;
    memset(&attributes, 0, sizeof(attributes));
    STDCALL(void, "RtlInitUnicodeString", void *, const uint16_t *)(&name, wide(path));
    attributes.Length = sizeof(attributes);
    attributes.ObjectName = (uintptr_t)&name;
    return STDCALL(uint32_t, "ZwOpenKey", uintptr_t *, uint32_t, void *)(handle, access, &attributes);
}

static void shut(uintptr_t handle)
{
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwClose", uintptr_t)(handle), NT_STATUS_SUCCESS);
}

/* ---- direct ---- */

static void IMAGE_ENTRY query_directly(void)
{
    static const uint16_t list[] = {'a', 0, 'b', 'c', 0, 0};
    static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
    nt_RTL_QUERY_REGISTRY_TABLE table[3];
    nt_UNICODE_STRING string = {0};
    uint32_t number = 0, fallback = 77, room[5];
    memset(table, 0, sizeof(table));
    registry_service_add("TestNic");
    set_entry(&table[0], NT_RTL_QUERY_REGISTRY_DIRECT | NT_RTL_QUERY_REGISTRY_REQUIRED, "Start", &number);
    set_entry(&table[1], NT_RTL_QUERY_REGISTRY_DIRECT, "GROUP", &string);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_ABSOLUTE, wide(SERVICE_PATH), table, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(number, 3);
    CLAIM(string.Length == 8 && memcmp((void *)string.Buffer, wide("NDIS"), 8) == 0);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&string);

    /* What is missing: an error only when it is required; its default otherwise. */
    memset(table, 0, sizeof(table));
    set_entry(&table[0], NT_RTL_QUERY_REGISTRY_DIRECT, "Nothing", &number);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(number, 3);
    table[0].DefaultType = DWORD;
    table[0].DefaultData = (uintptr_t)&fallback;
    table[0].DefaultLength = 4;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(number, 77);
    table[0].Flags |= NT_RTL_QUERY_REGISTRY_REQUIRED;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("Nobody"), table, NULL), NT_STATUS_OBJECT_NAME_NOT_FOUND);

    /* Long binary data: with the length before it, or into a buffer that says how long it is. */
    CLAIM_EQUAL(write(NT_RTL_REGISTRY_SERVICES, "TestNic\\Parameters", "Bytes", BINARY, bytes, 6), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(write(NT_RTL_REGISTRY_SERVICES, "TestNic\\Parameters", "List", MULTI, list, sizeof(list)), NT_STATUS_SUCCESS);
    memset(table, 0, sizeof(table));
    set_entry(&table[0], NT_RTL_QUERY_REGISTRY_SUBKEY, "Parameters", NULL);
    set_entry(&table[1], NT_RTL_QUERY_REGISTRY_DIRECT, "Bytes", room);
    memset(room, 0xA5, sizeof(room));
    room[0] = (uint32_t)-6;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_SUCCESS);
    CLAIM(memcmp(room, bytes, 6) == 0 && ((uint8_t *)room)[6] == 0xA5);
    room[0] = 14;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_SUCCESS);
    CLAIM(room[0] == 6 && room[1] == BINARY && memcmp(room + 2, bytes, 6) == 0 && room[4] == 0xA5A5A5A5);
    room[0] = 13;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_BUFFER_TOO_SMALL);
    memset(&string, 0, sizeof(string));
    set_entry(&table[1], NT_RTL_QUERY_REGISTRY_DIRECT | NT_RTL_QUERY_REGISTRY_NOEXPAND, "List", &string);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, NULL), NT_STATUS_SUCCESS);
    CLAIM(string.MaximumLength == sizeof(list) && memcmp((void *)string.Buffer, list, sizeof(list)) == 0);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&string);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(track_live_count(TRACK_POOL), 0);
}

static void values_are_stored_where_the_table_says(void **state)
{
    (void)state;
    run_image(1, query_directly);
}

/* ---- by routine ---- */

static unsigned calls, bytes_seen;

static uint32_t IMAGE_ENTRY see_value(const uint16_t *name, uint32_t type, const void *data, uint32_t length, void *context, void *entry)
{
    (void)data;
    CLAIM(context == &calls && entry == &bytes_seen);
    CLAIM(name != NULL);
    CLAIM(type == SZ || type == DWORD || type == 0);
    calls++;
    bytes_seen += length;
    return calls == 9 ? NT_STATUS_INVALID_PARAMETER : NT_STATUS_SUCCESS;
}

static void IMAGE_ENTRY query_by_routine(void)
{
    static const uint16_t list[] = {'a', 0, 'b', 'c', 0, 0};
    nt_RTL_QUERY_REGISTRY_TABLE table[4];
    memset(table, 0, sizeof(table));
    registry_service_add("TestNic");
    CLAIM_EQUAL(write(NT_RTL_REGISTRY_SERVICES, "TestNic\\Lists", "List", MULTI, list, sizeof(list)), NT_STATUS_SUCCESS);
    calls = bytes_seen = 0;
    for (unsigned i = 0; i < 3; i++) {
        table[i].QueryRoutine = (uintptr_t)see_value;
        table[i].EntryContext = (uintptr_t)&bytes_seen;
    }
    table[0].Name = (uintptr_t)wide("Start");
    table[1].Flags = NT_RTL_QUERY_REGISTRY_NOVALUE;
    table[2].Flags = NT_RTL_QUERY_REGISTRY_SUBKEY;
    table[2].Name = (uintptr_t)wide("Lists"); /* every value of it; a list string by string */
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, &calls), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(calls, 4);
    CLAIM_EQUAL(bytes_seen, 4 + 0 + 4 + 6);
    /* All four values of the key, twice: the routine's own error ends it. */
    memset(&table[1], 0, 3 * sizeof(table[1]));
    table[0].Name = 0;
    table[1] = table[0];
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, &calls), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(calls, 9);
    table[0].Flags = NT_RTL_QUERY_REGISTRY_DIRECT;
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_SERVICES, wide("TestNic"), table, &calls), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void values_are_handed_to_routines(void **state)
{
    (void)state;
    run_image(1, query_by_routine);
}

/* ---- keys ---- */

static void IMAGE_ENTRY walk_keys(void)
{
    static const uint16_t parameters[] = {'P', 'a', 'r', 'a', 'm', 'e', 't', 'e', 'r', 's'};
    uintptr_t root, key;
    uint32_t words[64], needed, number = 5;
    registry_service_add("TestNic");
    CLAIM_EQUAL(check(NT_RTL_REGISTRY_ABSOLUTE, SERVICE_PATH), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(check(NT_RTL_REGISTRY_SERVICES, "TestNic\\New"), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(
        STDCALL(uint32_t, "RtlCreateRegistryKey", uint32_t, const uint16_t *)(NT_RTL_REGISTRY_SERVICES, wide("TestNic\\New\\Parameters")),
        NT_STATUS_SUCCESS);
    CLAIM_EQUAL(open_path(SERVICE_PATH "\\New", ALL, &root), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(write(NT_RTL_REGISTRY_SERVICES, "TestNic\\New", "Number", DWORD, &number, 4), NT_STATUS_SUCCESS);

    memset(words, 0xA5, sizeof(words));
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwQueryKey", uintptr_t, uint32_t, void *, uint32_t, uint32_t *)(root, 2, words, sizeof(words), &needed),
                0);
    CLAIM(needed == 44 && words[5] == 1 && words[6] == 20 && words[8] == 1 && words[9] == 12 && words[10] == 4);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwEnumerateKey", uintptr_t, uint32_t, uint32_t, void *, uint32_t, uint32_t *)(root, 0, 0, words,
                                                                                                                 sizeof(words), &needed),
                0);
    CLAIM(needed == 36 && words[3] == 20 && memcmp(words + 4, parameters, 20) == 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwEnumerateKey", uintptr_t, uint32_t, uint32_t, void *, uint32_t, uint32_t *)(root, 1, 0, words,
                                                                                                                 sizeof(words), &needed),
                NO_MORE);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwQueryKey", uintptr_t, uint32_t, void *, uint32_t, uint32_t *)(root, 3, words, sizeof(words), &needed),
                0);
    CLAIM_EQUAL(words[0], 2 * strlen(SERVICE_PATH "\\New"));

    CLAIM_EQUAL(STDCALL(uint32_t, "ZwDeleteKey", uintptr_t)(root), CANNOT_DELETE); /* there is one below it */
    CLAIM_EQUAL(open_path(SERVICE_PATH "\\New\\Parameters", READ, &key), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwDeleteKey", uintptr_t)(key), DENIED);
    shut(key);
    CLAIM_EQUAL(open_path(SERVICE_PATH "\\New\\Parameters", 0x10000000, &key), NT_STATUS_SUCCESS); /* GENERIC_ALL */
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwDeleteKey", uintptr_t)(key), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwFlushKey", uintptr_t)(key), DELETED);
    CLAIM_EQUAL(check(NT_RTL_REGISTRY_SERVICES, "TestNic\\New\\Parameters"), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlDeleteRegistryValue", uint32_t, const uint16_t *,
                        const uint16_t *)(NT_RTL_REGISTRY_SERVICES, wide("TestNic\\New"), wide("Number")),
                NT_STATUS_SUCCESS);
    CLAIM_EQUAL(STDCALL(uint32_t, "RtlDeleteRegistryValue", uint32_t, const uint16_t *,
                        const uint16_t *)(NT_RTL_REGISTRY_SERVICES, wide("TestNic\\New"), wide("Number")),
                NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwDeleteKey", uintptr_t)(root), NT_STATUS_SUCCESS);
    shut(key);
    shut(root);
    CLAIM_EQUAL(open_path("\\Device\\Nothing", READ, &key), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(track_live_count(TRACK_HANDLE), 0);
}

static void keys_are_made_walked_and_deleted(void **state)
{
    (void)state;
    run_image(1, walk_keys);
}

static void IMAGE_ENTRY use_driver_key(void)
{
    static int device;
    uintptr_t handle;
    nt_RTL_QUERY_REGISTRY_TABLE table[2];
    nt_UNICODE_STRING string = {0};
    memset(table, 0, sizeof(table));
    registry_device_add(&device);
    registry_driver_set(&device, "*JumboPacket", "1514");
    CLAIM_EQUAL(
        STDCALL(uint32_t, "IoOpenDeviceRegistryKey", const void *, uint32_t, uint32_t, uintptr_t *)(&device, DRIVER_KEY, READ, &handle), 0);
    set_entry(&table[0], NT_RTL_QUERY_REGISTRY_DIRECT, "*jumbopacket", &string);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_HANDLE, (const uint16_t *)handle, table, NULL), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(string.Length, 8);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&string);
    shut(handle);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(query(NT_RTL_REGISTRY_HANDLE, (const uint16_t *)handle, table, NULL), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_ONLY("HOST-HANDLE", 1);
    registry_device_remove(&device);
}

static void the_driver_key_has_the_keywords(void **state)
{
    (void)state;
    run_image(1, use_driver_key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_stored_where_the_table_says),
        cmocka_unit_test(values_are_handed_to_routines),
        cmocka_unit_test(keys_are_made_walked_and_deleted),
        cmocka_unit_test(the_driver_key_has_the_keywords),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
