/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* facts.h - what facts.c found in a file, for the loader; everything in here is checked and inside the image. */
#ifndef NDISHOST_PE_FACTS_H
#define NDISHOST_PE_FACTS_H

#include "pe/image.h"

struct pe_range {
    uint32_t rva, size;
};

struct pe_import {
    const char *dll, *name; /* in flat, terminated; by ordinal: in ordinal_text */
    uint32_t slot_rva;      /* where the address goes */
    char ordinal_text[8];   /* "#65535", or empty */
};

struct image_facts {
    char name[64]; /* the file's name without its directory */
    enum image_machine machine;
    struct image_header_facts header;
    uint64_t preferred_base;
    uint32_t section_alignment;
    uint32_t headers_size;
    unsigned section_count;
    struct image_section_facts *sections; /* ascending, adjacent, inside the image */
    unsigned import_count;
    struct pe_import *imports;
    struct pe_range relocations, load_config, resources; /* size 0: none */
    uint8_t *flat;                                       /* header.image_size bytes: the file laid out as in memory, before relocation */
};

/* The same as image_facts_read() for a file that is in memory already: for tests and fuzzing. */
struct image_facts *image_facts_from_bytes(const char *name, const uint8_t *bytes, size_t size, char *error, size_t error_size);

#endif
