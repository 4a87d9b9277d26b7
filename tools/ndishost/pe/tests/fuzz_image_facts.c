/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_image_facts.c - any bytes as a driver file: reads every fact and loads what is loadable, whatever its checksum. Also called by
 * test_pe_mutations, for every byte of a file.
 */
#include "pe/facts.h"

#include <string.h>

#include "build_pe.h"
#include "fuzz_target.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char error[256] = "";
    struct image_facts *facts = image_facts_from_bytes("fuzz.sys", bytes, size, error, sizeof(error));
    if (!facts) {
        MUST(*error && !strchr(error, '\n')); /* a refusal is one line that says something */
        return 0;
    }
    size_t total = 0;
    for (unsigned i = 0; i < image_section_count(facts); i++) {
        struct image_section_facts section = image_section(facts, i);
        total += strlen(section.name);
        for (uint32_t offset = 0; offset < section.size; offset += 512)
            total += facts->flat[section.rva + offset];
    }
    for (unsigned i = 0; i < image_import_count(facts); i++)
        total += strlen(image_import(facts, i).dll) + strlen(image_import(facts, i).name);
    char message[64];
    for (uint32_t id = 0; id < 8; id++) {
        memset(message, 'x', sizeof(message));
        if (image_message(facts, id, message, sizeof(message)))
            MUST(*message && !strchr(message, '\n') && memchr(message, 0, sizeof(message)));
    }
    facts->header.checksum_stored = facts->header.checksum_computed;
    struct image *image = image_load(facts, error, sizeof(error));
    if (image) {
        char text[128];
        total += strlen(image_describe_address(image_entry(image), text, sizeof(text)));
        image_discard_init(image);
        image_unload(image);
    } else {
        MUST(*error && !strchr(error, '\n'));
    }
    image_facts_free(facts);
    return total == SIZE_MAX; /* keeps the reads */
}

/* Both machines; a load configuration with its cookie, relocations, imports, messages. */
size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    if (index >= 2)
        return 0;
    build_pe(bytes, index == 1);
    return BUILT_SIZE;
}
