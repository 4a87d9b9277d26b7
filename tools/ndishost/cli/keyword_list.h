/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* keyword_list.h - the registry values of an adapter, as the command line and an INF give them. */
#ifndef NDISHOST_CLI_KEYWORD_LIST_H
#define NDISHOST_CLI_KEYWORD_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "ndis/adapter.h"

enum { KEYWORDS_MAX = 320 };

/* Zeroed: empty. */
struct keyword_list {
    struct keyword rows[KEYWORDS_MAX]; /* point into `texts` */
    unsigned count;
    char *texts[KEYWORDS_MAX];
};

/* Adds a copy of both; false: the list is full, or memory is. */
bool keyword_list_add(struct keyword_list *list, const char *name, const char *value);
/* Adds the KEYWORD=VALUE of --set; false and one line in `error`. */
bool keyword_list_set(struct keyword_list *list, const char *text, char *error, size_t error_size);
void keyword_list_free(struct keyword_list *list);

#endif
