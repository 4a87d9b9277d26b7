/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_ndis_rules.c - a miniport without fault runs clean; with one fault built in, the rule that it breaks is reported. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "world.h"

struct wrong_driver {
    const char *name;
    enum fault fault;
    const char *rule;
};

static const struct wrong_driver wrong_drivers[] = {
    {"registers with characteristics of revision 1", FAULT_CHARACTERISTICS_REVISION, "DRV-10"},
    {"registers for NDIS 6.30", FAULT_NDIS_VERSION, "DRV-11"},
    {"registers without MiniportShutdownEx", FAULT_HANDLER_MISSING, "DRV-12"},
    {"registers check-for-hang without reset", FAULT_HANG_CHECK_WITHOUT_RESET, "DRV-13"},
    {"registers with another registry path", FAULT_FOREIGN_REGISTRY_PATH, "DRV-01"},
    {"fails DriverEntry while registered", FAULT_ENTRY_FAILS_REGISTERED, "DRV-03"},
    {"returns another status from DriverEntry", FAULT_ENTRY_OTHER_STATUS, "DRV-02"},
    {"overwrites DriverUnload", FAULT_UNLOAD_OVERWRITTEN, "DRV-08"},
    {"stays registered after unload", FAULT_UNLOAD_STAYS_REGISTERED, "DRV-05"},

    {"leaves requirements with too many descriptors", FAULT_FILTER_COUNT, "DRV-21"},
    {"leaves requirements that it has freed", FAULT_FILTER_FREED, "DRV-21"},
    {"filters with an unknown status", FAULT_FILTER_STATUS, "DRV-21"},
    {"adds a list to the assigned resources", FAULT_START_LIST_GROWS, "DRV-21"},

    {"leaves a port when it halts", FAULT_PORT_LEFT, "HLT-01"},
    {"frees the default port", FAULT_DEFAULT_PORT_FREED, "HOST-HANDLE"},
    {"frees memory with an armed timer in it", FAULT_IMAGE_TIMER_FREED, "HOST-TIMER-FREED"},
    {"registers half a shared-memory provider", FAULT_PROVIDER_HALF, "HOST-PROVIDER"},
    {"frees shared memory that its provider did not allocate", FAULT_PROVIDER_FREES_FOREIGN, "HOST-PROVIDER"},
    {"keeps its provider's shared memory", FAULT_PROVIDER_MEMORY_LEFT, "DRV-06"},

    {"has no adapter context", FAULT_CONTEXT_NULL, "INI-07"},
    {"sets registration attributes of revision 2", FAULT_REGISTRATION_REVISION, "HDR-01"},
    {"sets no general attributes", FAULT_GENERAL_MISSING, "INI-03"},
    {"sets general attributes first", FAULT_GENERAL_FIRST, "INI-02"},
    {"sets general attributes of revision 1", FAULT_GENERAL_REVISION, "HDR-02"},
    {"says that magic packets wake, of a device that cannot", FAULT_WAKE_MAGIC, "PWR-09"},
    {"says that the link wakes, of a device that cannot", FAULT_WAKE_LINK, "PWR-09"},
    {"takes patterns to wake by, for a device that cannot", FAULT_WAKE_PATTERNS, "PWR-09"},
    {"has no power capabilities", FAULT_NO_POWER_CAPABILITIES, "GEN-01"},
    {"lists too few OIDs", FAULT_OID_LIST_SHORT, "GEN-12"},
    {"pends MiniportInitializeEx", FAULT_INITIALIZE_PENDING, "INI-23"},
    {"fails initialise with its interrupt registered", FAULT_INITIALIZE_FAILS_WITH_INTERRUPT, "INI-21"},
    {"fails initialise with a timer queued", FAULT_INITIALIZE_FAILS_WITH_TIMER, "INI-21"},
    {"fails initialise and keeps pool", FAULT_INITIALIZE_LEAKS_POOL, "INI-20"},
    {"leaves its configuration open", FAULT_CONFIGURATION_OPEN, "INI-29"},
    {"opens configuration with the driver handle", FAULT_CONFIGURATION_DRIVER_HANDLE, "INI-28"},
    {"maps memory that is no BAR", FAULT_MAP_FOREIGN, "MEM-08"},
    {"registers DMA without being a bus master", FAULT_DMA_WITHOUT_BUS_MASTER, "INI-08"},
    {"allocates shared memory before DMA", FAULT_SHARED_MEMORY_BEFORE_DMA, "INI-14"},
    {"registers half the line handlers", FAULT_INTERRUPT_HANDLER_MISSING, "INT-01"},
    {"registers half the message handlers", FAULT_INTERRUPT_MESSAGES_HALF, "INT-02"},
    {"allocates a timer without tag", FAULT_TIMER_TAG_ZERO, "HDR-07"},
    {"returns from initialise at DISPATCH_LEVEL", FAULT_INITIALIZE_LEAVES_IRQL, "IRQL-30"},
    {"allocates memory without tag", FAULT_ALLOCATES_WITHOUT_TAG, "MEM-12"},

    {"halts with its interrupt registered", FAULT_INTERRUPT_LEFT, "HLT-02"},
    {"halts with a timer queued", FAULT_TIMER_QUEUED, "HLT-04"},
    {"halts without freeing its timer", FAULT_TIMER_LEFT, "HLT-05"},
    {"frees a timer that is queued", FAULT_TIMER_FREED_QUEUED, "TMR-01"},
    {"halts without freeing its work item", FAULT_WORK_ITEM_LEFT, "HLT-06"},
    {"queues a work item twice", FAULT_WORK_ITEM_TWICE, "WRK-02"},
    {"is unloaded under a routine that does not hold it", FAULT_WORK_OUTLASTS_DRIVER, "HOST-UNLOAD"},
    {"halts with DMA registered", FAULT_DMA_LEFT, "HLT-07"},
    {"halts with shared memory", FAULT_SHARED_MEMORY_LEFT, "HLT-08"},
    {"frees shared memory with another length", FAULT_SHARED_MEMORY_LENGTH, "MEM-03"},
    {"frees shared memory twice", FAULT_SHARED_MEMORY_TWICE, "MEM-03"},
    {"writes behind shared memory", FAULT_SHARED_MEMORY_OVERRUN, "HOST-POOL-OVERRUN"},
    {"halts with registers mapped", FAULT_MAPPING_LEFT, "HLT-09"},
    {"halts with an NBL pool", FAULT_POOL_LEFT, "HLT-10"},
    {"frees an NBL pool with NBLs in it", FAULT_POOL_FREED_FULL, "MEM-17"},
    {"halts with a read/write lock", FAULT_RW_LOCK_LEFT, "HLT-11"},
    {"indicates status after halt", FAULT_STATUS_AFTER_HALT, "HLT-12"},
    {"indicates a link change from halt", FAULT_LINK_CHANGE_IN_HALT, "HLT-12"},

    {"fails MiniportPause", FAULT_PAUSE_FAILS, "PAU-01"},
    {"pauses at once and completes as well", FAULT_PAUSE_TWICE, "PAU-05"},
    {"completes a pause nobody asked for", FAULT_PAUSE_COMPLETE_UNASKED, "ST-05"},
    {"pauses before receives came back", FAULT_PAUSE_BEFORE_RECEIVES, "PAU-02"},
    {"pauses before sends are completed", FAULT_PAUSE_BEFORE_SENDS, "PAU-04"},
    {"never completes a pause", FAULT_PAUSE_NEVER, "PAU-12"},
    {"restarts with an unknown status", FAULT_RESTART_STATUS, "RES-01"},
    {"restarts at once and completes as well", FAULT_RESTART_TWICE, "RES-02"},
    {"indicates a receive when paused", FAULT_INDICATES_PAUSED, "PAU-07"},
    {"resets with an unknown status", FAULT_RESET_STATUS, "RST-01"},
    {"resets without a word on addressing", FAULT_RESET_SILENT, "RST-05"},

    {"completes a send twice", FAULT_SEND_TWICE, "SND-02"},
    {"completes a send as pending", FAULT_SEND_STATUS_PENDING, "SND-06"},
    {"completes a send with the dispatch flag at PASSIVE_LEVEL", FAULT_SEND_DISPATCH_FLAG, "SND-09"},
    {"completes a send under a spin lock", FAULT_SEND_UNDER_LOCK, "SND-19"},
    {"leaves an MDL chain changed", FAULT_SEND_CHAIN_CHANGED, "SND-05"},
    {"leaves a data length changed", FAULT_SEND_DATA_START_CHANGED, "SND-05"},
    {"writes ProtocolReserved", FAULT_SEND_PROTOCOL_RESERVED, "SND-23"},
    {"completes what is no send", FAULT_SEND_FOREIGN, "SND-07"},
    {"maps a send at PASSIVE_LEVEL", FAULT_SG_AT_PASSIVE, "SG-06"},
    {"completes a send before freeing its list", FAULT_SG_LEFT, "SG-14"},
    {"frees a list twice", FAULT_SG_TWICE, "SG-14"},
    {"maps a send for reception", FAULT_SG_DIRECTION, "SG-08"},

    {"announces one receive too many", FAULT_RECEIVE_COUNT, "RCV-02"},
    {"indicates with another source handle", FAULT_RECEIVE_SOURCE, "RCV-01"},
    {"indicates with an error status", FAULT_RECEIVE_STATUS, "RCV-13"},
    {"indicates a frame that is too long", FAULT_RECEIVE_TOO_LONG, "RCV-18"},
    {"indicates more data than the MDLs hold", FAULT_RECEIVE_PAST_CHAIN, "HOST-NBL-CORRUPT"},
    {"indicates what the host has", FAULT_RECEIVE_TWICE, "RCV-27"},
    {"frees what the host has", FAULT_RECEIVE_FREED, "RCV-07"},
    {"indicates under a spin lock", FAULT_RECEIVE_UNDER_LOCK, "SND-19"},
    {"indicates with the dispatch flag at PASSIVE_LEVEL", FAULT_RECEIVE_DISPATCH_FLAG, "RCV-10"},
    {"has more to indicate although all was allowed", FAULT_RECEIVE_MORE_PENDING, "RCV-23"},
    {"reports checksums without offload", FAULT_RECEIVE_CHECKSUM_FLAGS, "RCV-14"},

    {"claims an interrupt without saying what follows", FAULT_ISR_SILENT, "INT-08"},
    {"leaves a DPC with a lock", FAULT_DPC_LEAVES_LOCK, "IRQL-30"},
    {"sleeps in a DPC", FAULT_SLEEPS_IN_DPC, "WAI-02"},

    {"says it wrote more than the buffer holds", FAULT_OID_BYTES_WRITTEN, "OID-08"},
    {"writes behind the buffer", FAULT_OID_OVERRUN, "OID-08"},
    {"completes a request and returns a status", FAULT_OID_COMPLETES_AND_RETURNS, "OID-02"},
    {"completes a request as pending", FAULT_OID_COMPLETE_PENDING, "OID-03"},
    {"takes an unknown OID", FAULT_OID_TAKES_UNKNOWN, "OID-13"},
    {"is of another medium", FAULT_GENERAL_MEDIUM, "GEN-02"},
    {"has an address of five bytes", FAULT_GENERAL_ADDRESS_LENGTH, "GEN-03"},
    {"has a multicast address of its own", FAULT_GENERAL_ADDRESS_MULTICAST, "GEN-03"},
    {"has an interface that is not Ethernet's", FAULT_GENERAL_INTERFACE, "GEN-04"},
    {"does not count", FAULT_GENERAL_STATISTICS, "GEN-05"},
    {"has tags without priorities", FAULT_GENERAL_TAGS, "GEN-06"},
    {"has power capabilities of revision 2", FAULT_GENERAL_POWER_REVISION, "HDR-14"},
    {"has attribute flags that are not defined", FAULT_FLAGS_OF_LATER, "INI-10"},
    {"is a WDM miniport with resources of its own", FAULT_FLAGS_WDM, "INI-11"},
    {"says that a method wrote more than its buffer holds", FAULT_OID_METHOD_LONG, "OID-16"},
    {"lists power OIDs of NDIS 5", FAULT_OID_LISTS_OBSOLETE, "PWR-17"},
    {"registers half the handlers of direct OIDs", FAULT_DIRECT_HANDLER_HALF, "DRV-15"},
    {"completes a direct OID as a regular one", FAULT_DIRECT_COMPLETED_AS_REGULAR, "OID-03"},
    {"completes a direct OID as pending", FAULT_DIRECT_COMPLETE_PENDING, "OID-03"},
    {"completes a direct OID twice", FAULT_DIRECT_COMPLETES_TWICE, "OID-02"},
    {"completes a direct OID and returns a status", FAULT_DIRECT_COMPLETES_AND_RETURNS, "OID-02"},
    {"takes an unknown direct OID", FAULT_DIRECT_TAKES_UNKNOWN, "OID-13"},
    {"takes a packet filter of two bytes", FAULT_OID_SHORT_FILTER, "OID-11"},
    {"gives statistics without a header", FAULT_OID_STATISTICS_HEADER, "OIM-09"},
    {"counts backwards", FAULT_OID_STATISTICS_DECREASE, "OIM-09"},
    {"forgets the header in the total size", FAULT_OID_TOTAL_SIZE, "GEN-10"},
    {"has more offload on than the hardware has", FAULT_OFFLOAD_BEYOND_HARDWARE, "GEN-17"},
    {"offloads checksums without an encapsulation", FAULT_OFFLOAD_WITHOUT_ENCAPSULATION, "OFF-09"},
    {"segments without checksums", FAULT_OFFLOAD_LARGE_ALONE, "OFF-12"},
    {"ignores an offload keyword", FAULT_OFFLOAD_KEYWORD_IGNORED, "OFF-11"},
    {"takes an illegal offload request", FAULT_OFFLOAD_TAKES_ILLEGAL, "OFF-03"},
    {"changes offloads without a word", FAULT_OFFLOAD_SILENT, "OFF-04"},
    {"changes another offload than was asked for", FAULT_OFFLOAD_CHANGES_OTHER, "OFF-02"},
    {"takes any encapsulation", FAULT_OFFLOAD_ANY_ENCAPSULATION, "OFF-06"},
    {"claims a checksum that is wrong", FAULT_OFFLOAD_CLAIMS_BAD, "CSO-09"},
    {"claims a checksum that is not there", FAULT_OFFLOAD_CLAIMS_OTHER, "CSO-10"},
    {"claims a checksum although that is off", FAULT_OFFLOAD_CLAIMS_OFF, "OFF-07"},
    {"does not report a large send", FAULT_OFFLOAD_LARGE_UNREPORTED, "LSO-09"},
    {"changes out-of-band words of a send", FAULT_OFFLOAD_INFORMATION_CHANGED, "HOST-NBL-INFORMATION"},
    {"reports a tag that nobody speaks of", FAULT_OFFLOAD_TAG_REPORTED, "RCV-20"},
    {"indicates half a link state", FAULT_STATUS_SIZE, "STA-02"},
    {"indicates an NDIS 5 status", FAULT_STATUS_NDIS5, "STA-04"},
    {"indicates status without its handle", FAULT_STATUS_SOURCE, "STA-02"},

    {"leaves its control device registered", FAULT_DEVICE_LEFT, "DEV-05"},
    {"overwrites DeviceExtension", FAULT_DEVICE_EXTENSION_WRITTEN, "DEV-02"},
    {"has a PnP routine for its control device", FAULT_DEVICE_PNP_HANDLER, "DEV-03"},
    {"registers a device under a spin lock", FAULT_DEVICE_UNDER_LOCK, "DEV-07"},
    {"registers a device with its adapter's handle", FAULT_DEVICE_ADAPTER_HANDLE, "DEV-01"},
    {"gives a device a security descriptor that is none", FAULT_DEVICE_SECURITY, "HOST-SDDL"},
    {"leaves a symbolic link", FAULT_LINK_LEFT, "HOST-DEVICE-OBJECT"},
    {"deletes a symbolic link twice", FAULT_LINK_TWICE, "HOST-DEVICE-OBJECT"},
    {"completes an IRP twice", FAULT_IRP_TWICE, "DEV-06"},
    {"returns from an IRP without completing it", FAULT_IRP_KEPT, "DEV-06"},
    {"completes what is no IRP", FAULT_IRP_FOREIGN, "HOST-IRP"},
    {"returns more bytes than the caller's buffer has", FAULT_IRP_INFORMATION, "HOST-IRP-INFORMATION"},
    {"returns bytes that it has not written", FAULT_IRP_UNWRITTEN, "HOST-IRP-UNWRITTEN"},
    {"writes behind the system buffer", FAULT_IRP_OVERRUN, "HOST-POOL-OVERRUN"},
    {"writes to an IRP that it has completed", FAULT_IRP_AFTERWARDS, "HOST-POOL-AFTER-FREE"},
    {"returns another status than the IRP's", FAULT_IRP_STATUS, "HOST-IRP-STATUS"},
    {"completes an IRP as pending", FAULT_IRP_STATUS_PENDING, "HOST-IRP-STATUS"},
    {"returns pending without marking the IRP", FAULT_IRP_NOT_MARKED, "HOST-IRP-PENDING"},
    {"completes an IRP under a spin lock", FAULT_IRP_LOCKED, "HOST-IRP-LOCKED"},
    {"completes an IRP with its cancel routine set", FAULT_IRP_CANCEL_ROUTINE, "HOST-IRP-CANCEL"},
    {"does not complete a cancelled IRP", FAULT_IRP_NOT_CANCELLED, "DEV-06"},
    {"frees a clone with other flags", FAULT_CLONE_FREED_WITH_OTHER_FLAGS, "HOST-CLONE"},
    {"frees a clone as if it was none", FAULT_CLONE_FREED_AS_PLAIN, "HOST-CLONE"},
    {"frees fragments before what was reassembled of them", FAULT_FRAGMENTS_FREED_FIRST, "HOST-CLONE"},
};

enum { WRONG_COUNT = sizeof(wrong_drivers) / sizeof(wrong_drivers[0]) };

static void print_rules(const struct world_report *report)
{
    printf("  reported:");
    for (unsigned index = 0; index < report->rule_count; index++)
        printf(" %s", report->rules[index]);
    printf("; %u leaks%s\n", report->leaks, report->ended ? "" : "; ended by a bug check");
}

static void wrong_driver_is_caught(void **state)
{
    const struct wrong_driver *wrong = *state;
    struct world_report report;
    bool caught;

    world_run(wrong->fault, 0, WORLD_HALT, &report);
    caught = world_reported(&report, wrong->rule);
    if (!caught)
        print_rules(&report);
    assert_true(caught);
}

static void check_clean_variant(enum fault variant, unsigned vectors, unsigned granted, enum world_ending ending)
{
    struct world_report report;

    world_run(variant, vectors, ending, &report);
    if (report.rule_count || report.leaks)
        print_rules(&report);
    assert_true(report.ended);
    assert_true(report.initialized);
    assert_string_equal(report.exercise_failed, "");
    assert_int_equal(report.rule_count, 0);
    assert_int_equal(report.leaks, 0);
    assert_int_equal(report.vectors_granted, granted);
    assert_int_equal(report.frames_received, WORLD_FRAMES + 0);
    assert_int_equal(report.frames_sent_back_wrong, 1); /* the frame of the pause, which has no pattern */
    if (variant == FAULT_NONE && ending < WORLD_POWER_OFF)
        assert_true(report.work_lingered && report.work_returned);
}

static void check_clean(unsigned vectors, enum world_ending ending)
{
    check_clean_variant(FAULT_NONE, vectors, vectors, ending);
}

static void filtered_requirements_take_messages_away(void **state)
{
    (void)state;
    check_clean_variant(FAULT_NONE_TAKES_ONE_MESSAGE, 2, 1, WORLD_HALT);
}

static void filtered_requirements_without_messages_give_the_line(void **state)
{
    (void)state;
    check_clean_variant(FAULT_NONE_TAKES_LINE, 2, 0, WORLD_HALT);
}

static void faultless_miniport_runs_clean_on_the_line(void **state)
{
    (void)state;
    check_clean(0, WORLD_HALT);
}

static void faultless_miniport_runs_clean_on_messages(void **state)
{
    (void)state;
    check_clean(2, WORLD_HALT);
}

/* Frames with patterns as before; then four with checksums, which come back, and a large send, which does not. */
static void faultless_miniport_with_offload_runs_clean(void **state)
{
    struct world_report report;

    (void)state;
    world_run(FAULT_OFFLOAD_NONE, 2, WORLD_HALT, &report);
    if (report.rule_count || report.leaks)
        print_rules(&report);
    assert_true(report.ended);
    assert_int_equal(report.rule_count, 0);
    assert_int_equal(report.leaks, 0);
    assert_int_equal(report.frames_received, WORLD_FRAMES);
    assert_int_equal(report.frames_sent_back_wrong, 1 + 4);
    assert_int_equal(report.checksum_requests, 3); /* TCP over IPv6 is completed above */
    assert_int_equal(report.large_requests, 1);
    assert_int_equal(report.checksums_verified, 3); /* UDP over IPv4 is not claimed */
}

static void surprise_removal_is_clean(void **state)
{
    (void)state;
    check_clean(0, WORLD_SURPRISE_REMOVAL);
}

static void power_off_is_clean(void **state)
{
    (void)state;
    check_clean(2, WORLD_POWER_OFF);
}

static void bug_check_is_clean(void **state)
{
    (void)state;
    check_clean(0, WORLD_BUG_CHECK);
}

int main(void)
{
    static struct CMUnitTest tests[WRONG_COUNT + 8];
    unsigned count = 0;

    world_prepare();
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(faultless_miniport_runs_clean_on_the_line);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(faultless_miniport_runs_clean_on_messages);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(filtered_requirements_take_messages_away);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(filtered_requirements_without_messages_give_the_line);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(surprise_removal_is_clean);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(faultless_miniport_with_offload_runs_clean);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(power_off_is_clean);
    tests[count++] = (struct CMUnitTest)cmocka_unit_test(bug_check_is_clean);
    for (unsigned index = 0; index < WRONG_COUNT; index++) {
        tests[count].name = wrong_drivers[index].name;
        tests[count].test_func = wrong_driver_is_caught;
        tests[count++].initial_state = (void *)&wrong_drivers[index];
    }
    return _cmocka_run_group_tests("ndis rules", tests, count, NULL, NULL);
}
