/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_settings.c - reads the INF of --inf and hands its keywords over, one allocated text each. */
#include "cli/inf_settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "inf/inf_include.h"
#include "inf/inf_keywords.h"
#include "rules/rules.h"

/* Of the devices that ndishost itself offers; an INF for another one has its first model taken. */
static const char preferred_id[] = "PCI\\VEN_1AF4&DEV_1041";

static bool is_set(const struct keyword *keywords, unsigned count, const char *name)
{
    for (unsigned i = 0; i < count; ++i)
        if (inf_same_name(keywords[i].name, name))
            return true;
    return false;
}

static bool append(const struct inf_keywords *list, struct keyword_list *keywords)
{
    unsigned given = keywords->count;
    for (unsigned i = 0; i < list->count; ++i) {
        const struct inf_keyword *keyword = &list->keywords[i];
        if (is_set(keywords->rows, given, keyword->name))
            continue;
        if (!keyword_list_add(keywords, keyword->name, keyword->value))
            return false;
        TRACE("inf", "%s = %s", keyword->name, keyword->value);
    }
    return true;
}

/* "folder/name.inf" for "folder/name.sys", when it is there: Windows never sees a driver without its INF. */
static const char *inf_beside(const char *image, char *buffer, size_t size)
{
    size_t length = strlen(image);
    if (length < 4 || strcmp(image + length - 4, ".sys") != 0 || length >= size)
        return NULL;
    snprintf(buffer, size, "%.*s.inf", (int)(length - 4), image);
    return access(buffer, R_OK) == 0 ? buffer : NULL;
}

bool inf_settings_add(const char *path, const char *image, const struct image_facts *facts, struct keyword_list *keywords,
                      struct inf_interrupts *interrupts, char *error, size_t error_size)
{
    struct inf_keywords list;
    char why[256];
    char beside[PATH_MAX];
    *interrupts = (struct inf_interrupts){0};
    if (!path)
        path = inf_beside(image, beside, sizeof(beside));
    if (!path || strcmp(path, "none") == 0)
        return true;
    struct inf *inf = inf_read(path, error, error_size);
    if (!inf)
        return false;
    if (!inf_include_beside(inf, path, error, error_size)) {
        inf_free(inf);
        return false;
    }
    bool good =
        inf_keywords_collect(inf, image_facts_machine(facts) == IMAGE_X86 ? INF_X86 : INF_X64, preferred_id, &list, why, sizeof(why));
    if (!good) {
        snprintf(error, error_size, "%s: %s", path, why);
    } else {
        *interrupts = (struct inf_interrupts){true, list.messages, list.message_limit};
        TRACE("inf", "model %s, section [%s]", list.model, list.install);
        good = append(&list, keywords);
        if (!good)
            snprintf(error, error_size, "%s: more than %u keywords with those of --set", path, (unsigned)KEYWORDS_MAX);
        inf_keywords_free(&list);
    }
    inf_free(inf);
    return good;
}
