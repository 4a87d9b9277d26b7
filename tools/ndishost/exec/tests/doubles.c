/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* doubles.c - see doubles.h. */
#include "doubles.h"

#include "abi/export_facts.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "rules/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include <cmocka.h>

bool trace_enabled;

#define KEPT 64
static char ids[KEPT][32];
static char detail[512];
static unsigned total;

void rule_violated(const char *id, const void *object, const char *format, ...)
{
    (void)object;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    unsigned index = __atomic_fetch_add(&total, 1, __ATOMIC_SEQ_CST);
    if (index < KEPT)
        snprintf(ids[index], sizeof(ids[index]), "%s", id);
}

void trace_line(const char *topic, const char *format, ...)
{
    (void)topic;
    (void)format;
}

unsigned violations_of(const char *id)
{
    unsigned count = 0;
    for (unsigned i = 0; i < total && i < KEPT; i++)
        count += strcmp(ids[i], id) == 0;
    return count;
}

unsigned violations_total(void)
{
    return total;
}

const char *violation_detail(void)
{
    return detail;
}

void violations_reset(void)
{
    total = 0;
    detail[0] = '\0';
}

void claim_failed(const char *file, int line, const char *what, unsigned long long a, unsigned long long b)
{
    fprintf(stderr, "%s:%d: failed: %s (0x%llx, 0x%llx)\n", file, line, what, a, b);
    if (total != 0)
        fprintf(stderr, "  the last violation was %s: %s\n", ids[(total - 1) % KEPT], detail);
    _exit(3);
}

/* Sorted by name, as the generated table is. */
const struct export_facts export_facts[] = {
    {"TestAnyIrql", "ntoskrnl.exe", CONVENTION_STDCALL, 0, 0, 31},
    {"TestCdecl", "ntoskrnl.exe", CONVENTION_CDECL, 0, 0, 31},
    {"TestDataExport", "ntoskrnl.exe", CONVENTION_DATA, 0, 0, 31},
    {"TestDispatchOnly", "hal.dll", CONVENTION_STDCALL, 0, 2, 2},
    {"TestFastcall", "hal.dll", CONVENTION_FASTCALL, 12, 0, 31},
    {"TestNest", "ntoskrnl.exe", CONVENTION_STDCALL, 2 * sizeof(void *), 0, 31},
    {"TestPassiveOnly", "NDIS.SYS", CONVENTION_STDCALL, 0, 0, 0},
    {"TestSixArguments", "ntoskrnl.exe", CONVENTION_STDCALL, 24, 0, 31},
    {"TestTouch", "ntoskrnl.exe", CONVENTION_STDCALL, sizeof(void *), 0, 31},
    {"TestWide", "ntoskrnl.exe", CONVENTION_STDCALL, 16, 0, 31},
};
const unsigned export_facts_count = sizeof(export_facts) / sizeof(export_facts[0]);

static unsigned machine_seeds; /* 0: the free policy */

void on_seeded_machine(unsigned processor_count, const struct sched_seed_options *options, void (*body)(void *argument), void *argument)
{
    trap_install(); /* cmocka takes the signals for itself before each test */
    assert_int_equal(sched_start_seeded(processor_count, options), 0);
    sched_run("test", body, argument);
    assert_int_equal(sched_stop(), 0);
}

void on_machine(unsigned processor_count, void (*body)(void *argument), void *argument)
{
    for (unsigned seed = 1; seed <= machine_seeds; seed++)
        on_seeded_machine(processor_count, &(struct sched_seed_options){.seed = seed}, body, argument);
    if (machine_seeds != 0)
        return;
    trap_install();
    assert_int_equal(sched_start(processor_count), 0);
    sched_run("test", body, argument);
    assert_int_equal(sched_stop(), 0);
}

void use_seeded_policy(void)
{
    machine_seeds = RUNNING_ON_VALGRIND ? 3 : 40;
}

unsigned scaled(unsigned count)
{
    if (machine_seeds != 0)
        count = count / 50 + 1;
    return RUNNING_ON_VALGRIND ? count / 50 + 1 : count;
}

void let_arrive(void)
{
    for (unsigned turn = 0; turn < (machine_seeds != 0 ? 1000 : 1); turn++)
        sched_yield_point(YIELD_EXPORT);
}

const char *report_of_child(unsigned processor_count, void (*body)(void *argument))
{
    return report_of_seeded_child(processor_count, NULL, body);
}

const char *report_of_seeded_child(unsigned processor_count, const struct sched_seed_options *options, void (*body)(void *argument))
{
    static char report[16384];
    int pipe_fds[2], status;
    assert_int_equal(pipe(pipe_fds), 0);
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(pipe_fds[1], STDERR_FILENO);
        close(pipe_fds[0]);
        close(pipe_fds[1]);
        trap_install();
        if (options != NULL)
            sched_start_seeded(processor_count, options);
        else
            sched_start(processor_count);
        sched_run("test", body, NULL);
        sched_stop();
        _exit(0);
    }
    close(pipe_fds[1]);
    size_t length = 0;
    ssize_t count;
    while ((count = read(pipe_fds[0], report + length, sizeof(report) - 1 - length)) > 0)
        length += (size_t)count;
    report[length] = '\0';
    close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    /* Under valgrind its own complaint about the access (--error-exitcode) replaces the status. */
    if (!WIFEXITED(status) || (WEXITSTATUS(status) != 1 && !(RUNNING_ON_VALGRIND && WEXITSTATUS(status) == 9)))
        fail_msg("the child ended with wait status 0x%x and wrote:\n%s", (unsigned)status, report);
    return report;
}
