/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* log.c - NdisMCreateLog and its family: bytes that a miniport keeps for an application, the latest of them when there are too many. */
#include "ndis/log.h"

#include <stdlib.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "exec/call.h"
#include "ndis/exports.h"
#include "ndis/handle.h"
#include "ndis/miniport.h"
#include "rules/acquire.h"
#include "rules/rules.h"

struct miniport_log {
    pthread_mutex_t mutex; /* guards the ring */
    struct adapter *adapter;
    void *handle;
    uint32_t size, used, next;
    uint8_t bytes[];
};

static struct miniport_log *log_from_handle(void *handle, const char *what)
{
    struct miniport_log *log = handle_object(HANDLE_LOG, handle);

    if (!log)
        rule_violated("HOST-HANDLE", NULL, "%s was given a %s instead of a log", what, handle_describe(handle));
    return log;
}

void log_discard(struct miniport_log *log)
{
    pthread_mutex_lock(&log->adapter->mutex);
    log->adapter->has_log = false;
    pthread_mutex_unlock(&log->adapter->mutex);
    handle_destroy(log->handle);
    pthread_mutex_destroy(&log->mutex);
    free(log);
}

/* NDIS_STATUS NdisMCreateLog(MiniportAdapterHandle, UINT Size, NDIS_HANDLE *LogHandle): one for an adapter */
static uint64_t export_NdisMCreateLog(struct export_call *call)
{
    struct adapter *adapter = adapter_from_handle(arg_pointer(call), "NdisMCreateLog");
    uint32_t size = arg_u32(call);
    uintptr_t *handle = arg_pointer(call);
    struct miniport_log *log;
    bool second;

    if (!adapter || !size)
        return NT_NDIS_STATUS_FAILURE;
    if (!acquire_permitted("NdisMCreateLog"))
        return NT_NDIS_STATUS_RESOURCES;
    pthread_mutex_lock(&adapter->mutex);
    second = adapter->has_log;
    adapter->has_log = true;
    pthread_mutex_unlock(&adapter->mutex);
    log = second ? NULL : calloc(1, sizeof(*log) + size);
    if (second)
        rule_violated("HOST-HANDLE", NULL, "NdisMCreateLog for an adapter that has a log");
    if (!log)
        return NT_NDIS_STATUS_RESOURCES;
    pthread_mutex_init(&log->mutex, NULL);
    log->adapter = adapter;
    log->size = size;
    log->handle = handle_create(HANDLE_LOG, log, adapter, call->return_address);
    *handle = (uintptr_t)log->handle;
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisMCloseLog(LogHandle) */
static uint64_t export_NdisMCloseLog(struct export_call *call)
{
    struct miniport_log *log = log_from_handle(arg_pointer(call), "NdisMCloseLog");

    if (log)
        log_discard(log);
    return 0;
}

/* NDIS_STATUS NdisMWriteLogData(LogHandle, PVOID LogBuffer, UINT LogBufferSize): the oldest bytes make room */
static uint64_t export_NdisMWriteLogData(struct export_call *call)
{
    struct miniport_log *log = log_from_handle(arg_pointer(call), "NdisMWriteLogData");
    const uint8_t *from = arg_pointer(call);
    uint32_t size = arg_u32(call);

    if (!log)
        return NT_NDIS_STATUS_FAILURE;
    if (size > log->size)
        return NT_NDIS_STATUS_BUFFER_OVERFLOW;
    pthread_mutex_lock(&log->mutex);
    for (uint32_t index = 0; index < size; index++) {
        log->bytes[log->next] = from[index];
        log->next = (log->next + 1) % log->size;
    }
    log->used = size < log->size - log->used ? log->used + size : log->size;
    TRACE("ndis", "log: %u bytes, %u of %u used", size, log->used, log->size);
    pthread_mutex_unlock(&log->mutex);
    return NT_NDIS_STATUS_SUCCESS;
}

/* VOID NdisMFlushLog(LogHandle): forgets what is in it */
static uint64_t export_NdisMFlushLog(struct export_call *call)
{
    struct miniport_log *log = log_from_handle(arg_pointer(call), "NdisMFlushLog");

    if (!log)
        return 0;
    pthread_mutex_lock(&log->mutex);
    log->used = log->next = 0;
    memset(log->bytes, 0, log->size);
    pthread_mutex_unlock(&log->mutex);
    return 0;
}

const struct export_row ndis_log_exports[] = {
    EXPORT(NdisMCreateLog), EXPORT(NdisMCloseLog), EXPORT(NdisMWriteLogData), EXPORT(NdisMFlushLog), EXPORT_END,
};
