/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The C run-time part of ntoskrnl.exe: what drivers' compilers and programmers take for granted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "exec/call.h"
#include "exec/sched.h"
#include "image_side.h"
#include "rules/rules.h"

/* ---- bytes and texts ---- */

static int32_t compare(const char *function, const char *left, const char *right)
{
    return CDECL(int32_t, function, const char *, const char *)(left, right);
}

static void IMAGE_ENTRY use_texts(void)
{
    char buffer[16] = "ab";
    CLAIM(strcmp(CDECL(char *, "strcat", char *, const char *)(buffer, "cd"), "abcd") == 0);
    CLAIM(strcmp(CDECL(char *, "strncat", char *, const char *, size_t)(buffer, "efgh", 2), "abcdef") == 0);
    CLAIM(CDECL(char *, "strchr", const char *, int)(buffer, 'c') == buffer + 2);
    CLAIM(CDECL(char *, "strchr", const char *, int)(buffer, 0) == buffer + 6);
    CLAIM(CDECL(char *, "strrchr", const char *, int)("aXbXc", 'x') == NULL);
    CLAIM(CDECL(char *, "strstr", const char *, const char *)(buffer, "de") == buffer + 3);
    CLAIM_EQUAL(CDECL(size_t, "strspn", const char *, const char *)(buffer, "cba"), 3);
    CLAIM_EQUAL(CDECL(size_t, "strnlen", const char *, size_t)(buffer, 4), 4);
    CLAIM_EQUAL(compare("_stricmp", "SpeedDuplex", "speedDUPLEX"), 0);
    CLAIM(compare("_stricmp", "a", "B") < 0);
    CLAIM(compare("_stricmp", "_", "a") < 0); /* compared in lower case, as Windows does */
    CLAIM_EQUAL(CDECL(int32_t, "_strnicmp", const char *, const char *, size_t)("PROMisc", "promOTE", 4), 0);
    CLAIM(strcmp(CDECL(char *, "_strupr", char *)(buffer), "ABCDEF") == 0);
    CLAIM(strcmp(CDECL(char *, "_strlwr", char *)(buffer), "abcdef") == 0);
    CLAIM(CDECL(void *, "memchr", const void *, int, size_t)(buffer, 'd', 3) == NULL);
    CLAIM(CDECL(void *, "memchr", const void *, int, size_t)(buffer, 'd', 4) == buffer + 3);
    CDECL(void *, "memmove", void *, const void *, size_t)(buffer + 1, buffer, 6);
    CLAIM(strcmp(buffer, "aabcdef") == 0);
    CDECL(void *, "memset", void *, int, size_t)(buffer, 'z', 2);
    CLAIM(strcmp(buffer, "zzbcdef") == 0);
#if UINTPTR_MAX != UINT32_MAX
    CLAIM(CDECL(int32_t, "memcmp", const void *, const void *, size_t)("ab\0c", "ab\0d", 4) < 0);
#endif
    CLAIM_EQUAL(rules_violation_count(), 0);
    CDECL(void *, "memcpy", void *, const void *, size_t)(buffer + 1, buffer, 3);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
}

static void texts_are_searched_joined_and_compared(void **state)
{
    (void)state;
    run_image(1, use_texts);
}

/* ---- numbers and characters ---- */

static void IMAGE_ENTRY use_numbers(void)
{
    char buffer[40];
    CLAIM_EQUAL(CDECL(int32_t, "atoi", const char *)(" \t-0123x"), (unsigned long long)-123);
    CLAIM_EQUAL(CDECL(int32_t, "atol", const char *)("+77"), 77);
    CLAIM(strcmp(CDECL(char *, "_itoa", int, char *, int)(INT32_MIN, buffer, 10), "-2147483648") == 0);
    CLAIM(strcmp(CDECL(char *, "_itoa", int, char *, int)(-1, buffer, 16), "ffffffff") == 0);
    CLAIM(strcmp(CDECL(char *, "_itoa", int, char *, int)(0, buffer, 2), "0") == 0);
    for (int c = 0; c < 256; c++) {
        CLAIM_EQUAL(CDECL(int, "isdigit", int)(c) != 0, c >= '0' && c <= '9');
        CLAIM_EQUAL(CDECL(int, "isspace", int)(c) != 0, c == ' ' || (c >= 9 && c <= 13));
        CLAIM_EQUAL(CDECL(int, "toupper", int)(c), c >= 'a' && c <= 'z' ? c - 32 : c);
        CLAIM_EQUAL(CDECL(int, "tolower", int)(c), c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    CDECL(void, "srand", unsigned)(7);
    int first = CDECL(int, "rand", void)(), second = CDECL(int, "rand", void)();
    CDECL(void, "srand", unsigned)(7);
    CLAIM(first != second && first >= 0 && first < 0x8000);
    CLAIM_EQUAL(CDECL(int, "rand", void)(), first);
    CLAIM_EQUAL(rules_violation_count(), 0);
    CDECL(char *, "_itoa", int, char *, int)(1, buffer, 1);
    CLAIM_ONLY("HOST-ARGUMENT", 1);
}

static void numbers_and_characters_are_those_of_the_c_locale(void **state)
{
    (void)state;
    run_image(1, use_numbers);
}

/* ---- bounded: nothing behind the buffer, always a terminator ---- */

static void IMAGE_ENTRY use_bounded(void)
{
    enum { INVALID = 22, RANGE = 34, MINUS = 0xFFFFFFFFu };
    char buffer[8];
    for (size_t room = 1; room <= sizeof(buffer); room++) {
        memset(buffer, '#', sizeof(buffer));
        int expected = room > 5 ? 0 : RANGE;
        CLAIM_EQUAL(CDECL(int, "strcpy_s", char *, size_t, const char *)(buffer, room, "hello"), expected);
        CLAIM_EQUAL(strlen(buffer), expected ? 0 : 5);
        for (size_t at = room; at < sizeof(buffer); at++)
            CLAIM_EQUAL(buffer[at], '#');
        memset(buffer, '#', sizeof(buffer));
        int32_t printed = CDECL(int32_t, "sprintf_s", char *, size_t, const char *, ...)(buffer, room, "%d-%s", 12, "ab");
        CLAIM_EQUAL(printed, room > 5 ? 5 : -1);
        CLAIM_EQUAL(strlen(buffer), room > 5 ? 5 : 0);
        memset(buffer, '#', sizeof(buffer));
        printed = CDECL(int32_t, "_snprintf_s", char *, size_t, size_t, const char *, ...)(buffer, room, (size_t)-1, "%s", "hello");
        CLAIM_EQUAL(printed, room > 5 ? 5 : -1);
        CLAIM_EQUAL(strlen(buffer), room > 5 ? 5 : room - 1);
        for (size_t at = room; at < sizeof(buffer); at++)
            CLAIM_EQUAL(buffer[at], '#');
    }
    strcpy(buffer, "abc");
    CLAIM_EQUAL(CDECL(int, "strcat_s", char *, size_t, const char *)(buffer, 8, "defg"), 0);
    CLAIM_EQUAL(CDECL(int, "strcat_s", char *, size_t, const char *)(buffer, 8, "h"), RANGE);
    CLAIM_EQUAL(buffer[0], 0);
    CLAIM_EQUAL(CDECL(int, "strcpy_s", char *, size_t, const char *)(NULL, 8, "h"), INVALID);
    CLAIM_EQUAL(CDECL(int, "strcpy_s", char *, size_t, const char *)(buffer, 8, NULL), INVALID);
    CLAIM_EQUAL(CDECL(int, "strncpy_s", char *, size_t, const char *, size_t)(buffer, 4, "abcdef", (size_t)-1), 0);
    CLAIM(strcmp(buffer, "abc") == 0);
    CLAIM_EQUAL(CDECL(int, "memcpy_s", void *, size_t, const void *, size_t)(buffer, 4, "12345", 5), RANGE);
    CLAIM(memcmp(buffer, "\0\0\0\0", 4) == 0);
    CLAIM_EQUAL(rules_violation_count(), 0);
}

static void bounded_functions_stay_in_their_bounds(void **state)
{
    (void)state;
    run_image(1, use_bounded);
}

/* ---- wide ---- */

#define WIDE(name, ...) static const uint16_t name[] = {__VA_ARGS__, 0}

static void IMAGE_ENTRY use_wide(void)
{
    WIDE(path, 'R', 'o', 'o', 't', '\\', 'N', 'e', 't', '\\', '1');
    WIDE(net, 'N', 'e', 't');
    WIDE(lower_net, 'n', 'E', 't');
    WIDE(letters, 'R', 'o', 't');
    uint16_t buffer[16] = {'x', 0};
    CLAIM(CDECL(const uint16_t *, "wcschr", const uint16_t *, uint16_t)(path, '\\') == path + 4);
    CLAIM(CDECL(const uint16_t *, "wcsrchr", const uint16_t *, uint16_t)(path, '\\') == path + 8);
    CLAIM(CDECL(const uint16_t *, "wcsstr", const uint16_t *, const uint16_t *)(path, net) == path + 5);
    CLAIM(CDECL(const uint16_t *, "wcsstr", const uint16_t *, const uint16_t *)(path, lower_net) == NULL);
    CLAIM_EQUAL(CDECL(size_t, "wcsspn", const uint16_t *, const uint16_t *)(path, letters), 4);
    CLAIM_EQUAL(CDECL(size_t, "wcscspn", const uint16_t *, const uint16_t *)(path, net), 3);
    CLAIM_EQUAL(CDECL(size_t, "wcsnlen", const uint16_t *, size_t)(path, 7), 7);
    CLAIM_EQUAL(CDECL(int32_t, "_wcsicmp", const uint16_t *, const uint16_t *)(net, lower_net), 0);
    CLAIM(CDECL(int32_t, "wcsncmp", const uint16_t *, const uint16_t *, size_t)(net, lower_net, 1) < 0);
    CLAIM_EQUAL(CDECL(int32_t, "_wcsnicmp", const uint16_t *, const uint16_t *, size_t)(net, lower_net, 9), 0);
    CDECL(uint16_t *, "wcscat", uint16_t *, const uint16_t *)(buffer, net);
    CLAIM(memcmp(buffer, (uint16_t[]){'x', 'N', 'e', 't', 0}, 10) == 0);
    CDECL(uint16_t *, "wcsncat", uint16_t *, const uint16_t *, size_t)(buffer, net, 1);
    CLAIM(memcmp(buffer, (uint16_t[]){'x', 'N', 'e', 't', 'N', 0}, 12) == 0);
    CDECL(uint16_t *, "wcsncpy", uint16_t *, const uint16_t *, size_t)(buffer, net, 5);
    CLAIM(memcmp(buffer, (uint16_t[]){'N', 'e', 't', 0, 0, 0}, 12) == 0);
    CDECL(uint16_t *, "_wcsupr", uint16_t *)(buffer);
    CLAIM_EQUAL(buffer[1], 'E');
    CLAIM_EQUAL(CDECL(int, "wcscpy_s", uint16_t *, size_t, const uint16_t *)(buffer, 3, net), 34);
    CLAIM_EQUAL(buffer[0], 0);
    CLAIM_EQUAL(CDECL(int, "wcscat_s", uint16_t *, size_t, const uint16_t *)(buffer, 4, net), 0);
    char bytes[8];
    CLAIM_EQUAL(CDECL(size_t, "wcstombs", char *, const uint16_t *, size_t)(bytes, net, 8), 3);
    CLAIM(strcmp(bytes, "Net") == 0);
    CLAIM_EQUAL(CDECL(size_t, "mbstowcs", uint16_t *, const char *, size_t)(buffer, "ab", 16), 2);
    CLAIM_EQUAL(CDECL(int32_t, "swprintf_s", uint16_t *, size_t, const uint16_t *, ...)(buffer, 4, net), 3);
    CLAIM_EQUAL(rules_violation_count(), 0);
    uint8_t irql = STDCALL(uint8_t, "KeRaiseIrqlToDpcLevel", void)();
    CDECL(int32_t, "_wcsicmp", const uint16_t *, const uint16_t *)(net, lower_net); /* its tables may be paged out */
    STDCALL(void, "KeLowerIrql", uint8_t)(irql);
    CLAIM(rules_violation_count() > 0);
}

static void wide_texts_have_the_same_and_need_passive_level_for_case(void **state)
{
    (void)state;
    run_image(1, use_wide);
}

static void call_handler(void *handler)
{
    image_call("test", (uintptr_t)handler, 0, NULL);
}

/* A driver with __try blocks loads; the handler that its tables name is no success stub. */
static void the_language_handler_ends_the_run(void **state)
{
    (void)state;
    image_side_set_up();
#if UINTPTR_MAX == UINT32_MAX
    uintptr_t handler = import("_except_handler3");
#else
    uintptr_t handler = import("__C_specific_handler");
#endif
    assert_int_not_equal(handler, 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr) || sched_start(1) != 0)
            _Exit(0);
        sched_run("raise", call_handler, (void *)handler);
        _Exit(0); /* the handler has returned */
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_searched_joined_and_compared),
        cmocka_unit_test(numbers_and_characters_are_those_of_the_c_locale),
        cmocka_unit_test(bounded_functions_stay_in_their_bounds),
        cmocka_unit_test(the_language_handler_ends_the_run),
        cmocka_unit_test(wide_texts_have_the_same_and_need_passive_level_for_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
