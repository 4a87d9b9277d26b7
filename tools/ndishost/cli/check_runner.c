/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_runner.c - child processes: started, watched, collected. */
#include "cli/check_runner.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OUTPUT_KEPT = 6000, POLL_MS = 200 };

struct slot {
    pid_t pid; /* 0: free */
    const struct check_job *job;
    struct check_result *result; /* shared with the child */
    int output;                  /* memfd that it writes to, or -1 */
    double deadline;
    bool killed;
};

const char *check_verdict_name(enum check_verdict verdict)
{
    static const char *const names[] = {"passed", "not applicable", "failed", "violation", "leak", "bug check", "hang", "crash"};
    return names[verdict];
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- the child's side ---- */

static _Noreturn void be_child(const struct check_options *options, const struct image_facts *facts, const struct slot *slot)
{
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (slot->output >= 0) {
        dup2(slot->output, STDOUT_FILENO);
        dup2(slot->output, STDERR_FILENO);
    }
    check_child_run(options, facts, slot->job, slot->result);
    fflush(NULL);
    _exit(0);
}

/* ---- the parent's side ---- */

static bool start(struct slot *slot, const struct check_options *options, const struct image_facts *facts, const struct check_job *job)
{
    slot->job = job;
    slot->killed = false;
    memset(slot->result, 0, sizeof(*slot->result));
    slot->output = options->trace ? -1 : memfd_create("ndishost-check", MFD_CLOEXEC);
    slot->deadline = now() + options->seconds;
    fflush(NULL);
    slot->pid = fork();
    if (slot->pid == 0)
        be_child(options, facts, slot);
    return slot->pid > 0;
}

static enum check_verdict judge(const struct slot *slot, int status)
{
    const struct check_result *result = slot->result;
    if (slot->killed)
        return CHECK_HANG;
    if (!result->finished)
        return CHECK_CRASH;
    if (result->bug_check)
        return CHECK_BUG_CHECK;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return CHECK_CRASH;
    if (result->violations)
        return CHECK_VIOLATION;
    if (result->leaks)
        return CHECK_LEAK;
    if (result->failure[0])
        return CHECK_FAILED;
    return result->inapplicable[0] ? CHECK_INAPPLICABLE : CHECK_PASSED;
}

/* The end of what the child wrote, from the start of a line. */
static const char *read_output(int output, char *buffer, size_t size)
{
    off_t end = output >= 0 ? lseek(output, 0, SEEK_END) : 0;
    off_t from = end > (off_t)size - 1 ? end - (off_t)size + 1 : 0;
    ssize_t length = end ? pread(output, buffer, size - 1, from) : 0;
    buffer[length > 0 ? length : 0] = 0;
    const char *line = from ? strchr(buffer, '\n') : NULL;
    return line ? line + 1 : buffer;
}

static void collect(struct slot *slot, int status, void (*done)(void *, const struct check_job *, const struct check_outcome *),
                    void *context)
{
    char buffer[OUTPUT_KEPT];
    struct check_outcome outcome = {.verdict = judge(slot, status), .wait_status = status, .output = ""};
    outcome.result = *slot->result;
    if (check_verdict_is_bad(outcome.verdict))
        outcome.output = read_output(slot->output, buffer, sizeof(buffer));
    if (slot->output >= 0)
        close(slot->output);
    slot->pid = 0;
    done(context, slot->job, &outcome);
}

static struct slot *slot_of(struct slot *slots, unsigned count, pid_t pid)
{
    for (unsigned i = 0; i < count; ++i)
        if (slots[i].pid == pid)
            return &slots[i];
    return NULL;
}

static void kill_overdue(struct slot *slots, unsigned count)
{
    double time = now();
    for (unsigned i = 0; i < count; ++i)
        if (slots[i].pid && !slots[i].killed && time > slots[i].deadline) {
            slots[i].killed = true;
            kill(slots[i].pid, SIGKILL);
        }
}

bool check_runner_run(const struct check_options *options, const struct image_facts *facts, const struct check_job *jobs, size_t job_count,
                      void (*done)(void *context, const struct check_job *job, const struct check_outcome *outcome), void *context)
{
    unsigned slot_count = options->trace ? 1 : options->jobs, running = 0;
    struct slot slots[CHECK_JOBS_MAX] = {{0}};
    struct check_result *results = mmap(NULL, slot_count * sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (results == MAP_FAILED) {
        fprintf(stderr, "ndishost: no memory for results: %s\n", strerror(errno));
        return false;
    }
    sigset_t child_ended, before;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    bool good = true;
    size_t next = 0;
    while ((next < job_count && good) || running) {
        struct slot *slot = next < job_count && good ? slot_of(slots, slot_count, 0) : NULL;
        if (slot) {
            slot->result = &results[slot - slots];
            good = start(slot, options, facts, &jobs[next++]);
            running += good;
            if (!good) {
                fprintf(stderr, "ndishost: no process can be started: %s\n", strerror(errno));
                slot->pid = 0;
            }
            continue;
        }
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        slot = pid > 0 ? slot_of(slots, slot_count, pid) : NULL;
        if (slot) {
            running--;
            collect(slot, status, done, context);
        } else if (pid <= 0) {
            sigtimedwait(&child_ended, NULL, &(struct timespec){.tv_nsec = POLL_MS * 1000000L});
            kill_overdue(slots, slot_count);
        }
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    munmap(results, slot_count * sizeof(*results));
    return good;
}
