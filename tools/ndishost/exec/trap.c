/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap.c - from a signal to a call: faults of image code go on as host code on the host stack, faults of host code end the run. */
#define _GNU_SOURCE /* REG_RIP and its like */
#include "trap.h"

#include "exports.h"
#include "processor.h"
#include "step.h"
#include "trap_private.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <valgrind/memcheck.h>

#if defined(__x86_64__)
#define REGISTER_IP REG_RIP
#define REGISTER_SP REG_RSP
#define RED_ZONE    128u
#else
#define REGISTER_IP REG_EIP
#define REGISTER_SP REG_ESP
#define RED_ZONE    0u
#endif

#define SIGNAL_STACK_SIZE (64u * 1024u)
#define DEBUG_EXCEPTION   1     /* its number: not that of a breakpoint */
#define PAGE_FAULT_FETCH  0x10u /* error code of a page fault: it was an instruction fetch */

__thread struct trap_frame *trap_in_progress;

/* A fault of host code, for host_fault_report(). */
static __thread struct {
    int signal;
    uintptr_t address, ip;
    bool reported;
} host_fault;
static __thread void *signal_stack;

/* ---- which stack overflowed, if any ---- */

static const char *overflowed_stack(uintptr_t address)
{
    const struct processor *processor = processor_current;
    if (processor == NULL)
        return NULL;
    if (guarded_stack_guards(&processor->dpc_stack, address))
        return "the DPC stack";
    if (guarded_stack_guards(&processor->interrupt_stack, address))
        return "the interrupt stack";
    if (guarded_stack_guards(&processor->current->kernel, address))
        return "the thread's kernel stack";
    return NULL;
}

static bool is_kernel_stack(uintptr_t sp)
{
    const struct processor *processor = processor_current;
    return guarded_stack_contains(&processor->dpc_stack, sp) || guarded_stack_contains(&processor->interrupt_stack, sp) ||
           guarded_stack_contains(&processor->current->kernel, sp) || overflowed_stack(sp) != NULL;
}

/* Image code runs on kernel stacks only; a stack pointer that is nowhere is the image's doing too. */
static bool is_image(uintptr_t sp)
{
    const struct processor *processor = processor_current;
    if (processor == NULL || processor->current == NULL || processor->current->host_sp == 0)
        return false;
    if (is_kernel_stack(sp))
        return true;
    const struct context *context = processor->current;
    return context != &processor->idle && !guarded_stack_contains(&context->host, sp) && !guarded_stack_guards(&context->host, sp);
}

/* ---- host code faulted ---- */

static _Noreturn void host_fault_report(void)
{
    char place[160];
    if (guarded_stack_guards(&processor_current->current->host, host_fault.address))
        trap_bugcheck("HOST-FAULT", "ndishost itself failed: the host stack (%u bytes) overflowed", HOST_STACK_SIZE);
    if (trap_in_progress != NULL)
        trap_report_fault(trap_in_progress, host_fault.address);
    if (call_current_export() != NULL) {
        const char *name;
        uint64_t offset;
        if (trap_place_of(host_fault.address, &name, &offset) == TRAP_DEVICE)
            trap_bugcheck("HOST-REGISTER-ACCESS", "%s was given an address in device registers (%s+0x%llx)", call_current_export(), name,
                          (unsigned long long)offset);
        trap_bugcheck("HOST-FAULT", "%s was given a bad pointer: %s at address 0x%lx", call_current_export(), strsignal(host_fault.signal),
                      (unsigned long)host_fault.address);
    }
    trap_bugcheck("HOST-FAULT", "ndishost itself failed: %s at address 0x%lx, at %s", strsignal(host_fault.signal),
                  (unsigned long)host_fault.address, describe_address(host_fault.ip, place, sizeof(place)));
}

static void go_on_at(ucontext_t *state, void (*function)(void), uintptr_t sp)
{
    state->uc_mcontext.gregs[REGISTER_IP] = (greg_t)(uintptr_t)function;
    state->uc_mcontext.gregs[REGISTER_SP] = (greg_t)sp;
    state->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)FLAG_TRAP;
}

static void on_host_fault(int signal, const siginfo_t *info, ucontext_t *state)
{
    if (host_fault.reported || processor_current == NULL) {
        /* No context to report from (the I/O thread, the main thread), or the report itself failed: end as any program does. */
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigaction(signal, &standard, NULL);
        return;
    }
    host_fault.signal = signal;
    host_fault.address = (uintptr_t)info->si_addr;
    host_fault.ip = (uintptr_t)state->uc_mcontext.gregs[REGISTER_IP];
    host_fault.reported = true;
    const struct guarded_stack *stack = &processor_current->current->host;
    if (guarded_stack_guards(stack, host_fault.address))
        host_fault_report(); /* on the signal stack: the host stack is used up */
    uintptr_t sp = ((uintptr_t)state->uc_mcontext.gregs[REGISTER_SP] - RED_ZONE - 256) & ~(uintptr_t)15;
    go_on_at(state, host_fault_report, sp - sizeof(uintptr_t));
}

/* ---- image code faulted ---- */

/* The trap flag came along through a door: into a thunk, or back to image_call(). */
static bool is_door(uintptr_t ip)
{
    return (ip >= (uintptr_t)context_doors_start && ip < (uintptr_t)context_doors_end) || export_is_thunk(ip);
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
    ucontext_t *state = context;
    uintptr_t sp = (uintptr_t)state->uc_mcontext.gregs[REGISTER_SP];
    bool step = sched_is_seeded() && signal == SIGTRAP && state->uc_mcontext.gregs[REG_TRAPNO] == DEBUG_EXCEPTION;
    if (step && (!is_image(sp) || is_door((uintptr_t)state->uc_mcontext.gregs[REGISTER_IP]))) {
        state->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)FLAG_TRAP;
        return;
    }
    if (!is_image(sp)) {
        on_host_fault(signal, info, state);
        return;
    }
    struct trap_frame *frame = (struct trap_frame *)(processor_current->current->host_sp - sizeof(*frame));
    (void)VALGRIND_MAKE_MEM_UNDEFINED((uintptr_t)frame - RED_ZONE, sizeof(*frame) + RED_ZONE);
    frame->ip = (uintptr_t)state->uc_mcontext.gregs[REGISTER_IP];
    frame->registers[TRAP_SP] = sp;
    frame->signal = step ? SIGNAL_STEP : (uintptr_t)signal;
    frame->address = (uintptr_t)info->si_addr;
    frame->error = state->uc_mcontext.gregs[REG_TRAPNO] == 14 ? (uintptr_t)state->uc_mcontext.gregs[REG_ERR] : 0;
    go_on_at(state, context_trap_entry, (uintptr_t)frame);
}

/* Only the processors of the seeded policy have a timer. */
static void on_tick(int signal, siginfo_t *info, void *context)
{
    (void)signal, (void)info;
    ucontext_t *state = context;
    bool in_image =
        is_image((uintptr_t)state->uc_mcontext.gregs[REGISTER_SP]) && !is_door((uintptr_t)state->uc_mcontext.gregs[REGISTER_IP]);
    if (stuck_tick(in_image))
        state->uc_mcontext.gregs[REG_EFL] |= FLAG_TRAP;
}

static _Noreturn void report_instruction(struct trap *trap, bool decoded)
{
    char place[160];
    struct trap_frame *frame = trap->frame;
    describe_address(frame->ip, place, sizeof(place));
    if (!decoded && frame->signal != SIGTRAP)
        trap_bugcheck("HOST-INSTRUCTION", "not an instruction at %s", place);
    switch (frame->signal) {
    case SIGFPE:
        trap_bugcheck("HOST-DIVIDE", "division error in `%s` at %s", trap_text(trap), place);
    case SIGTRAP:
        trap_bugcheck("HOST-BREAKPOINT", "breakpoint just before %s", place);
    case SIGILL:
        trap_bugcheck("HOST-INSTRUCTION", "`%s` at %s", trap_text(trap), place);
    case SIGBUS:
        trap_bugcheck("HOST-FAULT", "bus error in `%s` at %s", trap_text(trap), place);
    default:
        trap_report_fault(frame, frame->address);
    }
}

/* The processor does not say which address was not canonical (a pointer of 0xDD bytes is not): the instruction does. */
static uintptr_t accessed_address(const struct trap *trap)
{
    for (unsigned i = 0; i < trap->instruction.operand_count; i++)
        if (trap_is_memory(&trap->operands[i]))
            return trap_operand_address(trap, &trap->operands[i]);
    return 0;
}

void trap_report_fault(struct trap_frame *frame, uintptr_t address)
{
    char place[160], target[160], mapping[300];
    const char *text = "?", *region;
    uint64_t offset;
    struct trap trap;
    describe_address(frame->ip, place, sizeof(place));
    const char *stack = overflowed_stack(address);
    if (stack == NULL)
        stack = overflowed_stack(frame->registers[TRAP_SP]);
    if (stack != NULL)
        trap_bugcheck("HOST-STACK", "%s (%u bytes) overflowed at %s", stack, KERNEL_STACK_SIZE, place);
    if (frame->ip == address)
        trap_bugcheck("HOST-FAULT", "execution went to 0x%lx, which is not code: %s, %s", (unsigned long)address,
                      describe_address(address, target, sizeof(target)), describe_mapping(address, mapping, sizeof(mapping)));
    if (!is_kernel_stack(frame->registers[TRAP_SP]))
        trap_bugcheck("HOST-FAULT", "the stack pointer was lost: 0x%lx at %s", (unsigned long)frame->registers[TRAP_SP], place);
    if (trap_decode(&trap, frame)) {
        text = trap_text(&trap);
        if (address == 0)
            address = accessed_address(&trap);
    }
    if (trap_place_of(address, &region, &offset) == TRAP_UNMAPPED)
        trap_bugcheck("HOST-REGISTER-UNMAPPED", "`%s` at %s: registers %s+0x%llx are unmapped", text, place, region,
                      (unsigned long long)offset);
    trap_bugcheck("HOST-FAULT", "access violation at address %s in `%s` at %s", describe_address(address, target, sizeof(target)), text,
                  place);
}

/* From context_trap_entry, on the host stack. */
void trap_dispatch(struct trap_frame *frame);
void trap_dispatch(struct trap_frame *frame)
{
    struct trap trap;
    struct context *context = processor_current->current;
    context->kernel_sp = frame->registers[TRAP_SP];

    if (frame->signal == SIGNAL_STEP) {
        step_dispatch(frame);
        return;
    }
    if (frame->signal == SIGSEGV && (frame->address == frame->ip || (frame->error & PAGE_FAULT_FETCH)))
        trap_report_fault(frame, frame->ip);
    if (frame->signal == SIGSEGV && overflowed_stack(frame->address) != NULL)
        trap_report_fault(frame, frame->address);
    bool decoded = trap_decode(&trap, frame);
    if (!decoded || frame->signal == SIGTRAP || frame->signal == SIGFPE)
        report_instruction(&trap, decoded);

    sched_yield_point(YIELD_TRAP);
    struct trap_frame *outer = trap_in_progress;
    trap_in_progress = frame;
    bool emulated = trap_emulate(&trap);
    trap_in_progress = outer;
    if (!emulated)
        report_instruction(&trap, true);
    sched_yield_point(YIELD_TRAP);
    if (step_enabled)
        step_trap_ends(frame);
}

/* ---- installation ---- */

void trap_install(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    struct sigaction tick = {.sa_sigaction = on_tick, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGVTALRM);
    sigemptyset(&tick.sa_mask);
    sigaction(SIGVTALRM, &tick, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, NULL);
    kernel_registers_install();
}

void trap_processor_enter(void)
{
    signal_stack = mmap(NULL, SIGNAL_STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (signal_stack == MAP_FAILED) {
        fprintf(stderr, "ndishost: no memory for a signal stack\n");
        abort();
    }
    stack_t stack = {.ss_sp = signal_stack, .ss_size = SIGNAL_STACK_SIZE};
    sigaltstack(&stack, NULL);
}

void trap_processor_leave(void)
{
    stack_t none = {.ss_flags = SS_DISABLE};
    sigaltstack(&none, NULL);
    munmap(signal_stack, SIGNAL_STACK_SIZE);
}
