/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Hardware keys: values in every form and room, rights, handles that are wrong, closed or outlive their key. */
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
#include "rules/track.h"

enum { HARDWARE = 1, READ = 1, WRITE = 2, CREATE = 4, DWORD = 4, MULTI = 7, BASIC = 0, FULL = 1, PARTIAL = 2 };
static const uint32_t DENIED = 0xC0000022, TOO_SMALL = 0xC0000023, OVERFLOWN = 0x80000005, NO_MORE = 0x8000001A, DELETED = 0xC000017C;
static int device, other;

static const nt_UNICODE_STRING *text(const char *name)
{
    static uint16_t units[64];
    static nt_UNICODE_STRING string;
    unsigned count = 0;
    for (; name[count]; count++)
        units[count] = (uint8_t)name[count];
    string.Length = string.MaximumLength = (uint16_t)(2 * count);
    string.Buffer = (uintptr_t)units;
    return &string;
}

static uint32_t open_device(const void *which, uint32_t type, uint32_t access, uintptr_t *handle)
{
    return STDCALL(uint32_t, "IoOpenDeviceRegistryKey", const void *, uint32_t, uint32_t, uintptr_t *)(which, type, access, handle);
}

static uint32_t open_below(uintptr_t parent, const char *name, uint32_t access, uintptr_t *handle, uint32_t *disposition)
{
    nt_OBJECT_ATTRIBUTES attributes;
    memset(&attributes, 0, sizeof(attributes));
    attributes.Length = sizeof(attributes);
    attributes.RootDirectory = parent;
    attributes.ObjectName = (uintptr_t)text(name);
    if (!disposition)
        return STDCALL(uint32_t, "ZwOpenKey", uintptr_t *, uint32_t, void *)(handle, access, &attributes);
    return STDCALL(uint32_t, "ZwCreateKey", uintptr_t *, uint32_t, void *, uint32_t, void *, uint32_t,
                   uint32_t *)(handle, access, &attributes, 0, NULL, 0, disposition);
}

static uint32_t query(uintptr_t key, const char *name, uint32_t class, void *room, uint32_t length, uint32_t *needed)
{
    return STDCALL(uint32_t, "ZwQueryValueKey", uintptr_t, const void *, uint32_t, void *, uint32_t, uint32_t *)(key, text(name), class,
                                                                                                                 room, length, needed);
}

static uint32_t enumerate(uintptr_t key, uint32_t index, void *room, uint32_t length, uint32_t *needed)
{
    return STDCALL(uint32_t, "ZwEnumerateValueKey", uintptr_t, uint32_t, uint32_t, void *, uint32_t, uint32_t *)(key, index, BASIC, room,
                                                                                                                 length, needed);
}

static uint32_t set(uintptr_t key, const char *name, uint32_t type, const void *data, uint32_t length)
{
    return STDCALL(uint32_t, "ZwSetValueKey", uintptr_t, const void *, uint32_t, uint32_t, const void *, uint32_t)(key, text(name), 0, type,
                                                                                                                   data, length);
}

static void shut(uintptr_t handle)
{
    CLAIM_EQUAL(STDCALL(uint32_t, "ZwClose", uintptr_t)(handle), NT_STATUS_SUCCESS);
}

/* ---- values ---- */

static void IMAGE_ENTRY read_values(void)
{
    static const uint16_t list[] = {'5', 0, '6', 0, 0};
    uintptr_t root, key;
    uint32_t words[16], needed = 0;
    registry_device_add(&device);
    registry_device_set(&device, "Aero\\VlanIds", "multi:5;6");
    registry_device_set(&device, "Aero\\VlanId", "dword:7");
    CLAIM_EQUAL(open_device(&other, HARDWARE, READ, &root), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(open_device(&device, 3, READ, &root), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(open_device(&device, HARDWARE, READ, &root), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(open_below(root, "Nowhere", READ, &key, NULL), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(open_below(root, "aero", READ, &key, NULL), NT_STATUS_SUCCESS);

    CLAIM_EQUAL(query(key, "vlanids", PARTIAL, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(needed, 12 + sizeof(list));
    CLAIM(words[1] == MULTI && words[2] == sizeof(list) && memcmp(words + 3, list, sizeof(list)) == 0);
    CLAIM_EQUAL(query(key, "VlanIdss", PARTIAL, words, sizeof(words), &needed), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(query(key, "VlanId", FULL, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM(words[1] == DWORD && words[2] == 32 && words[3] == 4 && words[4] == 12 && words[8] == 7 && needed == 36);
    CLAIM_EQUAL(query(key, "VlanId", BASIC, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM(words[1] == DWORD && words[2] == 12 && needed == 24 && memcmp(words + 3, "V\0l\0a\0n\0I\0d", 11) == 0);
    CLAIM_EQUAL(query(key, "VlanId", 5, words, sizeof(words), &needed), NT_STATUS_INVALID_PARAMETER);

    /* Any room: nothing behind it is touched. */
    for (uint32_t class = BASIC; class <= PARTIAL; class ++) {
        uint32_t whole = class == FULL ? 36 : class == BASIC ? 24 : 16, header = class == FULL ? 20 : 12;
        for (uint32_t length = 0; length <= sizeof(words); length++) {
            memset(words, 0xA5, sizeof(words));
            CLAIM_EQUAL(query(key, "VlanId", class, words, length, &needed), length < header  ? TOO_SMALL
                                                                             : length < whole ? OVERFLOWN
                                                                                              : NT_STATUS_SUCCESS);
            CLAIM_EQUAL(needed, whole);
            for (uint32_t at = length < header ? 0 : length; at < sizeof(words); at++)
                CLAIM_EQUAL(((uint8_t *)words)[at], 0xA5);
        }
    }
    CLAIM_EQUAL(enumerate(key, 0, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(enumerate(key, 1, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(enumerate(key, 2, words, sizeof(words), &needed), NO_MORE);
    CLAIM_EQUAL(enumerate(key, UINT32_MAX, words, sizeof(words), &needed), NO_MORE);
    shut(key);
    shut(root);
    registry_device_remove(&device);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(track_live_count(TRACK_HANDLE), 0);
}

static void values_are_read_in_every_form_and_room(void **state)
{
    (void)state;
    run_image(1, read_values);
}

/* ---- rights ---- */

static void IMAGE_ENTRY write_values(void)
{
    uintptr_t root, key, again;
    uint32_t words[8], needed, disposition, number = 9;
    registry_device_add(&device);
    CLAIM_EQUAL(open_device(&device, HARDWARE, READ, &root), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(open_below(root, "Made", WRITE, &key, &disposition), DENIED);
    CLAIM_EQUAL(set(root, "Number", DWORD, &number, 4), DENIED);
    shut(root);
    CLAIM_EQUAL(open_device(&device, HARDWARE, CREATE, &root), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(open_below(root, "Made\\Below", WRITE, &key, &disposition), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(open_below(root, "Made", WRITE, &key, &disposition), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(disposition, 1);
    CLAIM_EQUAL(set(key, "Number", DWORD, &number, 4), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(set(key, "Empty", DWORD, NULL, 0), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(query(key, "Number", PARTIAL, words, sizeof(words), &needed), DENIED);
    CLAIM_EQUAL(open_below(root, "MADE", READ, &again, &disposition), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(disposition, 2);
    CLAIM_EQUAL(query(again, "Number", PARTIAL, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM(words[2] == 4 && words[3] == 9);
    CLAIM_EQUAL(query(again, "Empty", PARTIAL, words, sizeof(words), &needed), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(needed, 12);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(set(key, "Huge", DWORD, &number, UINT32_MAX), NT_STATUS_INSUFFICIENT_RESOURCES);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    shut(again);
    shut(key);
    shut(root);
    registry_device_remove(&device);
}

static void rights_of_the_handle_decide(void **state)
{
    (void)state;
    run_image(1, write_values);
}

/* ---- handles ---- */

static void IMAGE_ENTRY misuse_handles(void)
{
    uintptr_t root;
    uint32_t words[8], needed;
    registry_device_add(&device);
    CLAIM_EQUAL(open_device(&device, HARDWARE, READ, &root), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(query(root + 1, "Number", PARTIAL, words, sizeof(words), &needed), NT_STATUS_INVALID_HANDLE);
    CLAIM_EQUAL(query(0, "Number", PARTIAL, words, sizeof(words), &needed), NT_STATUS_INVALID_HANDLE);
    CLAIM_ONLY("HOST-HANDLE", 2);
    /* The key goes first: the handle names nothing any more, and is closed like any other. */
    registry_device_remove(&device);
    CLAIM_EQUAL(query(root, "Number", PARTIAL, words, sizeof(words), &needed), DELETED);
    CLAIM_EQUAL(enumerate(root, 0, words, sizeof(words), &needed), DELETED);
    CLAIM_EQUAL(set(root, "Number", DWORD, words, 4), DELETED);
    CLAIM_EQUAL(track_live_count(TRACK_HANDLE), 1);
    shut(root);
    CLAIM_EQUAL(track_live_count(TRACK_HANDLE), 0);
    CLAIM_EQUAL(query(root, "Number", PARTIAL, words, sizeof(words), &needed), NT_STATUS_INVALID_HANDLE);
    CLAIM_ONLY("HOST-HANDLE", 3);
}

static void wrong_and_closed_handles_are_reported(void **state)
{
    (void)state;
    run_image(1, misuse_handles);
}

static void IMAGE_ENTRY open_at_dispatch(void)
{
    uintptr_t root;
    registry_device_add(&device);
    uint8_t irql = STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)();
    (void)open_device(&device, HARDWARE, READ, &root);
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
    CLAIM(rules_violation_count() > 0);
    if (root)
        shut(root);
    registry_device_remove(&device);
}

static void keys_are_opened_at_passive_level(void **state)
{
    (void)state;
    run_image(1, open_at_dispatch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_read_in_every_form_and_room),
        cmocka_unit_test(rights_of_the_handle_decide),
        cmocka_unit_test(wrong_and_closed_handles_are_reported),
        cmocka_unit_test(keys_are_opened_at_passive_level),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
