/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* doubles.h - stand-ins for rules/ and abi/, so that these tests see every violation and have exports of their own. */
#ifndef NDISHOST_EXEC_TESTS_DOUBLES_H
#define NDISHOST_EXEC_TESTS_DOUBLES_H

#include <stdbool.h>

/* How often `id` was violated since violations_reset(); the detail of the last violation of any rule. */
unsigned violations_of(const char *id);
unsigned violations_total(void);
const char *violation_detail(void);
void violations_reset(void);

/*
 * Runs `body` in a child process on `processor_count` processors, expects it to end with exit status 1, and returns what it wrote to
 * standard error (static storage).
 */
const char *report_of_child(unsigned processor_count, void (*body)(void *argument));

/*
 * Runs body as a thread of a machine with so many processors, and expects no thread to be left: once under the free policy, or, after
 * use_seeded_policy(), under the seeded policy once per seed.
 */
void on_machine(unsigned processor_count, void (*body)(void *argument), void *argument);

/* From here on the seeded policy, with as many seeds as time allows. */
void use_seeded_policy(void);

/* `count` repetitions, or fewer: valgrind runs one thread at a time, and slowly; under the seeded policy everything runs once per seed. */
unsigned scaled(unsigned count);

/* What is pending and may be delivered now is: at the next yield point, or under the seeded policy after some. */
void let_arrive(void);

struct sched_seed_options;
/* The same on a machine of the seeded policy. */
void on_seeded_machine(unsigned processor_count, const struct sched_seed_options *options, void (*body)(void *argument), void *argument);
const char *report_of_seeded_child(unsigned processor_count, const struct sched_seed_options *options, void (*body)(void *argument));

/* Assertions for code on contexts, where cmocka's cannot jump back to the test: they end the process and say why. */
#define CLAIM(condition) ((condition) ? (void)0 : claim_failed(__FILE__, __LINE__, #condition, 0, 0))
#define CLAIM_EQUAL(a, b)                                                                                                                  \
    do {                                                                                                                                   \
        unsigned long long claim_a = (unsigned long long)(a), claim_b = (unsigned long long)(b);                                           \
        if (claim_a != claim_b)                                                                                                            \
            claim_failed(__FILE__, __LINE__, #a " == " #b, claim_a, claim_b);                                                              \
    } while (0)
_Noreturn void claim_failed(const char *file, int line, const char *what, unsigned long long a, unsigned long long b);

/* The calling convention of image functions written in C, and of pointers to exports. */
#if defined(__x86_64__)
#define IMAGE_FUNCTION __attribute__((ms_abi))
#define IMAGE_FASTCALL __attribute__((ms_abi))
#define IMAGE_CDECL    __attribute__((ms_abi))
#else
/* Image code aligns its stack to four bytes only. */
#define IMAGE_FUNCTION __attribute__((stdcall, force_align_arg_pointer))
#define IMAGE_FASTCALL __attribute__((fastcall))
#define IMAGE_CDECL    __attribute__((cdecl))
#endif

/* For definitions of image functions: what they do with addresses is no business of the host's sanitizers. */
#define IMAGE_CODE IMAGE_FUNCTION __attribute__((no_sanitize("address"), no_sanitize("undefined")))

#endif
