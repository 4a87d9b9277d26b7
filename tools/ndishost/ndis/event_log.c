/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_log.c - what drivers write with NdisWriteErrorLogEntry: a code and numbers, never strings; the code's text is in their image. */
#include <stdio.h>
#include <string.h>

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
    return NULL;
}

const char *event_log_format(const struct event_log_entry *entry, char *buffer, size_t size)
{
    const char *name = code_name(entry->code);
    size_t length = (size_t)snprintf(buffer, size, "%s (0x%08X)", entry->text[0] ? entry->text : name ? name : "event", entry->code);

    for (unsigned index = 0; index < entry->value_count && index < EVENT_VALUES_MAX && length < size; index++)
        length += (size_t)snprintf(buffer + length, size - length, " 0x%x", entry->values[index]);
    return buffer;
}

/* ---- texts ---- */

/* Inserts as Event Viewer has them: %1 is the device, %2 the adapter. `to` holds `size` bytes. */
static void inserts_fill(const char *message, const char *adapter_name, char *to, size_t size)
{
    size_t used = 0;

    for (const char *from = message; *from && used + 1 < size; from++) {
        const char *insert = NULL;

        if (from[0] == '%' && from[1] == '%')
            insert = "%";
        else if (from[0] == '%' && (from[1] == '1' || from[1] == '2') && !(from[2] >= '0' && from[2] <= '9'))
            insert = adapter_name;
        if (insert) {
            used += (size_t)snprintf(to + used, size - used, "%s", insert);
            from++;
        } else {
            to[used++] = *from;
        }
    }
    to[used < size ? used : size - 1] = 0;
}

/* NDIS's own codes have their texts in netevent.dll; any other must have one in the driver's image. */
static void text_find(const struct adapter *adapter, struct event_log_entry *entry)
{
    const struct image_facts *facts = adapter->driver->facts;
    char message[sizeof(entry->text)];

    if (code_name(entry->code))
        return;
    if (facts && image_message(facts, entry->code, message, sizeof(message)))
        inserts_fill(message, adapter->driver->service, entry->text, sizeof(entry->text));
    else
        rule_warned("HOST-EVENT-TEXT", NULL, "entry 0x%08X is no NDIS_ERROR_CODE and has no text in the image's message table",
                    entry->code);
}

/* VOID NdisWriteErrorLogEntry(NdisAdapterHandle, ErrorCode, NumberOfErrorValues, ...): cdecl */
static uint64_t export_NdisWriteErrorLogEntry(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisWriteErrorLogEntry");
    struct event_log_entry entry = {0};
    char text[EVENT_LOG_LINE];

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
    text_find(adapter, &entry);
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
