/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_inf.c - any bytes as an INF, and as another one that it includes, for both machines: no crash, refusals in one line, names and
 * values that end. Input: the INF; behind the first byte 0x01, which no text has, the included one.
 */
#include "fuzz_target.h"

#include <stdio.h>
#include <string.h>

#include "inf/inf_keywords.h"

enum { BORDER = 0x01 };

/* What uses everything: a machine's models, defaults, continued lines, strings, and a section that another file has. */
static const char model[] =
    "\xEF\xBB\xBF; comment\r\n[Version]\r\nSignature=\"$Windows NT$\"\r\n[Manufacturer]\r\n%M%=Models,NTx86.6.1,NTamd64.6.1\r\n"
    "[Models.NTamd64.6.1]\r\n%D%=Install, PCI\\VEN_1AF4&DEV_1041\r\n[Models.NTx86.6.1]\r\n%D%=Install, PCI\\VEN_1AF4\r\n"
    "[Install.NT]\r\nInclude=other.inf\r\nNeeds=Other.NT\r\nAddReg=A,B\r\n*IfType=6\r\n[Install.NT.HW]\r\nAddReg=H\r\n"
    "[H]\r\nHKR,Interrupt Management\\MessageSignaledInterruptProperties,MSISupported,0x00010001,1\r\n"
    "HKR,Interrupt Management\\MessageSignaledInterruptProperties,MessageNumberLimit,0x00010001,8\r\n"
    "[A]\r\nHKR,,Speed,0,\"1\"\r\nHKR,Ndi\\params\\*JumboPacket,default,,\\\r\n\"1514\"\r\n"
    "[B]\r\nHKR,,Number,0x00010001,0x20\r\n[Strings]\r\nM=\"Some \"\"body\"\"\"\r\nD=\"%M% 100%%\"\r\n";
static const char other[] = "[Other.NT]\r\nAddReg=X\r\nInclude=model.inf\r\nNeeds=Install.NT\r\n[X]\r\nHKR,,Other,1,01,02\r\n";

static void check_text(const char *text)
{
    MUST(strlen(text) < INF_FIELD_BYTES_MAX);
}

static void check_keywords(const struct inf *inf, enum inf_machine machine)
{
    char error[256] = "";
    struct inf_keywords list;

    if (!inf_keywords_collect(inf, machine, machine ? "PCI\\VEN_1AF4" : NULL, &list, error, sizeof error)) {
        MUST(*error && !strchr(error, '\n'));
        return;
    }
    MUST(list.count <= INF_KEYWORDS_MAX);
    MUST(memchr(list.model, 0, sizeof list.model) && memchr(list.install, 0, sizeof list.install));
    for (unsigned i = 0; i < list.count; ++i) {
        check_text(list.keywords[i].name);
        check_text(list.keywords[i].value);
    }
    inf_keywords_free(&list);
}

static struct inf *parse(const uint8_t *bytes, size_t length)
{
    char error[256] = "";
    struct inf *inf = inf_parse(bytes, length, error, sizeof error);

    MUST(inf || (*error && !strchr(error, '\n'))); /* a refusal is one line that says something */
    return inf;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    const uint8_t *border = length ? memchr(input, BORDER, length) : NULL;
    size_t first = border ? (size_t)(border - input) : length;
    struct inf *inf = parse(input, first), *included = inf && border ? parse(border + 1, length - first - 1) : NULL;

    if (included)
        inf_include(inf, included);
    if (inf) {
        check_keywords(inf, INF_X86);
        check_keywords(inf, INF_X64);
    }
    inf_free(inf);
    return 0;
}

/* As UTF-16, with its mark. */
static size_t widen(const char *text, size_t length, uint8_t *wide)
{
    wide[0] = 0xFF;
    wide[1] = 0xFE;
    for (size_t i = 0; i < length; ++i) {
        wide[2 + 2 * i] = (uint8_t)text[i];
        wide[3 + 2 * i] = 0;
    }
    return 2 + 2 * length;
}

/* The INF of our own driver, whole. */
static size_t read_product(uint8_t *bytes)
{
    FILE *file = fopen(FUZZ_PRODUCT_INF, "rb");
    size_t length;

    MUST(file);
    length = fread(bytes, 1, FUZZ_INPUT_BYTES, file);
    fclose(file);
    return length;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    size_t length = sizeof model - 1;

    switch (index) {
    case 0:
        memcpy(bytes, model, length);
        return length;
    case 1:
        memcpy(bytes, model, length);
        bytes[length++] = BORDER;
        memcpy(bytes + length, other, sizeof other - 1);
        return length + sizeof other - 1;
    case 2:
        return widen(model + 3, length - 3, bytes);
    case 3:
        return read_product(bytes);
    default:
        return 0;
    }
}
