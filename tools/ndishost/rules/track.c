/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* track.c - everything the image acquired and has not given back: a hash in shards with a short lock each, and the leak audit. */
#include "rules/track.h"
#include "rules/history.h"
#include "rules/rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS = 64, FIRST_BUCKETS = 64, LEAKS_PRINTED = 40 };

struct tracked {
    struct tracked *next;
    const void *object;
    const void *owner;
    size_t bytes;
    uintptr_t who;
    uint64_t sequence; /* order of acquisition */
    uint8_t kind;
    bool reported; /* as a leak, by an earlier audit */
};

static struct shard {
    pthread_mutex_t mutex;
    struct tracked **buckets;
    struct tracked *spare; /* released entries, to be used again */
    unsigned bucket_count; /* a power of two */
    unsigned count;
} __attribute__((aligned(64))) shards[SHARDS] = {[0 ... SHARDS - 1] = {.mutex = PTHREAD_MUTEX_INITIALIZER}};

static uint64_t next_sequence, live_bytes;
static unsigned live_counts[TRACK_KIND_COUNT], leak_count;
static void (*describers[TRACK_KIND_COUNT])(const void *object, char *buffer, size_t size);

const char *track_kind_name(enum track_kind kind)
{
    static const char *const names[TRACK_KIND_COUNT] = {
        [TRACK_POOL] = "pool block",
        [TRACK_NBL] = "NET_BUFFER_LIST",
        [TRACK_NB] = "NET_BUFFER",
        [TRACK_MDL] = "MDL",
        [TRACK_NBL_POOL] = "NET_BUFFER_LIST pool",
        [TRACK_NB_POOL] = "NET_BUFFER pool",
        [TRACK_SG_LIST] = "scatter/gather list",
        [TRACK_SHARED_MEMORY] = "shared memory",
        [TRACK_IO_MAPPING] = "register mapping",
        [TRACK_INTERRUPT] = "interrupt",
        [TRACK_SG_DMA] = "scatter/gather DMA channel",
        [TRACK_TIMER] = "timer",
        [TRACK_WORK_ITEM] = "work item",
        [TRACK_CONFIGURATION] = "configuration handle",
        [TRACK_HANDLE] = "handle",
        [TRACK_DEVICE] = "device object",
        [TRACK_RW_LOCK] = "read-write lock",
        [TRACK_DRIVER] = "driver registration",
        [TRACK_SYSTEM_MAPPING] = "system mapping",
        [TRACK_CALLBACK] = "registered callback",
        [TRACK_LOOKASIDE_LIST] = "lookaside list",
        [TRACK_IRP] = "IRP",
    };
    return names[kind];
}

static uint32_t hash_of(enum track_kind kind, const void *object)
{
    return (uint32_t)((((uint64_t)(uintptr_t)object + kind) * 0x9E3779B97F4A7C15ull) >> 32);
}

static bool grow(struct shard *shard)
{
    unsigned count = shard->bucket_count ? shard->bucket_count * 2 : FIRST_BUCKETS;
    struct tracked **buckets = calloc(count, sizeof(*buckets));
    if (!buckets)
        return shard->bucket_count != 0;
    for (unsigned i = 0; i < shard->bucket_count; i++) {
        while (shard->buckets[i]) {
            struct tracked *entry = shard->buckets[i];
            shard->buckets[i] = entry->next;
            struct tracked **bucket = &buckets[hash_of(entry->kind, entry->object) / SHARDS & (count - 1)];
            entry->next = *bucket;
            *bucket = entry;
        }
    }
    free(shard->buckets);
    shard->buckets = buckets;
    shard->bucket_count = count;
    return true;
}

/* The link that points at the object's entry, or at NULL; NULL when the shard is still empty. */
static struct tracked **find(struct shard *shard, uint32_t hash, enum track_kind kind, const void *object)
{
    if (!shard->bucket_count)
        return NULL;
    struct tracked **link = &shard->buckets[hash / SHARDS & (shard->bucket_count - 1)];
    while (*link && ((*link)->object != object || (*link)->kind != kind))
        link = &(*link)->next;
    return link;
}

void track_acquire(enum track_kind kind, const void *object, size_t bytes, const void *owner, uintptr_t who)
{
    history_forget(object);
    uint32_t hash = hash_of(kind, object);
    struct shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->mutex);
    if (shard->count >= shard->bucket_count && !grow(shard))
        abort();
    struct tracked **link = find(shard, hash, kind, object);
    struct tracked *entry = *link;
    if (entry) { /* the acquirer gave an address out twice: an error of this program, not of the image */
        fprintf(stderr, "ndishost: internal error: %s %p acquired twice\n", track_kind_name(kind), object);
        abort();
    }
    entry = shard->spare;
    if (entry)
        shard->spare = entry->next;
    else if (!(entry = malloc(sizeof(*entry))))
        abort();
    *entry =
        (struct tracked){NULL, object, owner, bytes, who, __atomic_fetch_add(&next_sequence, 1, __ATOMIC_RELAXED), (uint8_t)kind, false};
    *link = entry;
    shard->count++;
    pthread_mutex_unlock(&shard->mutex);
    __atomic_fetch_add(&live_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_add(&live_counts[kind], 1, __ATOMIC_RELAXED);
}

bool track_release(enum track_kind kind, const void *object)
{
    uint32_t hash = hash_of(kind, object);
    struct shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->mutex);
    struct tracked **link = find(shard, hash, kind, object);
    struct tracked *entry = link ? *link : NULL;
    size_t bytes = 0;
    if (entry) {
        bytes = entry->bytes;
        *link = entry->next;
        entry->next = shard->spare;
        shard->spare = entry;
        shard->count--;
    }
    pthread_mutex_unlock(&shard->mutex);
    if (!entry)
        return false;
    __atomic_fetch_sub(&live_bytes, bytes, __ATOMIC_RELAXED);
    __atomic_fetch_sub(&live_counts[kind], 1, __ATOMIC_RELAXED);
    return true;
}

bool track_find(enum track_kind kind, const void *object, size_t *bytes, const void **owner)
{
    uint32_t hash = hash_of(kind, object);
    struct shard *shard = &shards[hash % SHARDS];
    pthread_mutex_lock(&shard->mutex);
    struct tracked **link = find(shard, hash, kind, object);
    const struct tracked *entry = link ? *link : NULL;
    if (entry && bytes)
        *bytes = entry->bytes;
    if (entry && owner)
        *owner = entry->owner;
    pthread_mutex_unlock(&shard->mutex);
    return entry != NULL;
}

/* ---- walks over everything ---- */

struct selection {
    struct tracked *entries; /* copies, sorted by sequence */
    size_t count, capacity;
};

static void selection_add(struct selection *selection, const struct tracked *entry)
{
    if (selection->count == selection->capacity) {
        selection->capacity = selection->capacity ? selection->capacity * 2 : 64;
        selection->entries = realloc(selection->entries, selection->capacity * sizeof(*selection->entries));
        if (!selection->entries)
            abort();
    }
    selection->entries[selection->count++] = *entry;
}

static int by_sequence(const void *left, const void *right)
{
    const struct tracked *a = left, *b = right;
    return (a->sequence > b->sequence) - (a->sequence < b->sequence);
}

/* Copies what matches (kind TRACK_KIND_COUNT: any; owner NULL: any) and, for an audit, marks it as reported. */
static struct selection select_entries(enum track_kind kind, const void *owner, bool audit)
{
    struct selection selection = {0};
    for (unsigned s = 0; s < SHARDS; s++) {
        struct shard *shard = &shards[s];
        pthread_mutex_lock(&shard->mutex);
        for (unsigned b = 0; b < shard->bucket_count; b++) {
            for (struct tracked *entry = shard->buckets[b]; entry; entry = entry->next) {
                if ((kind != TRACK_KIND_COUNT && entry->kind != kind) || (owner && entry->owner != owner) || (audit && entry->reported))
                    continue;
                entry->reported |= audit;
                selection_add(&selection, entry);
            }
        }
        pthread_mutex_unlock(&shard->mutex);
    }
    if (selection.count)
        qsort(selection.entries, selection.count, sizeof(*selection.entries), by_sequence);
    return selection;
}

static void print_leak(const struct tracked *entry, const char *when)
{
    char where[160], more[96] = "";
    rules_describe_address(entry->who, where, sizeof(where));
    if (describers[entry->kind])
        describers[entry->kind](entry->object, more, sizeof(more));
    fprintf(stderr, "ndishost: LEAK %s: %s %p, %zu bytes%s%s, acquired by %s\n", when, track_kind_name(entry->kind), entry->object,
            entry->bytes, *more ? ", " : "", more, where);
    history_print(entry->object, stderr);
}

unsigned track_audit(const void *owner, const char *when)
{
    struct selection selection = select_entries(TRACK_KIND_COUNT, owner, true);
    for (size_t i = 0; i < selection.count && i < LEAKS_PRINTED; i++)
        print_leak(&selection.entries[i], when);
    if (selection.count > LEAKS_PRINTED)
        fprintf(stderr, "ndishost: LEAK %s: and %zu more\n", when, selection.count - LEAKS_PRINTED);
    free(selection.entries);
    __atomic_fetch_add(&leak_count, (unsigned)selection.count, __ATOMIC_RELAXED);
    return (unsigned)selection.count;
}

void track_visit(enum track_kind kind, void (*visit)(const void *object, size_t bytes, const void *owner, void *context), void *context)
{
    struct selection selection = select_entries(kind, NULL, false);
    for (size_t i = 0; i < selection.count; i++)
        visit(selection.entries[i].object, selection.entries[i].bytes, selection.entries[i].owner, context);
    free(selection.entries);
}

void track_set_describer(enum track_kind kind, void (*describe)(const void *object, char *buffer, size_t size))
{
    describers[kind] = describe;
}

unsigned track_leak_count(void)
{
    return __atomic_load_n(&leak_count, __ATOMIC_RELAXED);
}

uint64_t track_live_bytes(void)
{
    return __atomic_load_n(&live_bytes, __ATOMIC_RELAXED);
}

unsigned track_live_count(enum track_kind kind)
{
    return __atomic_load_n(&live_counts[kind], __ATOMIC_RELAXED);
}

void track_reset(void)
{
    for (unsigned s = 0; s < SHARDS; s++) {
        struct shard *shard = &shards[s];
        pthread_mutex_lock(&shard->mutex);
        for (unsigned b = 0; b < shard->bucket_count; b++) {
            while (shard->buckets[b]) {
                struct tracked *entry = shard->buckets[b];
                shard->buckets[b] = entry->next;
                entry->next = shard->spare;
                shard->spare = entry;
            }
        }
        shard->count = 0;
        while (shard->spare) {
            struct tracked *entry = shard->spare;
            shard->spare = entry->next;
            free(entry);
        }
        free(shard->buckets);
        shard->buckets = NULL;
        shard->bucket_count = 0;
        pthread_mutex_unlock(&shard->mutex);
    }
    memset(live_counts, 0, sizeof(live_counts));
    live_bytes = 0;
    leak_count = 0;
}
