/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* json_text.c - makes UTF-8 of text that need not be. */
#include "cli/json_text.h"

#include <stdlib.h>
#include <string.h>

enum { CHARACTER_MAX = 4 };
static const char replacement[] = "\xEF\xBF\xBD";

/* Bytes of the character at `text`, 0 when it is none: the library decides, as it is the one that would refuse. */
static size_t character_length(const char *text, size_t left)
{
    for (size_t length = 1; length <= CHARACTER_MAX && length <= left; ++length) {
        json_t *character = json_stringn(text, length);
        if (character) {
            json_decref(character);
            return length;
        }
    }
    return 0;
}

json_t *json_from_text(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    size_t left = strlen(text), used = 0;
    char *clean = malloc(left * (sizeof(replacement) - 1) + 1);
    if (!clean)
        abort();
    while (left > 0) {
        size_t length = character_length(text, left), taken = length ? length : 1;
        const char *from = length ? text : replacement;
        size_t added = length ? length : sizeof(replacement) - 1;
        memcpy(clean + used, from, added);
        used += added;
        text += taken;
        left -= taken;
    }
    string = json_stringn(clean, used);
    free(clean);
    return string;
}
