/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* address_table.c - host-side companions of objects in image memory, hashed by granules of addresses. */
#include "nt/address_table.h"

#include <stdio.h>
#include <stdlib.h>

static unsigned bucket_of(uintptr_t granule)
{
    return (unsigned)(granule ^ granule >> 8 ^ granule >> 16) % ADDRESS_BUCKETS;
}

struct address_entry *address_table_find(const struct address_table *table, const void *address)
{
    struct address_entry *entry = table->buckets[bucket_of((uintptr_t)address / ADDRESS_GRANULE)];
    while (entry && entry->address != (uintptr_t)address)
        entry = entry->next;
    return entry;
}

struct address_entry *address_table_add(struct address_table *table, const void *address)
{
    struct address_entry *entry = table->spare;
    if (entry)
        table->spare = entry->next;
    else if (!(entry = calloc(1, table->entry_size))) {
        fprintf(stderr, "ndishost: out of memory\n");
        abort();
    }
    struct address_entry **bucket = &table->buckets[bucket_of((uintptr_t)address / ADDRESS_GRANULE)];
    entry->address = (uintptr_t)address;
    entry->next = *bucket;
    *bucket = entry;
    table->count++;
    return entry;
}

static struct address_entry *take_from_bucket(struct address_table *table, unsigned bucket, uintptr_t start, size_t size)
{
    for (struct address_entry **link = &table->buckets[bucket]; *link; link = &(*link)->next) {
        struct address_entry *entry = *link;
        if (entry->address - start >= size)
            continue;
        *link = entry->next;
        table->count--;
        return entry;
    }
    return NULL;
}

struct address_entry *address_table_take(struct address_table *table, const void *start, size_t size)
{
    if (table->count == 0 || size == 0)
        return NULL;
    uintptr_t first = (uintptr_t)start / ADDRESS_GRANULE, last = ((uintptr_t)start + size - 1) / ADDRESS_GRANULE;
    struct address_entry *entry = NULL;
    if (last - first < ADDRESS_BUCKETS) {
        for (uintptr_t granule = first; granule <= last && !entry; granule++)
            entry = take_from_bucket(table, bucket_of(granule), (uintptr_t)start, size);
    } else {
        for (unsigned bucket = 0; bucket < ADDRESS_BUCKETS && !entry; bucket++)
            entry = take_from_bucket(table, bucket, (uintptr_t)start, size);
    }
    return entry;
}

void address_table_recycle(struct address_table *table, struct address_entry *entry)
{
    entry->next = table->spare;
    table->spare = entry;
}
