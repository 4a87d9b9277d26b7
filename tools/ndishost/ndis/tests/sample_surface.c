/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_surface.c - exports that full-featured drivers use beside the ordinary ones: timers in their own memory, files, logs, ports. */
#include <string.h>

#include "sample.h"

enum { SAMPLE_TAG = 0x6C706D53, LOG_BYTES = 8, LUID_TYPE_ETHERNET = 6 };

static unsigned expirations;
static uintptr_t expired_context;
static nt_KEVENT expired_event;

static void expect(bool holds, const char *what)
{
    if (!holds && !sample.exercise_failed)
        sample.exercise_failed = what;
}

/* ---- timers ---- */

static void IMAGE timer_function(void *specific1, void *context, void *specific2, void *specific3)
{
    (void)specific1;
    (void)specific2;
    (void)specific3;
    expired_context = (uintptr_t)context;
    if (++expirations == 1 || expirations == 4)
        NdisSetEvent(&expired_event);
}

static void exercise_timers(void *adapter)
{
    static nt_NDIS_TIMER timer;
    static nt_NDIS_MINIPORT_TIMER miniport_timer;
    uint8_t cancelled = 2;

    expirations = 0;
    NdisInitializeEvent(&expired_event);
    NdisInitializeTimer(&timer, (void *)timer_function, (void *)1);
    NdisSetTimerEx(&timer, 1, (void *)5);
    expect(NdisWaitEvent(&expired_event, 5000) && expired_context == 5, "a timer in the driver's memory expires with its last context");
    NdisSetTimer(&timer, 60000);
    NdisCancelTimer(&timer, &cancelled);
    expect(cancelled == 1, "a timer that is set is cancelled");
    NdisCancelTimer(&timer, &cancelled);
    expect(cancelled == 0, "a timer that is not set cannot be cancelled");
    NdisResetEvent(&expired_event);
    NdisMInitializeTimer(&miniport_timer, adapter, (void *)timer_function, (void *)7);
    NdisMSetPeriodicTimer(&miniport_timer, 1);
    expect(NdisWaitEvent(&expired_event, 5000) && expirations >= 4 && expired_context == 7, "a periodic timer expires again and again");
    NdisMCancelTimer(&miniport_timer, &cancelled);
    expect(cancelled == 1, "a periodic timer is cancelled");
}

/* ---- files ---- */

static void exercise_files(void)
{
    static const char contents[] = "firmware of loop_device\n";
    nt_UNICODE_STRING name;
    uint16_t buffer[64];
    uint32_t status = 1, length = 0;
    void *file = NULL;
    char *bytes = NULL;

    sample_unicode(&name, buffer, "missing.bin");
    NdisOpenFile(&status, &file, &length, &name, ~(uint64_t)0);
    expect(status == NT_NDIS_STATUS_FILE_NOT_FOUND, "a file that is not there is not found");
    sample_unicode(&name, buffer, "..\\tests\\firmware.bin");
    NdisOpenFile(&status, &file, &length, &name, ~(uint64_t)0);
    expect(status == NT_NDIS_STATUS_FILE_NOT_FOUND, "a name with a path is not found");
    sample_unicode(&name, buffer, "Firmware.BIN");
    NdisOpenFile(&status, &file, &length, &name, ~(uint64_t)0);
    expect(status == NT_NDIS_STATUS_SUCCESS && length == sizeof(contents) - 1, "a file opens in any case and has its length");
    if (status != NT_NDIS_STATUS_SUCCESS)
        return;
    NdisMapFile(&status, (void **)&bytes, file);
    expect(status == NT_NDIS_STATUS_SUCCESS && !memcmp(bytes, contents, length), "a file maps with its contents");
    NdisMapFile(&status, (void **)&bytes, file);
    expect(status == NT_NDIS_STATUS_ALREADY_MAPPED, "a file maps once");
    NdisUnmapFile(file);
    NdisCloseFile(file);
}

/* ---- logs and ports ---- */

static void exercise_log(void *adapter)
{
    void *log = NULL;

    expect(NdisMCreateLog(adapter, LOG_BYTES, &log) == NT_NDIS_STATUS_SUCCESS, "a log is created");
    expect(NdisMWriteLogData(log, "123456", 6) == NT_NDIS_STATUS_SUCCESS, "a log is written");
    expect(NdisMWriteLogData(log, "123456", 6) == NT_NDIS_STATUS_SUCCESS, "a log forgets its oldest bytes");
    expect(NdisMWriteLogData(log, "123456789", 9) == NT_NDIS_STATUS_BUFFER_OVERFLOW, "what is longer than a log does not fit");
    NdisMFlushLog(log);
    NdisMCloseLog(log);
    expect(NdisMCreateLog(adapter, LOG_BYTES, &log) == NT_NDIS_STATUS_SUCCESS, "a log is created anew");
    NdisMCloseLog(log);
}

static uint32_t allocate_port(void *adapter, uint32_t *number)
{
    nt_NDIS_PORT_CHARACTERISTICS port;
    uint32_t status;

    memset(&port, 0, sizeof(port));
    ((nt_NDIS_OBJECT_HEADER *)&port)->Type = NT_NDIS_OBJECT_TYPE_PORT_CHARACTERISTICS;
    ((nt_NDIS_OBJECT_HEADER *)&port)->Revision = NT_NDIS_PORT_CHARACTERISTICS_REVISION_1;
    ((nt_NDIS_OBJECT_HEADER *)&port)->Size = NT_NDIS_SIZEOF_PORT_CHARACTERISTICS_REVISION_1;
    status = NdisMAllocatePort(adapter, &port);
    *number = port.PortNumber;
    return status;
}

static void exercise_ports(void *adapter)
{
    uint32_t first = 0, second = 0;

    expect(allocate_port(adapter, &first) == NT_NDIS_STATUS_SUCCESS && first, "a port gets a number other than 0");
    expect(allocate_port(adapter, &second) == NT_NDIS_STATUS_SUCCESS && second != first, "each port has a number of its own");
    expect(NdisMFreePort(adapter, first) == NT_NDIS_STATUS_SUCCESS, "a port is freed");
    expect(NdisMFreePort(adapter, second) == NT_NDIS_STATUS_SUCCESS, "and the other");
}

/* ---- interfaces ---- */

static void IMAGE interface_handler(void)
{
}

static void exercise_interfaces(void)
{
    nt_NDIS_IF_PROVIDER_CHARACTERISTICS provider;
    nt_NET_IF_INFORMATION information;
    void *handle = NULL;
    uint32_t luid_index = 0, interface_index = 0, found = 0;
    uint64_t luid, found_luid = 0;

    memset(&provider, 0, sizeof(provider));
    memset(&information, 0, sizeof(information));
    provider.QueryObjectHandler = provider.SetObjectHandler = (uintptr_t)interface_handler;
    expect(NdisIfRegisterProvider(&provider, NULL, &handle) == NT_NDIS_STATUS_SUCCESS, "an interface provider registers");
    expect(NdisIfAllocateNetLuidIndex(LUID_TYPE_ETHERNET, &luid_index) == NT_NDIS_STATUS_SUCCESS && luid_index,
           "an index of a LUID is allocated");
    luid = (uint64_t)LUID_TYPE_ETHERNET << 48 | (uint64_t)luid_index << 24;
    expect(NdisIfRegisterInterface(handle, luid, NULL, &information, &interface_index) == NT_NDIS_STATUS_SUCCESS, "an interface registers");
    expect(NdisIfRegisterInterface(handle, luid, NULL, &information, &found) != NT_NDIS_STATUS_SUCCESS, "a LUID names one interface");
    expect(NdisIfGetInterfaceIndexFromNetLuid(luid, &found) == NT_NDIS_STATUS_SUCCESS && found == interface_index,
           "a LUID leads to its interface");
    expect(NdisIfGetNetLuidFromInterfaceIndex(interface_index, &found_luid) == NT_NDIS_STATUS_SUCCESS && found_luid == luid,
           "an interface has its LUID");
    expect(NdisIfAddIfStackEntry(interface_index, 1) == NT_NDIS_STATUS_SUCCESS, "an interface stands on another");
    expect(NdisIfDeleteIfStackEntry(interface_index, 1) == NT_NDIS_STATUS_SUCCESS, "and no more");
    expect(NdisIfDeregisterInterface(interface_index) == NT_NDIS_STATUS_SUCCESS, "an interface deregisters");
    expect(NdisIfGetInterfaceIndexFromNetLuid(luid, &found) == NT_NDIS_STATUS_INTERFACE_NOT_FOUND, "and is gone");
    expect(NdisIfFreeNetLuidIndex(LUID_TYPE_ETHERNET, luid_index) == NT_NDIS_STATUS_SUCCESS, "the index is freed");
    NdisIfDeregisterProvider(handle);
}

/* ---- memory ---- */

static void exercise_memory(void *adapter)
{
    uint8_t *block = NdisAllocateMemoryWithTagPriority(adapter, 64, SAMPLE_TAG, 0);
    void *whole = NdisAllocateMdl(adapter, block, 64), *part = NULL;
    uint32_t status = 1;

    NdisCopyBuffer(&status, &part, NULL, whole, 16, 8);
    expect(status == NT_NDIS_STATUS_SUCCESS && ((nt_MDL *)part)->ByteCount == 8 &&
               ((nt_MDL *)part)->StartVa + ((nt_MDL *)part)->ByteOffset == (uintptr_t)block + 16,
           "a part of an MDL describes a part of its memory");
    NdisFreeMdl(part);
    NdisFreeMdl(whole);
    NdisFreeMemoryWithTag(block, SAMPLE_TAG);
}

void sample_misuse_surface(void *adapter)
{
    uint32_t number;

    if (sample_fault == FAULT_PORT_LEFT) {
        allocate_port(adapter, &number);
    } else if (sample_fault == FAULT_DEFAULT_PORT_FREED) {
        NdisMFreePort(adapter, 0);
    } else {
        void *timer = NdisAllocateMemoryWithTagPriority(adapter, sizeof(nt_NDIS_TIMER), SAMPLE_TAG, 0);

        NdisInitializeTimer(timer, (void *)timer_function, NULL);
        NdisSetTimer(timer, 60000);
        NdisFreeMemory(timer, 0, 0);
    }
}

void sample_exercise_surface(void *adapter)
{
    exercise_timers(adapter);
    exercise_files();
    exercise_log(adapter);
    exercise_ports(adapter);
    exercise_interfaces();
    exercise_memory(adapter);
}
