/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* valgrind_requests.h - memcheck's client requests; without valgrind's headers they are nothing. */
#ifndef NDISHOST_NT_VALGRIND_REQUESTS_H
#define NDISHOST_NT_VALGRIND_REQUESTS_H

#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#else
#define RUNNING_ON_VALGRIND                                     0
#define VALGRIND_MAKE_MEM_NOACCESS(address, size)               ((void)0)
#define VALGRIND_MAKE_MEM_UNDEFINED(address, size)              ((void)0)
#define VALGRIND_MALLOCLIKE_BLOCK(address, size, guard, zeroed) ((void)0)
#define VALGRIND_FREELIKE_BLOCK(address, guard)                 ((void)0)
#endif

#endif
