/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * pool.c - blocks of pool memory. Small ones share pages of slots of one size, between guard bytes; big ones (and all of them with
 * pool_guard_pages) stand in page runs of their own, before a guard page. What is known of a block stands outside of the pool.
 * Freed blocks are filled, or made inaccessible, and stay unused for a while: writes to them are found when they leave the quarantine.
 */
#include "nt/pool.h"
#include "nt/pool_pages.h"
#include "nt/valgrind_requests.h"

#include "rules/rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool pool_guard_pages;

enum { GUARD_SIZE = 16, GUARD_BYTE = 0xBD, FRESH_BYTE = 0xCD, FREED_BYTE = 0xDD, ALIGNMENT = 16 };
enum { QUARANTINE_SLOT_BYTES = 1 << 20, QUARANTINE_RUNS = 256 };
enum block_state { BLOCK_UNUSED, BLOCK_LIVE, BLOCK_FREEING, BLOCK_QUARANTINED };

static const uint16_t slot_sizes[] = {64, 128, 192, 256, 336, 448, 576, 816, 1024, 1360, 2048, 4096}; /* multiples of ALIGNMENT */
enum { CLASS_COUNT = sizeof(slot_sizes) / sizeof(slot_sizes[0]) };

struct block {
    uint8_t *payload;
    size_t size;
    struct block *next; /* of its class's unused slots, or in the quarantine */
    uintptr_t allocated_by, freed_by;
    uint8_t *run; /* first page, for a block in a run of its own; else NULL */
    size_t run_pages;
    uint32_t tag;
    uint16_t slot_size;
    uint8_t class;
    uint8_t state; /* enum block_state */
    uint8_t flags; /* enum pool_flags */
};

struct block_queue {
    struct block *first, **end;
    size_t count, bytes;
};

static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER; /* guards every block and everything below */
static struct block *unused_slots[CLASS_COUNT];
static struct block_queue slot_quarantine, run_quarantine;

/* ---- names ---- */

const char *pool_tag_text(uint32_t tag, char buffer[8])
{
    buffer[0] = buffer[5] = '\'';
    for (int i = 0; i < 4; i++, tag >>= 8)
        buffer[1 + i] = (tag & 0xFF) > 0x1F && (tag & 0xFF) < 0x7F ? (char)(tag & 0xFF) : '.';
    buffer[6] = 0;
    return buffer;
}

static struct block *block_at(const void *address);

void pool_describe_block(const void *object, char *buffer, size_t size)
{
    char tag[8];
    pthread_mutex_lock(&pool_mutex);
    const struct block *block = block_at(object);
    snprintf(buffer, size, "tag %s", block ? pool_tag_text(block->tag, tag) : "?");
    pthread_mutex_unlock(&pool_mutex);
}

/* ---- finding blocks (pool_mutex held) ---- */

/* The block whose slot or run the address lies in, used or not. */
static struct block *block_at(const void *address)
{
    const struct pool_page *page = pool_page_of(address);
    if (!page || !page->blocks)
        return NULL;
    struct block *blocks = page->blocks;
    if (page->slot_size == 0)
        return blocks;
    unsigned index = (unsigned)((uintptr_t)address % POOL_PAGE_SIZE / page->slot_size);
    return index < POOL_PAGE_SIZE / page->slot_size ? &blocks[index] : NULL;
}

bool pool_contains(const void *address, size_t size)
{
    pthread_mutex_lock(&pool_mutex);
    const struct block *block = block_at(address);
    const uint8_t *start = address;
    bool inside = block && block->state == BLOCK_LIVE && start >= block->payload && size <= block->size &&
                  (size_t)(start - block->payload) <= block->size - size;
    pthread_mutex_unlock(&pool_mutex);
    return inside;
}

bool pool_is_paged(const void *address)
{
    pthread_mutex_lock(&pool_mutex);
    const struct block *block = block_at(address);
    bool paged = block && block->state == BLOCK_LIVE && block->payload == address && block->flags & POOL_PAGED;
    pthread_mutex_unlock(&pool_mutex);
    return paged;
}

size_t pool_block_size(const void *address)
{
    pthread_mutex_lock(&pool_mutex);
    const struct block *block = block_at(address);
    size_t size = block && block->state == BLOCK_LIVE && block->payload == address ? block->size : 0;
    pthread_mutex_unlock(&pool_mutex);
    return size;
}

bool pool_owns_address(const void *address)
{
    return pool_page_of(address) != NULL;
}

/* ---- guard bytes ---- */

/* The whole extent that belongs to a block alone: its slot or its run. */
static void block_extent(const struct block *block, uint8_t **start, uint8_t **end)
{
    *start = block->run ? block->run : block->payload - GUARD_SIZE;
    *end = *start + (block->run ? block->run_pages * POOL_PAGE_SIZE : block->slot_size);
}

static void guards_write(const struct block *block)
{
    uint8_t *start, *end;
    block_extent(block, &start, &end);
    memset(start, GUARD_BYTE, (size_t)(block->payload - start));
    memset(block->payload + block->size, GUARD_BYTE, (size_t)(end - (block->payload + block->size)));
}

/* The first byte that differs, or NULL. */
static const uint8_t *first_difference(const uint8_t *start, const uint8_t *end, uint8_t expected)
{
    while (start < end && *start == expected)
        start++;
    return start < end ? start : NULL;
}

static bool guards_intact(const struct block *block, const char *when)
{
    if (RUNNING_ON_VALGRIND) /* memcheck has seen the access itself, and would blame this one */
        return true;
    uint8_t *start, *end;
    block_extent(block, &start, &end);
    const uint8_t *behind = block->payload + block->size;
    const uint8_t *before = first_difference(start, block->payload, GUARD_BYTE);
    const uint8_t *after = first_difference(behind, end, GUARD_BYTE);
    char tag[8], where[128];
    if (before || after)
        rule_violated("HOST-POOL-OVERRUN", block->payload,
                      "byte at offset %+ld of a block of %zu bytes, tag %s, allocated by %s, was overwritten (seen %s)",
                      (long)((before ? before : after) - block->payload), block->size, pool_tag_text(block->tag, tag),
                      rules_describe_address(block->allocated_by, where, sizeof(where)), when);
    return !before && !after;
}

static void check_untouched(const struct block *block)
{
    const uint8_t *touched = first_difference(block->payload, block->payload + block->size, FREED_BYTE);
    char tag[8], where[128];
    if (touched)
        rule_violated("HOST-POOL-AFTER-FREE", block->payload,
                      "byte at offset %ld of a block of %zu bytes, tag %s, freed by %s, was written to", (long)(touched - block->payload),
                      block->size, pool_tag_text(block->tag, tag), rules_describe_address(block->freed_by, where, sizeof(where)));
}

/* ---- quarantine (pool_mutex held) ---- */

static void queue_append(struct block_queue *queue, struct block *block)
{
    if (!queue->end)
        queue->end = &queue->first;
    block->next = NULL;
    *queue->end = block;
    queue->end = &block->next;
    queue->count++;
    queue->bytes += block->slot_size;
}

static struct block *queue_take(struct block_queue *queue)
{
    struct block *block = queue->first;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): taken only from what counts bytes or blocks, which is not empty */
    queue->first = block->next;
    if (!queue->first)
        queue->end = &queue->first;
    queue->count--;
    queue->bytes -= block->slot_size;
    return block;
}

static void quarantine_slot(struct block *block)
{
    queue_append(&slot_quarantine, block);
    while (slot_quarantine.bytes > QUARANTINE_SLOT_BYTES) {
        struct block *oldest = queue_take(&slot_quarantine);
        if (!RUNNING_ON_VALGRIND)
            check_untouched(oldest);
        oldest->state = BLOCK_UNUSED;
        oldest->next = unused_slots[oldest->class];
        unused_slots[oldest->class] = oldest;
    }
}

static void quarantine_run(struct block *block)
{
    pool_pages_retire(block->run, block->run_pages);
    queue_append(&run_quarantine, block);
    if (run_quarantine.count > QUARANTINE_RUNS) {
        struct block *oldest = queue_take(&run_quarantine);
        pool_pages_recycle(oldest->run, oldest->run_pages);
        free(oldest);
    }
}

/* ---- allocating (pool_mutex held) ---- */

static bool slots_create(unsigned class)
{
    unsigned size = slot_sizes[class], count = POOL_PAGE_SIZE / size;
    struct block *blocks = calloc(count, sizeof(*blocks));
    uint8_t *page = blocks ? pool_pages_allocate(1) : NULL;
    if (!page) {
        free(blocks);
        return false;
    }
    *pool_page_of(page) = (struct pool_page){blocks, size};
    VALGRIND_MAKE_MEM_NOACCESS(page, POOL_PAGE_SIZE);
    for (unsigned i = count; i-- > 0;) {
        blocks[i] = (struct block){.payload = page + i * size + GUARD_SIZE, .slot_size = (uint16_t)size, .class = (uint8_t)class};
        blocks[i].next = unused_slots[class];
        unused_slots[class] = &blocks[i];
    }
    return true;
}

static struct block *slot_take(size_t size)
{
    unsigned class = 0;
    while (slot_sizes[class] < size + 2 * GUARD_SIZE)
        class ++;
    if (!unused_slots[class] && !slots_create(class))
        return NULL;
    struct block *block = unused_slots[class];
    unused_slots[class] = block->next;
    return block;
}

static struct block *run_take(size_t size)
{
    size_t page_count = (size + POOL_PAGE_SIZE - 1) / POOL_PAGE_SIZE;
    struct block *block = calloc(1, sizeof(*block));
    uint8_t *run = block ? pool_pages_allocate(page_count) : NULL;
    if (!run) {
        free(block);
        return NULL;
    }
    for (size_t i = 0; i < page_count; i++)
        pool_page_of(run + i * POOL_PAGE_SIZE)->blocks = block;
    VALGRIND_MAKE_MEM_NOACCESS(run, page_count * POOL_PAGE_SIZE);
    /* A block of a page or more begins on a page, as on Windows; a smaller one ends at the guard page. */
    size_t reserved = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    block->run = run;
    block->run_pages = page_count;
    block->payload = size >= POOL_PAGE_SIZE ? run : run + POOL_PAGE_SIZE - reserved;
    return block;
}

void *pool_allocate_block(size_t size, uint32_t tag, const void *owner, uintptr_t who, unsigned flags)
{
    if (size == 0)
        size = 1;
    if (size > SIZE_MAX / 2)
        return NULL;
    bool in_run = pool_guard_pages || (flags & POOL_PAGE_ALIGNED) || size > POOL_PAGE_SIZE - 2 * GUARD_SIZE;
    pthread_mutex_lock(&pool_mutex);
    struct block *block = in_run ? run_take(size) : slot_take(size);
    if (block) {
        if (in_run && flags & POOL_PAGE_ALIGNED)
            block->payload = block->run;
        block->size = size;
        block->tag = tag;
        block->allocated_by = who;
        block->freed_by = 0;
        block->flags = (uint8_t)flags;
        block->state = BLOCK_LIVE;
    }
    pthread_mutex_unlock(&pool_mutex);
    if (!block)
        return NULL;
    uint8_t *payload = block->payload;
    if (!RUNNING_ON_VALGRIND)
        guards_write(block);
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): its page leads to it */
    VALGRIND_MALLOCLIKE_BLOCK(payload, size, GUARD_SIZE, 0);
    memset(payload, flags & POOL_ZEROED ? 0 : FRESH_BYTE, size);
    if (!(flags & POOL_ZEROED))
        VALGRIND_MAKE_MEM_UNDEFINED(payload, size);
    if (!(flags & POOL_UNTRACKED))
        track_acquire(TRACK_POOL, payload, size, owner, who);
    return payload;
}

void *pool_allocate(size_t size, uint32_t tag, const void *owner, uintptr_t who, bool zeroed)
{
    return pool_allocate_block(size, tag, owner, who, zeroed ? POOL_ZEROED : 0);
}

/* ---- freeing ---- */

/* The live block that begins at the address, now BLOCK_FREEING; or NULL after a report of what is wrong. */
static struct block *block_claim(void *address, uintptr_t who, bool untracked)
{
    pthread_mutex_lock(&pool_mutex);
    struct block *block = block_at(address);
    struct block seen = block ? *block : (struct block){0};
    bool mine = block && seen.payload == address && seen.state == BLOCK_LIVE && !(seen.flags & POOL_UNTRACKED) == !untracked;
    if (mine)
        block->state = BLOCK_FREEING;
    pthread_mutex_unlock(&pool_mutex);
    if (mine)
        return block;
    char tag[8], caller[128], before[128];
    rules_describe_address(who, caller, sizeof(caller));
    if (block && seen.payload == address && (seen.state == BLOCK_QUARANTINED || seen.state == BLOCK_FREEING))
        rule_violated("HOST-POOL-DOUBLE-FREE", address, "%p (%zu bytes, tag %s) freed by %s, and already by %s", address, seen.size,
                      pool_tag_text(seen.tag, tag), caller, rules_describe_address(seen.freed_by, before, sizeof(before)));
    else if (block && seen.payload == address && seen.state == BLOCK_LIVE)
        rule_violated("HOST-POOL-FOREIGN", address, "%p freed as pool by %s: it belongs to an object with a function of its own to free it",
                      address, caller);
    else if (block && seen.state == BLOCK_LIVE)
        rule_violated("HOST-POOL-FOREIGN", address, "%p freed by %s: it is at offset %+ld of a block of %zu bytes, tag %s", address, caller,
                      (long)((uint8_t *)address - seen.payload), seen.size, pool_tag_text(seen.tag, tag));
    else
        rule_violated("HOST-POOL-FOREIGN", address, "%p freed by %s: no pool block was allocated there", address, caller);
    return NULL;
}

static void block_release(struct block *block, uintptr_t who)
{
    uint8_t *payload = block->payload;
    size_t size = block->size;
    guards_intact(block, "when it was freed");
    nt_memory_forget(payload, size, who);
    memset(payload, FREED_BYTE, size);
    VALGRIND_FREELIKE_BLOCK(payload, GUARD_SIZE);
    pthread_mutex_lock(&pool_mutex);
    block->freed_by = who;
    block->state = BLOCK_QUARANTINED;
    block->run ? quarantine_run(block) : quarantine_slot(block);
    pthread_mutex_unlock(&pool_mutex);
}

bool pool_free(void *address, uint32_t tag, uintptr_t who)
{
    struct block *block = block_claim(address, who, false);
    if (!block)
        return false;
    char freed_tag[8], tag_text[8], caller[128];
    if (tag && tag != block->tag)
        rule_violated("HOST-POOL-TAG", address, "%p allocated with tag %s, freed with %s by %s", address,
                      pool_tag_text(block->tag, tag_text), pool_tag_text(tag, freed_tag),
                      rules_describe_address(who, caller, sizeof(caller)));
    track_release(TRACK_POOL, address);
    block_release(block, who);
    return true;
}

bool pool_free_untracked(void *address, uintptr_t who)
{
    struct block *block = block_claim(address, who, true);
    if (block)
        block_release(block, who);
    return block != NULL;
}

static void check_live_block(const void *object, size_t bytes, const void *owner, void *context)
{
    (void)bytes;
    (void)owner;
    unsigned *broken = context;
    pthread_mutex_lock(&pool_mutex);
    const struct block *block = block_at(object);
    if (block && block->state == BLOCK_LIVE)
        *broken += !guards_intact(block, "at the end of the run");
    pthread_mutex_unlock(&pool_mutex);
}

unsigned pool_check(void)
{
    unsigned broken = 0, before = rules_report_count("HOST-POOL-AFTER-FREE");
    track_visit(TRACK_POOL, check_live_block, &broken);
    pthread_mutex_lock(&pool_mutex);
    for (const struct block *block = RUNNING_ON_VALGRIND ? NULL : slot_quarantine.first; block; block = block->next)
        check_untouched(block);
    pthread_mutex_unlock(&pool_mutex);
    return broken + rules_report_count("HOST-POOL-AFTER-FREE") - before;
}
