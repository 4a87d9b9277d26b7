/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_log.c - what drivers write with NdisWriteErrorLogEntry: a code and numbers, never strings. */
#include <stdio.h>

#include "exec/call.h"
#include "ndis/adapter.h"
#include "ndis/exports.h"
#include "ndis/miniport.h"
#include "rules/rules.h"

enum { EVENT_LOG_SIZE = 256, EVENT_VALUES_MAX = 16 };

static pthread_mutex_t log_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct event_log_entry entries[EVENT_LOG_SIZE];
static unsigned entry_count;

unsigned event_log_count(void)
{
    unsigned count;

    pthread_mutex_lock(&log_mutex);
    count = entry_count;
    pthread_mutex_unlock(&log_mutex);
    return count;
}

struct event_log_entry event_log_entry(unsigned index)
{
    struct event_log_entry entry = {0};

    pthread_mutex_lock(&log_mutex);
    if (index < entry_count)
        entry = entries[index];
    pthread_mutex_unlock(&log_mutex);
    return entry;
}

static const char *code_name(uint32_t code)
{
    static const struct {
        uint32_t code;
        const char *name;
    } names[] = {
#define CODE(name) {NT_NDIS_ERROR_CODE_##name, "NDIS_ERROR_CODE_" #name}
        CODE(RESOURCE_CONFLICT),
        CODE(OUT_OF_RESOURCES),
        CODE(HARDWARE_FAILURE),
        CODE(ADAPTER_NOT_FOUND),
        CODE(INTERRUPT_CONNECT),
        CODE(DRIVER_FAILURE),
        CODE(BAD_VERSION),
        CODE(TIMEOUT),
        CODE(NETWORK_ADDRESS),
        CODE(UNSUPPORTED_CONFIGURATION),
        CODE(INVALID_VALUE_FROM_ADAPTER),
        CODE(MISSING_CONFIGURATION_PARAMETER),
        CODE(BAD_IO_BASE_ADDRESS),
        CODE(RECEIVE_SPACE_SMALL),
        CODE(ADAPTER_DISABLED),
#undef CODE
    };

    for (size_t index = 0; index < sizeof(names) / sizeof(names[0]); index++) {
        if (names[index].code == code)
            return names[index].name;
    }
    return "event";
}

const char *event_log_format(const struct event_log_entry *entry, char *buffer, size_t size)
{
    size_t length = (size_t)snprintf(buffer, size, "%s (0x%08X)", code_name(entry->code), entry->code);

    for (unsigned index = 0; index < entry->value_count && index < EVENT_VALUES_MAX && length < size; index++)
        length += (size_t)snprintf(buffer + length, size - length, " 0x%x", entry->values[index]);
    return buffer;
}

/* VOID NdisWriteErrorLogEntry(NdisAdapterHandle, ErrorCode, NumberOfErrorValues, ...): cdecl */
static uint64_t export_NdisWriteErrorLogEntry(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisWriteErrorLogEntry");
    struct event_log_entry entry = {0};
    char text[256];

    entry.code = arg_u32(call);
    entry.value_count = arg_u32(call);
    if (!adapter)
        return 0;
    if (entry.value_count > EVENT_VALUES_MAX) {
        rule_violated("HOST-ARGUMENT", NULL, "NdisWriteErrorLogEntry with %u values", entry.value_count);
        entry.value_count = 0;
    }
    for (unsigned index = 0; index < entry.value_count; index++)
        entry.values[index] = arg_u32(call);
    pthread_mutex_lock(&log_mutex);
    if (entry_count < EVENT_LOG_SIZE)
        entries[entry_count++] = entry;
    pthread_mutex_unlock(&log_mutex);
    TRACE("ndis", "event log: %s", event_log_format(&entry, text, sizeof(text)));
    return 0;
}

const struct export_row ndis_event_log_exports[] = {
    EXPORT(NdisWriteErrorLogEntry),
    EXPORT_END,
};
