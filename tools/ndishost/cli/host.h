/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* host.h - this program as a host: which images it takes itself, which its twin takes, what it exports to them. */
#ifndef NDISHOST_CLI_HOST_H
#define NDISHOST_CLI_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "pe/image.h"

/* Remembers how the program was called, for the twin. First thing in main(). */
void host_remember_arguments(char **argv);
/* Without its folders. */
const char *host_file_name(const char *path);
/* image_facts_read() with the path in front of what is wrong. */
struct image_facts *host_read_image(const char *path, char *error, size_t error_size);
/*
 * Makes this process fit for the image: an image of the other architecture is handed to the twin (this call does not return then);
 * for one of our own the traps are installed and every export is registered. False and one line in `error`: nobody can take it.
 */
bool host_take_image(const struct image_facts *facts, char *error, size_t error_size);
/* For whoever has no image: installs the traps and registers every export of this program's own machine. */
void host_take_no_image(void);
/* After host_take_image(): whether an import is implemented. */
/* --files: where the driver's files lie; NULL: nowhere. False with one line in `error` when it is no folder. */
bool host_take_files(const char *directory, char *error, size_t error_size);
bool host_knows_import(const char *dll, const char *name);
const char *host_architecture_name(void);
const char *image_machine_name(enum image_machine machine);

#endif
