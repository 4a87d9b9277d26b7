/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_settings.h - what the driver's INF adds to the command line: keywords below those of --set, and how it is interrupted. */
#ifndef NDISHOST_CLI_INF_SETTINGS_H
#define NDISHOST_CLI_INF_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli/keyword_list.h"
#include "pe/image.h"

/* What Windows grants when nobody says otherwise. */
struct inf_interrupts {
    bool known;    /* there is an INF */
    bool messages; /* MSISupported; else the line, whatever the device has */
    unsigned message_limit;
};

/*
 * Appends what the INF gives an adapter of the image's machine to the keywords; what is there already stays as it is. Tells what it says of
 * interrupts. `path` NULL: NAME.inf beside NAME.sys, if there is one; "none": nothing. False and one line in `error`.
 */
bool inf_settings_add(const char *path, const char *image, const struct image_facts *facts, struct keyword_list *keywords,
                      struct inf_interrupts *interrupts, char *error, size_t error_size);

#endif
