/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * facts.c - reads a PE file as hostile input and lays it out as in memory. A file is accepted when Windows 7's loader would accept it as a
 * driver; every offset and size is compared with a known limit before it is used.
 */
#include "pe/facts.h"
#include "pe/checksum.h"
#include "pe/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_SIZE_LIMIT = 256 << 20, IMAGE_SIZE_LIMIT = 64 << 20, SECTION_LIMIT = 96, IMPORT_LIMIT = 8192, NAME_LIMIT = 255 };

struct reader {
    const uint8_t *bytes;
    size_t size;
    struct image_facts *facts;
    const uint8_t *optional; /* optional header */
    uint32_t optional_size;
    uint32_t header_offset; /* of "PE\0\0" */
    uint16_t section_count;
    bool plus; /* PE32+ */
    unsigned import_capacity;
    char *error;
    size_t error_size;
};

static bool __attribute__((format(printf, 2, 3))) refuse(struct reader *reader, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reader->error, reader->error_size, format, arguments);
    va_end(arguments);
    return false;
}

static bool power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

/* ---- headers ---- */

static bool read_coff_header(struct reader *reader)
{
    const uint8_t *bytes = reader->bytes;
    if (reader->size < PE_DOS_HEADER_SIZE || bytes[0] != 'M' || bytes[1] != 'Z')
        return refuse(reader, "not a PE file (no MZ header)");
    uint32_t offset = pe_u32(bytes + PE_DOS_LFANEW);
    if (offset > reader->size - (4 + PE_COFF_HEADER_SIZE) || offset % 4 || memcmp(bytes + offset, "PE\0", 4) != 0)
        return refuse(reader, "not a PE file (no PE header at offset 0x%x)", (unsigned)offset);
    reader->header_offset = offset;
    const uint8_t *coff = bytes + offset + 4;
    uint16_t machine = pe_u16(coff);
    if (machine == PE_MACHINE_I386)
        reader->facts->machine = IMAGE_X86;
    else if (machine == PE_MACHINE_AMD64)
        reader->facts->machine = IMAGE_X64;
    else
        return refuse(reader, "machine 0x%04x is not x86 or x64", machine);
    reader->plus = machine == PE_MACHINE_AMD64;
    reader->section_count = pe_u16(coff + 2);
    reader->facts->header.timestamp = pe_u32(coff + 4);
    reader->optional_size = pe_u16(coff + 16);
    reader->facts->header.characteristics = pe_u16(coff + 18);
    reader->optional = coff + PE_COFF_HEADER_SIZE;
    if (!(reader->facts->header.characteristics & PE_FILE_EXECUTABLE_IMAGE))
        return refuse(reader, "not an image (an object file, or a link that failed)");
    if (reader->section_count == 0 || reader->section_count > SECTION_LIMIT)
        return refuse(reader, "%u sections (1 to %u expected)", reader->section_count, SECTION_LIMIT);
    return true;
}

static bool read_optional_header(struct reader *reader)
{
    struct image_facts *facts = reader->facts;
    const uint8_t *optional = reader->optional;
    const uint32_t directories = reader->plus ? 112 : 96;
    size_t left = reader->size - (size_t)(optional - reader->bytes);
    if (reader->optional_size < directories || reader->optional_size > left)
        return refuse(reader, "optional header of %u bytes does not fit", (unsigned)reader->optional_size);
    if (pe_u16(optional) != (reader->plus ? PE_MAGIC_PE32_PLUS : PE_MAGIC_PE32))
        return refuse(reader, "optional header magic 0x%04x does not fit the machine", pe_u16(optional));
    facts->preferred_base = reader->plus ? pe_u64(optional + 24) : pe_u32(optional + 28);
    facts->section_alignment = pe_u32(optional + 32);
    facts->headers_size = pe_u32(optional + 60);
    facts->header.entry_rva = pe_u32(optional + 16);
    facts->header.subsystem_major = pe_u16(optional + 48);
    facts->header.subsystem_minor = pe_u16(optional + 50);
    facts->header.image_size = pe_u32(optional + 56);
    facts->header.checksum_stored = pe_u32(optional + 64);
    facts->header.subsystem = pe_u16(optional + 68);
    facts->header.dll_characteristics = pe_u16(optional + 70);
    facts->header.checksum_computed = pe_checksum(reader->bytes, reader->size, (size_t)(optional - reader->bytes) + 64);

    uint32_t file_alignment = pe_u32(optional + 36);
    if (!power_of_two(facts->section_alignment) || !power_of_two(file_alignment) || file_alignment > facts->section_alignment ||
        (file_alignment < 512 && file_alignment != facts->section_alignment))
        return refuse(reader, "section alignment 0x%x and file alignment 0x%x are not valid", (unsigned)facts->section_alignment,
                      (unsigned)file_alignment);
    if (facts->header.image_size == 0 || facts->header.image_size > IMAGE_SIZE_LIMIT)
        return refuse(reader, "image size of %u bytes (at most %u)", (unsigned)facts->header.image_size, IMAGE_SIZE_LIMIT);
    uint64_t section_table_end =
        (uint64_t)(optional - reader->bytes) + reader->optional_size + (uint64_t)reader->section_count * PE_SECTION_HEADER_SIZE;
    if (section_table_end > facts->headers_size || facts->headers_size > reader->size || facts->headers_size > facts->header.image_size)
        return refuse(reader, "headers of %u bytes do not hold the section table or exceed the file", (unsigned)facts->headers_size);
    return true;
}

/* Directory `index`; size 0 where there is none. The security directory's address is a file offset, the others' an RVA. */
static bool read_directory(struct reader *reader, unsigned index, struct pe_range *range)
{
    const uint32_t count_offset = reader->plus ? 108 : 92;
    uint32_t count = pe_u32(reader->optional + count_offset);
    *range = (struct pe_range){0, 0};
    if (index >= count || index >= PE_DIRECTORY_COUNT)
        return true;
    uint32_t offset = count_offset + 4 + index * 8;
    if (offset > reader->optional_size - 8)
        return refuse(reader, "%u data directories exceed the optional header", (unsigned)count);
    range->rva = pe_u32(reader->optional + offset);
    range->size = pe_u32(reader->optional + offset + 4);
    size_t limit = index == PE_DIRECTORY_SECURITY ? reader->size : reader->facts->header.image_size;
    if (range->rva == 0 || range->size == 0)
        *range = (struct pe_range){0, 0};
    else if (range->rva > limit || range->size > limit - range->rva)
        return refuse(reader, "data directory %u lies outside the %s", index, index == PE_DIRECTORY_SECURITY ? "file" : "image");
    return true;
}

/* ---- sections ---- */

static bool read_section(struct reader *reader, const uint8_t *header, uint32_t *next_rva, struct image_section_facts *section)
{
    const struct image_facts *facts = reader->facts;
    const uint32_t alignment = facts->section_alignment;
    for (unsigned i = 0; i < 8 && header[i]; i++)
        section->name[i] = header[i] > ' ' && header[i] < 0x7F ? (char)header[i] : '?';
    uint32_t virtual_size = pe_u32(header + 8);
    uint32_t raw_offset = pe_u32(header + 20);
    section->rva = pe_u32(header + 12);
    section->raw_size = pe_u32(header + 16);
    section->flags = pe_u32(header + 36);
    section->size = virtual_size ? virtual_size : section->raw_size;
    if (section->size == 0)
        return refuse(reader, "section %s is empty", section->name);
    if (section->rva != *next_rva)
        return refuse(reader, "section %s is at RVA 0x%x, not behind the one before it (0x%x)", section->name, (unsigned)section->rva,
                      (unsigned)*next_rva);
    if (section->rva > facts->header.image_size || section->size > facts->header.image_size - section->rva)
        return refuse(reader, "section %s exceeds the image", section->name);
    if (section->raw_size && (raw_offset > reader->size || section->raw_size > reader->size - raw_offset))
        return refuse(reader, "section %s exceeds the file (truncated?)", section->name);
    if (section->raw_size && alignment < PE_PAGE_SIZE && raw_offset != section->rva)
        return refuse(reader, "section %s of an image with small alignment is not at its RVA in the file", section->name);
    uint32_t copied = section->raw_size < section->size ? section->raw_size : section->size;
    if (copied)
        memcpy(facts->flat + section->rva, reader->bytes + raw_offset, copied);
    uint64_t next = ((uint64_t)section->rva + section->size + alignment - 1) & ~(uint64_t)(alignment - 1);
    *next_rva = next > UINT32_MAX ? UINT32_MAX : (uint32_t)next;
    return true;
}

static bool read_sections(struct reader *reader)
{
    struct image_facts *facts = reader->facts;
    facts->flat = calloc(1, facts->header.image_size);
    facts->sections = calloc(reader->section_count, sizeof(*facts->sections));
    if (!facts->flat || !facts->sections)
        return refuse(reader, "out of memory");
    memcpy(facts->flat, reader->bytes, facts->headers_size);
    const uint8_t *header = reader->optional + reader->optional_size;
    uint32_t alignment = facts->section_alignment;
    uint32_t next_rva = (facts->headers_size + alignment - 1) & ~(alignment - 1);
    for (unsigned i = 0; i < reader->section_count; i++, header += PE_SECTION_HEADER_SIZE) {
        if (!read_section(reader, header, &next_rva, &facts->sections[i]))
            return false;
        facts->section_count++;
    }
    return true;
}

/* ---- imports ---- */

/* A terminated string of printable characters inside the image, or NULL. */
static const char *image_string(const struct image_facts *facts, uint32_t rva)
{
    uint32_t limit = facts->header.image_size;
    for (uint32_t length = 0; rva < limit && length <= NAME_LIMIT && length < limit - rva; length++) {
        uint8_t byte = facts->flat[rva + length];
        if (byte == 0)
            return length ? (const char *)facts->flat + rva : NULL;
        if (byte <= ' ' || byte >= 0x7F)
            return NULL;
    }
    return NULL;
}

static bool import_append(struct reader *reader, const struct pe_import *import)
{
    struct image_facts *facts = reader->facts;
    if (facts->import_count == IMPORT_LIMIT)
        return refuse(reader, "more than %u imports", IMPORT_LIMIT);
    if (facts->import_count == reader->import_capacity) {
        unsigned capacity = reader->import_capacity ? reader->import_capacity * 2 : 32;
        struct pe_import *grown = realloc(facts->imports, capacity * sizeof(*grown));
        if (!grown)
            return refuse(reader, "out of memory");
        facts->imports = grown;
        reader->import_capacity = capacity;
    }
    facts->imports[facts->import_count++] = *import;
    return true;
}

/* One DLL: a table of names (or of addresses to be, which then still holds the names) and the slots beside it. */
static bool read_import_descriptor(struct reader *reader, const char *dll, uint32_t names_rva, uint32_t slots_rva)
{
    const struct image_facts *facts = reader->facts;
    const uint32_t width = reader->plus ? 8 : 4;
    const uint64_t ordinal_flag = reader->plus ? 1ull << 63 : 1ull << 31;
    for (uint32_t offset = 0;; offset += width) {
        if (names_rva > facts->header.image_size - width || offset > facts->header.image_size - width - names_rva ||
            slots_rva > facts->header.image_size - width || offset > facts->header.image_size - width - slots_rva)
            return refuse(reader, "import table of %s runs out of the image", dll);
        const uint8_t *entry = facts->flat + names_rva + offset;
        uint64_t value = reader->plus ? pe_u64(entry) : pe_u32(entry);
        if (value == 0)
            return true;
        struct pe_import import = {.dll = dll, .slot_rva = slots_rva + offset};
        if (value & ordinal_flag) {
            snprintf(import.ordinal_text, sizeof(import.ordinal_text), "#%u", (unsigned)(value & 0xFFFF));
        } else {
            import.name = value < facts->header.image_size - 2 ? image_string(facts, (uint32_t)value + 2) : NULL;
            if (!import.name)
                return refuse(reader, "an import of %s has no valid name", dll);
        }
        if (!import_append(reader, &import))
            return false;
    }
}

static bool read_imports(struct reader *reader)
{
    const struct image_facts *facts = reader->facts;
    struct pe_range directory;
    if (!read_directory(reader, PE_DIRECTORY_IMPORT, &directory))
        return false;
    for (uint32_t offset = 0; directory.size; offset += PE_IMPORT_DESCRIPTOR_SIZE) {
        /* The table ends with an empty descriptor, whatever the directory's size says. */
        uint32_t room = facts->header.image_size - directory.rva;
        if (room < PE_IMPORT_DESCRIPTOR_SIZE || offset > room - PE_IMPORT_DESCRIPTOR_SIZE)
            return refuse(reader, "import directory runs out of the image");
        const uint8_t *descriptor = facts->flat + directory.rva + offset;
        uint32_t names_rva = pe_u32(descriptor), dll_rva = pe_u32(descriptor + 12), slots_rva = pe_u32(descriptor + 16);
        if (dll_rva == 0 || slots_rva == 0)
            break;
        const char *dll = image_string(facts, dll_rva);
        if (!dll)
            return refuse(reader, "import descriptor %u has no valid DLL name", (unsigned)(offset / PE_IMPORT_DESCRIPTOR_SIZE));
        if (!read_import_descriptor(reader, dll, names_rva ? names_rva : slots_rva, slots_rva))
            return false;
    }
    return true;
}

/* ---- the whole ---- */

static bool read_everything(struct reader *reader)
{
    struct image_facts *facts = reader->facts;
    struct pe_range signature;
    if (!read_coff_header(reader) || !read_optional_header(reader) || !read_directory(reader, PE_DIRECTORY_SECURITY, &signature) ||
        !read_sections(reader) || !read_imports(reader) || !read_directory(reader, PE_DIRECTORY_BASERELOC, &facts->relocations) ||
        !read_directory(reader, PE_DIRECTORY_LOAD_CONFIG, &facts->load_config) ||
        !read_directory(reader, PE_DIRECTORY_RESOURCE, &facts->resources))
        return false;
    facts->header.has_signature = signature.size != 0;
    if (facts->header.entry_rva >= facts->header.image_size)
        return refuse(reader, "entry point 0x%x lies outside the image", (unsigned)facts->header.entry_rva);
    return true;
}

struct image_facts *image_facts_from_bytes(const char *name, const uint8_t *bytes, size_t size, char *error, size_t error_size)
{
    struct image_facts *facts = calloc(1, sizeof(*facts));
    struct reader reader = {.bytes = bytes, .size = size, .facts = facts, .error = error, .error_size = error_size};
    if (!facts) {
        refuse(&reader, "out of memory");
        return NULL;
    }
    snprintf(facts->name, sizeof(facts->name), "%s", name);
    if (!read_everything(&reader)) {
        image_facts_free(facts);
        return NULL;
    }
    return facts;
}

struct image_facts *image_facts_read(const char *path, char *error, size_t error_size)
{
    struct image_facts *facts = NULL;
    struct stat status;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) != 0) {
        snprintf(error, error_size, "cannot open: %s", strerror(errno));
    } else if (!S_ISREG(status.st_mode)) {
        snprintf(error, error_size, "not a file");
    } else if (status.st_size == 0 || status.st_size > FILE_SIZE_LIMIT) {
        snprintf(error, error_size, "not a PE file (%lld bytes)", (long long)status.st_size);
    } else {
        /* Read, not mapped: a file that shrinks meanwhile must not fault. */
        size_t size = (size_t)status.st_size, used = 0;
        uint8_t *bytes = malloc(size);
        ssize_t got = 1;
        while (bytes && used < size && (got = read(file, bytes + used, size - used)) > 0)
            used += (size_t)got;
        const char *slash = strrchr(path, '/');
        if (!bytes || got < 0)
            snprintf(error, error_size, "cannot read: %s", strerror(errno));
        else
            facts = image_facts_from_bytes(slash ? slash + 1 : path, bytes, used, error, error_size);
        free(bytes);
    }
    if (file >= 0)
        close(file);
    return facts;
}

void image_facts_free(struct image_facts *facts)
{
    if (!facts)
        return;
    free(facts->sections);
    free(facts->imports);
    free(facts->flat);
    free(facts);
}

enum image_machine image_facts_machine(const struct image_facts *facts)
{
    return facts->machine;
}

unsigned image_section_count(const struct image_facts *facts)
{
    return facts->section_count;
}

struct image_section_facts image_section(const struct image_facts *facts, unsigned index)
{
    return facts->sections[index];
}

unsigned image_import_count(const struct image_facts *facts)
{
    return facts->import_count;
}

struct image_import_facts image_import(const struct image_facts *facts, unsigned index)
{
    const struct pe_import *import = &facts->imports[index];
    return (struct image_import_facts){import->dll, import->name ? import->name : import->ordinal_text};
}

struct image_header_facts image_header(const struct image_facts *facts)
{
    return facts->header;
}
