/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* coverage.c - every export of Windows 7 on this machine against the registered rows: implemented, missing, or not for miniports. */
#include "cli/coverage.h"

#include <stdio.h>
#include <strings.h>

#include "abi/export_facts.h"
#include "cli/host.h"

static const char *const dlls[] = {"ndis.sys", "ntoskrnl.exe", "hal.dll"};
enum { DLL_COUNT = sizeof(dlls) / sizeof(dlls[0]) };

enum coverage { COVERAGE_IMPLEMENTED, COVERAGE_MISSING, COVERAGE_ELSEWHERE };
static const char *const coverage_names[] = {"implemented", "missing", "not for miniports"};

static enum coverage coverage_of(unsigned index)
{
    if (host_knows_import(export_facts[index].dll, export_facts[index].name))
        return COVERAGE_IMPLEMENTED;
    return export_not_for_miniports[index] ? COVERAGE_ELSEWHERE : COVERAGE_MISSING;
}

/* Not one of those that only an address leads to. */
static bool is_of_windows(unsigned index)
{
    bool found = false;
    for (unsigned i = 0; i < DLL_COUNT; ++i)
        found |= strcasecmp(dlls[i], export_facts[index].dll) == 0;
    return found;
}

struct tally {
    unsigned counts[3]; /* by enum coverage */
};

/* Of one DLL, or of all of them (NULL). */
static struct tally tally(const char *dll)
{
    struct tally tally = {{0}};
    for (unsigned i = 0; i < export_facts_count; ++i)
        if (dll ? strcasecmp(dll, export_facts[i].dll) == 0 : is_of_windows(i))
            ++tally.counts[coverage_of(i)];
    return tally;
}

static double percent(unsigned part, unsigned whole)
{
    return whole ? 100.0 * part / whole : 100.0;
}

static double tally_percent(const struct tally *tally)
{
    unsigned implemented = tally->counts[COVERAGE_IMPLEMENTED];
    return percent(implemented, implemented + tally->counts[COVERAGE_MISSING]);
}

/* ---- for people ---- */

static void print_tally(const char *name, const struct tally *tally)
{
    unsigned implemented = tally->counts[COVERAGE_IMPLEMENTED];
    printf("  %-14s %4u of %4u implemented, %5.1f %%\n", name, implemented, implemented + tally->counts[COVERAGE_MISSING],
           tally_percent(tally));
}

static void print_names(const char *dll, enum coverage wanted)
{
    for (unsigned i = 0; i < export_facts_count; ++i) {
        if (strcasecmp(dll, export_facts[i].dll) != 0 || coverage_of(i) != wanted)
            continue;
        if (wanted == COVERAGE_ELSEWHERE)
            printf("  %-14s %-44s %s\n", dll, export_facts[i].name, export_not_for_miniports[i]);
        else
            printf("  %-14s %s\n", dll, export_facts[i].name);
    }
}

static void print_summary(void)
{
    struct tally all = tally(NULL);
    printf("exports of Windows 7 that a miniport may import, %s\n", host_architecture_name());
    for (unsigned i = 0; i < DLL_COUNT; ++i) {
        struct tally one = tally(dlls[i]);
        print_tally(dlls[i], &one);
    }
    print_tally("all", &all);
}

void coverage_print(unsigned unknown, unsigned imports)
{
    printf("imports of this image: %u of %u implemented, %.1f %%\n", imports - unknown, imports, percent(imports - unknown, imports));
    print_summary();
}

static void print_all(void)
{
    for (enum coverage wanted = COVERAGE_IMPLEMENTED; wanted <= COVERAGE_ELSEWHERE; ++wanted) {
        printf("%s\n", coverage_names[wanted]);
        for (unsigned i = 0; i < DLL_COUNT; ++i)
            print_names(dlls[i], wanted);
    }
    print_summary();
}

/* ---- for machines ---- */

static json_t *tally_json(const struct tally *tally)
{
    return json_pack("{s:i, s:i, s:i, s:f}", "implemented", (int)tally->counts[COVERAGE_IMPLEMENTED], "missing",
                     (int)tally->counts[COVERAGE_MISSING], "not_for_miniports", (int)tally->counts[COVERAGE_ELSEWHERE], "percent",
                     tally_percent(tally));
}

json_t *coverage_json(void)
{
    json_t *rows = json_array(), *object = json_object(), *per_dll = json_object();
    struct tally all = tally(NULL);
    for (unsigned i = 0; i < export_facts_count; ++i) {
        enum coverage coverage = coverage_of(i);
        if (!is_of_windows(i))
            continue;
        json_t *row = json_pack("{s:s, s:s, s:b}", "dll", export_facts[i].dll, "name", export_facts[i].name, "implemented",
                                coverage == COVERAGE_IMPLEMENTED);
        if (coverage == COVERAGE_ELSEWHERE)
            json_object_set_new(row, "not_for_miniports", json_string(export_not_for_miniports[i]));
        json_array_append_new(rows, row);
    }
    for (unsigned i = 0; i < DLL_COUNT; ++i) {
        struct tally one = tally(dlls[i]);
        json_object_set_new(per_dll, dlls[i], tally_json(&one));
    }
    json_object_set_new(object, "machine", json_string(host_architecture_name()));
    json_object_set_new(object, "all", tally_json(&all));
    json_object_set_new(object, "dlls", per_dll);
    json_object_set_new(object, "exports", rows);
    return object;
}

void coverage_alone(bool json)
{
    if (!json) {
        print_all();
        return;
    }
    json_t *object = coverage_json();
    json_dumpf(object, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(object);
}
