/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* namespace.h - unnamed network namespaces, held by a descriptor, and work done inside them. For the files of net/ only. */
#ifndef NDISHOST_NET_NAMESPACE_H
#define NDISHOST_NET_NAMESPACE_H

#include <stdbool.h>
#include <sys/stat.h>

/*
 * Makes sure that this process may create network namespaces: with the privilege nothing happens, without it a user namespace is made in
 * which this user is root. Only while the process has one thread. Returns 0 or an errno.
 */
int namespace_become_able(void);
/* A new network namespace: a descriptor, or -1 and errno. */
int namespace_create(void);
/*
 * Runs work(argument) in the namespace, on a thread of its own that ends with it, so that no thread of the program ever changes its
 * namespace. Returns what it returned, or an errno when the thread or the change failed.
 */
int namespace_run(int namespace_fd, int (*work)(void *argument), void *argument);

enum { NAMESPACE_SET_MAX = 4 };
/* Namespaces by identity: what is needed to find who lives in them, without holding them open. */
struct namespace_set {
    struct stat identity[NAMESPACE_SET_MAX];
    unsigned count;
};
/* Descriptors that are -1 are left out. */
struct namespace_set namespace_set_of(const int *namespace_fds, unsigned count);
/* Ends every process that is in one of the namespaces, this one excepted: whatever the commands of a run left behind. */
void namespace_kill_inhabitants(const struct namespace_set *namespaces);

#endif
