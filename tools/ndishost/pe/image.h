/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * image.h - loads a PE32 or PE32+ kernel driver exactly as released: sections with their protections, relocations, imports by name
 * through exec/call.h, INIT freed after DriverEntry. The file is hostile input: every offset and count is checked.
 */
#ifndef NDISHOST_PE_IMAGE_H
#define NDISHOST_PE_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum image_machine { IMAGE_UNKNOWN, IMAGE_X86, IMAGE_X64 };

/* The facts of a file that need no loading; valid for both machines in both twins (`ndishost info`, choice of the twin). */
struct image_facts;
/* Reads and checks a file. On failure returns NULL and writes one line (no newline) that says what is wrong to `error`. */
struct image_facts *image_facts_read(const char *path, char *error, size_t error_size);
void image_facts_free(struct image_facts *facts);
enum image_machine image_facts_machine(const struct image_facts *facts);

struct image_section_facts {
    char name[9];
    uint32_t rva, size, raw_size, flags;
};
struct image_import_facts {
    const char *dll;
    const char *name;
};
unsigned image_section_count(const struct image_facts *facts);
struct image_section_facts image_section(const struct image_facts *facts, unsigned index);
unsigned image_import_count(const struct image_facts *facts);
struct image_import_facts image_import(const struct image_facts *facts, unsigned index);
/* Header fields for `info`: subsystem, versions, checksum stored and computed, DllCharacteristics, timestamp, entry RVA. */
struct image_header_facts {
    uint16_t subsystem, subsystem_major, subsystem_minor, dll_characteristics, characteristics;
    uint32_t checksum_stored, checksum_computed, timestamp, entry_rva, image_size;
    bool has_signature;
};
struct image_header_facts image_header(const struct image_facts *facts);

/*
 * The text of `id` in the image's message table, in one line of UTF-8, its inserts (%2) as they stand there; cut where the buffer ends.
 * False: it has none.
 */
bool image_message(const struct image_facts *facts, uint32_t id, char *buffer, size_t size);

/* A loaded image of this process's own machine. */
struct image;
/* Loads `facts`; unknown imports are refused by name ("DLL!Name", all of them) before anything runs. NULL and `error` on failure. */
struct image *image_load(const struct image_facts *facts, char *error, size_t error_size);
void image_discard_init(struct image *image); /* after DriverEntry: discardable sections become inaccessible */
void image_unload(struct image *image);       /* afterwards an access to its range is an access violation */
uintptr_t image_entry(const struct image *image);
uintptr_t image_base(const struct image *image);
size_t image_size(const struct image *image); /* in whole pages */
/* "aero_virtio_net.sys+0x1234 (.text)" when the address lies in an image, "(.text, unloaded)" when it lay in one, else "0x...". Static
 * per-thread buffer of the caller's. */
const char *image_describe_address(uintptr_t address, char *buffer, size_t size);
bool image_contains(uintptr_t address);

#endif
