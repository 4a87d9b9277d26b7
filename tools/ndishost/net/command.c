/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* command.c - starts a shell command inside a namespace of the world. */
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "net/world.h"

/* In the child of a process with threads: async-signal-safe calls only. 126 and 127 are the shell's own words for "could not". */
static _Noreturn void child_run(int namespace_fd, pid_t parent, char *const *arguments)
{
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent || setns(namespace_fd, CLONE_NEWNET) != 0)
        _exit(126);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    execve("/bin/sh", arguments, environ);
    _exit(127);
}

pid_t network_command_start(struct network_world *world, enum network_side side, const char *command)
{
    char *const arguments[] = {"sh", "-c", (char *)command, NULL};
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0)
        child_run(world->namespaces[side], parent, arguments);
    if (child > 0)
        setpgid(child, child); /* both do it: whoever comes first, the group exists before anybody signals it */
    return child;
}
