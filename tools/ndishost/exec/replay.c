/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* replay.c - executing the program again in the same address space layout as ever. */
#include "replay.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <unistd.h>

#define QUERY 0xffffffffUL

/* The arguments as the kernel has them, all of them in the first one's allocation. NULL: they cannot be read. */
static char **own_arguments(void)
{
    size_t length = 0, capacity = 65536, count = 0;
    char *text = malloc(capacity + 1);
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    while (fd >= 0 && text != NULL && (got = read(fd, text + length, capacity - length)) > 0) {
        length += (size_t)got;
        if (length == capacity) {
            char *longer = realloc(text, (capacity *= 2) + 1);
            if (longer == NULL)
                free(text);
            text = longer;
        }
    }
    if (fd >= 0)
        close(fd);
    if (text == NULL || got < 0 || length == 0) {
        free(text);
        return NULL;
    }
    text[length] = '\0';
    for (size_t at = 0; at < length; at += strlen(text + at) + 1)
        count++;
    char **arguments = calloc(count + 1, sizeof(*arguments));
    if (arguments == NULL) {
        free(text);
        return NULL;
    }
    char *next = text;
    for (size_t i = 0; i < count; i++, next += strlen(next) + 1)
        arguments[i] = next;
    return arguments;
}

void exec_disable_address_randomisation(void)
{
    int before = personality(QUERY);
    if (before < 0 || (before & ADDR_NO_RANDOMIZE) != 0)
        return;
    char **arguments = own_arguments();
    if (arguments == NULL)
        return;
    if (personality((unsigned long)before | ADDR_NO_RANDOMIZE) >= 0) {
        fflush(NULL);
        execv("/proc/self/exe", arguments);
        personality((unsigned long)before);
    }
    free(arguments[0]);
    free(arguments);
}
