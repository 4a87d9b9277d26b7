/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* checksum_errors.c - Linux's own counters of packets with a bad checksum, of one namespace. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/namespace.h"
#include "net/world.h"

enum { LINE_SIZE = 4096 };
static const char counter[] = "InCsumErrors";

struct tally {
    uint64_t count;
    char *text;
    size_t size;
};

static void add(struct tally *tally, const char *protocol, size_t length, uint64_t count)
{
    size_t used = strlen(tally->text);
    if (count)
        snprintf(tally->text + used, tally->size - used, "%s%.*s %" PRIu64, used ? ", " : "", (int)length, protocol, count);
    tally->count += count;
}

/* "Tcp: A InCsumErrors B", and below it "Tcp: 1 2 3". */
static void read_tables(const char *path, struct tally *tally)
{
    FILE *file = fopen(path, "re");
    char names[LINE_SIZE], values[LINE_SIZE];
    while (file && fgets(names, sizeof(names), file) && fgets(values, sizeof(values), file)) {
        char *name_rest = NULL, *value_rest = NULL;
        const char *name = strtok_r(names, " \n", &name_rest), *value = strtok_r(values, " \n", &value_rest), *protocol = name;
        for (; name && value; name = strtok_r(NULL, " \n", &name_rest), value = strtok_r(NULL, " \n", &value_rest))
            if (strcmp(name, counter) == 0)
                add(tally, protocol, strlen(protocol) - 1, strtoull(value, NULL, 10));
    }
    if (file)
        fclose(file);
}

/* "Udp6InCsumErrors    1" */
static void read_list(const char *path, struct tally *tally)
{
    FILE *file = fopen(path, "re");
    char line[LINE_SIZE];
    while (file && fgets(line, sizeof(line), file)) {
        const char *end = strstr(line, counter);
        if (end)
            add(tally, line, (size_t)(end - line), strtoull(end + sizeof(counter) - 1, NULL, 10));
    }
    if (file)
        fclose(file);
}

static int read_all(void *argument)
{
    read_tables("/proc/thread-self/net/snmp", argument);
    read_tables("/proc/thread-self/net/netstat", argument);
    read_list("/proc/thread-self/net/snmp6", argument);
    return 0;
}

uint64_t network_bad_checksums(const struct network_world *world, enum network_side side, char *text, size_t size)
{
    struct tally tally = {.text = text, .size = size};
    text[0] = 0;
    namespace_run(world->namespaces[side], read_all, &tally);
    return tally.count;
}
