/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bugcheck_callback.c - bug check callbacks and reason callbacks: registered records, called at HIGH_LEVEL when a machine is to stop. */
#include "nt/dispatcher.h"
#include "nt/exports.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/rules.h"

#include <string.h>

/* KBUGCHECK_BUFFER_DUMP_STATE of a record */
enum { RECORD_EMPTY = 0, RECORD_INSERTED = 1, RECORD_STARTED = 2, RECORD_FINISHED = 3 };
enum { RECORDS = 64 };

/* Guarded by the dispatcher's lock; record NULL: unused. A record is the image's memory and must stay until it is deregistered. */
struct registration {
    void *record;
    bool with_reason;
};
static struct registration registrations[RECORDS];

static struct registration *find(const void *record, bool with_reason)
{
    for (unsigned i = 0; i < RECORDS; i++)
        if (registrations[i].record == record && (!record || registrations[i].with_reason == with_reason))
            return &registrations[i];
    return NULL;
}

/* Enters the record; false when it is entered already, was never initialised (its state is not empty), or the table is full. */
static bool enter(void *record, uint8_t *state, bool with_reason, const char *what, uintptr_t who)
{
    char here[128];
    dispatcher_lock();
    bool fresh = *state == RECORD_EMPTY && !find(record, with_reason);
    struct registration *registration = fresh ? find(NULL, false) : NULL;
    if (registration) {
        *registration = (struct registration){record, with_reason};
        *state = RECORD_INSERTED;
    }
    dispatcher_unlock();
    if (!fresh)
        rule_violated("HOST-CALLBACK", record, "%s by %s of a record that is registered, or was not given to KeInitializeCallbackRecord",
                      what, rules_describe_address(who, here, sizeof(here)));
    else if (registration)
        track_acquire(TRACK_CALLBACK, record, 0, NULL, who);
    return registration != NULL;
}

static bool leave(void *record, uint8_t *state, bool with_reason)
{
    dispatcher_lock();
    struct registration *registration = find(record, with_reason);
    if (registration) {
        *registration = (struct registration){0};
        *state = RECORD_EMPTY;
    }
    dispatcher_unlock();
    if (registration)
        track_release(TRACK_CALLBACK, record);
    return registration != NULL;
}

static uint64_t export_KeRegisterBugCheckCallback(struct export_call *call)
{
    nt_KBUGCHECK_CALLBACK_RECORD *record = arg_pointer(call);
    uintptr_t routine = arg_word(call), buffer = arg_word(call);
    uint32_t length = arg_u32(call);
    uintptr_t component = arg_word(call);
    if (!enter(record, &record->State, false, "KeRegisterBugCheckCallback", call->return_address))
        return 0;
    record->CallbackRoutine = routine;
    record->Buffer = buffer;
    record->Length = length;
    record->Component = component;
    record->Checksum = routine + buffer + length + component;
    return 1;
}

static uint64_t export_KeDeregisterBugCheckCallback(struct export_call *call)
{
    nt_KBUGCHECK_CALLBACK_RECORD *record = arg_pointer(call);
    return leave(record, &record->State, false);
}

static uint64_t export_KeRegisterBugCheckReasonCallback(struct export_call *call)
{
    nt_KBUGCHECK_REASON_CALLBACK_RECORD *record = arg_pointer(call);
    uintptr_t routine = arg_word(call);
    uint32_t reason = arg_u32(call);
    uintptr_t component = arg_word(call);
    if (reason < NT_KbCallbackReserved1 || reason > NT_KbCallbackAddPages) {
        rule_violated("HOST-ARGUMENT", record, "KeRegisterBugCheckReasonCallback with reason %u", reason);
        return 0;
    }
    if (!enter(record, &record->State, true, "KeRegisterBugCheckReasonCallback", call->return_address))
        return 0;
    record->CallbackRoutine = routine;
    record->Component = component;
    record->Reason = reason;
    record->Checksum = routine + reason + component;
    return 1;
}

static uint64_t export_KeDeregisterBugCheckReasonCallback(struct export_call *call)
{
    nt_KBUGCHECK_REASON_CALLBACK_RECORD *record = arg_pointer(call);
    return leave(record, &record->State, true);
}

/* ---- the machine stops ---- */

static void call_plain(nt_KBUGCHECK_CALLBACK_RECORD *record)
{
    if (record->Checksum != record->CallbackRoutine + record->Buffer + record->Length + record->Component) {
        rule_violated("HOST-CALLBACK", record, "bug check record %p was overwritten while it was registered", (void *)record);
        return;
    }
    record->State = RECORD_STARTED;
    IMAGE_CALL("BugCheckCallback", record->CallbackRoutine, record->Buffer, record->Length);
    record->State = RECORD_FINISHED;
}

/* Each reason has a structure of its own; of those that Windows 7 calls for, the dump's secondary data is what drivers use. */
static void call_with_reason(nt_KBUGCHECK_REASON_CALLBACK_RECORD *record)
{
    static uint8_t out[4096];
    nt_KBUGCHECK_SECONDARY_DUMP_DATA dump;
    memset(&dump, 0, sizeof(dump));
    dump.MaximumAllowed = dump.InBufferLength = sizeof(out);
    dump.InBuffer = (uintptr_t)out;
    if (record->Checksum != record->CallbackRoutine + record->Reason + record->Component) {
        rule_violated("HOST-CALLBACK", record, "bug check record %p was overwritten while it was registered", (void *)record);
        return;
    }
    if (record->Reason != NT_KbCallbackSecondaryDumpData)
        return;
    record->State = RECORD_STARTED;
    IMAGE_CALL("BugCheckSecondaryDumpDataCallback", record->CallbackRoutine, record->Reason, (uintptr_t)record, (uintptr_t)&dump,
               sizeof(dump));
    record->State = RECORD_FINISHED;
    if (dump.OutBuffer && dump.OutBufferLength > dump.MaximumAllowed)
        rule_violated("HOST-CALLBACK", record, "secondary dump data of %u bytes, %u are allowed", dump.OutBufferLength,
                      dump.MaximumAllowed);
}

void nt_bugcheck_callbacks_run(void)
{
    uint8_t irql = irql_raise(IRQL_HIGH);
    for (unsigned i = 0; i < RECORDS; i++) {
        if (registrations[i].record && registrations[i].with_reason)
            call_with_reason(registrations[i].record);
        else if (registrations[i].record)
            call_plain(registrations[i].record);
    }
    irql_lower(irql);
}

const struct export_row nt_bugcheck_callback_exports[] = {
    EXPORT(KeRegisterBugCheckCallback),
    EXPORT(KeDeregisterBugCheckCallback),
    EXPORT(KeRegisterBugCheckReasonCallback),
    EXPORT(KeDeregisterBugCheckReasonCallback),
    EXPORT_END,
};
