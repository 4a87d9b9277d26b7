/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* registry_tree.c - keys and values, found by name without regard to case. */
#include "nt/registry_tree.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct registry_key root = {.name = "Registry"};

void registry_lock(void)
{
    pthread_mutex_lock(&mutex);
}

void registry_unlock(void)
{
    pthread_mutex_unlock(&mutex);
}

static void *allocate(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        abort();
    return memory;
}

/* ---- keys ---- */

struct registry_key *registry_root(void)
{
    return &root;
}

struct registry_key *registry_child(struct registry_key *key, const char *name, size_t length)
{
    struct registry_key *child = key->children;
    while (child && (strlen(child->name) != length || strncasecmp(child->name, name, length) != 0))
        child = child->next;
    return child;
}

struct registry_key *registry_child_make(struct registry_key *parent, const char *name, size_t length)
{
    struct registry_key *child = parent ? registry_child(parent, name, length) : NULL;
    if (child)
        return child;
    child = allocate(sizeof(*child));
    memcpy(child->name, name, length < REGISTRY_NAME_SIZE - 1 ? length : REGISTRY_NAME_SIZE - 1);
    child->parent = parent;
    if (parent) {
        struct registry_key **end = &parent->children;
        while (*end)
            end = &(*end)->next;
        *end = child;
    }
    return child;
}

struct registry_key *registry_walk(struct registry_key *key, const char *path, bool make)
{
    while (key && *path) {
        size_t length = strcspn(path, "\\");
        if (length)
            key = make ? registry_child_make(key, path, length) : registry_child(key, path, length);
        path += length + (path[length] == '\\');
    }
    return key;
}

static void value_free(struct registry_value *value)
{
    free(value->data);
    free(value);
}

/* Off its parent's list already. */
static void key_destroy(struct registry_key *key)
{
    while (key->children) {
        struct registry_key *child = key->children;
        key->children = child->next;
        key_destroy(child);
    }
    while (key->values) {
        struct registry_value *value = key->values;
        key->values = value->next;
        value_free(value);
    }
    key->deleted = true;
    if (!key->holders)
        free(key);
}

void registry_key_delete(struct registry_key *key)
{
    struct registry_key **link = key->parent ? &key->parent->children : NULL;
    while (link && *link != key)
        link = &(*link)->next;
    if (link)
        *link = key->next;
    key_destroy(key);
}

void registry_key_hold(struct registry_key *key)
{
    key->holders++;
}

void registry_key_release(struct registry_key *key)
{
    if (--key->holders == 0 && key->deleted)
        free(key);
}

/* ---- values ---- */

static struct registry_value **value_link(struct registry_key *key, const char *name)
{
    struct registry_value **link = &key->values;
    while (*link && strcasecmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

struct registry_value *registry_value(struct registry_key *key, const char *name)
{
    return *value_link(key, name);
}

struct registry_value *registry_value_at(struct registry_key *key, uint32_t index)
{
    struct registry_value *value = key->values;
    while (value && index--)
        value = value->next;
    return value;
}

void registry_value_set(struct registry_key *key, const char *name, uint32_t type, const void *data, uint32_t length)
{
    struct registry_value **link = value_link(key, name), *value = *link;
    if (!value) {
        value = *link = allocate(sizeof(*value));
        strncpy(value->name, name, REGISTRY_NAME_SIZE - 1);
    }
    uint8_t *copy = allocate(length);
    if (length)
        memcpy(copy, data, length);
    free(value->data);
    value->type = type;
    value->length = length;
    value->data = copy;
}

bool registry_value_delete(struct registry_key *key, const char *name)
{
    struct registry_value **link = value_link(key, name), *value = *link;
    if (!value)
        return false;
    *link = value->next;
    value_free(value);
    return true;
}

void registry_value_set_text(struct registry_key *key, const char *name, const char *text)
{
    uint16_t units[1024] = {0};
    size_t count = 0;
    if (strncmp(text, "dword:", 6) == 0) {
        uint32_t number = (uint32_t)strtoul(text + 6, NULL, 0);
        registry_value_set(key, name, REGISTRY_DWORD, &number, sizeof(number));
        return;
    }
    bool multi = strncmp(text, "multi:", 6) == 0;
    for (const char *at = multi ? text + 6 : text; *at && count < 1020; at++)
        units[count++] = multi && *at == ';' ? 0 : (uint8_t)*at;
    count += multi && count ? 2 : 1;
    registry_value_set(key, name, multi ? REGISTRY_MULTI_STRING : REGISTRY_STRING, units, (uint32_t)(count * 2));
}
