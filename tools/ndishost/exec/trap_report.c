/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_report.c - how a run ends that cannot go on: one report of what the image did, hooks for reports, exit status 1. */
#include "trap.h"

#include "processor.h"
#include "rules/rules.h"

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define HOOK_LIMIT 8
/* The hooks run while any lock may be held by a thread that will never go on: the end comes in any case. */
#define END_SECONDS 10

static void (*hooks[HOOK_LIMIT])(void);
static unsigned hook_count;
static const char *(*describer)(uintptr_t address, char *buffer, size_t size);

void trap_on_bugcheck(void (*hook)(void))
{
    if (hook_count < HOOK_LIMIT)
        hooks[hook_count++] = hook;
}

void trap_set_describer(const char *(*describe)(uintptr_t address, char *buffer, size_t size))
{
    describer = describe;
}

const char *describe_address(uintptr_t address, char *buffer, size_t size)
{
    if (describer != NULL)
        return describer(address, buffer, size);
    snprintf(buffer, size, "0x%lx", (unsigned long)address);
    return buffer;
}

/* One line of /proc/self/maps: "f7166000-f716e000 r-xp ...". */
static bool line_contains(const char *line, uintptr_t address)
{
    char *end;
    uintmax_t low = strtoumax(line, &end, 16);
    return *end == '-' && address >= low && address < strtoumax(end + 1, NULL, 16);
}

const char *describe_mapping(uintptr_t address, char *buffer, size_t size)
{
    char line[256];
    size_t length = 0;
    int maps = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    snprintf(buffer, size, "%s", maps >= 0 ? "nothing is mapped there" : "/proc/self/maps cannot be read");
    /* By the character: no allocation, no lock, and once. */
    for (char next; maps >= 0 && read(maps, &next, 1) == 1;) {
        if (next != '\n') {
            line[length] = next;
            length += length < sizeof(line) - 1;
            continue;
        }
        line[length] = 0;
        length = 0;
        if (line_contains(line, address)) {
            snprintf(buffer, size, "mapped there: %s", line);
            break;
        }
    }
    if (maps >= 0)
        close(maps);
    return buffer;
}

/* Not through stdio: its locks may be held. */
void trap_print_line(const char *line)
{
    char text[512];
    int length = snprintf(text, sizeof(text), "%s\n", line);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length < sizeof(text) ? (size_t)length : sizeof(text) - 1) < 0)
        return;
}

static void end_now(int signal)
{
    (void)signal;
    _exit(1);
}

void trap_bugcheck(const char *rule, const char *format, ...)
{
    static atomic_flag ending = ATOMIC_FLAG_INIT;
    static __thread bool ending_here;
    if (ending_here)
        _exit(1);
    while (atomic_flag_test_and_set(&ending))
        pause(); /* another thread is at it and ends the process */
    ending_here = true;
    signal(SIGALRM, end_now);
    alarm(END_SECONDS);

    char message[384], line[512], caller[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);

    rule_violated(rule, NULL, "%s", message);
    snprintf(line, sizeof(line), "ndishost: bug check %s on processor %u at IRQL %u: %s", rule, sched_current_processor(), irql_current(),
             message);
    trap_print_line(line);
    if (call_current_export() != NULL) {
        snprintf(line, sizeof(line), "  in export %s, called from %s", call_current_export(),
                 describe_address(call_current_caller(), caller, sizeof(caller)));
        trap_print_line(line);
    }
    call_stack_print(trap_print_line);
    trap_print_line("  last calls of this processor, latest first:");
    call_history_print(trap_print_line);

    for (unsigned i = 0; i < hook_count; i++)
        hooks[i]();
    _exit(1);
}
