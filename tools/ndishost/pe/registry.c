/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * registry.c - the images in memory. Readers take no lock (a fault report may be one of them): slots are static, an image is published by
 * storing its base last and withdrawn by clearing the base first.
 */
#include "pe/registry.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { SLOTS = 16, SECTIONS = 24 };

static struct slot {
    uintptr_t base; /* atomic; 0: free */
    uint32_t size;
    unsigned section_count;
    char name[64];
    struct image_section_facts sections[SECTIONS];
} slots[SLOTS], unloaded[SLOTS]; /* the latter for reports: what was where, the last ones */
static unsigned unloaded_count;
static pthread_mutex_t writers = PTHREAD_MUTEX_INITIALIZER;

bool registry_add(uintptr_t base, const struct image_facts *facts)
{
    bool added = false;
    pthread_mutex_lock(&writers);
    for (unsigned i = 0; i < SLOTS && !added; i++) {
        struct slot *slot = &slots[i];
        if (slot->base)
            continue;
        slot->size = facts->header.image_size;
        slot->section_count = facts->section_count < SECTIONS ? facts->section_count : SECTIONS;
        memcpy(slot->sections, facts->sections, slot->section_count * sizeof(slot->sections[0]));
        memcpy(slot->name, facts->name, sizeof(slot->name));
        __atomic_store_n(&slot->base, base, __ATOMIC_RELEASE);
        added = true;
    }
    pthread_mutex_unlock(&writers);
    return added;
}

void registry_remove(uintptr_t base)
{
    pthread_mutex_lock(&writers);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].base != base)
            continue;
        unloaded[unloaded_count++ % SLOTS] = slots[i];
        __atomic_store_n(&slots[i].base, 0, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&writers);
}

static const struct slot *slot_of(struct slot *from, uintptr_t address, uint32_t *rva)
{
    for (unsigned i = 0; i < SLOTS; i++) {
        uintptr_t base = __atomic_load_n(&from[i].base, __ATOMIC_ACQUIRE);
        if (base && address >= base && address - base < from[i].size) {
            *rva = (uint32_t)(address - base);
            return &from[i];
        }
    }
    return NULL;
}

bool image_contains(uintptr_t address)
{
    uint32_t rva;
    return slot_of(slots, address, &rva) != NULL;
}

const char *image_describe_address(uintptr_t address, char *buffer, size_t size)
{
    uint32_t rva;
    const char *state = "";
    const struct slot *slot = slot_of(slots, address, &rva);
    if (!slot) {
        slot = slot_of(unloaded, address, &rva);
        state = ", unloaded";
    }
    if (!slot) {
        snprintf(buffer, size, "0x%llx", (unsigned long long)address);
        return buffer;
    }
    const char *section = "headers";
    for (unsigned i = 0; i < slot->section_count; i++) {
        if (rva >= slot->sections[i].rva && rva - slot->sections[i].rva < slot->sections[i].size)
            section = slot->sections[i].name;
    }
    snprintf(buffer, size, "%s+0x%x (%s%s)", slot->name, (unsigned)rva, section, state);
    return buffer;
}
