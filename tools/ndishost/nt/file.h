/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* file.h - files that a driver opens by path: firmware, settings, logs. */
#ifndef NDISHOST_NT_FILE_H
#define NDISHOST_NT_FILE_H

#include <stdbool.h>
#include <stdint.h>

/* Where the files of every folder are ("--files DIR"); NULL: there is no such disk. The text must stay. */
void nt_files_directory(const char *directory);
/* ZwClose of a file: true when `handle` was one. */
bool file_close(uintptr_t handle);

#endif
