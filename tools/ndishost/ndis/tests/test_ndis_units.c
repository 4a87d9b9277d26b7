/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_ndis_units.c - parts of the NDIS layer that need no processor: handles, cells, the shapes of frames, the event log's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "abi/nt_constants.h"
#include "abi/nt_types.h"
#include "ndis/adapter.h"
#include "ndis/attributes.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "ndis/nbl.h"
#include "ndis/send_frame.h"
#include "ndis/wake.h"
#include "rules/rules.h"

/* ---- handles ---- */

static void handle_names_its_object_until_it_is_closed(void **state)
{
    int object = 0, owner = 0;
    void *handle = handle_create(HANDLE_TIMER, &object, &owner, 0);

    (void)state;
    assert_ptr_equal(handle_object(HANDLE_TIMER, handle), &object);
    assert_null(handle_object(HANDLE_WORK_ITEM, handle));
    handle_destroy(handle);
    assert_null(handle_object(HANDLE_TIMER, handle));
    assert_string_equal(handle_describe(handle), "timer object handle that was closed");
}

static void closed_handle_is_not_reused_soon(void **state)
{
    int object = 0, owner = 0;
    void *closed = handle_create(HANDLE_TIMER, &object, &owner, 0);

    (void)state;
    handle_destroy(closed);
    for (unsigned count = 0; count < 500; count++) {
        void *handle = handle_create(HANDLE_TIMER, &object, &owner, 0);

        assert_ptr_not_equal(handle, closed);
        handle_destroy(handle);
    }
}

static void arbitrary_addresses_are_no_handles(void **state)
{
    int object = 0, owner = 0;
    uint8_t *handle = handle_create(HANDLE_TIMER, &object, &owner, 0);

    (void)state;
    assert_null(handle_object(HANDLE_TIMER, NULL));
    assert_null(handle_object(HANDLE_TIMER, &object));
    assert_null(handle_object(HANDLE_TIMER, handle + 8));
    assert_null(handle_object(HANDLE_TIMER, handle + 64 * 100));
    assert_int_equal(handle_kind((void *)UINTPTR_MAX), HANDLE_FREE);
    handle_destroy(handle);
}

static void handles_are_listed_by_owner(void **state)
{
    int object = 0, first_owner = 0, second_owner = 0;
    void *first = handle_create(HANDLE_TIMER, &object, &first_owner, 7), *second = handle_create(HANDLE_DMA, &object, &second_owner, 8);
    struct handle_facts facts[4];

    (void)state;
    assert_int_equal(handle_list(&first_owner, facts, 4), 1);
    assert_ptr_equal(facts[0].handle, first);
    assert_int_equal(facts[0].kind, HANDLE_TIMER);
    assert_int_equal(facts[0].who, 7);
    handle_destroy(first);
    handle_destroy(second);
    assert_int_equal(handle_list(&first_owner, facts, 4), 0);
}

/* ---- cells ---- */

static void freed_cell_is_poisoned_and_unknown(void **state)
{
    struct nbl_cell *cell = nbl_cell_allocate(CELL_IMAGE);
    nt_NET_BUFFER_LIST *nbl = &cell->nbl;

    (void)state;
    assert_int_equal((uintptr_t)nbl % 16, 0);
    assert_ptr_equal(nbl_cell_of(nbl), cell);
    assert_null(nbl_cell_of((uint8_t *)nbl + 16));
    assert_null(nbl_cell_of(&cell));
    nbl_cell_free(cell);
    assert_null(nbl_cell_of(nbl));
    assert_int_equal(((uint8_t *)nbl)[0], 0xDD);
}

/* ---- frames ---- */

/* Reads the frame back as a driver would: from CurrentMdl and CurrentMdlOffset, DataLength bytes. */
static uint32_t gather(const nt_NET_BUFFER *nb, uint8_t *out, unsigned *mdl_count)
{
    const nt_MDL *mdl = (const nt_MDL *)nb->CurrentMdl;
    uint32_t offset = nb->CurrentMdlOffset, done = 0;

    *mdl_count = 0;
    for (; mdl && done < nb->DataLength; mdl = (const nt_MDL *)mdl->Next, ++*mdl_count) {
        uint32_t take = mdl->ByteCount - offset;

        if (take > nb->DataLength - done)
            take = nb->DataLength - done;
        memcpy(out + done, (const uint8_t *)mdl->MappedSystemVa + offset, take);
        done += take;
        offset = 0;
    }
    return done;
}

static void check_data_start(const nt_NET_BUFFER *nb)
{
    const nt_MDL *mdl = (const nt_MDL *)nb->MdlChain;
    uint32_t offset = nb->DataOffset;

    while ((uintptr_t)mdl != nb->CurrentMdl) {
        offset -= mdl->ByteCount;
        mdl = (const nt_MDL *)mdl->Next;
    }
    assert_int_equal(offset, nb->CurrentMdlOffset);
}

static void frames_of_every_shape_hold_their_bytes(void **state)
{
    static const uint32_t lengths[] = {14, 15, 21, 22, 60, 64, 1513, 1514};
    struct send_frame *frame = send_frame_create(1514, "test");
    uint8_t data[1514], read[1514];
    unsigned shapes_split = 0, shapes_led = 0, shapes_empty_mdl = 0, shapes_longer = 0, shapes_before = 0, crossings = 0;

    (void)state;
    for (unsigned index = 0; index < sizeof(data); index++)
        data[index] = (uint8_t)(index * 31);
    for (uint32_t seed = 0; seed < 20000; seed++) {
        uint32_t length = lengths[seed % 8], total = 0;
        const nt_NET_BUFFER *nb = &frame->cell->nb;
        unsigned mdls;

        send_frame_fill(frame, data, length, 14, seed);
        assert_int_equal(nb->DataLength, length);
        assert_int_equal(gather(nb, read, &mdls), length);
        assert_memory_equal(read, data, length);
        check_data_start(nb);
        /* SND-25: the MAC header is in one piece. */
        assert_true(((const nt_MDL *)nb->CurrentMdl)->ByteCount - nb->CurrentMdlOffset >= 14);
        send_frame_check(frame, NULL, 0);
        for (const nt_MDL *mdl = (const nt_MDL *)nb->MdlChain; mdl; mdl = (const nt_MDL *)mdl->Next) {
            total += mdl->ByteCount;
            shapes_empty_mdl += mdl->ByteCount == 0;
            crossings += mdl->ByteOffset + mdl->ByteCount > 4096;
            assert_true(mdl->ByteOffset < 4096);
        }
        shapes_split += mdls > 1;
        shapes_led += nb->CurrentMdlOffset != 0;
        shapes_before += nb->MdlChain != nb->CurrentMdl;
        shapes_longer += total > length + nb->DataOffset;
    }
    assert_int_equal(rules_violation_count(), 0);
    assert_true(shapes_split > 1000 && shapes_led > 1000 && shapes_before > 100 && shapes_empty_mdl > 100 && shapes_longer > 1000 &&
                crossings > 1000);
    send_frame_destroy(frame);
}

static void changed_frame_is_noticed(void **state)
{
    struct send_frame *frame;
    uint8_t data[100] = {0};

    (void)state;
    rules_reset();
    frame = send_frame_create(1514, "test");
    send_frame_fill(frame, data, sizeof(data), 14, 1);
    frame->cell->nb.DataOffset++;
    send_frame_check(frame, NULL, 0);
    assert_int_equal(rules_report_count("SND-05"), 1);
    send_frame_fill(frame, data, sizeof(data), 14, 1);
    send_frame_check(frame, NULL, (uintptr_t)&data);
    assert_int_equal(rules_report_count("SND-05"), 2);
    send_frame_destroy(frame);
    rules_reset();
}

/* ---- event log ---- */

static void event_log_entries_are_written_with_name_code_and_values(void **state)
{
    struct event_log_entry entry = {.code = NT_NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION, .value_count = 2, .values = {1, 0x20}};
    char text[128], short_text[16];

    (void)state;
    assert_string_equal(event_log_format(&entry, text, sizeof(text)), "NDIS_ERROR_CODE_UNSUPPORTED_CONFIGURATION (0xC0001391) 0x1 0x20");
    assert_string_equal(event_log_format(&entry, short_text, sizeof(short_text)), "NDIS_ERROR_CODE");
    strcpy(entry.text, "aero: something is wrong.");
    assert_string_equal(event_log_format(&entry, text, sizeof(text)), "aero: something is wrong. (0xC0001391) 0x1 0x20");
}

/* ---- offload ---- */

/* A miniport switches before it indicates, and what it popped before may come after: during the request both are right. */
static void receive_claims_follow_a_request_while_it_is_under_way(void **state)
{
    static struct adapter adapter;
    struct offload_state *offload = &adapter.attributes.offload;
    nt_NDIS_OFFLOAD_PARAMETERS asked;
    struct offload_set set;

    (void)state;
    pthread_mutex_init(&adapter.mutex, NULL);
    memset(&asked, 0, sizeof(asked));
    object_header_set(&asked, NT_NDIS_OBJECT_TYPE_DEFAULT, NT_NDIS_OFFLOAD_PARAMETERS_REVISION_2,
                      NT_NDIS_SIZEOF_OFFLOAD_PARAMETERS_REVISION_2);
    asked.TCPIPv4Checksum = NT_NDIS_OFFLOAD_PARAMETERS_RX_ENABLED_TX_DISABLED;
    asked.UDPIPv4Checksum = NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_DISABLED;
    offload->declared = offload->encapsulation = true;
    offload->hardware.receive[OFFLOAD_IPV4].tcp = offload->hardware.receive[OFFLOAD_IPV4].udp = true;
    offload->current.receive[OFFLOAD_IPV4].udp = true;
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV4].tcp);

    offload_set_begin(&adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, &asked, sizeof(asked), &set);
    assert_true(offload_claimable(&adapter).receive[OFFLOAD_IPV4].tcp);
    assert_true(offload_claimable(&adapter).receive[OFFLOAD_IPV4].udp);
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV6].tcp);
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV4].header);

    /* One for what is not there leads nowhere; neither does half of one. */
    asked.TCPIPv6Checksum = NT_NDIS_OFFLOAD_PARAMETERS_TX_RX_ENABLED;
    offload_set_begin(&adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, &asked, sizeof(asked), &set);
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV4].tcp);
    asked.TCPIPv6Checksum = 0;
    offload_set_begin(&adapter, NT_OID_TCP_OFFLOAD_PARAMETERS, &asked, 8, &set);
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV4].tcp);

    offload->changing = false;
    assert_false(offload_claimable(&adapter).receive[OFFLOAD_IPV4].tcp);
    pthread_mutex_destroy(&adapter.mutex);
}

static void a_device_wakes_from_the_states_of_its_pme_support_only(void **state)
{
    enum { PME_D0 = 0x0800, PME_D1 = 0x1000, PME_D2 = 0x2000, PME_D3_HOT = 0x4000, PME_D3_COLD = 0x8000, VERSION_ONLY = 0x0003 };

    (void)state;
    for (uint32_t at = NT_NdisDeviceStateUnspecified; at <= NT_NdisDeviceStateD3 + 2; ++at)
        assert_false(wake_possible(VERSION_ONLY, at));
    assert_true(wake_possible(PME_D0, NT_NdisDeviceStateD0));
    assert_true(wake_possible(PME_D1, NT_NdisDeviceStateD1));
    assert_true(wake_possible(PME_D2, NT_NdisDeviceStateD2));
    assert_true(wake_possible(PME_D3_HOT, NT_NdisDeviceStateD3));
    assert_true(wake_possible(PME_D3_COLD, NT_NdisDeviceStateD3));
    assert_false(wake_possible(PME_D0 | PME_D1 | PME_D2, NT_NdisDeviceStateD3));
    assert_false(wake_possible(PME_D3_HOT | PME_D3_COLD | PME_D1, NT_NdisDeviceStateD2));
    assert_false(wake_possible(UINT16_MAX, NT_NdisDeviceStateUnspecified));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handle_names_its_object_until_it_is_closed),
        cmocka_unit_test(closed_handle_is_not_reused_soon),
        cmocka_unit_test(arbitrary_addresses_are_no_handles),
        cmocka_unit_test(handles_are_listed_by_owner),
        cmocka_unit_test(freed_cell_is_poisoned_and_unknown),
        cmocka_unit_test(frames_of_every_shape_hold_their_bytes),
        cmocka_unit_test(changed_frame_is_noticed),
        cmocka_unit_test(event_log_entries_are_written_with_name_code_and_values),
        cmocka_unit_test(receive_claims_follow_a_request_while_it_is_under_way),
        cmocka_unit_test(a_device_wakes_from_the_states_of_its_pme_support_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
