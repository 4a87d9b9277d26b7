/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* format.h - the numbers of the PE/COFF specification that a kernel driver's loader needs. */
#ifndef NDISHOST_PE_FORMAT_H
#define NDISHOST_PE_FORMAT_H

#include <stdint.h>
#include <string.h>

enum {
    PE_MACHINE_I386 = 0x014C,
    PE_MACHINE_AMD64 = 0x8664,
    PE_MAGIC_PE32 = 0x010B,
    PE_MAGIC_PE32_PLUS = 0x020B,
    PE_SUBSYSTEM_NATIVE = 1,

    PE_DOS_HEADER_SIZE = 64,
    PE_DOS_LFANEW = 60,
    PE_COFF_HEADER_SIZE = 20,
    PE_SECTION_HEADER_SIZE = 40,
    PE_IMPORT_DESCRIPTOR_SIZE = 20,

    PE_FILE_RELOCS_STRIPPED = 0x0001,
    PE_FILE_EXECUTABLE_IMAGE = 0x0002,

    PE_DIRECTORY_IMPORT = 1,
    PE_DIRECTORY_RESOURCE = 2,
    PE_DIRECTORY_SECURITY = 4,
    PE_DIRECTORY_BASERELOC = 5,
    PE_DIRECTORY_LOAD_CONFIG = 10,
    PE_DIRECTORY_COUNT = 16,

    PE_RELOCATION_ABSOLUTE = 0,
    PE_RELOCATION_HIGHLOW = 3,
    PE_RELOCATION_DIR64 = 10,

    PE_PAGE_SIZE = 4096,
};
#define PE_SECTION_DISCARDABLE 0x02000000u
#define PE_SECTION_EXECUTE     0x20000000u
#define PE_SECTION_READ        0x40000000u
#define PE_SECTION_WRITE       0x80000000u

/* Little-endian fields at any alignment; the caller has checked the bounds. */
static inline uint16_t pe_u16(const uint8_t *at)
{
    return (uint16_t)(at[0] | at[1] << 8);
}
static inline uint32_t pe_u32(const uint8_t *at)
{
    return pe_u16(at) | (uint32_t)pe_u16(at + 2) << 16;
}
static inline uint64_t pe_u64(const uint8_t *at)
{
    return pe_u32(at) | (uint64_t)pe_u32(at + 4) << 32;
}

#endif
