/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* memory_use.c - reads the kernel's account of this process. */
#include "cli/memory_use.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value in bytes of a "Name:   123 kB" line. */
static uint64_t kilobytes_of(const char *status, const char *name)
{
    const char *line = strstr(status, name);
    return line ? strtoull(line + strlen(name), NULL, 10) * 1024 : 0;
}

static uint64_t resident(int with_files)
{
    char status[4096];
    int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 0;
    ssize_t length = read(fd, status, sizeof(status) - 1);
    close(fd);
    if (length <= 0)
        return 0;
    status[length] = 0;
    return kilobytes_of(status, "\nRssAnon:") + (with_files ? kilobytes_of(status, "\nRssFile:") : 0);
}

uint64_t memory_use_beside_guest(void)
{
    return resident(1);
}

uint64_t memory_use_anonymous(void)
{
    return resident(0);
}
