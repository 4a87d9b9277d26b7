/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* build_pe.h - builds a small driver image in memory, byte by byte, for tests of the reader and the loader. */
#ifndef NDISHOST_PE_TESTS_BUILD_PE_H
#define NDISHOST_PE_TESTS_BUILD_PE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    BUILT_SIZE = 0x1400,
    BUILT_TEXT_RVA = 0x1000, /* entry: returns 42 */
    BUILT_DATA_RVA = 0x2000, /* see below */
    BUILT_INIT_RVA = 0x3000, /* discardable: import tables */
    BUILT_RELOC_RVA = 0x4000,
    BUILT_IMAGE_SIZE = 0x5000,
    /* in .data */
    BUILT_POINTER = BUILT_DATA_RVA,        /* relocated: address of BUILT_TEXT_RVA */
    BUILT_COOKIE = BUILT_DATA_RVA + 0x10,  /* the compiler's default */
    BUILT_SLOTS = BUILT_DATA_RVA + 0x20,   /* import slots: ntoskrnl.exe!KeFirst, ntoskrnl.exe!KeSecond; hal.dll!HalThird */
    BUILT_CONFIG = BUILT_DATA_RVA + 0x100, /* load configuration */
    BUILT_RESOURCES = BUILT_INIT_RVA + 0x600,
    BUILT_RESOURCES_SIZE = 0x100, /* message table: ids 3 and 4, and 0xC0AE0001 */
};
#define BUILT_PREFERRED_BASE 0x10000000u

/* Offsets into the file, for tests that spoil something. */
enum {
    FILE_LFANEW = 0x3C,
    FILE_PE = 0x40,
    FILE_COFF = FILE_PE + 4,
    FILE_OPTIONAL = FILE_COFF + 20,
    FILE_TEXT = 0x400,
    FILE_DATA = 0x600,
    FILE_INIT = 0x800,
    FILE_RESOURCES = FILE_INIT + 0x600, /* type, name, language at +0, +0x18, +0x30; leaf at +0x48; table at +0x58 */
    FILE_RELOC = 0x1200,
};
size_t file_directory(bool plus, unsigned index); /* offset of a data directory */
size_t file_section(bool plus, unsigned index);   /* offset of a section header */

void build_pe(uint8_t *file, bool plus);
/* After changes: makes the stored checksum right again. */
void build_pe_checksum(uint8_t *file, size_t size);

void put16(uint8_t *at, unsigned value);
void put32(uint8_t *at, uint32_t value);
void put64(uint8_t *at, uint64_t value);

#endif
