/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * generic_table.c - RtlInitializeGenericTable and RtlInitializeGenericTableAvl: ordered tables whose nodes come from the driver.
 *
 * Both kinds are kept as one tree, balanced by chance: a node's rank follows from its address. Parent, left and right are the first words
 * of either kind's links, so that a node is where the driver's debugger looks for it. Looking up and enumerating never change an AVL table,
 * which drivers rely on when they share a lock. No host lock is needed: the driver's own excludes others, and its routines are called in
 * between.
 */
#include "exec/call.h"
#include "nt/exports.h"
#include "nt/nt.h"
#include "rules/rules.h"

#include <string.h>

enum { LESS, GREATER, EQUAL };                                     /* RTL_GENERIC_COMPARE_RESULTS */
enum { TABLE_EMPTY, FOUND_NODE, INSERT_AS_LEFT, INSERT_AS_RIGHT }; /* TABLE_SEARCH_RESULT */

struct links {
    struct links *parent, *left, *right;
};
struct list {
    struct list *next, *previous;
};

/* RTL_GENERIC_TABLE; nodes: links, list in order of insertion, the element at a multiple of 8. */
struct plain_table {
    struct links *root;
    struct list insert_order;
    struct list *ordered_pointer;
    uint32_t which_ordered, count;
    uintptr_t compare, allocate, release, context;
};
struct plain_node {
    struct links links;
    struct list order;
    _Alignas(8) uint8_t element[];
};

/* RTL_AVL_TABLE; the root is the right child of a node without element. */
struct balanced_links {
    struct links links;
    uint8_t balance, reserved[3];
};
struct avl_table {
    struct balanced_links root;
    uintptr_t ordered_pointer;
    uint32_t which_ordered, count, depth;
    struct links *restart_key;
    uint32_t delete_count;
    uintptr_t compare, allocate, release, context;
};
struct avl_node {
    struct balanced_links links;
    _Alignas(8) uint8_t element[];
};

/* Either of them. */
struct table {
    void *image;
    struct links **root;
    struct links *above; /* the root's parent */
    uint32_t *count;
    uintptr_t compare, allocate, release;
    size_t header;
    struct plain_table *plain; /* NULL: AVL */
};

static struct table table_of(void *image, bool avl)
{
    if (avl) {
        struct avl_table *table = image;
        return (struct table){image,
                              &table->root.links.right,
                              &table->root.links,
                              &table->count,
                              table->compare,
                              table->allocate,
                              table->release,
                              offsetof(struct avl_node, element),
                              NULL};
    }
    struct plain_table *table = image;
    return (struct table){image,          &table->root,    NULL,           &table->count,
                          table->compare, table->allocate, table->release, offsetof(struct plain_node, element),
                          table};
}

static void *element_of(const struct table *table, struct links *node)
{
    return node ? (uint8_t *)node + table->header : NULL;
}

static bool is_root(const struct table *table, const struct links *node)
{
    return *table->root == node;
}

/* ---- the tree ---- */

static uint32_t rank_of(const struct links *node)
{
    return (uint32_t)(((uint64_t)(uintptr_t)node * 0x9E3779B97F4A7C15ull) >> 32);
}

/* Where the link to the node is. */
static struct links **slot_of(const struct table *table, struct links *node)
{
    if (is_root(table, node))
        return table->root;
    return node->parent->left == node ? &node->parent->left : &node->parent->right;
}

static void set_parent(const struct table *table, struct links *node, struct links *parent)
{
    /* A splay tree's root is its own parent. */
    if (node)
        node->parent = parent ? parent : table->above ? table->above : node;
}

/* `child` takes the place of its parent, which becomes its child. */
static void rotate_up(const struct table *table, struct links *child)
{
    struct links *parent = child->parent, **slot = slot_of(table, parent);
    struct links *above = is_root(table, parent) ? NULL : parent->parent;
    if (parent->left == child) {
        parent->left = child->right;
        set_parent(table, parent->left, parent);
        child->right = parent;
    } else {
        parent->right = child->left;
        set_parent(table, parent->right, parent);
        child->left = parent;
    }
    *slot = child;
    parent->parent = child;
    set_parent(table, child, above);
}

/* Links `node` below `parent` (NULL: it is the first one), and lifts it to where its rank puts it. */
static void link_node(const struct table *table, struct links *node, struct links *parent, uint32_t place)
{
    node->left = node->right = NULL;
    if (!parent)
        *table->root = node;
    else if (place == INSERT_AS_LEFT)
        parent->left = node;
    else
        parent->right = node;
    set_parent(table, node, parent);
    while (!is_root(table, node) && rank_of(node) > rank_of(node->parent))
        rotate_up(table, node);
}

static void unlink_node(const struct table *table, struct links *node)
{
    while (node->left && node->right)
        rotate_up(table, rank_of(node->left) > rank_of(node->right) ? node->left : node->right);
    struct links *child = node->left ? node->left : node->right, **slot = slot_of(table, node);
    struct links *above = is_root(table, node) ? NULL : node->parent;
    *slot = child;
    set_parent(table, child, above);
}

static struct links *leftmost(struct links *node)
{
    while (node && node->left)
        node = node->left;
    return node;
}

static struct links *successor(const struct table *table, struct links *node)
{
    if (node->right)
        return leftmost(node->right);
    while (!is_root(table, node) && node->parent->right == node)
        node = node->parent;
    return is_root(table, node) ? NULL : node->parent;
}

/* ---- the driver's routines ---- */

static uint32_t compare(const struct table *table, const void *sought, void *element)
{
    uint32_t order =
        (uint32_t)IMAGE_CALL("RTL_GENERIC_COMPARE_ROUTINE", table->compare, (uintptr_t)table->image, (uintptr_t)sought, (uintptr_t)element);
    if (order > EQUAL)
        rule_violated("HOST-ARGUMENT", NULL, "the compare routine of table %p returned %u", table->image, order);
    return order;
}

/* The node, or where it would be linked. */
static uint32_t search(const struct table *table, const void *sought, struct links **result)
{
    struct links *node = *table->root;
    *result = NULL;
    if (!node)
        return TABLE_EMPTY;
    for (;;) {
        uint32_t order = compare(table, sought, element_of(table, node));
        *result = node;
        if (order != LESS && order != GREATER)
            return FOUND_NODE;
        struct links *below = order == LESS ? node->left : node->right;
        if (!below)
            return order == LESS ? INSERT_AS_LEFT : INSERT_AS_RIGHT;
        node = below;
    }
}

/* ---- insertion and deletion ---- */

static void *insert_at(const struct table *table, const void *element, uint32_t size, uint8_t *is_new, struct links *place, uint32_t found)
{
    if (is_new)
        *is_new = found != FOUND_NODE;
    if (found == FOUND_NODE)
        return element_of(table, place);
    struct links *node = (struct links *)(uintptr_t)IMAGE_CALL("RTL_GENERIC_ALLOCATE_ROUTINE", table->allocate, (uintptr_t)table->image,
                                                               (uint32_t)(table->header + size));
    if (!node) {
        if (is_new)
            *is_new = 0;
        return NULL;
    }
    memset(node, 0, table->header);
    link_node(table, node, place, found);
    ++*table->count;
    if (table->plain) {
        struct list *entry = &((struct plain_node *)(void *)node)->order, *head = &table->plain->insert_order;
        *entry = (struct list){head, head->previous};
        head->previous->next = entry;
        head->previous = entry;
    }
    memcpy(element_of(table, node), element, size);
    return element_of(table, node);
}

static bool delete_element(const struct table *table, const void *sought)
{
    struct links *node;
    if (search(table, sought, &node) != FOUND_NODE)
        return false;
    unlink_node(table, node);
    --*table->count;
    if (table->plain) {
        struct list *entry = &((struct plain_node *)(void *)node)->order;
        entry->previous->next = entry->next;
        entry->next->previous = entry->previous;
        table->plain->which_ordered = 0;
        table->plain->ordered_pointer = &table->plain->insert_order;
    }
    IMAGE_CALL("RTL_GENERIC_FREE_ROUTINE", table->release, (uintptr_t)table->image, (uintptr_t)node);
    return true;
}

static uint64_t insert(struct export_call *call, bool avl, bool full)
{
    struct table table = table_of(arg_pointer(call), avl);
    const void *element = arg_pointer(call);
    uint32_t size = arg_u32(call), found;
    uint8_t *is_new = arg_pointer(call);
    struct links *place;
    if (full) { /* what a lookup has found out */
        place = arg_pointer(call);
        found = arg_u32(call);
    } else {
        found = search(&table, element, &place);
    }
    return (uintptr_t)insert_at(&table, element, size, is_new, place, found);
}

static uint64_t lookup(struct export_call *call, bool avl, bool full)
{
    struct table table = table_of(arg_pointer(call), avl);
    const void *sought = arg_pointer(call);
    struct links *node;
    uint32_t found = search(&table, sought, &node);
    if (full) {
        *(struct links **)arg_pointer(call) = node;
        *(uint32_t *)arg_pointer(call) = found;
    }
    return found == FOUND_NODE ? (uintptr_t)element_of(&table, node) : 0;
}

/* ---- in order ---- */

/* The next element after the one of *key, the first for NULL. */
static uint64_t next_element(const struct table *table, struct links **key)
{
    struct links *node = *key ? successor(table, *key) : leftmost(*table->root);
    if (node)
        *key = node;
    return (uintptr_t)element_of(table, node);
}

static uint64_t enumerate_by_key(struct export_call *call, bool avl)
{
    struct table table = table_of(arg_pointer(call), avl);
    return next_element(&table, arg_pointer(call));
}

/* PVOID (TABLE *, BOOLEAN Restart): an AVL table remembers where it is; a plain one, too, in a word that nothing else uses here. */
static uint64_t enumerate(struct export_call *call, bool avl)
{
    void *image = arg_pointer(call);
    struct table table = table_of(image, avl);
    struct links **key =
        avl ? &((struct avl_table *)image)->restart_key : (struct links **)(void *)&((struct plain_table *)image)->ordered_pointer;
    if (arg_u8(call) || (!avl && (struct list *)(void *)*key == &((struct plain_table *)image)->insert_order))
        *key = NULL;
    return next_element(&table, key);
}

/* Number `index` in the order of insertion; in an AVL table, in order. */
static uint64_t get_element(struct export_call *call, bool avl)
{
    struct table table = table_of(arg_pointer(call), avl);
    uint32_t index = arg_u32(call);
    if (index >= *table.count)
        return 0;
    if (avl) {
        struct links *node = leftmost(*table.root);
        while (index--)
            node = successor(&table, node);
        return (uintptr_t)element_of(&table, node);
    }
    struct list *entry = table.plain->insert_order.next;
    while (index--)
        entry = entry->next;
    return (uintptr_t)((uint8_t *)entry - offsetof(struct plain_node, order) + table.header);
}

/* ---- exports ---- */

/* VOID (TABLE *, Compare, Allocate, Free, PVOID Context) */
static uint64_t export_RtlInitializeGenericTable(struct export_call *call)
{
    struct plain_table *table = arg_pointer(call);
    memset(table, 0, sizeof(*table));
    table->insert_order = (struct list){&table->insert_order, &table->insert_order};
    table->ordered_pointer = &table->insert_order;
    table->compare = arg_word(call);
    table->allocate = arg_word(call);
    table->release = arg_word(call);
    table->context = arg_word(call);
    return 0;
}

static uint64_t export_RtlInitializeGenericTableAvl(struct export_call *call)
{
    struct avl_table *table = arg_pointer(call);
    memset(table, 0, sizeof(*table));
    table->root.links.parent = &table->root.links;
    table->compare = arg_word(call);
    table->allocate = arg_word(call);
    table->release = arg_word(call);
    table->context = arg_word(call);
    return 0;
}

#define BOTH_KINDS(name, function, ...)                                                                                                    \
    static uint64_t export_##name(struct export_call *call)                                                                                \
    {                                                                                                                                      \
        return function(call, false __VA_ARGS__);                                                                                          \
    }                                                                                                                                      \
    static uint64_t export_##name##Avl(struct export_call *call)                                                                           \
    {                                                                                                                                      \
        return function(call, true __VA_ARGS__);                                                                                           \
    }

static uint64_t delete_one(struct export_call *call, bool avl)
{
    struct table table = table_of(arg_pointer(call), avl);
    return delete_element(&table, arg_pointer(call));
}

static uint64_t count_of(struct export_call *call, bool avl)
{
    return *table_of(arg_pointer(call), avl).count;
}

static uint64_t is_empty(struct export_call *call, bool avl)
{
    return count_of(call, avl) == 0;
}

BOTH_KINDS(RtlInsertElementGenericTable, insert, , false)
BOTH_KINDS(RtlInsertElementGenericTableFull, insert, , true)
BOTH_KINDS(RtlLookupElementGenericTable, lookup, , false)
BOTH_KINDS(RtlLookupElementGenericTableFull, lookup, , true)
BOTH_KINDS(RtlDeleteElementGenericTable, delete_one)
BOTH_KINDS(RtlEnumerateGenericTable, enumerate)
BOTH_KINDS(RtlEnumerateGenericTableWithoutSplaying, enumerate_by_key)
BOTH_KINDS(RtlGetElementGenericTable, get_element)
BOTH_KINDS(RtlNumberGenericTableElements, count_of)
BOTH_KINDS(RtlIsGenericTableEmpty, is_empty)

const struct export_row nt_generic_table_exports[] = {
    EXPORT(RtlInitializeGenericTable),
    EXPORT(RtlInitializeGenericTableAvl),
    EXPORT(RtlInsertElementGenericTable),
    EXPORT(RtlInsertElementGenericTableAvl),
    EXPORT(RtlInsertElementGenericTableFull),
    EXPORT(RtlInsertElementGenericTableFullAvl),
    EXPORT(RtlLookupElementGenericTable),
    EXPORT(RtlLookupElementGenericTableAvl),
    EXPORT(RtlLookupElementGenericTableFull),
    EXPORT(RtlLookupElementGenericTableFullAvl),
    EXPORT(RtlDeleteElementGenericTable),
    EXPORT(RtlDeleteElementGenericTableAvl),
    EXPORT(RtlEnumerateGenericTable),
    EXPORT(RtlEnumerateGenericTableAvl),
    EXPORT(RtlEnumerateGenericTableWithoutSplaying),
    EXPORT(RtlEnumerateGenericTableWithoutSplayingAvl),
    EXPORT(RtlGetElementGenericTable),
    EXPORT(RtlGetElementGenericTableAvl),
    EXPORT(RtlNumberGenericTableElements),
    EXPORT(RtlNumberGenericTableElementsAvl),
    EXPORT(RtlIsGenericTableEmpty),
    EXPORT(RtlIsGenericTableEmptyAvl),
    EXPORT_END,
};
