/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* bugcheck.c - the ends that a driver can bring about itself: bug checks, assertions, break points. */
#include "nt/nt.h"

#include "abi/nt_constants.h"
#include "exec/trap.h"
#include "rules/rules.h"

static uint64_t export_KeBugCheckEx(struct export_call *call)
{
    uint32_t code = arg_u32(call);
    uintptr_t parameters[4];
    char here[128];
    for (unsigned i = 0; i < 4; i++)
        parameters[i] = arg_word(call);
    trap_bugcheck("HOST-BUGCHECK", "KeBugCheckEx(0x%x, 0x%llx, 0x%llx, 0x%llx, 0x%llx) by %s", (unsigned)code,
                  (unsigned long long)parameters[0], (unsigned long long)parameters[1], (unsigned long long)parameters[2],
                  (unsigned long long)parameters[3], rules_describe_address(call->return_address, here, sizeof(here)));
}

static uint64_t export_KeBugCheck(struct export_call *call)
{
    uint32_t code = arg_u32(call);
    char here[128];
    trap_bugcheck("HOST-BUGCHECK", "KeBugCheck(0x%x) by %s", (unsigned)code,
                  rules_describe_address(call->return_address, here, sizeof(here)));
}

static uint64_t export_RtlAssert(struct export_call *call)
{
    const char *assertion = arg_pointer(call), *file = arg_pointer(call);
    uint32_t line = arg_u32(call);
    const char *message = arg_pointer(call);
    rule_violated("HOST-ASSERT", NULL, "%s, %s:%u%s%s", assertion, file, (unsigned)line, message ? ": " : "", message ? message : "");
    return 0;
}

static uint64_t export_DbgBreakPoint(struct export_call *call)
{
    char here[128];
    rule_violated("HOST-BREAKPOINT", NULL, "DbgBreakPoint by %s", rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

static uint64_t export_DbgBreakPointWithStatus(struct export_call *call)
{
    uint32_t status = arg_u32(call);
    char here[128];
    rule_violated("HOST-BREAKPOINT", NULL, "DbgBreakPointWithStatus(0x%x) by %s", (unsigned)status,
                  rules_describe_address(call->return_address, here, sizeof(here)));
    return 0;
}

/* No handler of the image's runs here: an exception that it raises ends the run. */
_Noreturn static void raise_exception(const char *what, uint32_t status, uintptr_t who)
{
    char here[128];
    trap_bugcheck("HOST-EXCEPTION", "%s raises 0x%08x by %s", what, (unsigned)status, rules_describe_address(who, here, sizeof(here)));
}

static uint64_t export_ExRaiseStatus(struct export_call *call)
{
    raise_exception("ExRaiseStatus", arg_u32(call), call->return_address);
}

static uint64_t export_ExRaiseAccessViolation(struct export_call *call)
{
    raise_exception("ExRaiseAccessViolation", NT_STATUS_ACCESS_VIOLATION, call->return_address);
}

static uint64_t export_ExRaiseDatatypeMisalignment(struct export_call *call)
{
    raise_exception("ExRaiseDatatypeMisalignment", NT_STATUS_DATATYPE_MISALIGNMENT, call->return_address);
}

/*
 * What a compiler enters beside each __try, as the routine to call when something is raised. Nothing raised gets that far here; an image
 * that calls it itself has an exception on its hands.
 */
static uint64_t language_handler(struct export_call *call)
{
    char here[128];
    trap_bugcheck("HOST-EXCEPTION", "%s is called by %s: no exception handler of an image runs here", call->row->name,
                  rules_describe_address(call->return_address, here, sizeof(here)));
}

const struct export_row nt_bugcheck_exports[] = {
#if UINTPTR_MAX == UINT32_MAX
    {"_except_handler3", language_handler, 0},
#else
    {"__C_specific_handler", language_handler, 0},
#endif
    EXPORT(DbgBreakPointWithStatus),
    EXPORT(ExRaiseStatus),
    EXPORT(ExRaiseAccessViolation),
    EXPORT(ExRaiseDatatypeMisalignment),
    EXPORT(KeBugCheckEx),
    EXPORT(KeBugCheck),
    EXPORT(RtlAssert),
    EXPORT(DbgBreakPoint),
    EXPORT_END,
};
