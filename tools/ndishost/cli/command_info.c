/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* command_info.c - `ndishost info`: what is in a driver's file, and whether it could be run. */
#include <jansson.h>
#include <stdio.h>
#include <strings.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/coverage.h"
#include "cli/json_text.h"
#include "cli/host.h"
#include "cli/options.h"
#include "pe/image.h"

enum { SUBSYSTEM_NATIVE = 1, SECTION_DISCARDABLE = 0x02000000, SECTION_EXECUTE = 0x20000000, SECTION_READ = 0x40000000 };
static const uint32_t SECTION_WRITE = 0x80000000u;

static bool checksum_is_right(const struct image_header_facts *header)
{
    return header->checksum_stored == header->checksum_computed;
}

static unsigned unknown_imports(const struct image_facts *facts)
{
    unsigned unknown = 0;
    for (unsigned i = 0; i < image_import_count(facts); ++i) {
        struct image_import_facts import = image_import(facts, i);
        unknown += !host_knows_import(import.dll, import.name);
    }
    return unknown;
}

/* ---- for people ---- */

static void print_sections(const struct image_facts *facts)
{
    printf("sections\n");
    for (unsigned i = 0; i < image_section_count(facts); ++i) {
        struct image_section_facts section = image_section(facts, i);
        printf("  %-8s  at 0x%06x  %8u bytes, %8u in the file  %c%c%c%s\n", section.name, section.rva, section.size, section.raw_size,
               section.flags & SECTION_READ ? 'r' : '-', section.flags & SECTION_WRITE ? 'w' : '-',
               section.flags & SECTION_EXECUTE ? 'x' : '-', section.flags & SECTION_DISCARDABLE ? " discardable" : "");
    }
}

static void print_imports(const struct image_facts *facts)
{
    const char *dll = NULL;
    for (unsigned i = 0; i < image_import_count(facts); ++i) {
        struct image_import_facts import = image_import(facts, i);
        if (!dll || strcasecmp(dll, import.dll) != 0)
            printf("imports from %s\n", import.dll);
        dll = import.dll;
        printf("  %-44s %s\n", import.name, host_knows_import(import.dll, import.name) ? "implemented" : "NOT IMPLEMENTED");
    }
}

static void print_facts(const struct info_options *options, const struct image_facts *facts)
{
    struct image_header_facts header = image_header(facts);
    time_t stamp = (time_t)header.timestamp;
    char date[32] = "?";
    struct tm utc;
    if (gmtime_r(&stamp, &utc))
        strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S UTC", &utc);
    printf("%s\n", options->image);
    printf("  machine     %s\n", image_machine_name(image_facts_machine(facts)));
    printf("  subsystem   %u%s, version %u.%u\n", header.subsystem, header.subsystem == SUBSYSTEM_NATIVE ? " (native)" : "",
           header.subsystem_major, header.subsystem_minor);
    if (checksum_is_right(&header))
        printf("  checksum    0x%08x, right\n", header.checksum_stored);
    else
        printf("  checksum    0x%08x, WRONG: it should be 0x%08x\n", header.checksum_stored, header.checksum_computed);
    printf("  timestamp   0x%08x (%s, if it is a time)\n", header.timestamp, date);
    printf("  entry       0x%06x of 0x%06x\n", header.entry_rva, header.image_size);
    printf("  signature   %s\n", header.has_signature ? "present, not checked" : "none");
    print_sections(facts);
    print_imports(facts);
    unsigned unknown = unknown_imports(facts);
    if (unknown)
        printf("%u of %u imports are not implemented: it cannot be run\n", unknown, image_import_count(facts));
    else
        printf("all %u imports are implemented\n", image_import_count(facts));
    if (options->coverage)
        coverage_print(unknown, image_import_count(facts));
}

/* ---- for machines ---- */

static void print_json(const struct info_options *options, const struct image_facts *facts)
{
    struct image_header_facts header = image_header(facts);
    json_t *sections = json_array(), *imports = json_array();
    for (unsigned i = 0; i < image_section_count(facts); ++i) {
        struct image_section_facts section = image_section(facts, i);
        json_array_append_new(sections, json_pack("{s:o, s:I, s:I, s:I, s:I}", "name", json_from_text(section.name), "rva",
                                                  (json_int_t)section.rva, "size", (json_int_t)section.size, "raw_size",
                                                  (json_int_t)section.raw_size, "flags", (json_int_t)section.flags));
    }
    for (unsigned i = 0; i < image_import_count(facts); ++i) {
        struct image_import_facts import = image_import(facts, i);
        json_array_append_new(imports, json_pack("{s:o, s:o, s:b}", "dll", json_from_text(import.dll), "name", json_from_text(import.name),
                                                 "implemented", host_knows_import(import.dll, import.name)));
    }
    json_t *object =
        json_pack("{s:o, s:s, s:i, s:i, s:i, s:I, s:b, s:I, s:I, s:b}", "image", json_from_text(options->image), "machine",
                  image_machine_name(image_facts_machine(facts)), "subsystem", header.subsystem, "subsystem_major", header.subsystem_major,
                  "subsystem_minor", header.subsystem_minor, "checksum", (json_int_t)header.checksum_stored, "checksum_right",
                  checksum_is_right(&header), "timestamp", (json_int_t)header.timestamp, "image_size", (json_int_t)header.image_size,
                  "signature", header.has_signature);
    json_object_set_new(object, "sections", sections);
    json_object_set_new(object, "imports", imports);
    json_object_set_new(object, "imports_unknown", json_integer(unknown_imports(facts)));
    if (options->coverage)
        json_object_set_new(object, "coverage", coverage_json());
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}

int command_info(int argc, char **argv)
{
    struct info_options options;
    char error[512];
    enum options_outcome outcome = info_options_parse(&options, argc, argv);
    if (outcome != OPTIONS_RUN)
        return outcome == OPTIONS_HELPED ? EXIT_OK : EXIT_INPUT;
    if (!options.image) {
        host_take_no_image();
        coverage_alone(options.json);
        return EXIT_OK;
    }
    struct image_facts *facts = host_read_image(options.image, error, sizeof(error));
    if (!facts || !host_take_image(facts, error, sizeof(error))) {
        fprintf(stderr, "ndishost: %s\n", error);
        image_facts_free(facts);
        return EXIT_INPUT;
    }
    if (options.json)
        print_json(&options, facts);
    else
        print_facts(&options, facts);
    image_facts_free(facts);
    return EXIT_OK;
}
