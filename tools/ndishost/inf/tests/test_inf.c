/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* INF files: what of their text is kept, which model and section Windows 7 would take, which registry values come out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inf/inf_include.h"
#include "inf/inf_keywords.h"

static struct inf *parsed(const char *text)
{
    char error[256] = "";
    struct inf *inf = inf_parse(text, strlen(text), error, sizeof(error));
    if (!inf)
        fail_msg("%s", error);
    return inf;
}

static void refused_with(const char *part, const void *bytes, size_t size)
{
    char error[256] = "";
    struct inf *inf = inf_parse(bytes, size, error, sizeof(error));
    assert_null(inf);
    if (!strstr(error, part) || strchr(error, '\n'))
        fail_msg("not one line about %s: %s", part, error);
}

static const char *value_of(const struct inf_keywords *list, const char *name)
{
    for (unsigned i = 0; i < list->count; ++i)
        if (strcmp(list->keywords[i].name, name) == 0)
            return list->keywords[i].value;
    return NULL;
}

/* ---- text ---- */

static void lines_fields_quotes_and_comments(void **state)
{
    (void)state;
    struct inf *inf =
        parsed("; a comment\r\n[One]\r\nkey = a , \"b, \"\"c\"\" ; d\" ,, e ; rest\r\nHKR,,x,0\\\n  ,tail\n[two]\n[ONE]\nlast\n");
    unsigned cursor = 0;
    const struct inf_line *line = inf_next(inf, "one", &cursor);
    assert_string_equal(line->key, "key");
    assert_int_equal(line->field_count, 4);
    assert_string_equal(line->fields[0], "a");
    assert_string_equal(line->fields[1], "b, \"c\" ; d");
    assert_string_equal(line->fields[2], "");
    assert_string_equal(line->fields[3], "e");
    line = inf_next(inf, "One", &cursor);
    assert_null(line->key);
    assert_int_equal(line->field_count, 5);
    assert_string_equal(line->fields[3], "0");
    assert_string_equal(line->fields[4], "tail");
    assert_string_equal(inf_field(inf_next(inf, "One", &cursor), 0), "last");
    assert_null(inf_next(inf, "One", &cursor));
    assert_true(inf_has_section(inf, "TWO"));
    assert_false(inf_has_section(inf, "three"));
    inf_free(inf);
}

static void strings_replace_once(void **state)
{
    (void)state;
    struct inf *inf = parsed("[A]\nx = %Name%-%none%-100%%, \"%name%\"\n[Strings]\nName = \"Va%Other%lue\"\nOther = no\n");
    unsigned cursor = 0;
    const struct inf_line *line = inf_next(inf, "A", &cursor);
    assert_string_equal(line->fields[0], "Va%Other%lue-%none%-100%");
    assert_string_equal(line->fields[1], "Va%Other%lue");
    inf_free(inf);
}

static void utf16_and_utf8_give_the_same(void **state)
{
    (void)state;
    static const char text[] = "[A]\nx = \"\xC3\xA4\xE2\x82\xAC\"\n";
    static const uint16_t wide[] = {0xFEFF, '[', 'A', ']', '\r', '\n', 'x', '=', 0xE4, 0x20AC, '\n'};
    char marked[sizeof(text) + 3] = "\xEF\xBB\xBF", error[128];
    memcpy(marked + 3, text, sizeof(text));
    struct inf *all[3] = {parsed(text), parsed(marked), inf_parse(wide, sizeof(wide), error, sizeof(error))};
    for (unsigned i = 0; i < 3; ++i) {
        unsigned cursor = 0;
        assert_non_null(all[i]);
        assert_string_equal(inf_field(inf_next(all[i], "A", &cursor), 0), "\xC3\xA4\xE2\x82\xAC");
        inf_free(all[i]);
    }
}

static void what_is_no_inf_is_refused_in_one_line(void **state)
{
    (void)state;
    static char large[INF_BYTES_MAX + 1], field[INF_FIELD_BYTES_MAX + 16] = "[A]\n";
    memset(large, ' ', sizeof(large));
    memset(field + 4, 'x', sizeof(field) - 4);
    refused_with("larger than", large, sizeof(large));
    refused_with("big-endian", "\xFE\xFF\0[", 4);
    refused_with("odd number", "\xFF\xFE[", 3);
    refused_with("NUL", "[A]\0", 4);
    refused_with("before the first section", "x = y\n", 6);
    refused_with("line 2: a section", "\n[A\n", 4);
    refused_with("line 2: a field", field, sizeof(field));
}

/* ---- models ---- */

static const char several[] = "[Manufacturer]\n%M% = Models, NTx86, NTamd64, NTamd64.10.0, NTia64\n"
                              "[Models]\nOld = Wrong, PCI\\VEN_1\n"
                              "[Models.NTx86]\nA = Thirty, PCI\\VEN_1AF4&DEV_1000\nB = ThirtyTwo, PCI\\VEN_1AF4&DEV_1041\n"
                              "[Models.NTamd64]\nA = SixtyFour, PCI\\VEN_1AF4&DEV_1041&REV_01\n"
                              "[Models.NTamd64.10.0]\nA = Wrong, PCI\\VEN_1AF4\n"
                              "[Models.NTia64]\nA = Wrong, PCI\\VEN_1AF4\n"
                              "[Thirty]\n[ThirtyTwo.NTx86]\nAddReg = R\n[ThirtyTwo.NTamd64]\nAddReg=W\n[SixtyFour]\nAddReg = R\n"
                              "[R]\nHKR,,Taken,0,yes\n[W]\nHKR,,Taken,0,no\n[Strings]\nM=\"Somebody\"\n";

static void windows_7_takes_the_decorated_model_of_its_machine(void **state)
{
    (void)state;
    struct inf *inf = parsed(several);
    struct inf_keywords list;
    char error[256];
    assert_true(inf_keywords_collect(inf, INF_X64, "PCI\\VEN_1AF4&DEV_1041", &list, error, sizeof(error)));
    assert_string_equal(list.install, "SixtyFour");
    assert_string_equal(value_of(&list, "Taken"), "yes");
    inf_keywords_free(&list);
    assert_true(inf_keywords_collect(inf, INF_X86, "pci\\ven_1af4&dev_1041&subsys_11001af4", &list, error, sizeof(error)));
    assert_string_equal(list.install, "ThirtyTwo.NTx86");
    inf_keywords_free(&list);
    assert_true(inf_keywords_collect(inf, INF_X86, NULL, &list, error, sizeof(error)));
    assert_string_equal(list.install, "Thirty");
    inf_keywords_free(&list);
    inf_free(inf);
}

static void without_model_or_install_section_it_says_so(void **state)
{
    (void)state;
    struct inf_keywords list;
    char error[256];
    struct inf *inf = parsed("[Version]\nSignature=\"$Windows NT$\"\n");
    assert_false(inf_keywords_collect(inf, INF_X64, NULL, &list, error, sizeof(error)));
    assert_non_null(strstr(error, "[Manufacturer]"));
    inf_free(inf);
    inf = parsed("[Manufacturer]\nM=Models,NTamd64\n[Models.NTamd64]\nA=Install,PCI\\VEN_1\n");
    assert_false(inf_keywords_collect(inf, INF_X64, NULL, &list, error, sizeof(error)));
    assert_non_null(strstr(error, "[Install]"));
    assert_false(inf_keywords_collect(inf, INF_X86, NULL, &list, error, sizeof(error)));
    inf_free(inf);
}

/* ---- interrupts ---- */

/* Messages are granted only to whom .HW asks for them: not by the driver's own key, not below a key with a doubled backslash. */
static void messages_are_asked_for_in_hw_alone(void **state)
{
    (void)state;
    static const char head[] = "[Manufacturer]\nM=Models\n[Models]\nA=I, PCI\\VEN_1\n[I.NT]\nAddReg = Here\n";
    static const struct {
        const char *rest;
        bool messages;
        unsigned limit;
    } cases[] = {
        {"[I.NT.HW]\nAddReg = M\n[M]\nHKR, \"Interrupt Management\",,0x10\n"
         "HKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MSISupported, 0x00010001, 1\n"
         "HKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MessageNumberLimit, 0x00010001, 8\n",
         true, 8},
        {"[I.NT.HW]\nAddReg = M\n[M]\nHKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MSISupported, 0x00010001, 0\n",
         false, 0},
        {"[I.NT.HW]\nAddReg = M\n[M]\nHKR, \"Interrupt Management\\\\MessageSignaledInterruptProperties\", MSISupported, 0x00010001, 1\n",
         false, 0},
        {"[Here]\nHKR, \"Interrupt Management\\MessageSignaledInterruptProperties\", MSISupported, 0x00010001, 1\n", false, 0},
        {"", false, 0},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char text[1024], error[256];
        struct inf_keywords list;
        snprintf(text, sizeof(text), "%s%s", head, cases[i].rest);
        struct inf *inf = parsed(text);
        assert_true(inf_keywords_collect(inf, INF_X64, NULL, &list, error, sizeof(error)));
        assert_true(list.messages == cases[i].messages);
        assert_int_equal(list.message_limit, cases[i].limit);
        inf_keywords_free(&list);
        inf_free(inf);
    }
}

/* ---- keywords ---- */

static void values_go_before_defaults(void **state)
{
    (void)state;
    struct inf *inf = parsed("[Manufacturer]\nM=Models\n[Models]\nA=I, PCI\\VEN_1\n"
                             "[I.NT]\n*IfType = 6\n*MediaType = 0\nBusType = 5\nCharacteristics = 0x84\nAddReg = One, Two\n"
                             "[One]\nHKR, Ndi\\params\\*Speed, default, 0, \"0\"\nHKR, Ndi\\Params\\*Speed, type, 0, enum\n"
                             "HKR, Ndi\\params\\*Speed\\enum, 0, 0, Auto\nHKR,,Fixed, 0x00010001, 0x10\nHKR, Ndi, Service, 0, svc\n"
                             "HKR,,Blob,1,01,02\nHKLM, x, y, 0, z\n"
                             "[Two]\nHKR, Ndi\\params\\Fixed, default, 0, \"7\"\nHKR, Ndi\\params\\MTU, Default,, 1500\n");
    struct inf_keywords list;
    char error[256];
    assert_true(inf_keywords_collect(inf, INF_X86, NULL, &list, error, sizeof(error)));
    assert_string_equal(list.install, "I.NT");
    assert_string_equal(value_of(&list, "*IfType"), "6");
    assert_string_equal(value_of(&list, "BusType"), "5");
    assert_string_equal(value_of(&list, "*Speed"), "0");
    assert_string_equal(value_of(&list, "Fixed"), "16");
    assert_string_equal(value_of(&list, "MTU"), "1500");
    assert_null(value_of(&list, "Blob"));
    assert_null(value_of(&list, "Service"));
    assert_int_equal(list.count, 7);
    inf_keywords_free(&list);
    inf_free(inf);
}

static void needed_sections_count_in_this_file_and_in_included_ones(void **state)
{
    (void)state;
    struct inf *inf = parsed("[Manufacturer]\nM=Models\n[Models]\nA=I, PCI\\VEN_1\n"
                             "[I]\nInclude=netother.inf, ndis.inf\nNeeds=Base, Other.ndi, Of.Windows\n*IfType=6\nAddReg=Own\n"
                             "[Base]\nNeeds=Deep, Base\n*IfType=1\nAddReg=BaseReg\n[Deep]\nNeeds=Base\nAddReg=DeepReg\n"
                             "[Own]\nHKR,,Rate,0,own\n[BaseReg]\nHKR,,Rate,0,base\nHKR,,Base,0,1\n[DeepReg]\nHKR,,Deep,0,1\n"
                             "[I.HW]\nNeeds=Other.ndi.HW\n");
    struct inf *other = parsed("[Other.ndi]\nAddReg=BaseReg\n[BaseReg]\nHKR, Ndi\\params\\Elsewhere, default, 0, 9\n"
                               "[Other.ndi.HW]\nAddReg=Msi\n[Msi]\nHKR,Interrupt Management\\MessageSignaledInterruptProperties,"
                               "MSISupported,0x10001,1\n");
    struct inf_keywords list;
    char error[256];
    inf_include(inf, other);
    assert_true(inf_keywords_collect(inf, INF_X64, NULL, &list, error, sizeof(error)));
    assert_string_equal(value_of(&list, "*IfType"), "6"); /* its own goes over what it needs */
    assert_string_equal(value_of(&list, "Rate"), "own");
    assert_string_equal(value_of(&list, "Base"), "1");
    assert_string_equal(value_of(&list, "Deep"), "1");
    assert_string_equal(value_of(&list, "Elsewhere"), "9"); /* of the other file's section of that name */
    assert_true(list.messages);
    assert_int_equal(list.count, 5);
    inf_keywords_free(&list);
    inf_free(inf);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void included_files_lie_beside(void **state)
{
    (void)state;
    char folder[] = "inf-include-XXXXXX", path[64], error[256] = "";
    assert_non_null(mkdtemp(folder));
    write_text(folder, "one.inf", "[I]\nInclude=TWO.INF, windows.inf\n");
    write_text(folder, "two.inf", "[J]\nInclude=one.inf, three.inf\n");
    write_text(folder, "three.inf", "[K]\nInclude=two.inf\n");
    snprintf(path, sizeof(path), "%s/one.inf", folder);
    struct inf *inf = inf_read(path, error, sizeof(error));
    assert_non_null(inf);
    assert_true(inf_include_beside(inf, path, error, sizeof(error)));
    assert_int_equal(inf_file_count(inf), 3);
    assert_true(inf_has_section(inf_file(inf, 2), "K"));
    inf_free(inf);
    write_text(folder, "three.inf", "no section\n");
    inf = inf_read(path, error, sizeof(error));
    assert_false(inf_include_beside(inf, path, error, sizeof(error)));
    assert_non_null(strstr(error, "three.inf"));
    inf_free(inf);
    static const char *const names[] = {"one.inf", "two.inf", "three.inf"};
    for (unsigned i = 0; i < 3; ++i) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        remove(path);
    }
    assert_int_equal(remove(folder), 0);
}

static void too_many_keywords_are_refused(void **state)
{
    (void)state;
    static char text[65536] = "[Manufacturer]\nM=Models\n[Models]\nA=I, PCI\\VEN_1\n[I]\nAddReg=R\n[R]\n";
    struct inf_keywords list;
    char error[256];
    for (unsigned i = 0; i <= INF_KEYWORDS_MAX; ++i)
        snprintf(text + strlen(text), 32, "HKR,,Keyword%u,0,1\n", i);
    struct inf *inf = parsed(text);
    assert_false(inf_keywords_collect(inf, INF_X64, NULL, &list, error, sizeof(error)));
    assert_non_null(strstr(error, "256"));
    inf_free(inf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_fields_quotes_and_comments),
        cmocka_unit_test(strings_replace_once),
        cmocka_unit_test(utf16_and_utf8_give_the_same),
        cmocka_unit_test(what_is_no_inf_is_refused_in_one_line),
        cmocka_unit_test(windows_7_takes_the_decorated_model_of_its_machine),
        cmocka_unit_test(without_model_or_install_section_it_says_so),
        cmocka_unit_test(messages_are_asked_for_in_hw_alone),
        cmocka_unit_test(values_go_before_defaults),
        cmocka_unit_test(needed_sections_count_in_this_file_and_in_included_ones),
        cmocka_unit_test(included_files_lie_beside),
        cmocka_unit_test(too_many_keywords_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
