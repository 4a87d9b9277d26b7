/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Ordered tables, both kinds: against a plain array, with nodes from the driver. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "image_side.h"
#include "rules/rules.h"

enum { KEYS = 257, TABLE_BYTES = 128 };
struct element {
    uint32_t key, payload;
};

static _Alignas(16) uint8_t table[TABLE_BYTES];
static bool present[KEYS];
static unsigned live_nodes, allocations_left;
static bool compare_badly;

static uint32_t IMAGE_ENTRY compare_keys(void *of, const struct element *first, const struct element *second)
{
    CLAIM(of == table);
    if (compare_badly)
        return 7;
    return first->key < second->key ? 0 : first->key > second->key ? 1 : 2;
}

static void *IMAGE_ENTRY allocate_node(void *of, uint32_t size)
{
    CLAIM(of == table);
    if (!allocations_left)
        return NULL;
    allocations_left--;
    live_nodes++;
    uint8_t *node = malloc(size + 1);
    node[size] = 0x5A; /* nothing may be written behind it */
    return node;
}

static void IMAGE_ENTRY free_node(void *of, void *node)
{
    CLAIM(of == table);
    live_nodes--;
    free(node);
}

/* ---- one kind or the other ---- */

static const char *suffix;

static const char *named(const char *name)
{
    static char text[80];
    strcpy(text, name);
    return strcat(text, suffix);
}

static struct element *insert(uint32_t key, uint8_t *is_new)
{
    struct element element = {key, key * 3};
    return STDCALL(struct element *, named("RtlInsertElementGenericTable"), void *, const void *, uint32_t,
                   uint8_t *)(table, &element, sizeof(element), is_new);
}

static struct element *lookup(uint32_t key)
{
    struct element element = {key, 0};
    return STDCALL(struct element *, named("RtlLookupElementGenericTable"), void *, const void *)(table, &element);
}

static uint8_t delete_key(uint32_t key)
{
    struct element element = {key, 0};
    return STDCALL(uint8_t, named("RtlDeleteElementGenericTable"), void *, const void *)(table, &element);
}

static uint32_t count(void)
{
    return STDCALL(uint32_t, named("RtlNumberGenericTableElements"), void *)(table);
}

/* Every element, in order, by both ways of going through. */
static void check_order(void)
{
    unsigned expected = 0;
    void *key = NULL;
    struct element *by_key, *restarting;
    uint8_t restart = 1;
    for (;;) {
        by_key = STDCALL(struct element *, named("RtlEnumerateGenericTableWithoutSplaying"), void *, void **)(table, &key);
        restarting = STDCALL(struct element *, named("RtlEnumerateGenericTable"), void *, uint8_t)(table, restart);
        restart = 0;
        CLAIM(by_key == restarting);
        while (expected < KEYS && !present[expected])
            expected++;
        if (!by_key)
            break;
        CLAIM_EQUAL(by_key->key, expected);
        CLAIM_EQUAL(by_key->payload, expected * 3);
        expected++;
    }
    CLAIM_EQUAL(expected, KEYS);
}

static void use_table(void)
{
    uint32_t number = 12345;
    unsigned present_count = 0;
    uint8_t is_new;
    memset(present, 0, sizeof(present));
    memset(table, 0xA5, sizeof(table));
    live_nodes = 0;
    allocations_left = 100000;
    STDCALL(void, named("RtlInitializeGenericTable"), void *, void *, void *, void *, void *)(table, compare_keys, allocate_node, free_node,
                                                                                              NULL);
    CLAIM_EQUAL(STDCALL(uint8_t, named("RtlIsGenericTableEmpty"), void *)(table), 1);
    CLAIM(lookup(5) == NULL);
    for (unsigned round = 0; round < 4000; round++) {
        number = number * 1103515245 + 12345;
        uint32_t key = (number >> 16) % KEYS;
        if (number >> 30) {
            struct element *element = insert(key, &is_new);
            CLAIM_EQUAL(element->key, key);
            CLAIM(((uintptr_t)element & 7) == 0);
            CLAIM_EQUAL(is_new, !present[key]);
            present_count += is_new;
            present[key] = true;
        } else {
            CLAIM_EQUAL(delete_key(key), present[key]);
            present_count -= present[key];
            present[key] = false;
        }
        CLAIM_EQUAL(count(), present_count);
        CLAIM_EQUAL(live_nodes, present_count);
        CLAIM((lookup((key + 1) % KEYS) != NULL) == present[(key + 1) % KEYS]);
        if (round % 500 == 0)
            check_order();
    }
    check_order();
    /* A lookup says where a new one would go; that place is used without another search. */
    void *place;
    uint32_t found;
    if (lookup(100))
        delete_key(100);
    struct element element = {100, 300};
    CLAIM(STDCALL(void *, named("RtlLookupElementGenericTableFull"), void *, const void *, void **, uint32_t *)(table, &element, &place,
                                                                                                                &found) == NULL);
    struct element *made = STDCALL(struct element *, named("RtlInsertElementGenericTableFull"), void *, const void *, uint32_t, uint8_t *,
                                   void *, uint32_t)(table, &element, sizeof(element), &is_new, place, found);
    present[100] = true;
    CLAIM(made == lookup(100) && is_new);
    check_order();
    /* No node to be had: nothing changes. */
    delete_key(101);
    present[101] = false;
    allocations_left = 0;
    CLAIM(insert(101, &is_new) == NULL && !is_new);
    CLAIM(insert(100, &is_new) == made && !is_new);
    check_order();
    allocations_left = 1000;
    for (uint32_t key = 0; key < KEYS; key++)
        delete_key(key);
    CLAIM_EQUAL(live_nodes, 0);
    /* Whoever comes in order must not make it slow. */
    for (uint32_t key = 0; key < 200; key++)
        insert(key, NULL);
    struct element *third = STDCALL(struct element *, named("RtlGetElementGenericTable"), void *, uint32_t)(table, 2);
    CLAIM_EQUAL(third->key, 2);
    CLAIM(STDCALL(void *, named("RtlGetElementGenericTable"), void *, uint32_t)(table, 200) == NULL);
    for (uint32_t key = 0; key < 200; key++)
        CLAIM_EQUAL(delete_key(key), 1);
    CLAIM_EQUAL(rules_violation_count(), 0);
    insert(1, NULL);
    compare_badly = true;
    lookup(1);
    compare_badly = false;
    CLAIM_ONLY("HOST-ARGUMENT", 1);
    CLAIM_EQUAL(delete_key(1), 1);
}

static void IMAGE_ENTRY use_plain_table(void)
{
    suffix = "";
    use_table();
}

static void IMAGE_ENTRY use_avl_table(void)
{
    suffix = "Avl";
    use_table();
}

static void a_plain_table_keeps_its_order(void **state)
{
    (void)state;
    run_image(1, use_plain_table);
}

static void an_avl_table_keeps_its_order(void **state)
{
    (void)state;
    run_image(1, use_avl_table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_table_keeps_its_order),
        cmocka_unit_test(an_avl_table_keeps_its_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
