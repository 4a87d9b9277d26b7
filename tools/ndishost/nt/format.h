/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* format.h - the kernel's printf, over arguments as the image passes them. */
#ifndef NDISHOST_NT_FORMAT_H
#define NDISHOST_NT_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes at most `capacity` characters (UTF-16 units when `wide`) of the formatted text, without a terminator, and returns how many there
 * are in all. `slots` are the variable arguments: words in order, 64-bit values in two words on x86. That is also what a va_list points at.
 */
size_t format_text(void *buffer, size_t capacity, bool wide, const void *format, const uintptr_t *slots);

#endif
