/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * contiguous_memory.c - memory by pages that a device can be given: contiguous and non-cached memory, and the pages of an MDL that a
 * driver asks for. It is guest RAM, so what a device does with it after it is freed is seen.
 */
#include "nt/dispatcher.h"
#include "nt/exports.h"
#include "nt/mdl.h"

#include "abi/nt_constants.h"
#include "exec/sched.h"
#include "rules/acquire.h"
#include "rules/rules.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE_SIZE = 4096, FRESH_FILL = 0xCD, GUARD_FILL = 0xFD, CACHING_TYPES = 3 /* MmNonCached, MmCached, MmWriteCombined */ };

/* Who frees it: each family has its own function. */
enum family { FAMILY_CONTIGUOUS, FAMILY_NON_CACHED, FAMILY_MDL };

struct block {
    struct block *next;
    enum family family;
    uint8_t *address;
    size_t size; /* asked for; the rest of the last page is a guard */
    uint32_t caching;
    const void *mdl; /* FAMILY_MDL */
};

/* Guarded by the dispatcher's lock. */
static struct block *blocks;
static void *(*guest_allocate)(size_t size, size_t alignment, uint64_t *physical);
static void (*guest_release)(void *address, size_t size);

void nt_set_guest_memory(void *(*allocate)(size_t size, size_t alignment, uint64_t *physical), void (*release)(void *address, size_t size))
{
    guest_allocate = allocate;
    guest_release = release;
}

static size_t whole_pages(size_t size)
{
    return (size + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
}

/* ---- blocks ---- */

/* Where the memory may lie: physical addresses from low to high, and no multiple of the boundary inside (0: anywhere). */
struct place {
    uint64_t low, high, boundary;
};

static uint8_t *pages_allocate(size_t size, const struct place *place)
{
    size_t alignment = PAGE_SIZE;
    uint64_t physical;
    if (!guest_allocate || size == 0 || size > SIZE_MAX / 2 || (place->boundary && size > place->boundary))
        return NULL;
    /* A block that is aligned to its size, rounded up to a power of two, crosses no multiple of a larger one. */
    while (place->boundary && alignment < size)
        alignment *= 2;
    uint8_t *address = guest_allocate(whole_pages(size), alignment, &physical);
    if (address && (physical < place->low || physical + size - 1 > place->high)) {
        guest_release(address, whole_pages(size));
        return NULL;
    }
    /* cppcheck-suppress returnDanglingLifetime ; the address is the guest's, `physical` is only told on the way */
    return address;
}

static struct block *block_create(enum family family, size_t size, const struct place *place, uint32_t caching, uintptr_t who)
{
    uint8_t *address = pages_allocate(size, place);
    struct block *block = address ? calloc(1, sizeof(*block)) : NULL;
    if (!address)
        return NULL;
    if (!block)
        abort();
    *block = (struct block){.family = family, .address = address, .size = size, .caching = caching};
    memset(address, FRESH_FILL, size);
    memset(address + size, GUARD_FILL, whole_pages(size) - size);
    dispatcher_lock();
    block->next = blocks;
    blocks = block;
    dispatcher_unlock();
    track_acquire(TRACK_SHARED_MEMORY, address, size, NULL, who);
    return block;
}

/* Takes the block of that family out of the list, by its address or its MDL; NULL after a report. */
static struct block *block_take(enum family family, const void *key, const char *what, uintptr_t who)
{
    char here[128];
    dispatcher_lock();
    struct block **link = &blocks;
    while (*link && ((*link)->family != family || key != (family == FAMILY_MDL ? (*link)->mdl : (*link)->address)))
        link = &(*link)->next;
    struct block *block = *link;
    if (block)
        *link = block->next;
    dispatcher_unlock();
    if (!block)
        rule_violated("HOST-POOL-FOREIGN", key, "%s of %p by %s, which is not what its counterpart returned, or was freed before", what,
                      key, rules_describe_address(who, here, sizeof(here)));
    return block;
}

static void block_destroy(struct block *block, uintptr_t who)
{
    char here[128];
    size_t tail = whole_pages(block->size) - block->size, at = 0;
    while (at < tail && block->address[block->size + at] == GUARD_FILL)
        at++;
    if (at < tail)
        rule_violated("HOST-POOL-OVERRUN", block->address,
                      "a block of %zu bytes of guest memory, freed by %s, was written %zu bytes behind its end", block->size,
                      rules_describe_address(who, here, sizeof(here)), at + 1);
    nt_memory_forget(block->address, block->size, who);
    track_release(TRACK_SHARED_MEMORY, block->address);
    guest_release(block->address, whole_pages(block->size));
    free(block);
}

static bool caching_valid(uint32_t caching, const char *what, uintptr_t who)
{
    char here[128];
    if (caching < CACHING_TYPES)
        return true;
    rule_violated("HOST-ARGUMENT", NULL, "%s with caching type %u by %s", what, (unsigned)caching,
                  rules_describe_address(who, here, sizeof(here)));
    return false;
}

/* ---- contiguous ---- */

static uint64_t contiguous(size_t size, const struct place *place, uint32_t caching, const char *what, uintptr_t who)
{
    char here[128];
    if (!acquire_permitted(what) || !caching_valid(caching, what, who))
        return 0;
    if (size == 0)
        rule_violated("HOST-POOL-SIZE", NULL, "%s of 0 bytes by %s", what, rules_describe_address(who, here, sizeof(here)));
    if (place->boundary & (place->boundary - 1)) {
        rule_violated("HOST-ARGUMENT", NULL, "%s with the boundary 0x%llx, which is no power of two, by %s", what,
                      (unsigned long long)place->boundary, rules_describe_address(who, here, sizeof(here)));
        return 0;
    }
    const struct block *block = block_create(FAMILY_CONTIGUOUS, size, place, caching, who);
    return block ? (uintptr_t)block->address : 0;
}

static uint64_t export_MmAllocateContiguousMemory(struct export_call *call)
{
    size_t size = arg_word(call);
    struct place place = {.high = arg_u64(call)};
    return contiguous(size, &place, NT_MmCached, "MmAllocateContiguousMemory", call->return_address);
}

/* The node of MmAllocateContiguousMemorySpecifyCacheNode, behind what is read here, is a preference; there is one. */
static uint64_t export_MmAllocateContiguousMemorySpecifyCache(struct export_call *call)
{
    size_t size = arg_word(call);
    struct place place;
    place.low = arg_u64(call);
    place.high = arg_u64(call);
    place.boundary = arg_u64(call);
    return contiguous(size, &place, arg_u32(call), call->row->name, call->return_address);
}

static uint64_t export_MmFreeContiguousMemory(struct export_call *call)
{
    struct block *block = block_take(FAMILY_CONTIGUOUS, arg_pointer(call), "MmFreeContiguousMemory", call->return_address);
    if (block)
        block_destroy(block, call->return_address);
    return 0;
}

/* A size and a caching type, too, which have to be those of the allocation. */
static uint64_t export_MmFreeContiguousMemorySpecifyCache(struct export_call *call)
{
    void *address = arg_pointer(call);
    size_t size = arg_word(call);
    uint32_t caching = arg_u32(call);
    struct block *block = block_take(FAMILY_CONTIGUOUS, address, "MmFreeContiguousMemorySpecifyCache", call->return_address);
    if (!block)
        return 0;
    if (block->size != size || block->caching != caching)
        rule_violated("HOST-ARGUMENT", address,
                      "MmFreeContiguousMemorySpecifyCache of %zu bytes with caching type %u, allocated with %zu and %u", size,
                      (unsigned)caching, block->size, (unsigned)block->caching);
    block_destroy(block, call->return_address);
    return 0;
}

/* ---- not cached ---- */

static const struct place anywhere = {.high = UINT64_MAX};

static uint64_t export_MmAllocateNonCachedMemory(struct export_call *call)
{
    size_t size = arg_word(call);
    if (!acquire_permitted("MmAllocateNonCachedMemory"))
        return 0;
    const struct block *block = block_create(FAMILY_NON_CACHED, size, &anywhere, NT_MmNonCached, call->return_address);
    return block ? (uintptr_t)block->address : 0;
}

static uint64_t export_MmFreeNonCachedMemory(struct export_call *call)
{
    void *address = arg_pointer(call);
    size_t size = arg_word(call);
    struct block *block = block_take(FAMILY_NON_CACHED, address, "MmFreeNonCachedMemory", call->return_address);
    if (!block)
        return 0;
    if (block->size != size)
        rule_violated("HOST-ARGUMENT", address, "MmFreeNonCachedMemory of %zu bytes, allocated with %zu", size, block->size);
    block_destroy(block, call->return_address);
    return 0;
}

/* ---- pages of an MDL: theirs until MmFreePagesFromMdl; the MDL itself is pool, freed with ExFreePool after it ---- */

static uint64_t pages_for_mdl(size_t size, const struct place *place, uint32_t caching, uint32_t flags, const char *what, uintptr_t who)
{
    char here[128];
    if (!caching_valid(caching, what, who))
        return 0;
    if (flags & ~(uint32_t)(NT_MM_DONT_ZERO_ALLOCATION | NT_MM_ALLOCATE_FULLY_REQUIRED | NT_MM_ALLOCATE_FROM_LOCAL_NODE_ONLY))
        rule_violated("HOST-ARGUMENT", NULL, "%s with flags 0x%x by %s", what, (unsigned)flags,
                      rules_describe_address(who, here, sizeof(here)));
    if (!acquire_permitted(what))
        return 0;
    /* Windows returns fewer pages than were asked for when memory is short, unless the caller wants all or none. */
    if (!(flags & NT_MM_ALLOCATE_FULLY_REQUIRED) && size > PAGE_SIZE && !acquire_permitted("all pages of an MDL"))
        size = PAGE_SIZE;
    struct block *block = size <= SIZE_MAX - PAGE_SIZE ? block_create(FAMILY_MDL, whole_pages(size), place, caching, who) : NULL;
    if (!block)
        return 0;
    if (!(flags & NT_MM_DONT_ZERO_ALLOCATION))
        memset(block->address, 0, block->size);
    void *mdl = mdl_for_pages(block->address, block->size, who);
    dispatcher_lock();
    block->mdl = mdl;
    dispatcher_unlock();
    if (!mdl) { /* more pages than an MDL describes */
        block_take(FAMILY_MDL, NULL, what, who);
        block_destroy(block, who);
    }
    return (uintptr_t)mdl;
}

/* Pages at any multiple of SkipBytes beyond the first range: one range, for which the low and high addresses hold. */
static void read_range(struct export_call *call, struct place *place)
{
    place->low = arg_u64(call);
    place->high = arg_u64(call);
    arg_u64(call); /* SkipBytes: from one range to the next that is tried when this one has no page */
    place->boundary = 0;
}

static uint64_t export_MmAllocatePagesForMdl(struct export_call *call)
{
    struct place place;
    read_range(call, &place);
    return pages_for_mdl(arg_word(call), &place, NT_MmCached, 0, "MmAllocatePagesForMdl", call->return_address);
}

static uint64_t export_MmAllocatePagesForMdlEx(struct export_call *call)
{
    struct place place;
    read_range(call, &place);
    size_t size = arg_word(call);
    uint32_t caching = arg_u32(call);
    return pages_for_mdl(size, &place, caching, arg_u32(call), "MmAllocatePagesForMdlEx", call->return_address);
}

static uint64_t export_MmFreePagesFromMdl(struct export_call *call)
{
    void *mdl = arg_pointer(call);
    struct block *block = block_take(FAMILY_MDL, mdl, "MmFreePagesFromMdl", call->return_address);
    if (!block)
        return 0;
    mdl_pages_gone(mdl, call->return_address);
    block_destroy(block, call->return_address);
    return 0;
}

const struct export_row nt_contiguous_memory_exports[] = {
    EXPORT(MmAllocateContiguousMemory),
    EXPORT(MmAllocateContiguousMemorySpecifyCache),
    {"MmAllocateContiguousMemorySpecifyCacheNode", export_MmAllocateContiguousMemorySpecifyCache, 0},
    EXPORT(MmFreeContiguousMemory),
    EXPORT(MmFreeContiguousMemorySpecifyCache),
    EXPORT(MmAllocateNonCachedMemory),
    EXPORT(MmFreeNonCachedMemory),
    EXPORT(MmAllocatePagesForMdl),
    EXPORT(MmAllocatePagesForMdlEx),
    EXPORT(MmFreePagesFromMdl),
    EXPORT_END,
};
