/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* keyword_list.c - keeps the registry values of an adapter. */
#include "cli/keyword_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One allocation holds "NAME\0VALUE\0". */
static bool append(struct keyword_list *list, const char *name, size_t name_length, const char *value)
{
    if (list->count == KEYWORDS_MAX)
        return false;
    size_t value_size = strlen(value) + 1;
    char *text = malloc(name_length + 1 + value_size);
    if (!text)
        return false;
    memcpy(text, name, name_length);
    text[name_length] = 0;
    memcpy(text + name_length + 1, value, value_size);
    list->texts[list->count] = text;
    list->rows[list->count++] = (struct keyword){text, text + name_length + 1};
    return true;
}

bool keyword_list_add(struct keyword_list *list, const char *name, const char *value)
{
    return append(list, name, strlen(name), value);
}

bool keyword_list_set(struct keyword_list *list, const char *text, char *error, size_t error_size)
{
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        snprintf(error, error_size, "--set wants KEYWORD=VALUE, not \"%s\"", text);
        return false;
    }
    if (append(list, text, (size_t)(equals - text), equals + 1))
        return true;
    if (list->count == KEYWORDS_MAX)
        snprintf(error, error_size, "--set: at most %u keywords", (unsigned)KEYWORDS_MAX);
    else
        snprintf(error, error_size, "out of memory");
    return false;
}

void keyword_list_free(struct keyword_list *list)
{
    for (unsigned i = 0; i < list->count; ++i)
        free(list->texts[i]);
    list->count = 0;
}
