/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Layouts, constants and export facts against values known from the documentation, not from the tables. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/export_facts.h"
#include "abi/nt_constants.h"
#include "abi/nt_types.h"

#define WORD sizeof(uintptr_t)

static void net_buffer_list_begins_with_next_and_first_net_buffer(void **state)
{
    (void)state;
    assert_int_equal(offsetof(nt_NET_BUFFER_LIST, Next), 0);
    assert_int_equal(offsetof(nt_NET_BUFFER_LIST, FirstNetBuffer), WORD);
    assert_int_equal(offsetof(nt_NET_BUFFER_LIST, Link), 0);
}

static void mdl_header_is_48_or_28_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(nt_MDL), WORD == 8 ? 48 : 28);
    assert_int_equal(offsetof(nt_MDL, ByteCount), WORD == 8 ? 40 : 20);
    assert_int_equal(offsetof(nt_MDL, ByteOffset), WORD == 8 ? 44 : 24);
}

static void a_resource_descriptor_is_packed_to_four_bytes(void **state)
{
    (void)state;
    assert_int_equal(sizeof(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR), WORD == 8 ? 20 : 16);
    assert_int_equal(offsetof(nt_CM_PARTIAL_RESOURCE_DESCRIPTOR, u_Memory_Start), 4);
    assert_int_equal(sizeof(((nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *)0)->u_Memory_Start), 8);
    assert_int_equal(sizeof(((nt_CM_PARTIAL_RESOURCE_DESCRIPTOR *)0)->u_Interrupt_Affinity), WORD);
}

static void fields_that_overlap_share_memory(void **state)
{
    (void)state;
    nt_LARGE_INTEGER value = {0};
    value.QuadPart = 0x1122334455667788ull;
    assert_int_equal(value.LowPart, 0x55667788);
    assert_int_equal(value.u_HighPart, 0x11223344);
}

static void bit_fields_stand_at_their_bits(void **state)
{
    (void)state;
    nt_DISPATCHER_HEADER header = {0};
    header.Inserted = 1;
    assert_int_equal(header.bytes_[3], 0x40);
    header.Expired = 1;
    assert_int_equal(header.bytes_[3], 0xC0);
}

static void an_event_is_a_dispatcher_header(void **state)
{
    (void)state;
    assert_int_equal(sizeof(nt_KEVENT), WORD == 8 ? 24 : 16);
    assert_int_equal(offsetof(nt_DISPATCHER_HEADER, SignalState), 4);
    assert_int_equal(offsetof(nt_DISPATCHER_HEADER, WaitListHead), 8);
}

static void well_known_constants_have_their_values(void **state)
{
    (void)state;
    assert_int_equal(NT_STATUS_SUCCESS, 0);
    assert_int_equal(NT_STATUS_PENDING, 0x103);
    assert_int_equal(NT_OID_GEN_MAXIMUM_FRAME_SIZE, 0x00010106);
    assert_true(NT_NDIS_LINK_SPEED_UNKNOWN == UINT64_MAX);
}

static const struct export_facts *facts_of(const char *name)
{
    for (unsigned i = 0; i < export_facts_count; i++) {
        if (strcmp(export_facts[i].name, name) == 0)
            return &export_facts[i];
    }
    return NULL;
}

static void export_facts_are_sorted_and_unique(void **state)
{
    (void)state;
    assert_true(export_facts_count > 600);
    for (unsigned i = 1; i < export_facts_count; i++)
        assert_true(strcmp(export_facts[i - 1].name, export_facts[i].name) < 0);
}

static void conventions_follow_the_decoration(void **state)
{
    (void)state;
    const struct export_facts *set_event = facts_of("KeSetEvent");
    assert_non_null(set_event);
    assert_string_equal(set_event->dll, "ntoskrnl.exe");
    assert_int_equal(set_event->convention, CONVENTION_STDCALL);
    assert_int_equal(set_event->stack_bytes, 12);
    assert_int_equal(facts_of("DbgPrint")->convention, CONVENTION_CDECL);
    assert_int_equal(facts_of("NdisWriteErrorLogEntry")->convention, CONVENTION_CDECL);
    assert_int_equal(facts_of("KeNumberProcessors")->convention, CONVENTION_DATA);
    const struct export_facts *dereference = facts_of("ObfDereferenceObject");
    assert_int_equal(dereference->convention, CONVENTION_FASTCALL);
    assert_int_equal(dereference->stack_bytes, 4);
}

static void irql_ranges_follow_the_documentation(void **state)
{
    (void)state;
    const struct export_facts *sleep = facts_of("NdisMSleep");
    assert_int_equal(sleep->irql_low, 0);
    assert_true(sleep->irql_high < 2);
    const struct export_facts *wait = facts_of("KeWaitForSingleObject");
    assert_int_equal(wait->irql_high, 2);
    assert_int_equal(facts_of("NdisMRegisterMiniportDriver")->irql_high, 0);
}

static void functions_live_in_this_machines_dll(void **state)
{
    (void)state;
    assert_string_equal(facts_of("KeAcquireInStackQueuedSpinLock")->dll, WORD == 8 ? "ntoskrnl.exe" : "hal.dll");
    assert_true((facts_of("KfAcquireSpinLock") != NULL) == (WORD == 4));
    assert_true((facts_of("KeAcquireSpinLockRaiseToDpc") != NULL) == (WORD == 8));
    assert_true((facts_of("READ_REGISTER_ULONG") != NULL) == (WORD == 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_buffer_list_begins_with_next_and_first_net_buffer),
        cmocka_unit_test(mdl_header_is_48_or_28_bytes),
        cmocka_unit_test(a_resource_descriptor_is_packed_to_four_bytes),
        cmocka_unit_test(fields_that_overlap_share_memory),
        cmocka_unit_test(bit_fields_stand_at_their_bits),
        cmocka_unit_test(an_event_is_a_dispatcher_header),
        cmocka_unit_test(well_known_constants_have_their_values),
        cmocka_unit_test(export_facts_are_sorted_and_unique),
        cmocka_unit_test(conventions_follow_the_decoration),
        cmocka_unit_test(irql_ranges_follow_the_documentation),
        cmocka_unit_test(functions_live_in_this_machines_dll),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
