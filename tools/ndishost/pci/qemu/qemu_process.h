/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * qemu_process.h - one child process: started with a list of arguments and descriptors, watched until it ends, its stderr kept.
 *
 * A keeper thread forks the child and outlives it: PR_SET_PDEATHSIG fires when the *thread* that forked ends, and the caller's thread
 * may end before the child should.
 */
#ifndef NDISHOST_PCI_QEMU_QEMU_PROCESS_H
#define NDISHOST_PCI_QEMU_QEMU_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct qemu_process_start {
    const char *path;       /* executable */
    char *const *arguments; /* argv, NULL-terminated */
    const int *descriptors; /* survive the exec under the same numbers */
    unsigned descriptor_count;
    int network_namespace;                         /* entered before the exec, or -1 */
    void (*ended)(void *context, const char *why); /* from the keeper thread, once; `why`: "QEMU (pid 7) was killed by signal 9" */
    void *context;
};

struct qemu_process;
/* NULL and one line in `error` on failure. The child is killed when this process ends, however it ends. */
struct qemu_process *qemu_process_create(const struct qemu_process_start *start, char *error, size_t error_size);
pid_t qemu_process_id(const struct qemu_process *process);
/* Waits for the end of the child; false when it still runs after `timeout_ms`. */
bool qemu_process_wait(struct qemu_process *process, unsigned timeout_ms);
/* First error line on stderr, else the first line; "" when there is none. Copied. */
void qemu_process_complaint(struct qemu_process *process, char *line, size_t size);
void qemu_process_kill(struct qemu_process *process);
/* Kills the child if it still runs, waits for it, frees. ended() has returned or will not be called. */
void qemu_process_destroy(struct qemu_process *process);

#endif
