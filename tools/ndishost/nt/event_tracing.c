/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* event_tracing.c - ETW as a machine without any listening session has it: providers register, are never enabled, and must unregister. */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { PROVIDERS = 64 };
static bool provider_used[PROVIDERS]; /* under the dispatcher's lock */

/* A REGHANDLE is a number that nobody looks into. */
static uint64_t handle_of(unsigned index)
{
    return 0xE7E70000u + 16 * (index + 1);
}

static bool handle_known(uint64_t handle, const char *what, uintptr_t who)
{
    char here[128];
    uint64_t index = (handle - 0xE7E70000u) / 16 - 1;
    if (index < PROVIDERS && handle == handle_of((unsigned)index) && provider_used[index])
        return true;
    rule_violated("HOST-HANDLE", NULL, "%s by %s with 0x%llx, which is no registered provider", what,
                  rules_describe_address(who, here, sizeof(here)), (unsigned long long)handle);
    return false;
}

static uint64_t export_EtwRegister(struct export_call *call)
{
    const void *provider = arg_pointer(call);
    arg_word(call); /* callback and its context: called when a session enables the provider */
    arg_word(call);
    uint64_t *handle = arg_pointer(call);
    unsigned index = 0;
    if (!provider || !handle)
        return NT_STATUS_INVALID_PARAMETER;
    if (!acquire_permitted("EtwRegister"))
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    dispatcher_lock();
    while (index < PROVIDERS && provider_used[index])
        index++;
    if (index < PROVIDERS)
        provider_used[index] = true;
    dispatcher_unlock();
    if (index == PROVIDERS)
        return NT_STATUS_INSUFFICIENT_RESOURCES;
    *handle = handle_of(index);
    track_acquire(TRACK_CALLBACK, (const void *)(uintptr_t)handle_of(index), 0, NULL, call->return_address);
    return NT_STATUS_SUCCESS;
}

static uint64_t export_EtwUnregister(struct export_call *call)
{
    uint64_t handle = arg_u64(call);
    if (!handle_known(handle, "EtwUnregister", call->return_address))
        return NT_STATUS_INVALID_HANDLE;
    dispatcher_lock();
    provider_used[(handle - 0xE7E70000u) / 16 - 1] = false;
    dispatcher_unlock();
    track_release(TRACK_CALLBACK, (const void *)(uintptr_t)handle);
    return NT_STATUS_SUCCESS;
}

/* Nobody listens: neither events nor providers are enabled. Handle 0 stands for a registration that failed. */
static uint64_t is_enabled(struct export_call *call)
{
    uint64_t handle = arg_u64(call);
    if (handle)
        handle_known(handle, call->row->name, call->return_address);
    return 0;
}

static uint64_t export_EtwWrite(struct export_call *call)
{
    uint64_t handle = arg_u64(call);
    if (handle && !handle_known(handle, "EtwWrite", call->return_address))
        return NT_STATUS_INVALID_HANDLE;
    return NT_STATUS_SUCCESS;
}

const struct export_row nt_event_tracing_exports[] = {
    EXPORT(EtwRegister), EXPORT(EtwUnregister), {"EtwEventEnabled", is_enabled, 0}, {"EtwProviderEnabled", is_enabled, 0}, EXPORT(EtwWrite),
    EXPORT_END,
};
