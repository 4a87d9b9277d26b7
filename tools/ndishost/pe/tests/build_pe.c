/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* build_pe.c - builds a small driver image in memory, byte by byte, for tests of the reader and the loader. */
#include "build_pe.h"

#include <string.h>

void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)value;
    at[1] = (uint8_t)(value >> 8);
}

void put32(uint8_t *at, uint32_t value)
{
    put16(at, value & 0xFFFF);
    put16(at + 2, value >> 16);
}

void put64(uint8_t *at, uint64_t value)
{
    put32(at, (uint32_t)value);
    put32(at + 4, (uint32_t)(value >> 32));
}

static void put_word(uint8_t *at, bool plus, uint64_t value)
{
    plus ? put64(at, value) : put32(at, (uint32_t)value);
}

static size_t optional_size(bool plus)
{
    return (plus ? 112 : 96) + 16 * 8;
}

size_t file_directory(bool plus, unsigned index)
{
    return FILE_OPTIONAL + (plus ? 112 : 96) + index * 8;
}

size_t file_section(bool plus, unsigned index)
{
    return FILE_OPTIONAL + optional_size(plus) + index * 40;
}

static void put_headers(uint8_t *file, bool plus)
{
    memcpy(file, "MZ", 2);
    put32(file + FILE_LFANEW, FILE_PE);
    memcpy(file + FILE_PE, "PE\0", 4);
    put16(file + FILE_COFF, plus ? 0x8664 : 0x14C);
    put16(file + FILE_COFF + 2, 4);
    put32(file + FILE_COFF + 4, 0x4D000000);
    put16(file + FILE_COFF + 16, (unsigned)optional_size(plus));
    put16(file + FILE_COFF + 18, plus ? 0x22 : 0x102);
    uint8_t *optional = file + FILE_OPTIONAL;
    put16(optional, plus ? 0x20B : 0x10B);
    put32(optional + 16, BUILT_TEXT_RVA);
    put_word(optional + (plus ? 24 : 28), plus, BUILT_PREFERRED_BASE);
    put32(optional + 32, 0x1000);
    put32(optional + 36, 0x200);
    put16(optional + 40, 6);
    put16(optional + 42, 1);
    put16(optional + 48, 6);
    put16(optional + 50, 1);
    put32(optional + 56, BUILT_IMAGE_SIZE);
    put32(optional + 60, 0x400);
    put16(optional + 68, 1);
    put32(optional + (plus ? 108 : 92), 16);
}

static void put_directory(uint8_t *file, bool plus, unsigned index, uint32_t rva, uint32_t size)
{
    put32(file + file_directory(plus, index), rva);
    put32(file + file_directory(plus, index) + 4, size);
}

static void put_section(uint8_t *file, bool plus, unsigned index, const char *name, uint32_t rva, uint32_t raw, uint32_t raw_size,
                        uint32_t flags)
{
    uint8_t *header = file + file_section(plus, index);
    strncpy((char *)header, name, 8);
    put32(header + 8, 0x1000);
    put32(header + 12, rva);
    put32(header + 16, raw_size);
    put32(header + 20, raw);
    put32(header + 36, flags);
}

/* INIT: two descriptors; each one's names at +0x100 * its number, hint and name strings from +0x400. */
static void put_imports(uint8_t *file, bool plus)
{
    static const struct {
        const char *dll, *names[3];
    } dlls[] = {{"ntoskrnl.exe", {"KeFirst", "KeSecond"}}, {"hal.dll", {"HalThird"}}};
    const unsigned width = plus ? 8 : 4;
    unsigned slot = 0, text = 0x400;
    for (unsigned d = 0; d < 2; d++) {
        uint8_t *descriptor = file + FILE_INIT + d * 20;
        uint32_t table = 0x100 * (d + 1);
        put32(descriptor, BUILT_INIT_RVA + table);
        put32(descriptor + 12, BUILT_INIT_RVA + text);
        put32(descriptor + 16, BUILT_SLOTS + slot * width);
        strcpy((char *)file + FILE_INIT + text, dlls[d].dll);
        text += 0x20;
        for (unsigned n = 0; dlls[d].names[n]; n++) {
            put_word(file + FILE_INIT + table + n * width, plus, BUILT_INIT_RVA + text);
            put_word(file + FILE_DATA + (BUILT_SLOTS - BUILT_DATA_RVA) + slot++ * width, plus, BUILT_INIT_RVA + text);
            strcpy((char *)file + FILE_INIT + text + 2, dlls[d].names[n]);
            text += 0x20;
        }
        slot++; /* the terminator */
    }
}

/* One entry of a directory with one id. */
static void put_resource_directory(uint8_t *at, uint32_t id, uint32_t target)
{
    put16(at + 14, 1);
    put32(at + 16, id);
    put32(at + 20, target);
}

/* A message in UTF-16 and its head; returns what follows it. */
static uint8_t *put_message(uint8_t *at, const char *text)
{
    size_t units = strlen(text) + 1;
    put16(at, (unsigned)(4 + 2 * units));
    put16(at + 2, 1);
    for (size_t i = 0; i < units; i++)
        put16(at + 4 + 2 * i, (unsigned char)text[i]);
    return at + 4 + 2 * units;
}

static void put_messages(uint8_t *file)
{
    uint8_t *resources = file + FILE_RESOURCES, *table = resources + 0x58;
    put_resource_directory(resources, 11, 0x80000018u);
    put_resource_directory(resources + 0x18, 1, 0x80000030u);
    put_resource_directory(resources + 0x30, 0x409, 0x48);
    put32(resources + 0x48, BUILT_RESOURCES + 0x58);
    put32(resources + 0x4C, BUILT_RESOURCES_SIZE - 0x58);
    put32(table, 2);
    put32(table + 4, 3);
    put32(table + 8, 4);
    put32(table + 12, 28);
    put32(table + 16, 0xC0AE0001u);
    put32(table + 20, 0xC0AE0001u);
    uint8_t *next = put_message(put_message(table + 28, "%2: three\r\nlines\r\n"), "four");
    put32(table + 24, (uint32_t)(next - table));
    put_message(next, "own");
}

void build_pe(uint8_t *file, bool plus)
{
    static const uint8_t return_42[] = {0xB8, 42, 0, 0, 0, 0xC3};
    memset(file, 0, BUILT_SIZE);
    put_headers(file, plus);
    put_section(file, plus, 0, ".text", BUILT_TEXT_RVA, FILE_TEXT, 0x200, 0x68000020);
    put_section(file, plus, 1, ".data", BUILT_DATA_RVA, FILE_DATA, 0x200, 0xC8000040);
    put_section(file, plus, 2, "INIT", BUILT_INIT_RVA, FILE_INIT, 0xA00, 0x62000020);
    put_section(file, plus, 3, ".reloc", BUILT_RELOC_RVA, FILE_RELOC, 0x200, 0x42000040);
    put_directory(file, plus, 1, BUILT_INIT_RVA, 60);
    put_directory(file, plus, 5, BUILT_RELOC_RVA, 16);
    put_directory(file, plus, 10, BUILT_CONFIG, plus ? 112 : 72);
    memcpy(file + FILE_TEXT, return_42, sizeof(return_42));
    put_word(file + FILE_DATA, plus, BUILT_PREFERRED_BASE + BUILT_TEXT_RVA);
    put_word(file + FILE_DATA + 0x10, plus, plus ? 0x00002B992DDFA232ull : 0xBB40E64Eu);
    put32(file + FILE_DATA + 0x100, plus ? 112 : 72);
    put_word(file + FILE_DATA + 0x100 + (plus ? 88 : 60), plus, BUILT_PREFERRED_BASE + BUILT_COOKIE);
    put_directory(file, plus, 2, BUILT_RESOURCES, BUILT_RESOURCES_SIZE);
    put_messages(file);
    put_imports(file, plus);
    put32(file + FILE_RELOC, BUILT_DATA_RVA);
    put32(file + FILE_RELOC + 4, 16);
    unsigned type = plus ? 0xA000 : 0x3000;
    put16(file + FILE_RELOC + 8, type | (BUILT_POINTER - BUILT_DATA_RVA));
    put16(file + FILE_RELOC + 10, type | (0x100 + (plus ? 88 : 60)));
    build_pe_checksum(file, BUILT_SIZE);
}

void build_pe_checksum(uint8_t *file, size_t size)
{
    uint64_t sum = 0;
    put32(file + FILE_OPTIONAL + 64, 0);
    for (size_t i = 0; i < size; i += 2)
        sum += file[i] + 256u * (i + 1 < size ? file[i + 1] : 0);
    while (sum >= 65536)
        sum = sum % 65536 + sum / 65536;
    put32(file + FILE_OPTIONAL + 64, (uint32_t)(sum + size));
}
