/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* trap_region.c - ranges of address space whose accesses go to functions, the port space, and the way of every single access. */
#include "trap_private.h"

#include "processor.h"
#include "rules/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <valgrind/memcheck.h>

#define PAGE_SIZE 4096u
/* So many unmapped regions keep their addresses, so that a late access is recognised and hits nothing else. */
#define GRAVES 64

struct region {
    uintptr_t base;
    size_t size, reserved;
    char name[48];
    struct trap_region_ops ops;
    void *context;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static struct region *regions; /* by address */
static unsigned region_count, region_capacity;
static struct region graves[GRAVES];
static unsigned grave_next;
static struct trap_region_ops port_ops;
static void *port_context;

struct trap_counts trap_counters;

struct trap_counts trap_counts_get(void)
{
    return trap_counters;
}

/* ---- registry ---- */

void *trap_region_map(const char *name, size_t size, const struct trap_region_ops *ops, void *context)
{
    size_t reserved = (size + PAGE_SIZE - 1) & ~(size_t)(PAGE_SIZE - 1);
    if (size == 0 || reserved < size)
        return NULL;
    void *base = mmap(NULL, reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    /* The access is meant to fault: memcheck must not call it an error first. */
    (void)VALGRIND_MAKE_MEM_DEFINED(base, reserved);

    struct region region = {.base = (uintptr_t)base, .size = size, .reserved = reserved, .ops = *ops, .context = context};
    snprintf(region.name, sizeof(region.name), "%s", name);
    pthread_rwlock_wrlock(&lock);
    if (region_count == region_capacity) {
        unsigned capacity = region_capacity != 0 ? 2 * region_capacity : 16;
        struct region *grown = realloc(regions, capacity * sizeof(*regions));
        if (grown == NULL) {
            pthread_rwlock_unlock(&lock);
            munmap(base, reserved);
            return NULL;
        }
        regions = grown;
        region_capacity = capacity;
    }
    unsigned place = region_count++;
    for (; place > 0 && regions[place - 1].base > region.base; place--)
        regions[place] = regions[place - 1];
    regions[place] = region;
    pthread_rwlock_unlock(&lock);
    return base;
}

void trap_region_unmap(void *base)
{
    pthread_rwlock_wrlock(&lock);
    for (unsigned i = 0; i < region_count; i++) {
        if (regions[i].base != (uintptr_t)base)
            continue;
        struct region *grave = &graves[grave_next++ % GRAVES];
        if (grave->reserved != 0)
            munmap((void *)grave->base, grave->reserved);
        *grave = regions[i];
        memmove(&regions[i], &regions[i + 1], (--region_count - i) * sizeof(*regions));
        pthread_rwlock_unlock(&lock);
        return;
    }
    pthread_rwlock_unlock(&lock);
    fprintf(stderr, "ndishost: a region is unmapped that was not mapped\n");
    abort();
}

/* The region that contains `address`, copied out: its functions run without the lock. */
static bool find(uintptr_t address, struct region *found)
{
    bool hit = false;
    pthread_rwlock_rdlock(&lock);
    unsigned low = 0, high = region_count;
    while (low < high) {
        unsigned middle = (low + high) / 2;
        if (regions[middle].base <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0 && address - regions[low - 1].base < regions[low - 1].reserved) {
        *found = regions[low - 1];
        hit = true;
    }
    pthread_rwlock_unlock(&lock);
    return hit;
}

static const struct region *find_grave(uintptr_t address)
{
    for (unsigned i = 0; i < GRAVES; i++)
        if (graves[i].reserved != 0 && address - graves[i].base < graves[i].reserved)
            return &graves[i];
    return NULL;
}

enum trap_place trap_place_of(uintptr_t address, const char **name, uint64_t *offset)
{
    static __thread struct region found;
    if (address - (uintptr_t)SHARED_USER_ADDRESS < SHARED_USER_SIZE) {
        *name = "KUSER_SHARED_DATA";
        *offset = address - (uintptr_t)SHARED_USER_ADDRESS;
        return TRAP_SHARED_USER;
    }
    if (processor_block_contains(address, offset)) {
        *name = "KPCR";
        return TRAP_PROCESSOR_BLOCK;
    }
    if (find(address, &found)) {
        *name = found.name;
        *offset = address - found.base;
        return TRAP_DEVICE;
    }
    const struct region *grave = find_grave(address);
    if (grave != NULL) {
        *name = grave->name;
        *offset = address - grave->base;
        return TRAP_UNMAPPED;
    }
    return TRAP_ORDINARY;
}

/* ---- accesses ---- */

/* `trap` is the instruction that accesses, NULL when an export does. */
static bool inside(const struct region *region, uint64_t offset, unsigned width, struct trap *trap)
{
    if (offset < region->size && width <= region->size - offset)
        return true;
    const char *what = trap != NULL ? trap_text(trap) : call_current_export() != NULL ? call_current_export() : "the host";
    rule_violated("HOST-REGISTER-ACCESS", NULL, "%s: %u bytes at %s+0x%llx cross the end of the mapped 0x%lx bytes", what, width,
                  region->name, (unsigned long long)offset, (unsigned long)region->size);
    return false;
}

static uint64_t region_read(const struct region *region, uint64_t offset, unsigned width, struct trap *trap)
{
    trap_count(&trap_counters.region_reads);
    return inside(region, offset, width, trap) ? region->ops.read(region->context, offset, width) & width_mask(width) : width_mask(width);
}

static void region_write(const struct region *region, uint64_t offset, unsigned width, uint64_t value, struct trap *trap)
{
    trap_count(&trap_counters.region_writes);
    if (inside(region, offset, width, trap))
        region->ops.write(region->context, offset, width, value & width_mask(width));
}

bool trap_region_access(uintptr_t address, unsigned width, bool write, uint64_t *value)
{
    struct region region;
    if (!find(address, &region))
        return false;
    if (write)
        region_write(&region, address - region.base, width, *value, NULL);
    else
        *value = region_read(&region, address - region.base, width, NULL);
    return true;
}

uint64_t trap_memory_read(struct trap *trap, uintptr_t address, unsigned width)
{
    struct region region;
    uint64_t offset, value = 0;
    if (address - (uintptr_t)SHARED_USER_ADDRESS < SHARED_USER_SIZE) {
        trap_count(&trap_counters.shared_user);
        return shared_user_read(address - (uintptr_t)SHARED_USER_ADDRESS, width);
    }
    if (processor_block_contains(address, &offset)) {
        trap_count(&trap_counters.segment);
        return processor_block_read(offset, width);
    }
    if (find(address, &region))
        return region_read(&region, address - region.base, width, trap);
    memcpy(&value, (const void *)address, width);
    return value;
}

void trap_memory_write(struct trap *trap, uintptr_t address, unsigned width, uint64_t value)
{
    struct region region;
    uint64_t offset;
    char place[160];
    bool of_processor = processor_block_contains(address, &offset);
    if (of_processor && processor_block_write(offset, width, value))
        return;
    if (of_processor || address - (uintptr_t)SHARED_USER_ADDRESS < SHARED_USER_SIZE)
        trap_bugcheck("HOST-FAULT", "`%s` at %s writes to memory that only the kernel writes to", trap_text(trap),
                      describe_address(trap->frame->ip, place, sizeof(place)));
    if (find(address, &region)) {
        region_write(&region, address - region.base, width, value, trap);
        return;
    }
    memcpy((void *)address, &value, width);
}

/* ---- ports ---- */

void trap_ports_handle(const struct trap_region_ops *ops, void *context)
{
    pthread_rwlock_wrlock(&lock);
    port_ops = ops != NULL ? *ops : (struct trap_region_ops){NULL, NULL};
    port_context = context;
    pthread_rwlock_unlock(&lock);
}

static struct trap_region_ops port_handler(void **context)
{
    pthread_rwlock_rdlock(&lock);
    struct trap_region_ops ops = port_ops;
    *context = port_context;
    pthread_rwlock_unlock(&lock);
    trap_count(&trap_counters.port);
    return ops;
}

bool trap_port_access(uint16_t port, unsigned width, bool write, uint64_t *value)
{
    void *context;
    struct trap_region_ops ops = port_handler(&context);
    if (ops.read == NULL)
        return false;
    if (write)
        ops.write(context, port, width, *value & width_mask(width));
    else
        *value = ops.read(context, port, width) & width_mask(width);
    return true;
}

/* An instruction is at it: what is missing is reported here. */
static bool port_instruction(struct trap *trap, uint16_t port, unsigned width, bool write, uint64_t *value)
{
    bool there = trap_port_access(port, width, write, value);
    if (!there)
        rule_violated("HOST-PORT-ACCESS", NULL, "`%s`: there is nothing at port 0x%x", trap_text(trap), port);
    return there;
}

uint64_t trap_port_read(struct trap *trap, uint16_t port, unsigned width)
{
    uint64_t value;
    return port_instruction(trap, port, width, false, &value) ? value : width_mask(width);
}

void trap_port_write(struct trap *trap, uint16_t port, unsigned width, uint64_t value)
{
    port_instruction(trap, port, width, true, &value);
}
