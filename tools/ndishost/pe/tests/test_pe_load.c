/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A well-formed driver loads as on Windows; a spoilt one is refused with one line that says why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "build_pe.h"
#include "pe/facts.h"
#include "rules/rules.h"

#define OWN_PLUS (sizeof(void *) == 8)

static uint8_t file[BUILT_SIZE];
static char error[512];

static int fresh(void **state)
{
    (void)state;
    build_pe(file, OWN_PLUS);
    error[0] = 0;
    rules_reset();
    return 0;
}

static struct image_facts *read_file(void)
{
    return image_facts_from_bytes("built.sys", file, sizeof(file), error, sizeof(error));
}

/* Loads the (spoilt) file with a right checksum and expects a refusal. */
static void assert_refused(const char *expected)
{
    build_pe_checksum(file, sizeof(file));
    struct image_facts *facts = read_file();
    struct image *image = facts ? image_load(facts, error, sizeof(error)) : NULL;
    assert_null(image);
    assert_string_equal(error, expected);
    image_facts_free(facts);
}

static struct image *load(void)
{
    struct image_facts *facts = read_file();
    assert_non_null(facts);
    struct image *image = image_load(facts, error, sizeof(error));
    image_facts_free(facts); /* the image does not need them any more */
    if (!image)
        fail_msg("%s", error);
    return image;
}

static uintptr_t word_at(const struct image *image, uint32_t rva)
{
    uintptr_t value;
    memcpy(&value, (const void *)(image_base(image) + rva), sizeof(value));
    return value;
}

/* Whether the process may read / write the byte, found out by trying. */
static sigjmp_buf fault;
static void on_fault(int signal_number)
{
    siglongjmp(fault, signal_number);
}

static bool accessible(uintptr_t address, bool write)
{
    struct sigaction action = {.sa_handler = on_fault}, before;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before);
    volatile uint8_t *byte = (volatile uint8_t *)address;
    volatile bool result = true;
    if (sigsetjmp(fault, 1) == 0) {
        uint8_t value = *byte;
        if (write)
            *byte = value;
    } else {
        result = false;
    }
    sigaction(SIGSEGV, &before, NULL);
    return result;
}

static void facts_are_read_for_both_machines(void **state)
{
    (void)state;
    for (int plus = 0; plus < 2; plus++) {
        build_pe(file, plus);
        struct image_facts *facts = read_file();
        assert_non_null(facts);
        assert_int_equal(image_facts_machine(facts), plus ? IMAGE_X64 : IMAGE_X86);
        assert_int_equal(image_section_count(facts), 4);
        assert_string_equal(image_section(facts, 2).name, "INIT");
        assert_int_equal(image_import_count(facts), 3);
        assert_string_equal(image_import(facts, 1).dll, "ntoskrnl.exe");
        assert_string_equal(image_import(facts, 1).name, "KeSecond");
        assert_string_equal(image_import(facts, 2).dll, "hal.dll");
        struct image_header_facts header = image_header(facts);
        assert_int_equal(header.subsystem, 1);
        assert_int_equal(header.subsystem_major, 6);
        assert_int_equal(header.entry_rva, BUILT_TEXT_RVA);
        assert_int_equal(header.checksum_stored, header.checksum_computed);
        assert_false(header.has_signature);
        image_facts_free(facts);
    }
}

static void a_loaded_image_is_relocated_and_bound_and_runs(void **state)
{
    (void)state;
    struct image *image = load();
    assert_int_equal(word_at(image, BUILT_POINTER), image_base(image) + BUILT_TEXT_RVA);
    assert_int_equal(word_at(image, BUILT_SLOTS), 0x1111);
    assert_int_equal(word_at(image, BUILT_SLOTS + sizeof(uintptr_t)), 0x2222);
    assert_int_equal(word_at(image, BUILT_SLOTS + 3 * sizeof(uintptr_t)), 0x3333);
    int (*entry)(void) = (int (*)(void))image_entry(image);
    assert_int_equal(entry(), 42);
    image_unload(image);
}

static void the_security_cookie_is_made_random(void **state)
{
    (void)state;
    struct image *image = load();
    uintptr_t cookie = word_at(image, BUILT_COOKIE);
    assert_int_not_equal(cookie, (uintptr_t)(OWN_PLUS ? 0x00002B992DDFA232ull : 0xBB40E64Eu));
    assert_int_not_equal(cookie, 0);
    image_unload(image);
}

static void sections_have_their_protection_and_guard_pages_around(void **state)
{
    (void)state;
    struct image *image = load();
    uintptr_t base = image_base(image);
    assert_true(accessible(base, false));
    assert_false(accessible(base, true));
    assert_false(accessible(base + BUILT_TEXT_RVA, true));
    assert_true(accessible(base + BUILT_DATA_RVA, true));
    assert_false(accessible(base - 1, false));
    assert_false(accessible(base + BUILT_IMAGE_SIZE, false));
    image_unload(image);
    assert_false(accessible(base, false));
}

static void init_is_inaccessible_once_discarded(void **state)
{
    (void)state;
    struct image *image = load();
    assert_true(accessible(image_base(image) + BUILT_INIT_RVA, false));
    image_discard_init(image);
    assert_false(accessible(image_base(image) + BUILT_INIT_RVA, false));
    assert_false(accessible(image_base(image) + BUILT_RELOC_RVA, false));
    assert_true(accessible(image_base(image) + BUILT_DATA_RVA, true));
    image_unload(image);
}

static void an_address_is_described_while_its_image_is_loaded(void **state)
{
    (void)state;
    char text[128];
    struct image *image = load();
    uintptr_t address = image_base(image) + BUILT_TEXT_RVA + 0x12;
    assert_true(image_contains(address));
    assert_false(image_contains(image_base(image) - 1));
    assert_string_equal(image_describe_address(address, text, sizeof(text)), "built.sys+0x1012 (.text)");
    image_unload(image);
    assert_false(image_contains(address));
    assert_string_equal(image_describe_address(address, text, sizeof(text)), "built.sys+0x1012 (.text, unloaded)");
    assert_memory_equal(image_describe_address((uintptr_t)&address, text, sizeof(text)), "0x", 2);
}

static void unknown_imports_are_all_named(void **state)
{
    (void)state;
    memcpy(file + FILE_INIT + 0x422, "KeWrong\0", 8);
    memcpy(file + FILE_INIT + 0x482, "HalWrong\0", 9);
    assert_refused("unknown imports: ntoskrnl.exe!KeWrong, hal.dll!HalWrong");
}

static void an_import_by_ordinal_is_refused(void **state)
{
    (void)state;
    if (OWN_PLUS)
        put64(file + FILE_INIT + 0x200, 1ull << 63 | 7);
    else
        put32(file + FILE_INIT + 0x200, 1u << 31 | 7);
    assert_refused("import by ordinal: hal.dll!#7");
}

static void what_is_not_a_pe_file_is_refused(void **state)
{
    (void)state;
    file[0] = 'Z';
    assert_refused("not a PE file (no MZ header)");
    build_pe(file, OWN_PLUS);
    put32(file + FILE_LFANEW, 0xFFFFFFFC);
    assert_refused("not a PE file (no PE header at offset 0xfffffffc)");
    assert_null(image_facts_from_bytes("short.sys", file, 10, error, sizeof(error)));
}

static void another_machine_is_refused(void **state)
{
    (void)state;
    put16(file + FILE_COFF, 0xAA64);
    assert_refused("machine 0xaa64 is not x86 or x64");
    build_pe(file, !OWN_PLUS);
    assert_refused(OWN_PLUS ? "image for another machine, this process is x64" : "image for another machine, this process is x86");
}

static void what_is_not_a_driver_is_refused(void **state)
{
    (void)state;
    put16(file + FILE_OPTIONAL + 68, 3);
    assert_refused("subsystem 3 is not native (1): not a driver");
    build_pe(file, OWN_PLUS);
    file[FILE_COFF + 18] |= 1;
    assert_refused("relocations are stripped: not a driver");
    build_pe(file, OWN_PLUS);
    put32(file + FILE_OPTIONAL + 16, BUILT_DATA_RVA);
    assert_refused("entry point 0x2000 is not in an executable section");
}

static void messages_are_found_by_their_number(void **state)
{
    (void)state;
    struct image_facts *facts = read_file();
    char text[64], short_text[8];
    assert_true(image_message(facts, 3, text, sizeof(text)));
    assert_string_equal(text, "%2: three lines");
    assert_true(image_message(facts, 4, text, sizeof(text)));
    assert_string_equal(text, "four");
    assert_true(image_message(facts, 0xC0AE0001u, text, sizeof(text)));
    assert_string_equal(text, "own");
    assert_false(image_message(facts, 2, text, sizeof(text)));
    assert_false(image_message(facts, 5, text, sizeof(text)));
    assert_true(image_message(facts, 3, short_text, sizeof(short_text))); /* cut, and terminated */
    assert_string_equal(short_text, "%2:");
    image_facts_free(facts);
}

/* Each field of the tree and of the table, pointed somewhere else: no text, and no access outside (under memcheck and sanitizers). */
static void broken_message_tables_have_no_texts(void **state)
{
    (void)state;
    static const struct {
        unsigned at;
        uint32_t value;
    } broken[] = {
        {0x0C, 0},          {0x10, 12},         {0x14, 0x18},       {0x14, 0x800000FAu}, {0x2C, 0xFFFFFFFFu},
        {0x44, 0xF8},       {0x44, 0x80000048}, {0x48, 0x4FFF},     {0x48, 0xFFFFFFF0},  {0x4C, 0x5000},
        {0x4C, 3},          {0x58, 0},          {0x58, 0x40000000}, {0x5C, 4},           {0x60, 2},
        {0x64, 0xFFFFFFFF}, {0x64, 0xA7},       {0x74, 3},          {0x74, 0x4000},
    };
    for (unsigned i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        char text[64];
        build_pe(file, OWN_PLUS);
        put32(file + FILE_RESOURCES + broken[i].at, broken[i].value);
        struct image_facts *facts = read_file();
        assert_non_null(facts);
        if (image_message(facts, 3, text, sizeof(text)))
            fail_msg("0x%x at 0x%x gives \"%s\"", broken[i].value, broken[i].at, text);
        image_facts_free(facts);
    }
}

static void a_wrong_or_missing_checksum_is_refused(void **state)
{
    (void)state;
    for (int zero = 0; zero < 2; zero++) {
        build_pe(file, OWN_PLUS);
        zero ? put32(file + FILE_OPTIONAL + 64, 0) : (void)(file[FILE_TEXT + 0x100] ^= 1);
        struct image_facts *facts = read_file();
        assert_non_null(facts);
        assert_null(image_load(facts, error, sizeof(error)));
        assert_memory_equal(error, "PE checksum 0x", 14);
        image_facts_free(facts);
    }
}

static void malformed_relocations_are_refused(void **state)
{
    (void)state;
    put16(file + FILE_RELOC + 8, 0x5000);
    assert_refused("relocation of type 5 at RVA 0x2000");
    build_pe(file, OWN_PLUS);
    put32(file + FILE_RELOC, BUILT_RELOC_RVA + 0xFFE);
    assert_refused("relocation at RVA 0x4ffe outside the image's sections");
    build_pe(file, OWN_PLUS);
    put32(file + FILE_RELOC + 4, 0x1000);
    assert_refused("relocation block at offset 0x0 is malformed");
}

static void sections_outside_the_file_or_image_are_refused(void **state)
{
    (void)state;
    put32(file + file_section(OWN_PLUS, 1) + 20, BUILT_SIZE);
    assert_refused("section .data exceeds the file (truncated?)");
    build_pe(file, OWN_PLUS);
    put32(file + file_section(OWN_PLUS, 3) + 8, 0x2000);
    assert_refused("section .reloc exceeds the image");
    build_pe(file, OWN_PLUS);
    put32(file + file_section(OWN_PLUS, 1) + 12, 0x3000);
    assert_refused("section .data is at RVA 0x3000, not behind the one before it (0x2000)");
}

static void a_writable_code_section_is_warned_about(void **state)
{
    (void)state;
    put32(file + file_section(OWN_PLUS, 1) + 36, 0xE8000040);
    build_pe_checksum(file, sizeof(file));
    image_unload(load());
    assert_int_equal(rules_report_count("HOST-PE-WX"), 1);
    assert_int_equal(rules_violation_count(), 0);
}

static void sections_closer_than_pages_are_warned_about(void **state)
{
    static const uint32_t rvas[] = {BUILT_TEXT_RVA, BUILT_DATA_RVA, BUILT_INIT_RVA, BUILT_RELOC_RVA};
    static const uint32_t places[] = {FILE_TEXT, FILE_DATA, FILE_INIT, FILE_RELOC, BUILT_SIZE};
    static uint8_t wide[BUILT_IMAGE_SIZE]; /* each section at its RVA, as such an image must be */
    struct image_facts *facts;
    struct image *image;
    (void)state;
    put32(file + FILE_OPTIONAL + 32, 0x200);
    put32(file + FILE_OPTIONAL + 60, BUILT_TEXT_RVA);
    for (unsigned index = 0; index < 4; index++) {
        put32(file + file_section(OWN_PLUS, index) + 20, rvas[index]);
        memcpy(wide + rvas[index], file + places[index], places[index + 1] - places[index]);
    }
    memcpy(wide, file, FILE_TEXT);
    build_pe_checksum(wide, sizeof(wide));
    facts = image_facts_from_bytes("built.sys", wide, sizeof(wide), error, sizeof(error));
    assert_string_equal(error, "");
    image = image_load(facts, error, sizeof(error));
    assert_string_equal(error, "");
    image_facts_free(facts);
    image_unload(image);
    assert_int_equal(rules_report_count("HOST-PE-ALIGNMENT"), 1);
    assert_int_equal(rules_violation_count(), 0);
}

static void images_load_and_unload_a_thousand_times(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        image_unload(load());
}

static void files_that_cannot_be_read_are_refused(void **state)
{
    (void)state;
    assert_null(image_facts_read("/nonexistent.sys", error, sizeof(error)));
    assert_string_equal(error, "cannot open: No such file or directory");
    assert_null(image_facts_read("/", error, sizeof(error)));
    assert_string_equal(error, "not a file");
}

static void a_file_on_disk_is_named_after_its_last_component(void **state)
{
    (void)state;
    char path[] = "/tmp/ndishost-pe-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, file, sizeof(file)), sizeof(file));
    close(descriptor);
    struct image_facts *facts = image_facts_read(path, error, sizeof(error));
    unlink(path);
    assert_non_null(facts);
    assert_string_equal(facts->name, path + 5);
    image_facts_free(facts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(facts_are_read_for_both_machines, fresh),
        cmocka_unit_test_setup(a_loaded_image_is_relocated_and_bound_and_runs, fresh),
        cmocka_unit_test_setup(the_security_cookie_is_made_random, fresh),
        cmocka_unit_test_setup(sections_have_their_protection_and_guard_pages_around, fresh),
        cmocka_unit_test_setup(init_is_inaccessible_once_discarded, fresh),
        cmocka_unit_test_setup(an_address_is_described_while_its_image_is_loaded, fresh),
        cmocka_unit_test_setup(unknown_imports_are_all_named, fresh),
        cmocka_unit_test_setup(an_import_by_ordinal_is_refused, fresh),
        cmocka_unit_test_setup(what_is_not_a_pe_file_is_refused, fresh),
        cmocka_unit_test_setup(another_machine_is_refused, fresh),
        cmocka_unit_test_setup(what_is_not_a_driver_is_refused, fresh),
        cmocka_unit_test_setup(messages_are_found_by_their_number, fresh),
        cmocka_unit_test_setup(broken_message_tables_have_no_texts, fresh),
        cmocka_unit_test_setup(a_wrong_or_missing_checksum_is_refused, fresh),
        cmocka_unit_test_setup(malformed_relocations_are_refused, fresh),
        cmocka_unit_test_setup(sections_outside_the_file_or_image_are_refused, fresh),
        cmocka_unit_test_setup(a_writable_code_section_is_warned_about, fresh),
        cmocka_unit_test_setup(sections_closer_than_pages_are_warned_about, fresh),
        cmocka_unit_test_setup(images_load_and_unload_a_thousand_times, fresh),
        cmocka_unit_test_setup(files_that_cannot_be_read_are_refused, fresh),
        cmocka_unit_test_setup(a_file_on_disk_is_named_after_its_last_component, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
