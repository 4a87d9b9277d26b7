/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* namespace.c - creates network namespaces without names and runs work inside them. */
#include "net/namespace.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- the right to create them ---- */

static int file_write(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    ssize_t written = write(fd, text, strlen(text));
    int error = written < 0 ? errno : 0;
    close(fd);
    return error;
}

struct outcome {
    int namespace_fd;
    int error;
};

static void *create_on_thread(void *argument)
{
    struct outcome *outcome = argument;
    if (unshare(CLONE_NEWNET) != 0) {
        outcome->error = errno;
        return NULL;
    }
    outcome->namespace_fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (outcome->namespace_fd < 0)
        outcome->error = errno;
    return NULL;
}

int namespace_create(void)
{
    struct outcome outcome = {.namespace_fd = -1};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, create_on_thread, &outcome);
    if (!error) {
        pthread_join(thread, NULL);
        error = outcome.error;
    }
    errno = error;
    return outcome.namespace_fd;
}

/*
 * pthread_join() returns when the kernel has cleared the thread's id, a moment before the task is gone, and unshare(CLONE_NEWUSER)
 * counts tasks: bounded wait until this process has one.
 */
static void wait_for_single_task(void)
{
    for (int attempt = 0; attempt < 1000; ++attempt) {
        struct stat tasks;
        if (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink <= 3)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
}

int namespace_become_able(void)
{
    int trial = namespace_create();
    if (trial >= 0) {
        close(trial);
        return 0;
    }
    if (errno != EPERM)
        return errno;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    wait_for_single_task();
    if (unshare(CLONE_NEWUSER) != 0)
        return errno;
    char map[64];
    int error = file_write("/proc/self/setgroups", "deny");
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)uid);
    error = error ? error : file_write("/proc/self/uid_map", map);
    snprintf(map, sizeof(map), "0 %u 1", (unsigned)gid);
    return error ? error : file_write("/proc/self/gid_map", map);
}

/* ---- work inside ---- */

struct errand {
    int namespace_fd;
    int (*work)(void *argument);
    void *argument;
    int result;
};

static void *errand_on_thread(void *argument)
{
    struct errand *errand = argument;
    errand->result = setns(errand->namespace_fd, CLONE_NEWNET) == 0 ? errand->work(errand->argument) : errno;
    return NULL;
}

int namespace_run(int namespace_fd, int (*work)(void *argument), void *argument)
{
    struct errand errand = {.namespace_fd = namespace_fd, .work = work, .argument = argument};
    pthread_t thread;
    int error = pthread_create(&thread, NULL, errand_on_thread, &errand);
    if (error)
        return error;
    pthread_join(thread, NULL);
    return errand.result;
}

/* ---- what commands leave behind ---- */

static bool is_inhabitant(pid_t pid, const struct namespace_set *namespaces)
{
    char path[64];
    struct stat theirs;
    snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)pid);
    if (stat(path, &theirs) != 0)
        return false;
    for (unsigned i = 0; i < namespaces->count; ++i)
        if (theirs.st_dev == namespaces->identity[i].st_dev && theirs.st_ino == namespaces->identity[i].st_ino)
            return true;
    return false;
}

/* Kills what is there now; returns how many it found. */
static unsigned kill_once(const struct namespace_set *namespaces)
{
    DIR *processes = opendir("/proc");
    if (!processes)
        return 0;
    unsigned found = 0;
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);
        if (*end || pid <= 1 || pid == getpid() || !is_inhabitant((pid_t)pid, namespaces))
            continue;
        ++found;
        kill((pid_t)pid, SIGKILL);
        waitpid((pid_t)pid, NULL, WNOHANG); /* ours: a zombie has left its namespaces already, this frees its entry */
    }
    closedir(processes);
    return found;
}

struct namespace_set namespace_set_of(const int *namespace_fds, unsigned count)
{
    struct namespace_set set = {0};
    for (unsigned i = 0; i < count && set.count < NAMESPACE_SET_MAX; ++i)
        if (namespace_fds[i] >= 0 && fstat(namespace_fds[i], &set.identity[set.count]) == 0)
            ++set.count;
    return set;
}

void namespace_kill_inhabitants(const struct namespace_set *namespaces)
{
    /* A process may fork while it is being looked for: again until none is found, two seconds at most. */
    for (int attempt = 0; namespaces->count && attempt < 200 && kill_once(namespaces) > 0; ++attempt)
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
}
