/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* sample_exercise.c - exports that an ordinary life of the sample miniport does not need, with what they must do. */
#include <stdlib.h>
#include <string.h>

#include "misuse.h"
#include "sample.h"

enum { SAMPLE_TAG = 0x6C706D53 };

static void expect(bool holds, const char *what)
{
    if (!holds && !sample.exercise_failed)
        sample.exercise_failed = what;
}

void sample_unicode(nt_UNICODE_STRING *string, uint16_t *buffer, const char *text)
{
    size_t length = strlen(text);

    for (size_t index = 0; index <= length; index++)
        buffer[index] = (uint8_t)text[index];
    memset(string, 0, sizeof(*string));
    string->Length = (uint16_t)(length * 2);
    string->MaximumLength = (uint16_t)(length * 2 + 2);
    string->Buffer = (uintptr_t)buffer;
}

/* ---- configuration: the keywords that world.c gives the adapter ---- */

static nt_NDIS_CONFIGURATION_PARAMETER *read(void *configuration, const char *keyword, uint32_t type)
{
    nt_NDIS_CONFIGURATION_PARAMETER *value = NULL;
    nt_UNICODE_STRING name;
    uint16_t buffer[64];
    uint32_t status = 0;

    sample_unicode(&name, buffer, keyword);
    NdisReadConfiguration(&status, &value, configuration, &name, type);
    return status == NT_NDIS_STATUS_SUCCESS ? value : NULL;
}

static void exercise_keywords(void *configuration)
{
    nt_NDIS_CONFIGURATION_PARAMETER *value, written;
    nt_UNICODE_STRING name;
    uint16_t buffer[64];
    uint8_t *address = NULL;
    uint32_t status, length = 0;

    value = read(configuration, "Decimal", NT_NdisParameterInteger);
    expect(value && value->ParameterData_IntegerData == 42, "a decimal keyword reads as a number");
    value = read(configuration, "decimal", NT_NdisParameterInteger);
    expect(value != NULL, "keywords are found in any case");
    value = read(configuration, "Hexadecimal", NT_NdisParameterHexInteger);
    expect(value && value->ParameterData_IntegerData == 0x1F, "a hexadecimal keyword reads as a number");
    value = read(configuration, "Text", NT_NdisParameterString);
    expect(value && value->ParameterType == NT_NdisParameterString &&
               !memcmp((const void *)((nt_UNICODE_STRING *)value->ParameterData_StringData)->Buffer, "a\0b\0c\0", 6),
           "a text keyword reads as UTF-16");
    expect(!read(configuration, "Text", NT_NdisParameterInteger), "a text does not read as a number");
    expect(!read(configuration, "Missing", NT_NdisParameterString), "a missing keyword is missing");
    NdisReadNetworkAddress(&status, &address, &length, configuration);
    expect(status == NT_NDIS_STATUS_SUCCESS && length == 6 && !memcmp(address, "\x02\xAA\xBB\xCC\xDD\xEE", 6),
           "NetworkAddress reads as bytes");
    memset(&written, 0, sizeof(written));
    written.ParameterType = NT_NdisParameterInteger;
    written.ParameterData_IntegerData = 77;
    sample_unicode(&name, buffer, "Written");
    NdisWriteConfiguration(&status, configuration, &name, &written);
    value = read(configuration, "Written", NT_NdisParameterInteger);
    expect(value && value->ParameterData_IntegerData == 77, "what was written reads back");
}

static void exercise_configuration(void)
{
    nt_NDIS_CONFIGURATION_OBJECT object;
    nt_NDIS_CONFIGURATION_PARAMETER *value;
    nt_UNICODE_STRING name;
    uint16_t buffer[64];
    void *configuration = NULL, *subkey = NULL;
    uint32_t status;

    memset(&object, 0, sizeof(object));
    sample_header(&object, NT_NDIS_OBJECT_TYPE_CONFIGURATION_OBJECT, 1, NT_NDIS_SIZEOF_CONFIGURATION_OBJECT_REVISION_1);
    object.NdisHandle = (uintptr_t)sample.adapter;
    if (NdisOpenConfigurationEx(&object, &configuration) != NT_NDIS_STATUS_SUCCESS) {
        expect(false, "the configuration opens");
        return;
    }
    exercise_keywords(configuration);
    sample_unicode(&name, buffer, "Sub");
    NdisOpenConfigurationKeyByName(&status, configuration, &name, &subkey);
    expect(status == NT_NDIS_STATUS_SUCCESS, "a subkey opens by name");
    value = subkey ? read(subkey, "Inner", NT_NdisParameterInteger) : NULL;
    expect(value && value->ParameterData_IntegerData == 5, "a subkey's keyword reads");
    if (subkey)
        NdisCloseConfiguration(subkey);
    subkey = NULL;
    NdisOpenConfigurationKeyByIndex(&status, configuration, 0, &name, &subkey);
    expect(status == NT_NDIS_STATUS_SUCCESS && name.Length == 6, "a subkey opens by index");
    if (subkey)
        NdisCloseConfiguration(subkey);
    NdisOpenConfigurationKeyByIndex(&status, configuration, 1, &name, &subkey);
    expect(status != NT_NDIS_STATUS_SUCCESS, "there is one subkey only");
    NdisCloseConfiguration(configuration);
}

/* ---- NET_BUFFERs ---- */

static void exercise_data_start(nt_NET_BUFFER *nb)
{
    uint8_t storage[32], *bytes;

    /* The pool's NET_BUFFER starts empty behind its data: a retreat makes room. */
    expect(nb->DataOffset == 64 && nb->DataLength == 0, "a NET_BUFFER with data starts behind it");
    expect(NdisRetreatNetBufferDataStart(nb, 16, 0, NULL) == NT_NDIS_STATUS_SUCCESS && nb->DataOffset == 48 && nb->DataLength == 16,
           "a retreat uses the room in front");
    bytes = NdisGetDataBuffer(nb, 16, NULL, 1, 0);
    expect(bytes != NULL, "contiguous data needs no storage");
    if (bytes)
        memset(bytes, 0x11, 16);
    expect(NdisRetreatNetBufferDataStart(nb, 64, 8, NULL) == NT_NDIS_STATUS_SUCCESS && nb->DataLength == 80,
           "a retreat beyond the room gets an MDL");
    expect(NdisGetDataBuffer(nb, 32, NULL, 1, 0) == NULL || nb->CurrentMdlOffset + 32 <= ((nt_MDL *)nb->CurrentMdl)->ByteCount,
           "data over two MDLs needs storage");
    expect(NdisGetDataBuffer(nb, 32, storage, 1, 0) != NULL, "data over two MDLs is copied to storage");
    NdisAdvanceNetBufferDataStart(nb, 64, 1, NULL);
    expect(nb->DataLength == 16 && nb->DataOffset == 48 - 48 + nb->CurrentMdlOffset, "an advance frees the MDL in front");
    bytes = NdisGetDataBuffer(nb, 16, storage, 1, 0);
    expect(bytes && bytes[0] == 0x11 && bytes[15] == 0x11, "data survives retreat and advance");
}

/* A list's data start is that of all its NET_BUFFERs: here 16 and 8 bytes of data. */
static void exercise_list_data_start(nt_NET_BUFFER_LIST *list, nt_NET_BUFFER *first, nt_NET_BUFFER *second)
{
    uintptr_t before = list->FirstNetBuffer;

    list->FirstNetBuffer = (uintptr_t)first;
    first->Next = (uintptr_t)second;
    expect(NdisRetreatNetBufferListDataStart(list, 100, 0, NULL, NULL) == NT_NDIS_STATUS_SUCCESS && first->DataLength == 116 &&
               second->DataLength == 108,
           "a list's retreat is that of each NET_BUFFER");
    NdisAdvanceNetBufferListDataStart(list, 104, 1, NULL);
    expect(first->DataLength == 12 && second->DataLength == 4, "a list's advance is that of each NET_BUFFER");
    first->Next = 0;
    list->FirstNetBuffer = before;
}

static void exercise_net_buffers(void)
{
    nt_NET_BUFFER_POOL_PARAMETERS parameters;
    void *pool;
    nt_NET_BUFFER *first, *second;
    nt_NET_BUFFER_LIST *list;
    const uint8_t *bytes;
    uint32_t copied = 0;

    memset(&parameters, 0, sizeof(parameters));
    sample_header(&parameters, NT_NDIS_OBJECT_TYPE_DEFAULT, 1, NT_NDIS_SIZEOF_NET_BUFFER_POOL_PARAMETERS_REVISION_1);
    parameters.PoolTag = SAMPLE_TAG;
    parameters.DataSize = 64;
    pool = NdisAllocateNetBufferPool(sample.adapter, &parameters);
    first = pool ? NdisAllocateNetBufferMdlAndData(pool) : NULL;
    second = pool ? NdisAllocateNetBufferMdlAndData(pool) : NULL;
    if (!first || !second) {
        expect(false, "NET_BUFFERs with data can be allocated");
        return;
    }
    exercise_data_start(first);
    NdisRetreatNetBufferDataStart(second, 8, 0, NULL);
    expect(NdisCopyFromNetBufferToNetBuffer(second, 2, 100, first, 12, &copied) == NT_NDIS_STATUS_SUCCESS && copied == 4,
           "a copy ends where the source does");
    bytes = NdisGetDataBuffer(second, 8, NULL, 1, 0);
    expect(bytes && bytes[5] == 0x11, "a copy arrives");

    list = NdisAllocateNetBufferList(sample.pool, 32, 16);
    expect(list && ((nt_NET_BUFFER_LIST_CONTEXT *)list->Context)->Offset == 16, "an NBL's context has back fill");
    if (!list)
        return;
    expect(NdisAllocateNetBufferListContext(list, 16, 0, SAMPLE_TAG) == NT_NDIS_STATUS_SUCCESS &&
               ((nt_NET_BUFFER_LIST_CONTEXT *)list->Context)->Offset == 0,
           "a context uses the back fill");
    expect(NdisAllocateNetBufferListContext(list, 48, 0, SAMPLE_TAG) == NT_NDIS_STATUS_SUCCESS, "a context beyond it is allocated");
    NdisFreeNetBufferListContext(list, 48);
    NdisFreeNetBufferListContext(list, 16);
    exercise_list_data_start(list, first, second);
    NdisFreeNetBufferList(list);
    NdisFreeNetBuffer(second);
    NdisFreeNetBuffer(first);
    NdisFreeNetBufferPool(pool);
}

/* ---- time, memory, locks ---- */

static void exercise_timer(void)
{
    NdisSetTimerObject(sample.timer, -10000, 0, NULL);
    for (unsigned wait = 0; wait < 200 && !sample.timer_runs; wait++)
        NdisMSleep(5000);
    expect(sample.timer_runs == 1, "a one-shot timer runs once");
    expect(!NdisCancelTimerObject(sample.timer), "it is not queued afterwards");
    expect(!NdisSetTimerObject(sample.timer, -600000000, 0, NULL) && NdisSetTimerObject(sample.timer, -600000000, 0, NULL),
           "setting a queued timer says so");
    expect(NdisCancelTimerObject(sample.timer), "a queued timer is cancelled");
    NdisSetTimerObject(sample.timer, -10000, 1, NULL);
    for (unsigned wait = 0; wait < 200 && sample.timer_runs < 4; wait++)
        NdisMSleep(5000);
    expect(sample.timer_runs >= 4, "a periodic timer runs again");
    expect(NdisCancelTimerObject(sample.timer), "a periodic timer is cancelled");
    sample.timer_fired = false;
}

void IMAGE sample_shared_memory_complete(void *context, void *address, uint64_t *physical, uint32_t length, void *request)
{
    (void)context;
    misuse_at(AT_SHARED_COMPLETE, NULL);
    expect(request == (void *)0x77 && address && length == 3000, "asynchronous shared memory names its request");
    NdisMFreeSharedMemory(sample.adapter, length, 1, address, *physical);
    NdisSetEvent(sample.event);
}

static void exercise_shared_memory(void)
{
    expect(NdisMAllocateSharedMemoryAsync(sample.dma, 3000, 1, (void *)0x77) == NT_NDIS_STATUS_PENDING, "asynchronous shared memory pends");
    expect(NdisWaitEvent(sample.event, 5000), "asynchronous shared memory arrives");
    NdisInitializeEvent(sample.event);
}

static uint8_t IMAGE synchronized(void *context)
{
    *(unsigned *)context += 1;
    return 1;
}

static void exercise_locks(void)
{
    nt_LOCK_STATE_EX read_state, write_state;
    unsigned calls = 0;

    memset(&read_state, 0, sizeof(read_state));
    memset(&write_state, 0, sizeof(write_state));
    NdisAcquireRWLockRead(sample.rw_lock, &read_state, 0);
    NdisReleaseRWLock(sample.rw_lock, &read_state);
    NdisAcquireRWLockWrite(sample.rw_lock, &write_state, 0);
    NdisReleaseRWLock(sample.rw_lock, &write_state);
    expect(NdisMSynchronizeWithInterruptEx(sample.interrupt, 0, (void *)synchronized, &calls) && calls == 1,
           "the synchronize function is called and its result returned");
}

/* ---- system ---- */

static void exercise_device(void)
{
    nt_NDIS_DEVICE_OBJECT_ATTRIBUTES attributes;
    nt_UNICODE_STRING name, link, security;
    uint16_t name_buffer[32], link_buffer[32], security_buffer[32];
    uintptr_t functions[28];
    void *object = NULL, *device = NULL, *second = NULL;

    sample_unicode(&name, name_buffer, "\\Device\\Sample");
    sample_unicode(&link, link_buffer, "\\DosDevices\\Sample");
    sample_unicode(&security, security_buffer, "D:P(A;;GA;;;SY)");
    memset(functions, 0, sizeof(functions));
    memset(&attributes, 0, sizeof(attributes));
    sample_header(&attributes, NT_NDIS_OBJECT_TYPE_DEVICE_OBJECT_ATTRIBUTES, 1, NT_NDIS_SIZEOF_DEVICE_OBJECT_ATTRIBUTES_REVISION_1);
    attributes.DeviceName = (uintptr_t)&name;
    attributes.SymbolicName = (uintptr_t)&link;
    attributes.MajorFunctions = (uintptr_t)functions;
    attributes.ExtensionSize = 40;
    attributes.DefaultSDDLString = (uintptr_t)&security;
    expect(NdisRegisterDeviceEx(sample.driver_handle, &attributes, &object, &device) == NT_NDIS_STATUS_SUCCESS, "a device registers");
    expect(object && NdisGetDeviceReservedExtension(object), "a device has its extension");
    expect(NdisRegisterDeviceEx(sample.driver_handle, &attributes, &second, &second) != NT_NDIS_STATUS_SUCCESS, "its name is taken then");
    NdisDeregisterDeviceEx(device);
}

static void exercise_system(void)
{
    nt_UNICODE_STRING text;
    uint16_t buffer[64];
    uint64_t first = 0, second = 0;
    void *physical = NULL, *functional = NULL;

    expect(NdisGetVersion() == 0x00060014, "NDIS is 6.20");
    expect(NdisGroupMaxProcessorCount(0) == 2, "there are two processors");
    NdisGetSystemUpTimeEx(&first);
    NdisMSleep(3000);
    NdisGetSystemUpTimeEx(&second);
    expect(second > first, "time goes on");
    NdisInitializeString(&text, "hello");
    expect(text.Length == 10 && ((uint16_t *)text.Buffer)[4] == 'o', "an ANSI string becomes UTF-16");
    NdisFreeMemory((void *)text.Buffer, 0, 0);
    expect(NdisMQueryAdapterInstanceName(&text, sample.adapter) == NT_NDIS_STATUS_SUCCESS && text.Length, "an adapter has a name");
    NdisFreeMemory((void *)text.Buffer, 0, 0);
    NdisMGetDeviceProperty(sample.adapter, &physical, &functional, NULL, NULL, NULL);
    expect(physical && functional && physical != functional, "an adapter has device objects");
    sample_unicode(&text, buffer, "NdisMSleep");
    expect(NdisGetRoutineAddress(&text) == (void *)(uintptr_t)NdisMSleep, "a routine is found by name");
    sample_unicode(&text, buffer, "NdisMResetMiniport");
    expect(!NdisGetRoutineAddress(&text), "what Windows 7 has not is not found");
}

void sample_exercise(void)
{
    exercise_configuration();
    exercise_net_buffers();
    exercise_timer();
    exercise_shared_memory();
    exercise_locks();
    exercise_device();
    exercise_system();
    sample_exercise_surface(sample.adapter);
    sample_exercise_derived();
    sample_exercise_provider(sample.adapter);
}
