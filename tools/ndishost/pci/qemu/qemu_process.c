/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qemu_process.c - life of a child process: fork and exec on a keeper thread, stderr, exit status, bounded end. */
#include "qemu_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "rules/rules.h"

enum { STDERR_KEPT = 4096, END_TICK_MS = 1000 };

struct qemu_process {
    struct qemu_process_start start; /* pointers in it are valid until the fork is done */
    pid_t owner;                     /* this process, for the child's check */
    pthread_t keeper;
    int stderr_read, stderr_write;
    int exec_read, exec_write; /* carries errno of a failed exec; closed by a successful one */
    pthread_mutex_t lock;      /* guards the rest */
    pthread_cond_t changed;
    bool forked, ended;
    int fork_errno;
    pid_t pid;
    size_t kept;
    char stderr_text[STDERR_KEPT];
};

/* ---- the child, between fork and exec: async-signal-safe calls only ---- */

static _Noreturn void child_fail(int exec_write, int cause)
{
    ssize_t written = write(exec_write, &cause, sizeof cause);
    _exit(written == sizeof cause ? 127 : 126);
}

static _Noreturn void child_run(struct qemu_process *process)
{
    const struct qemu_process_start *start = &process->start;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != process->owner)
        _exit(126);
    setpgid(0, 0); /* what a terminal or timeout(1) tells our group is for us: the device is there until the driver is down */

    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);

    int null = open("/dev/null", O_RDWR);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(process->stderr_write, 2) < 0)
        child_fail(process->exec_write, errno);
    if (start->network_namespace >= 0 && setns(start->network_namespace, CLONE_NEWNET))
        child_fail(process->exec_write, errno);
    for (unsigned i = 0; i < start->descriptor_count; i++) {
        if (fcntl(start->descriptors[i], F_SETFD, 0))
            child_fail(process->exec_write, errno);
    }
    execv(start->path, start->arguments);
    child_fail(process->exec_write, errno);
}

/* ---- the keeper ---- */

/* Keeps the first STDERR_KEPT - 1 bytes. Returns false at the end of the stream. */
static bool stderr_take(struct qemu_process *process)
{
    char text[512];
    ssize_t got = read(process->stderr_read, text, sizeof text - 1);
    if (got <= 0)
        return got < 0 && errno == EINTR;
    text[got] = 0;
    TRACE("qemu", "stderr: %s", text);
    pthread_mutex_lock(&process->lock);
    size_t room = sizeof process->stderr_text - 1 - process->kept;
    size_t taken = (size_t)got < room ? (size_t)got : room;
    memcpy(process->stderr_text + process->kept, text, taken);
    process->kept += taken;
    pthread_mutex_unlock(&process->lock);
    return true;
}

/*
 * Follows stderr until the child has ended. The stream's end says so at once; a grandchild that holds the pipe open delays us by a tick.
 * (Not a pidfd: valgrind does not know it.)
 */
static void child_follow(struct qemu_process *process, pid_t pid)
{
    struct pollfd stream = {.fd = process->stderr_read, .events = POLLIN};
    for (;;) {
        int ready = poll(&stream, 1, END_TICK_MS);
        if (ready > 0 && !stderr_take(process))
            return;
        siginfo_t info = {0};
        if (ready == 0 && !waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT | WNOHANG) && info.si_pid == pid)
            return;
    }
}

static void *keeper_run(void *argument)
{
    struct qemu_process *process = argument;
    pid_t pid = fork();
    if (pid == 0)
        child_run(process);
    int fork_errno = errno;
    close(process->stderr_write);
    close(process->exec_write);

    pthread_mutex_lock(&process->lock);
    process->forked = true;
    process->pid = pid;
    process->fork_errno = pid < 0 ? fork_errno : 0;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->lock);
    if (pid < 0)
        return NULL;

    child_follow(process, pid);
    siginfo_t info;
    while (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR)
        ;
    /* Reaped under the lock together with `ended`: whoever holds the lock and sees !ended may still signal the id. */
    int status = 0;
    pthread_mutex_lock(&process->lock);
    waitpid(pid, &status, 0);
    process->ended = true;
    pthread_cond_broadcast(&process->changed);
    pthread_mutex_unlock(&process->lock);

    char why[512], complaint[384];
    qemu_process_complaint(process, complaint, sizeof complaint);
    if (WIFSIGNALED(status))
        snprintf(why, sizeof why, "QEMU (pid %d) was killed by signal %d%s%s", (int)pid, WTERMSIG(status), *complaint ? ": " : "",
                 complaint);
    else
        snprintf(why, sizeof why, "QEMU (pid %d) ended with status %d%s%s", (int)pid, WEXITSTATUS(status), *complaint ? ": " : "",
                 complaint);

    process->start.ended(process->start.context, why);
    return NULL;
}

/* ---- the owner's side ---- */

static bool keeper_start(struct qemu_process *process)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&process->keeper, NULL, keeper_run, process);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = failed;
    return !failed;
}

struct qemu_process *qemu_process_create(const struct qemu_process_start *start, char *error, size_t error_size)
{
    struct qemu_process *process = calloc(1, sizeof *process);
    int errors[2] = {-1, -1}, exec[2] = {-1, -1}, cause = 0;
    if (!process || pipe2(errors, O_CLOEXEC) || pipe2(exec, O_CLOEXEC)) {
        cause = errno;
        goto free_process;
    }
    process->start = *start;
    process->owner = getpid();
    process->stderr_read = errors[0], process->stderr_write = errors[1];
    process->exec_read = exec[0], process->exec_write = exec[1];
    pthread_mutex_init(&process->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&process->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (!keeper_start(process)) {
        cause = errno;
        close(errors[1]);
        close(exec[1]);
        goto destroy_locks;
    }

    /* The pipe ends with a successful exec, and holds a number after a failed one. */
    pthread_mutex_lock(&process->lock);
    while (!process->forked)
        pthread_cond_wait(&process->changed, &process->lock);
    cause = process->fork_errno;
    pthread_mutex_unlock(&process->lock);
    ssize_t got = 0;
    int exec_errno;
    if (!cause) {
        while ((got = read(process->exec_read, &exec_errno, sizeof exec_errno)) < 0 && errno == EINTR)
            ;
        if (got == (ssize_t)sizeof exec_errno)
            cause = exec_errno;
    }
    if (!cause) {
        close(process->exec_read);
        process->exec_read = -1;
        return process;
    }
    pthread_join(process->keeper, NULL);

destroy_locks:
    close(process->stderr_read);
    close(process->exec_read);
    pthread_cond_destroy(&process->changed);
    pthread_mutex_destroy(&process->lock);
    errors[0] = errors[1] = exec[0] = exec[1] = -1;
free_process:
    for (int i = 0; i < 2; i++) {
        if (errors[i] >= 0)
            close(errors[i]);
        if (exec[i] >= 0)
            close(exec[i]);
    }
    free(process);
    snprintf(error, error_size, "cannot start %s: %s", start->path, strerror(cause));
    return NULL;
}

pid_t qemu_process_id(const struct qemu_process *process)
{
    return process->pid;
}

bool qemu_process_wait(struct qemu_process *process, unsigned timeout_ms)
{
    struct timespec deadline;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&process->lock);
    while (!process->ended && !pthread_cond_timedwait(&process->changed, &process->lock, &deadline))
        ;
    bool ended = process->ended;
    pthread_mutex_unlock(&process->lock);
    return ended;
}

void qemu_process_complaint(struct qemu_process *process, char *line, size_t size)
{
    char text[STDERR_KEPT];
    pthread_mutex_lock(&process->lock);
    memcpy(text, process->stderr_text, process->kept);
    text[process->kept] = 0;
    pthread_mutex_unlock(&process->lock);

    /* An error line starts with the program's name; warnings and their continuations come before it. */
    const char *error = NULL, *other = NULL;
    char *rest = text, *candidate;
    while (!error && (candidate = strsep(&rest, "\r\n")) != NULL) {
        if (!strncmp(candidate, "qemu", 4) && strstr(candidate, ": ") && !strstr(candidate, "warning:"))
            error = candidate;
        else if (*candidate && !other)
            other = candidate;
    }
    snprintf(line, size, "%s", error ? error : other ? other : "");
}

void qemu_process_kill(struct qemu_process *process)
{
    pthread_mutex_lock(&process->lock);
    if (!process->ended)
        kill(process->pid, SIGKILL);
    pthread_mutex_unlock(&process->lock);
}

void qemu_process_destroy(struct qemu_process *process)
{
    if (!process)
        return;
    qemu_process_kill(process);
    pthread_join(process->keeper, NULL);
    close(process->stderr_read);
    pthread_cond_destroy(&process->changed);
    pthread_mutex_destroy(&process->lock);
    free(process);
}
