/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* load.c - an image of this process's own machine in memory: relocated, bound, protected, between two guard pages. */
#include "pe/facts.h"
#include "pe/format.h"
#include "pe/registry.h"

#include "exec/call.h"
#include "rules/rules.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

#if UINTPTR_MAX == UINT64_MAX
#define OWN_MACHINE      IMAGE_X64
#define OWN_MACHINE_NAME "x64"
#define COOKIE_FIELD     88
#define COOKIE_DEFAULT   0x00002B992DDFA232ull
#define COOKIE_MASK      0x0000FFFFFFFFFFFFull /* /GS code expects the upper 16 bits to be zero */
#else
#define OWN_MACHINE      IMAGE_X86
#define OWN_MACHINE_NAME "x86"
#define COOKIE_FIELD     60
#define COOKIE_DEFAULT   0xBB40E64Eu
#define COOKIE_MASK      0xFFFFFFFFu
#endif

struct discardable {
    uint32_t rva, size;
};

struct image {
    uint8_t *base;
    size_t mapped_size; /* whole pages, without the guard pages */
    uintptr_t entry;
    unsigned discardable_count;
    struct discardable *discardable; /* whole pages */
};

struct loader {
    const struct image_facts *facts;
    struct image *image;
    char *error;
    size_t error_size;
};

static bool __attribute__((format(printf, 2, 3))) refuse(struct loader *loader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(loader->error, loader->error_size, format, arguments);
    va_end(arguments);
    return false;
}

static size_t page_up(size_t size)
{
    return (size + PE_PAGE_SIZE - 1) & ~(size_t)(PE_PAGE_SIZE - 1);
}

/* What Windows asks of a driver beyond a well-formed file. */
static bool check_driver(struct loader *loader)
{
    const struct image_header_facts *header = &loader->facts->header;
    if (loader->facts->machine != OWN_MACHINE)
        return refuse(loader, "image for another machine, this process is " OWN_MACHINE_NAME);
    if (header->subsystem != PE_SUBSYSTEM_NATIVE)
        return refuse(loader, "subsystem %u is not native (1): not a driver", header->subsystem);
    if (header->characteristics & PE_FILE_RELOCS_STRIPPED)
        return refuse(loader, "relocations are stripped: not a driver");
    if (header->checksum_stored != header->checksum_computed)
        return refuse(loader, "PE checksum 0x%08x stored, 0x%08x computed", (unsigned)header->checksum_stored,
                      (unsigned)header->checksum_computed);
    for (unsigned i = 0; i < loader->facts->section_count; i++) {
        const struct image_section_facts *section = &loader->facts->sections[i];
        if (header->entry_rva >= section->rva && header->entry_rva - section->rva < section->size && section->flags & PE_SECTION_EXECUTE)
            return true;
    }
    return refuse(loader, "entry point 0x%x is not in an executable section", (unsigned)header->entry_rva);
}

/* ---- imports ---- */

/* First pass: every import that nobody exports, all named in one line. */
static bool check_imports(struct loader *loader)
{
    const struct image_facts *facts = loader->facts;
    size_t used = 0;
    unsigned unknown = 0;
    for (unsigned i = 0; i < facts->import_count; i++) {
        const struct pe_import *import = &facts->imports[i];
        if (!import->name)
            return refuse(loader, "import by ordinal: %s!%s", import->dll, import->ordinal_text);
        if (export_resolve(import->dll, import->name))
            continue;
        int written = snprintf(loader->error + used, loader->error_size - used, "%s%s!%s",
                               unknown++ ? ", " : "unknown imports: ", import->dll, import->name);
        used += written > 0 ? (size_t)written : 0;
        if (used >= loader->error_size)
            return false; /* the line is full, and terminated */
    }
    return unknown == 0;
}

static void bind_imports(struct loader *loader)
{
    for (unsigned i = 0; i < loader->facts->import_count; i++) {
        const struct pe_import *import = &loader->facts->imports[i];
        uintptr_t address = export_resolve(import->dll, import->name);
        memcpy(loader->image->base + import->slot_rva, &address, sizeof(address));
    }
}

/* ---- relocations ---- */

static bool relocate_entry(struct loader *loader, uint64_t delta, uint32_t rva, unsigned type)
{
    const struct image_facts *facts = loader->facts;
    if (type == PE_RELOCATION_ABSOLUTE) /* padding */
        return true;
    /* NOLINTNEXTLINE(misc-redundant-expression): a constant of this build */
    if (type != (OWN_MACHINE == IMAGE_X64 ? PE_RELOCATION_DIR64 : PE_RELOCATION_HIGHLOW))
        return refuse(loader, "relocation of type %u at RVA 0x%x", type, (unsigned)rva);
    if (rva < facts->headers_size || rva > facts->header.image_size - sizeof(uintptr_t))
        return refuse(loader, "relocation at RVA 0x%x outside the image's sections", (unsigned)rva);
    uintptr_t value;
    memcpy(&value, loader->image->base + rva, sizeof(value));
    value += (uintptr_t)delta;
    memcpy(loader->image->base + rva, &value, sizeof(value));
    return true;
}

static bool relocate(struct loader *loader)
{
    const struct image_facts *facts = loader->facts;
    const uint64_t delta = (uint64_t)(uintptr_t)loader->image->base - facts->preferred_base;
    const uint8_t *blocks = facts->flat + facts->relocations.rva; /* the file's copy: a relocation cannot change the table */
    for (uint32_t offset = 0; offset < facts->relocations.size;) {
        uint32_t left = facts->relocations.size - offset;
        uint32_t size = left >= 8 ? pe_u32(blocks + offset + 4) : 0;
        if (size < 8 || size % 2 || size > left)
            return refuse(loader, "relocation block at offset 0x%x is malformed", (unsigned)offset);
        uint32_t page = pe_u32(blocks + offset);
        if (page >= facts->header.image_size)
            return refuse(loader, "relocation block for RVA 0x%x outside the image", (unsigned)page);
        for (uint32_t entry = 8; entry < size; entry += 2) {
            uint16_t value = pe_u16(blocks + offset + entry);
            if (!relocate_entry(loader, delta, page + (value & 0xFFF), value >> 12))
                return false;
        }
        offset += size;
    }
    return true;
}

/* ---- security cookie ---- */

/* An image built with /GS names its cookie in the load configuration; one that still has the compiler's default gets a random value. */
static bool initialize_security_cookie(struct loader *loader)
{
    const struct pe_range *config = &loader->facts->load_config;
    uint8_t *base = loader->image->base;
    if (config->size < COOKIE_FIELD + sizeof(uintptr_t) || pe_u32(base + config->rva) < COOKIE_FIELD + sizeof(uintptr_t))
        return true;
    uintptr_t address, cookie, random = 0;
    memcpy(&address, base + config->rva + COOKIE_FIELD, sizeof(address)); /* relocated already */
    if (address == 0)
        return true;
    if (address < (uintptr_t)base || address - (uintptr_t)base > loader->facts->header.image_size - sizeof(cookie))
        return refuse(loader, "security cookie outside the image");
    memcpy(&cookie, (void *)address, sizeof(cookie));
    if (cookie != COOKIE_DEFAULT)
        return true;
    while (random == 0 || random == COOKIE_DEFAULT) {
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            return refuse(loader, "no random number for the security cookie: %s", strerror(errno));
        random &= COOKIE_MASK;
    }
    memcpy((void *)address, &random, sizeof(random));
    return true;
}

/* ---- memory ---- */

static bool map_image(struct loader *loader)
{
    struct image *image = loader->image;
    image->mapped_size = page_up(loader->facts->header.image_size);
    uint8_t *region = mmap(NULL, image->mapped_size + 2 * PE_PAGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (region == MAP_FAILED)
        return refuse(loader, "no memory for the image: %s", strerror(errno));
    image->base = region + PE_PAGE_SIZE;
    if (mprotect(image->base, image->mapped_size, PROT_READ | PROT_WRITE) != 0)
        return refuse(loader, "no memory for the image: %s", strerror(errno));
    memcpy(image->base, loader->facts->flat, loader->facts->header.image_size);
    return true;
}

static bool protect_section(struct loader *loader, const struct image_section_facts *section)
{
    int protection = PROT_NONE;
    protection |= section->flags & PE_SECTION_READ ? PROT_READ : 0;
    protection |= section->flags & PE_SECTION_WRITE ? PROT_READ | PROT_WRITE : 0;
    protection |= section->flags & PE_SECTION_EXECUTE ? PROT_READ | PROT_EXEC : 0;
    if (section->flags & PE_SECTION_WRITE && section->flags & PE_SECTION_EXECUTE)
        rule_warned("HOST-PE-WX", NULL, "section %s of %s is writable and executable", section->name, loader->facts->name);
    if (mprotect(loader->image->base + section->rva, page_up(section->size), protection) != 0)
        return refuse(loader, "cannot protect section %s: %s", section->name, strerror(errno));
    return true;
}

static bool protect_sections(struct loader *loader)
{
    const struct image_facts *facts = loader->facts;
    uint8_t *base = loader->image->base;
    if (facts->section_alignment < PE_PAGE_SIZE) {
        rule_warned("HOST-PE-ALIGNMENT", NULL, "sections of %s are aligned to %u bytes: everything is writable and executable", facts->name,
                    (unsigned)facts->section_alignment);
        if (mprotect(base, loader->image->mapped_size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
            return refuse(loader, "cannot make the image executable: %s", strerror(errno));
        return true;
    }
    /* What lies between sections of a large alignment stays inaccessible. */
    if (mprotect(base, loader->image->mapped_size, PROT_NONE) != 0 || mprotect(base, page_up(facts->headers_size), PROT_READ) != 0)
        return refuse(loader, "cannot protect the headers: %s", strerror(errno));
    for (unsigned i = 0; i < facts->section_count; i++) {
        if (!protect_section(loader, &facts->sections[i]))
            return false;
    }
    return true;
}

/* Sections that share no page with others can go after DriverEntry. */
static bool note_discardable(struct loader *loader)
{
    const struct image_facts *facts = loader->facts;
    struct image *image = loader->image;
    if (facts->section_alignment < PE_PAGE_SIZE)
        return true;
    image->discardable = calloc(facts->section_count, sizeof(*image->discardable));
    if (!image->discardable)
        return refuse(loader, "out of memory");
    for (unsigned i = 0; i < facts->section_count; i++) {
        const struct image_section_facts *section = &facts->sections[i];
        if (section->flags & PE_SECTION_DISCARDABLE)
            image->discardable[image->discardable_count++] = (struct discardable){section->rva, (uint32_t)page_up(section->size)};
    }
    return true;
}

static void release(struct image *image)
{
    if (image->base)
        munmap(image->base - PE_PAGE_SIZE, image->mapped_size + 2 * PE_PAGE_SIZE);
    free(image->discardable);
    free(image);
}

struct image *image_load(const struct image_facts *facts, char *error, size_t error_size)
{
    struct loader loader = {facts, calloc(1, sizeof(struct image)), error, error_size};
    if (!loader.image) {
        refuse(&loader, "out of memory");
        return NULL;
    }
    if (!check_driver(&loader) || !check_imports(&loader) || !map_image(&loader) || !relocate(&loader) ||
        !initialize_security_cookie(&loader)) {
        release(loader.image);
        return NULL;
    }
    bind_imports(&loader);
    if (!note_discardable(&loader) || !protect_sections(&loader)) {
        release(loader.image);
        return NULL;
    }
    if (!registry_add((uintptr_t)loader.image->base, facts)) {
        refuse(&loader, "too many images are loaded");
        release(loader.image);
        return NULL;
    }
    loader.image->entry = (uintptr_t)loader.image->base + facts->header.entry_rva;
    return loader.image;
}

void image_discard_init(struct image *image)
{
    for (unsigned i = 0; i < image->discardable_count; i++) {
        /* A fresh mapping: the pages' content is gone as well. */
        void *at = image->base + image->discardable[i].rva;
        if (mmap(at, image->discardable[i].size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED) {
            perror("ndishost: the driver's INIT sections cannot be taken away");
            abort();
        }
    }
    image->discardable_count = 0;
}

void image_unload(struct image *image)
{
    registry_remove((uintptr_t)image->base);
    release(image);
}

uintptr_t image_entry(const struct image *image)
{
    return image->entry;
}

uintptr_t image_base(const struct image *image)
{
    return (uintptr_t)image->base;
}

size_t image_size(const struct image *image)
{
    return image->mapped_size;
}
