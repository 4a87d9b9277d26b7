/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What Plug and Play says of a device, interfaces, and what device objects are registered for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "exec/call.h"
#include "exec/sched.h"
#include "image_side.h"
#include "nt/device_property.h"
#include "nt/io.h"
#include "nt/nt.h"
#include "rules/rules.h"

static const struct device_identity card = {true, 0x1AF4, 0x1041, 0x1AF4, 0x1100, 1, 2, 0, 0, 3};
static int device, stranger;

static uint32_t property(const void *object, uint32_t which, void *buffer, uint32_t length, uint32_t *needed)
{
    return STDCALL(uint32_t, "IoGetDeviceProperty", const void *, uint32_t, uint32_t, void *, uint32_t *)(object, which, length, buffer,
                                                                                                          needed);
}

static bool is_text(const uint16_t *units, const char *text)
{
    while (*text && *units == (uint8_t)*text)
        units++, text++;
    return *units == (uint8_t)*text;
}

static void IMAGE_ENTRY ask_properties(void)
{
    uint16_t units[512];
    uint32_t number, needed = 0;
    device_property_add(&device, &card);
    CLAIM_EQUAL(property(&device, NT_DevicePropertyHardwareID, units, sizeof(units), &needed), NT_STATUS_SUCCESS);
    CLAIM(is_text(units, "PCI\\VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01"));
    CLAIM(units[needed / 2 - 1] == 0 && units[needed / 2 - 2] == 0 && units[needed / 2 - 3] != 0);
    for (uint32_t length = 0; length < needed; length++) {
        uint32_t again;
        memset(units, 0xA5, sizeof(units));
        CLAIM_EQUAL(property(&device, NT_DevicePropertyHardwareID, units, length, &again), NT_STATUS_BUFFER_TOO_SMALL);
        CLAIM(again == needed && units[0] == 0xA5A5);
    }
    CLAIM_EQUAL(property(&device, NT_DevicePropertyAddress, &number, 4, &needed), NT_STATUS_SUCCESS);
    CLAIM(number == 0x30000 && needed == 4);
    CLAIM_EQUAL(property(&device, NT_DevicePropertyLegacyBusType, &number, 4, &needed), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(number, 5);
    CLAIM_EQUAL(property(&device, NT_DevicePropertyClassName, units, sizeof(units), &needed), NT_STATUS_SUCCESS);
    CLAIM(is_text(units, "Net") && needed == 8);
    for (uint32_t which = 0; which <= NT_DevicePropertyContainerID; which++) {
        uint32_t status = property(&device, which, units, sizeof(units), &needed);
        CLAIM(status == NT_STATUS_SUCCESS ? needed > 0 : status == NT_STATUS_OBJECT_NAME_NOT_FOUND && needed == 0);
    }
    CLAIM_EQUAL(property(&device, 0x17, units, sizeof(units), &needed), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CLAIM_EQUAL(property(&stranger, 0, units, sizeof(units), &needed), NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_ONLY("HOST-DEVICE-OBJECT", 1);
    device_property_remove(&device);
}

static void properties_are_the_devices(void **state)
{
    (void)state;
    run_image(1, ask_properties);
}

/* ---- interfaces ---- */

static uint32_t set_state(const nt_UNICODE_STRING *name, uint8_t enable)
{
    return STDCALL(uint32_t, "IoSetDeviceInterfaceState", const void *, uint8_t)(name, enable);
}

static uint16_t *list_of(const uint8_t *class, uint32_t flags)
{
    uint16_t *list = NULL;
    CLAIM_EQUAL(STDCALL(uint32_t, "IoGetDeviceInterfaces", const void *, const void *, uint32_t, uint16_t **)(class, NULL, flags, &list),
                0);
    return list;
}

static void IMAGE_ENTRY use_interfaces(void)
{
    static const uint8_t class[16] = {0x78, 0x56, 0x34, 0x12, 0xBC, 0x9A, 0xF0, 0xDE, 1, 2, 3, 4, 5, 6, 7, 8};
    nt_UNICODE_STRING name, again;
    device_property_add(&device, &card);
    CLAIM_EQUAL(STDCALL(uint32_t, "IoRegisterDeviceInterface", const void *, const void *, void *, void *)(&device, class, NULL, &name), 0);
    CLAIM(is_text((uint16_t *)name.Buffer,
                  "\\??\\PCI#VEN_1AF4&DEV_1041&SUBSYS_11001AF4&REV_01#3&11583659&0&18#{12345678-9abc-def0-0102-030405060708}"));
    CLAIM_EQUAL(STDCALL(uint32_t, "IoRegisterDeviceInterface", const void *, const void *, void *, void *)(&device, class, NULL, &again),
                0);
    CLAIM(again.Length == name.Length && memcmp((void *)again.Buffer, (void *)name.Buffer, name.Length) == 0);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&again);

    uint16_t *list = list_of(class, 0);
    CLAIM_EQUAL(list[0], 0);
    STDCALL(void, "ExFreePool", void *)(list);
    CLAIM_EQUAL(set_state(&name, 0), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    CLAIM_EQUAL(set_state(&name, 1), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(set_state(&name, 1), 0x40000000);
    list = list_of(class, 0);
    CLAIM(memcmp(list, (void *)name.Buffer, name.Length) == 0 && list[name.Length / 2] == 0 && list[name.Length / 2 + 1] == 0);
    STDCALL(void, "ExFreePool", void *)(list);
    CLAIM_EQUAL(rules_violation_count() + rules_warning_count(), 0);
    device_property_remove(&device);
    CLAIM_ONLY("HOST-INTERFACE", 1);
    CLAIM_EQUAL(set_state(&name, 0), NT_STATUS_OBJECT_NAME_NOT_FOUND);
    STDCALL(void, "RtlFreeUnicodeString", void *)(&name);
    CLAIM_EQUAL(track_live_count(TRACK_POOL), 0);
    CLAIM_EQUAL(STDCALL(uint32_t, "IoRegisterDeviceInterface", const void *, const void *, void *, void *)(&device, class, NULL, &name),
                NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_EQUAL(rules_report_count("HOST-DEVICE-OBJECT"), 1);
}

static void interfaces_are_named_enabled_and_listed(void **state)
{
    (void)state;
    run_image(1, use_interfaces);
}

/* ---- registrations of device objects ---- */

static unsigned shutdowns;

static uint32_t IMAGE_ENTRY on_shutdown(nt_DEVICE_OBJECT *of, nt_IRP *irp)
{
    const nt_IO_STACK_LOCATION *location = (const nt_IO_STACK_LOCATION *)irp->Tail_Overlay_CurrentStackLocation;
    CLAIM_EQUAL(location->MajorFunction, 0x10);
    CLAIM_EQUAL(location->DeviceObject, (uintptr_t)of);
    shutdowns++;
    ((nt_IO_STATUS_BLOCK *)&irp->IoStatus)->Status = 0;
    FASTCALL(void, "IofCompleteRequest", void *, uint32_t)(irp, 0);
    return 0;
}

static nt_DEVICE_OBJECT *object;

static uint32_t register_shutdown(void *of)
{
    return STDCALL(uint32_t, "IoRegisterShutdownNotification", void *)(of);
}

static uint32_t control_wmi(uint32_t action)
{
    return STDCALL(uint32_t, "IoWMIRegistrationControl", void *, uint32_t)(object, action);
}

static void IMAGE_ENTRY register_and_unregister(void)
{
    CLAIM_EQUAL(register_shutdown(object), NT_STATUS_SUCCESS);
    CLAIM(object->Flags & NT_DO_SHUTDOWN_REGISTERED);
    STDCALL(void, "IoUnregisterShutdownNotification", void *)(object);
    CLAIM(!(object->Flags & NT_DO_SHUTDOWN_REGISTERED));
}

static void IMAGE_ENTRY register_again(void)
{
    CLAIM_EQUAL(register_shutdown(object), NT_STATUS_SUCCESS);
}

static void IMAGE_ENTRY use_wmi(void)
{
    CLAIM_EQUAL(control_wmi(2), NT_STATUS_INVALID_PARAMETER);
    CLAIM_EQUAL(control_wmi(1), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(control_wmi(2), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(rules_violation_count(), 0);
    uint32_t *wnode = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 64, 0x31323334);
    wnode[0] = 64;
    CLAIM_EQUAL(STDCALL(uint32_t, "IoWMIWriteEvent", void *)(wnode), NT_STATUS_SUCCESS);
    CLAIM_EQUAL(track_live_count(TRACK_POOL), 0);
    wnode = STDCALL(void *, "ExAllocatePoolWithTag", uint32_t, uintptr_t, uint32_t)(0, 64, 0x31323334);
    wnode[0] = 65; /* says that it is longer than its block */
    CLAIM_EQUAL(STDCALL(uint32_t, "IoWMIWriteEvent", void *)(wnode), NT_STATUS_INVALID_PARAMETER);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    STDCALL(void, "ExFreePool", void *)(wnode);
    CLAIM_EQUAL(register_shutdown(&stranger), NT_STATUS_INVALID_DEVICE_REQUEST);
    CLAIM_EQUAL(rules_report_count("HOST-DEVICE-OBJECT"), 1);
    register_shutdown(object);
    control_wmi(1);
}

static void use_registrations(void *unused)
{
    static uintptr_t routines[IO_MAJOR_FUNCTIONS];
    static nt_DRIVER_OBJECT driver;
    struct io_device_options options = {.driver = &driver, .major_functions = routines, .name = "\\Device\\Told"};
    struct io_device *told;
    (void)unused;
    CLAIM_EQUAL(io_device_create(&options, &told), NT_STATUS_SUCCESS);
    object = io_device_object(told);
    routines[0x10] = (uintptr_t)on_shutdown;
    image_call("test", (uintptr_t)register_and_unregister, 0, NULL);
    io_shutdown_notify();
    CLAIM_EQUAL(shutdowns, 0);
    image_call("test", (uintptr_t)register_again, 0, NULL);
    io_shutdown_notify();
    io_shutdown_notify(); /* told once */
    CLAIM_EQUAL(shutdowns, 1);
    image_call("test", (uintptr_t)use_wmi, 0, NULL);
    io_device_delete(told); /* registered for both */
    CLAIM_EQUAL(rules_report_count("HOST-DEVICE-OBJECT"), 3);
    io_shutdown_notify();
    CLAIM_EQUAL(shutdowns, 1);
}

static void registrations_are_kept_used_and_missed_when_left(void **state)
{
    (void)state;
    image_side_set_up();
    assert_int_equal(sched_start(1), 0);
    sched_run("test", use_registrations, NULL);
    assert_int_equal(sched_stop(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(properties_are_the_devices),
        cmocka_unit_test(interfaces_are_named_enabled_and_listed),
        cmocka_unit_test(registrations_are_kept_used_and_missed_when_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
