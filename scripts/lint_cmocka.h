/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * lint_cmocka.h - what clang's static analyser has to know of cmocka: a failed assertion does not return. `lint --deep` puts it in front of
 * every source that includes cmocka.h; nothing is compiled with it.
 */
#ifndef LINT_CMOCKA_H
#define LINT_CMOCKA_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#undef assert_true
#undef assert_false
#undef assert_non_null
#undef assert_null
#undef assert_int_equal
#undef assert_int_not_equal
#define assert_true(condition)     ((condition) ? (void)0 : __builtin_trap())
#define assert_false(condition)    ((condition) ? __builtin_trap() : (void)0)
#define assert_non_null(pointer)   assert_true((pointer) != NULL)
#define assert_null(pointer)       assert_true((pointer) == NULL)
#define assert_int_equal(a, b)     assert_true((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b) assert_true((uintmax_t)(a) != (uintmax_t)(b))

#endif
