/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world_guard.c - waits for the end of the process that made the namespaces, then ends what was left in them. */
#include "net/world_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/namespace.h"

/*
 * Holds no file of its parent but the pipe, so that nobody waits for it; deaf to signals that are meant for the run. Ends by itself.
 */
static _Noreturn void keep_guard(int lifeline, const struct namespace_set *namespaces)
{
    char nothing;
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setpgid(0, 0);
    prctl(PR_SET_NAME, "ndishost-guard");
    if (lifeline > 0)
        close_range(0, (unsigned)lifeline - 1, 0);
    close_range((unsigned)lifeline + 1, UINT_MAX, 0);
    while (read(lifeline, &nothing, 1) < 0 && errno == EINTR)
        ;
    namespace_kill_inhabitants(namespaces);
    _exit(0);
}

int world_guard_start(struct world_guard *guard, const int *namespace_fds, unsigned count)
{
    struct namespace_set namespaces = namespace_set_of(namespace_fds, count);
    int ends[2];
    *guard = (struct world_guard){0};
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    pid_t pid = fork();
    if (pid == 0)
        keep_guard(ends[0], &namespaces);
    int why = errno;
    close(ends[0]);
    if (pid < 0) {
        close(ends[1]);
        return why;
    }
    *guard = (struct world_guard){.pid = pid, .lifeline = ends[1]};
    return 0;
}

void world_guard_stop(struct world_guard *guard)
{
    if (!guard->pid)
        return;
    kill(guard->pid, SIGKILL);
    while (waitpid(guard->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(guard->lifeline);
    guard->pid = 0;
}
