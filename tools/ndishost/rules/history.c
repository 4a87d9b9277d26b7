/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* history.c - a bounded table of the last events of each object; the objects used longest ago give way. */
#include "rules/history.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 32, BUCKETS = 128, OBJECTS_PER_SHARD = 256, LINES = 8, LINE_SIZE = 112 };

struct history {
    const void *object;
    struct history *bucket_next;
    struct history *older, *newer; /* by last use */
    unsigned line_count;           /* ever written */
    char lines[LINES][LINE_SIZE];
};

static struct shard {
    pthread_mutex_t mutex;
    struct history *buckets[BUCKETS];
    struct history *oldest, *newest;
    unsigned count;
} shards[SHARDS] = {[0 ... SHARDS - 1] = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

static uint32_t hash_of(const void *object)
{
    return (uint32_t)(((uint64_t)(uintptr_t)object * 0x9E3779B97F4A7C15ull) >> 32);
}

static struct shard *shard_of(const void *object)
{
    return &shards[hash_of(object) % SHARDS];
}

static struct history **bucket_of(struct shard *shard, const void *object)
{
    return &shard->buckets[hash_of(object) / SHARDS % BUCKETS];
}

static void age_unlink(struct shard *shard, struct history *entry)
{
    *(entry->older ? &entry->older->newer : &shard->oldest) = entry->newer;
    *(entry->newer ? &entry->newer->older : &shard->newest) = entry->older;
}

static void age_append(struct shard *shard, struct history *entry)
{
    entry->older = shard->newest;
    entry->newer = NULL;
    *(shard->newest ? &shard->newest->newer : &shard->oldest) = entry;
    shard->newest = entry;
}

static void bucket_unlink(struct shard *shard, struct history *entry)
{
    struct history **link = bucket_of(shard, entry->object);
    while (*link != entry)
        link = &(*link)->bucket_next;
    *link = entry->bucket_next;
}

static struct history *find(struct shard *shard, const void *object)
{
    struct history *entry = *bucket_of(shard, object);
    while (entry && entry->object != object)
        entry = entry->bucket_next;
    return entry;
}

/* The object's entry, made by taking over the oldest one when the shard is full. NULL without memory. */
static struct history *obtain(struct shard *shard, const void *object)
{
    struct history *entry = find(shard, object);
    if (entry) {
        age_unlink(shard, entry);
        age_append(shard, entry);
        return entry;
    }
    if (shard->count < OBJECTS_PER_SHARD) {
        entry = malloc(sizeof(*entry));
        if (!entry)
            return NULL;
        shard->count++;
    } else {
        entry = shard->oldest;
        age_unlink(shard, entry);
        bucket_unlink(shard, entry);
    }
    entry->object = object;
    entry->line_count = 0;
    struct history **bucket = bucket_of(shard, object);
    entry->bucket_next = *bucket;
    *bucket = entry;
    age_append(shard, entry);
    return entry;
}

void track_event(const void *object, const char *format, ...)
{
    char line[LINE_SIZE];
    rules_write_place(line, sizeof(line));
    size_t used = strlen(line);
    line[used++] = ' ';
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line + used, sizeof(line) - used, format, arguments);
    va_end(arguments);

    struct shard *shard = shard_of(object);
    pthread_mutex_lock(&shard->mutex);
    struct history *entry = obtain(shard, object);
    if (entry)
        memcpy(entry->lines[entry->line_count++ % LINES], line, sizeof(line));
    pthread_mutex_unlock(&shard->mutex);
}

void history_print(const void *object, FILE *file)
{
    struct shard *shard = shard_of(object);
    pthread_mutex_lock(&shard->mutex);
    const struct history *entry = find(shard, object);
    if (entry) {
        unsigned first = entry->line_count > LINES ? entry->line_count - LINES : 0;
        for (unsigned i = first; i < entry->line_count; i++)
            fprintf(file, "    history of %p: %s\n", object, entry->lines[i % LINES]);
    }
    pthread_mutex_unlock(&shard->mutex);
}

void history_forget(const void *object)
{
    struct shard *shard = shard_of(object);
    if (__atomic_load_n(&shard->count, __ATOMIC_RELAXED) == 0)
        return;
    pthread_mutex_lock(&shard->mutex);
    struct history *entry = find(shard, object);
    if (entry) {
        age_unlink(shard, entry);
        bucket_unlink(shard, entry);
        free(entry);
        shard->count--;
    }
    pthread_mutex_unlock(&shard->mutex);
}

void history_reset(void)
{
    for (unsigned i = 0; i < SHARDS; i++) {
        struct shard *shard = &shards[i];
        pthread_mutex_lock(&shard->mutex);
        for (struct history *entry = shard->oldest, *newer; entry; entry = newer) {
            newer = entry->newer;
            free(entry);
        }
        shard->oldest = shard->newest = NULL;
        memset(shard->buckets, 0, sizeof(shard->buckets));
        shard->count = 0;
        pthread_mutex_unlock(&shard->mutex);
    }
}
