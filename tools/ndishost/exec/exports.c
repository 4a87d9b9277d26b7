/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* exports.c - the tables of exports, joined with their facts, and the thunks that image code calls. */
#include "exports.h"

#include "abi/export_facts.h"
#include "context.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>

struct export_entry export_entries[EXPORT_LIMIT];
static unsigned entry_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static _Noreturn void refuse(const char *name, const char *why)
{
    fprintf(stderr, "ndishost: export %s %s\n", name, why);
    abort();
}

static int compare_name(const void *name, const void *facts)
{
    return strcmp(name, ((const struct export_facts *)facts)->name);
}

/* ---- registration ---- */

static unsigned bytes_popped(const struct export_facts *facts)
{
    switch (facts->convention) {
    case CONVENTION_STDCALL:
        return facts->stack_bytes;
    case CONVENTION_FASTCALL: /* the first two words travel in ecx and edx */
        return facts->stack_bytes > 2 * sizeof(uint32_t) ? facts->stack_bytes - 2 * (unsigned)sizeof(uint32_t) : 0;
    default:
        return 0;
    }
}

void export_table_register(const struct export_row *table)
{
    pthread_mutex_lock(&lock);
    for (const struct export_row *row = table; row->name != NULL; row++) {
        const struct export_facts *facts = bsearch(row->name, export_facts, export_facts_count, sizeof(*export_facts), compare_name);
        if (facts == NULL)
            refuse(row->name, "has no facts: Windows 7 does not export it on this machine");
        if ((facts->convention == CONVENTION_DATA) != (row->implementation == NULL) || (row->implementation == NULL && row->data == NULL))
            refuse(row->name, "is data in one table and a function in the other");
        for (unsigned i = 0; i < entry_count; i++)
            if (strcmp(export_entries[i].row->name, row->name) == 0)
                refuse(row->name, "is implemented twice");
        if (entry_count == EXPORT_LIMIT)
            refuse(row->name, "is one too many: raise EXPORT_LIMIT");
        export_entries[entry_count++] = (struct export_entry){row, facts, 0, bytes_popped(facts)};
    }
    pthread_mutex_unlock(&lock);
}

void export_visit(void (*visit)(const struct export_row *row, const struct export_facts *facts, void *context), void *context)
{
    for (unsigned i = 0; i < entry_count; i++)
        visit(export_entries[i].row, export_entries[i].facts, context);
}

/* ---- thunks: mov eax, index; jmp context_export_entry ---- */

#if defined(__x86_64__)
enum { THUNK_SIZE = 32 };
static void thunk_write(unsigned char *thunk, unsigned index)
{
    static const unsigned char code[] = {0xb8, 0, 0, 0, 0, 0xff, 0x25, 0, 0, 0, 0};
    uint32_t number = index;
    uint64_t target = (uint64_t)(uintptr_t)context_export_entry;
    memcpy(thunk, code, sizeof(code));
    memcpy(thunk + 1, &number, sizeof(number));
    memcpy(thunk + sizeof(code), &target, sizeof(target));
}
#else
enum { THUNK_SIZE = 16 };
static void thunk_write(unsigned char *thunk, unsigned index)
{
    uint32_t number = index;
    uint32_t distance = (uint32_t)(uintptr_t)context_export_entry - (uint32_t)(uintptr_t)(thunk + 10);
    thunk[0] = 0xb8;
    memcpy(thunk + 1, &number, sizeof(number));
    thunk[5] = 0xe9;
    memcpy(thunk + 6, &distance, sizeof(distance));
}
#endif

/* Read without the lock: an area is complete before it is counted. */
#define AREA_LIMIT 64
static struct {
    uintptr_t base;
    size_t size;
} areas[AREA_LIMIT];
static unsigned area_count;

bool export_is_thunk(uintptr_t address)
{
    unsigned count = __atomic_load_n(&area_count, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < count; i++)
        if (address - areas[i].base < areas[i].size)
            return true;
    return false;
}

/* Gives every row that has none a thunk, in memory that is never writable and executable at once. Under the lock. */
static void thunks_create(void)
{
    unsigned missing = 0;
    for (unsigned i = 0; i < entry_count; i++)
        missing += export_entries[i].row->implementation != NULL && export_entries[i].thunk == 0;
    size_t size = missing * (size_t)THUNK_SIZE;
    if (area_count == AREA_LIMIT)
        refuse("thunks", "are made in too many parts: resolve after registering");
    unsigned char *thunk = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (thunk == MAP_FAILED)
        refuse("thunks", "cannot be made: no memory");
    unsigned char *start = thunk;
    memset(start, 0xcc, size);
    for (unsigned i = 0; i < entry_count; i++) {
        if (export_entries[i].row->implementation == NULL || export_entries[i].thunk != 0)
            continue;
        thunk_write(thunk, i);
        export_entries[i].thunk = (uintptr_t)thunk;
        thunk += THUNK_SIZE;
    }
    if (mprotect(start, size, PROT_READ | PROT_EXEC) != 0)
        refuse("thunks", "cannot be made executable");
    areas[area_count].base = (uintptr_t)start;
    areas[area_count].size = size;
    __atomic_store_n(&area_count, area_count + 1, __ATOMIC_RELEASE);
}

uintptr_t export_resolve(const char *dll, const char *name)
{
    uintptr_t address = 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < entry_count; i++) {
        struct export_entry *entry = &export_entries[i];
        if (strcmp(entry->row->name, name) != 0 || strcasecmp(entry->facts->dll, dll) != 0)
            continue;
        if (entry->row->implementation == NULL) {
            address = (uintptr_t)entry->row->data;
        } else {
            if (entry->thunk == 0)
                thunks_create();
            address = entry->thunk;
        }
        break;
    }
    pthread_mutex_unlock(&lock);
    return address;
}
