/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * address_table.h - what the host keeps beside an object in image memory, found by the object's address or by a range of addresses. The
 * entry stands first in the caller's structure; entries are never freed but go back to the table's spare list, so that a late DPC of a
 * freed object finds its own structure still there. The caller holds the dispatcher's lock.
 */
#ifndef NDISHOST_NT_ADDRESS_TABLE_H
#define NDISHOST_NT_ADDRESS_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum { ADDRESS_BUCKETS = 256, ADDRESS_GRANULE = 256 };

struct address_entry {
    struct address_entry *next;
    uintptr_t address;
};

struct address_table {
    size_t entry_size;
    struct address_entry *buckets[ADDRESS_BUCKETS];
    struct address_entry *spare;
    size_t count;
};

/* The entry, or NULL. */
struct address_entry *address_table_find(const struct address_table *table, const void *address);
/* An entry for an address that is not in the table: zeroed, or as its last user left it. Ends the program without memory. */
struct address_entry *address_table_add(struct address_table *table, const void *address);
/* Takes an entry in the range out of the table, or returns NULL. The caller recycles it when nobody uses it any more. */
struct address_entry *address_table_take(struct address_table *table, const void *start, size_t size);
void address_table_recycle(struct address_table *table, struct address_entry *entry);

#endif
