/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * image_side.h - tests of exports from the image's side of the door: functions of the test run on a kernel stack with the image's calling
 * convention, and call exports through the addresses that the loader would bind.
 */
#ifndef NDISHOST_NT_TESTS_IMAGE_SIDE_H
#define NDISHOST_NT_TESTS_IMAGE_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__x86_64__)
#define IMAGE_STDCALL  __attribute__((ms_abi))
#define IMAGE_FASTCALL __attribute__((ms_abi))
#define IMAGE_CDECL    __attribute__((ms_abi))
#define IMAGE_ENTRY    __attribute__((ms_abi))
#else
#define IMAGE_STDCALL  __attribute__((stdcall))
#define IMAGE_FASTCALL __attribute__((fastcall))
#define IMAGE_CDECL    __attribute__((cdecl))
/* Image code keeps its stack aligned to four bytes only. */
#define IMAGE_ENTRY    __attribute__((stdcall, force_align_arg_pointer))
#endif

/* Makes the exports known and the traps work, and forgets earlier violations; run_image() does it itself. */
void image_side_set_up(void);
/* The address behind an import; a name that nobody exports ends the test. */
uintptr_t import(const char *name);
#define STDCALL(result, name, ...)  ((result(IMAGE_STDCALL *)(__VA_ARGS__))import(name))
#define FASTCALL(result, name, ...) ((result(IMAGE_FASTCALL *)(__VA_ARGS__))import(name))
#define CDECL(result, name, ...)    ((result(IMAGE_CDECL *)(__VA_ARGS__))import(name))

/* Runs `body` as image code in a thread of a machine with so many processors; no thread may be left. */
void run_image(unsigned processors, void(IMAGE_ENTRY *body)(void));

/*
 * Runs `body` as image code in `count` threads at once, each with its number from 0, spread over so many processors; no thread may be left.
 * What was reported before stays: image_side_set_up() or run_image() comes first.
 */
void run_contenders(unsigned processors, unsigned count, void(IMAGE_ENTRY *body)(uintptr_t number));

/* Assertions for image code and other threads, where cmocka's cannot jump back: they end the process and say why. */
#define CLAIM(condition) ((condition) ? (void)0 : claim_failed(__FILE__, __LINE__, #condition, 0, 0))
#define CLAIM_EQUAL(a, b)                                                                                                                  \
    do {                                                                                                                                   \
        unsigned long long claim_a = (unsigned long long)(a), claim_b = (unsigned long long)(b);                                           \
        if (claim_a != claim_b)                                                                                                            \
            claim_failed(__FILE__, __LINE__, #a " == " #b, claim_a, claim_b);                                                              \
    } while (0)
/* Exactly `count` reports of the rule so far, and of no other rule. */
#define CLAIM_ONLY(id, count)                                                                                                              \
    do {                                                                                                                                   \
        CLAIM_EQUAL(rules_report_count(id), (count));                                                                                      \
        CLAIM_EQUAL(rules_violation_count() + rules_warning_count(), (count));                                                             \
    } while (0)
_Noreturn void claim_failed(const char *file, int line, const char *what, unsigned long long a, unsigned long long b);

#endif
