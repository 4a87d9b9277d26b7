/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * registry_tree.h - keys and values in memory: the part of the registry below "\Registry" that drivers of a device look into, and the keys
 * of devices, which have no path of their own.
 *
 * Locks: every function is called with registry_lock() held, which is never held across a yield point. A key that is deleted stays
 * allocated while somebody holds it.
 */
#ifndef NDISHOST_NT_REGISTRY_TREE_H
#define NDISHOST_NT_REGISTRY_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REGISTRY_NAME_SIZE = 128,
    REGISTRY_PATH_SIZE = 512,
    REGISTRY_DATA_MOST = 1 << 20, /* what Windows takes for a value at most */
    REGISTRY_NONE = 0,
    REGISTRY_STRING = 1,
    REGISTRY_EXPAND_STRING = 2,
    REGISTRY_BINARY = 3,
    REGISTRY_DWORD = 4,
    REGISTRY_MULTI_STRING = 7,
};

struct registry_value {
    struct registry_value *next;
    char name[REGISTRY_NAME_SIZE];
    uint32_t type, length;
    uint8_t *data;
};

struct registry_key {
    struct registry_key *next, *children, *parent;
    struct registry_value *values;
    char name[REGISTRY_NAME_SIZE];
    unsigned holders; /* handles */
    bool deleted;
};

void registry_lock(void);
void registry_unlock(void);

/* What "\Registry" names. */
struct registry_key *registry_root(void);
/* NULL: none of that name, which is `length` characters long. */
struct registry_key *registry_child(struct registry_key *key, const char *name, size_t length);
/* Made when it is not there; parent NULL: a key without a path. */
struct registry_key *registry_child_make(struct registry_key *parent, const char *name, size_t length);
/* Down a path like "Services\x"; empty names are passed over. `make`: whatever is missing is made. */
struct registry_key *registry_walk(struct registry_key *key, const char *path, bool make);
/* The key and all below it go, from their parent's list, too. */
void registry_key_delete(struct registry_key *key);
void registry_key_hold(struct registry_key *key);
void registry_key_release(struct registry_key *key);

struct registry_value *registry_value(struct registry_key *key, const char *name);
struct registry_value *registry_value_at(struct registry_key *key, uint32_t index); /* in the order they were made */
void registry_value_set(struct registry_key *key, const char *name, uint32_t type, const void *data, uint32_t length);
bool registry_value_delete(struct registry_key *key, const char *name);
/* "dword:N", "multi:A;B;..." or a string. */
void registry_value_set_text(struct registry_key *key, const char *name, const char *text);

/* The key that an open handle names, NULL for none; registry.c. */
struct registry_key *registry_key_of_handle(uintptr_t handle);

#endif
