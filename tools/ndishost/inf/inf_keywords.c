/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_keywords.c - from [Manufacturer] over the decorated models and install sections to AddReg, as Windows 7 chooses. */
#include "inf/inf_keywords.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { FLAG_BINARY = 0x00000001, FLAG_TYPE_MASK = 0x00FF0001, TYPE_DWORD = 0x00010001, NAME_MAX_BYTES = 256 };

/* ---- decorations: NT[architecture][.[major][.[minor][...]]] ---- */

/* How well a decoration fits Windows 7 on the machine: 0 not at all, else the larger the better. */
static unsigned decoration_fit(const char *decoration, enum inf_machine machine)
{
    const char *architecture = machine == INF_X64 ? "amd64" : "x86", *at = decoration;
    unsigned fit = 1, major = 0, minor = 0;
    if (!*at)
        return fit;
    if (strncasecmp(at, "NT", 2) != 0)
        return 0;
    at += 2;
    fit += 1;
    if (strncasecmp(at, architecture, strlen(architecture)) == 0) {
        at += strlen(architecture);
        fit += 1000;
    }
    if (*at && *at != '.')
        return 0; /* another architecture */
    if (sscanf(at, ".%3u.%3u", &major, &minor) >= 1 && (major > 6 || (major == 6 && minor > 1)))
        return 0; /* for a later Windows */
    return fit + major * 10 + minor;
}

/* The models section of a manufacturer's line: fields are Models[, decoration...]. */
static bool models_section(const struct inf *inf, const struct inf_line *manufacturer, enum inf_machine machine, char *section, size_t size)
{
    unsigned best = 0;
    for (unsigned i = 0; i < manufacturer->field_count; ++i) {
        const char *decoration = i ? manufacturer->fields[i] : "";
        unsigned fit = decoration_fit(decoration, machine);
        char name[NAME_MAX_BYTES];
        snprintf(name, sizeof(name), "%s%s%s", inf_field(manufacturer, 0), i ? "." : "", decoration);
        if (fit <= best || !inf_has_section(inf, name))
            continue;
        best = fit;
        snprintf(section, size, "%s", name);
    }
    return best > 0;
}

/* Whether one of the two begins with the other: an INF may be more exact than who asks, or less. */
static bool ids_match(const char *left, const char *right)
{
    size_t length = strlen(left) < strlen(right) ? strlen(left) : strlen(right);
    return length > 0 && strncasecmp(left, right, length) == 0;
}

/* Takes the first model there is, or a better one later: one that matches. */
static bool model_find(const struct inf *inf, enum inf_machine machine, const char *hardware_id, struct inf_keywords *list)
{
    unsigned cursor = 0;
    for (const struct inf_line *manufacturer; (manufacturer = inf_next(inf, "Manufacturer", &cursor)) != NULL;) {
        char section[NAME_MAX_BYTES];
        unsigned model_cursor = 0;
        if (!models_section(inf, manufacturer, machine, section, sizeof(section)))
            continue;
        for (const struct inf_line *model; (model = inf_next(inf, section, &model_cursor)) != NULL;) {
            for (unsigned id = 1; id < model->field_count; ++id) {
                bool matches = hardware_id && ids_match(model->fields[id], hardware_id);
                if (list->install[0] && !matches)
                    continue;
                snprintf(list->install, sizeof(list->install), "%s", inf_field(model, 0));
                snprintf(list->model, sizeof(list->model), "%s", model->fields[id]);
                if (matches)
                    return true;
            }
        }
    }
    return list->install[0] != 0;
}

/* DDInstall with the best decoration there is; the name in `list` becomes the section's. */
static bool install_section(const struct inf *inf, enum inf_machine machine, struct inf_keywords *list)
{
    const char *const decorations[] = {machine == INF_X64 ? ".NTamd64" : ".NTx86", ".NT", ""};
    for (unsigned i = 0; i < sizeof(decorations) / sizeof(decorations[0]); ++i) {
        char name[NAME_MAX_BYTES + 16];
        snprintf(name, sizeof(name), "%s%s", list->install, decorations[i]);
        if (!inf_has_section(inf, name))
            continue;
        return (size_t)snprintf(list->install, sizeof(list->install), "%s", name) < sizeof(list->install);
    }
    return false;
}

/* ---- values ---- */

static bool keyword_put(struct inf_keywords *list, const char *name, const char *value, bool is_default)
{
    for (unsigned i = 0; i < list->count; ++i) {
        struct inf_keyword *known = &list->keywords[i];
        if (!inf_same_name(known->name, name))
            continue;
        if (!is_default) {
            free((char *)known->value);
            known->value = strdup(value);
        }
        return known->value != NULL;
    }
    if (list->count == INF_KEYWORDS_MAX)
        return false;
    struct inf_keyword *keyword = &list->keywords[list->count];
    keyword->name = strdup(name);
    keyword->value = strdup(value);
    list->count += keyword->name != NULL && keyword->value != NULL;
    return keyword->name && keyword->value;
}

/* "Ndi\params\*Keyword" -> "*Keyword"; NULL for any other key, and for those below it. */
static const char *parameter_of(const char *subkey)
{
    static const char prefix[] = "Ndi\\params\\";
    const char *name = subkey + sizeof(prefix) - 1;
    return strncasecmp(subkey, prefix, sizeof(prefix) - 1) == 0 && *name && !strchr(name, '\\') ? name : NULL;
}

/* HKR, [subkey], [value], [flags], data. Two passes over the same lines: values first, then what defaults are left. */
static bool value_take(const struct inf_line *line, bool defaults, struct inf_keywords *list)
{
    unsigned long flags = strtoul(inf_field(line, 3), NULL, 0);
    const char *subkey = inf_field(line, 1), *name = inf_field(line, 2), *data = inf_field(line, 4);
    const char *parameter = parameter_of(subkey);
    char number[24];
    if (!inf_same_name(inf_field(line, 0), "HKR") || (flags & FLAG_TYPE_MASK) == FLAG_BINARY)
        return true;
    if ((flags & FLAG_TYPE_MASK) == TYPE_DWORD) {
        snprintf(number, sizeof(number), "%lu", strtoul(data, NULL, 0) & 0xFFFFFFFFul);
        data = number;
    }
    if (!defaults && !*subkey && *name)
        return keyword_put(list, name, data, false);
    if (defaults && parameter && inf_same_name(name, "default"))
        return keyword_put(list, parameter, data, true);
    return true;
}

/* ---- a section and those that it needs ---- */

enum { NEEDED_MAX = 32 };

struct needed {
    const struct inf *inf;
    char section[NAME_MAX_BYTES + 16];
};
/* Places as they are met; `taken` has them in the order in which they are taken: what a section needs comes before it, and is gone over. */
struct needed_list {
    unsigned met_count, count;
    struct needed met[NEEDED_MAX];
    const struct needed *taken[NEEDED_MAX];
};

/* NULL: it was met before, or there are too many. */
static const struct needed *needed_meet(struct needed_list *list, const struct inf *inf, const char *section)
{
    for (unsigned i = 0; i < list->met_count; ++i)
        if (list->met[i].inf == inf && inf_same_name(list->met[i].section, section))
            return NULL;
    if (list->met_count == NEEDED_MAX)
        return NULL;
    struct needed *place = &list->met[list->met_count++];
    place->inf = inf;
    snprintf(place->section, sizeof(place->section), "%s", section);
    return place;
}

/* The file that has a section of that name: the one that asks, else one that belongs to the first. */
static const struct inf *file_with(const struct inf *first, const struct inf *asking, const char *section)
{
    if (inf_has_section(asking, section))
        return asking;
    for (unsigned i = 0; i < inf_file_count(first); ++i)
        if (inf_has_section(inf_file(first, i), section))
            return inf_file(first, i);
    return NULL;
}

/* Sections may need each other; one that is nowhere is Windows' own. */
static void needed_add(struct needed_list *list, const struct inf *first, const struct inf *inf, const char *section)
{
    const struct needed *place = inf ? needed_meet(list, inf, section) : NULL;
    unsigned cursor = 0;
    if (!place)
        return;
    for (const struct inf_line *line; (line = inf_next(inf, section, &cursor)) != NULL;)
        for (unsigned i = 0; line->key && inf_same_name(line->key, "Needs") && i < line->field_count; ++i)
            needed_add(list, first, file_with(first, inf, line->fields[i]), line->fields[i]);
    list->taken[list->count++] = place;
}

static bool sections_take(const struct inf *inf, const char *names_of, bool defaults, struct inf_keywords *list)
{
    unsigned cursor = 0;
    for (const struct inf_line *directive; (directive = inf_next(inf, names_of, &cursor)) != NULL;) {
        if (!directive->key || !inf_same_name(directive->key, "AddReg"))
            continue;
        for (unsigned i = 0; i < directive->field_count; ++i) {
            unsigned value_cursor = 0;
            for (const struct inf_line *line; (line = inf_next(inf, directive->fields[i], &value_cursor)) != NULL;)
                if (!line->key && !value_take(line, defaults, list))
                    return false;
        }
    }
    return true;
}

/* "*IfType = 6" and its like stand in the install section itself, and become values of the same name. */
static bool directives_take(const struct inf *inf, const char *section, struct inf_keywords *list)
{
    unsigned cursor = 0;
    for (const struct inf_line *line; (line = inf_next(inf, section, &cursor)) != NULL;)
        if (line->key && (line->key[0] == '*' || inf_same_name(line->key, "BusType") || inf_same_name(line->key, "Characteristics")) &&
            !keyword_put(list, line->key, inf_field(line, 0), false))
            return false;
    return true;
}

/* ---- interrupts: what the install section's .HW writes below the device's own key ---- */

static void interrupt_value_take(const struct inf_line *line, struct inf_keywords *list)
{
    const char *name = inf_field(line, 2);
    unsigned long value = strtoul(inf_field(line, 4), NULL, 0);
    if (!inf_same_name(inf_field(line, 0), "HKR") ||
        !inf_same_name(inf_field(line, 1), "Interrupt Management\\MessageSignaledInterruptProperties"))
        return;
    if (inf_same_name(name, "MSISupported"))
        list->messages = value == 1;
    else if (inf_same_name(name, "MessageNumberLimit"))
        list->message_limit = (unsigned)value;
}

static void interrupts_take(const struct inf *inf, const char *hardware, struct inf_keywords *list)
{
    unsigned cursor = 0;
    for (const struct inf_line *directive; (directive = inf_next(inf, hardware, &cursor)) != NULL;) {
        if (!directive->key || !inf_same_name(directive->key, "AddReg"))
            continue;
        for (unsigned i = 0; i < directive->field_count; ++i) {
            unsigned value_cursor = 0;
            for (const struct inf_line *line; (line = inf_next(inf, directive->fields[i], &value_cursor)) != NULL;)
                if (!line->key)
                    interrupt_value_take(line, list);
        }
    }
}

static bool values_take(const struct needed_list *needed, struct inf_keywords *list)
{
    bool good = true;
    for (unsigned i = 0; good && i < needed->count; ++i)
        good = directives_take(needed->taken[i]->inf, needed->taken[i]->section, list) &&
               sections_take(needed->taken[i]->inf, needed->taken[i]->section, false, list);
    for (unsigned i = 0; good && i < needed->count; ++i)
        good = sections_take(needed->taken[i]->inf, needed->taken[i]->section, true, list);
    return good;
}

bool inf_keywords_collect(const struct inf *inf, enum inf_machine machine, const char *hardware_id, struct inf_keywords *list, char *error,
                          size_t error_size)
{
    const char *name = machine == INF_X64 ? "x64" : "x86";
    memset(list, 0, sizeof(*list));
    if (!model_find(inf, machine, hardware_id, list)) {
        snprintf(error, error_size, "no model for Windows 7, %s: is there [Manufacturer], and a models section decorated for it?", name);
        return false;
    }
    if (!install_section(inf, machine, list)) {
        snprintf(error, error_size, "the model %.100s has no install section [%.100s] for %s", list->model, list->install, name);
        return false;
    }
    struct needed_list needed = {0}, needed_hardware = {0};
    char hardware[NAME_MAX_BYTES + 16];
    needed_add(&needed, inf, inf, list->install);
    snprintf(hardware, sizeof(hardware), "%s.HW", list->install);
    needed_add(&needed_hardware, inf, inf, hardware);
    for (unsigned i = 0; i < needed_hardware.count; ++i)
        interrupts_take(needed_hardware.taken[i]->inf, needed_hardware.taken[i]->section, list);
    if (values_take(&needed, list))
        return true;
    inf_keywords_free(list);
    snprintf(error, error_size, "more than %d keywords", INF_KEYWORDS_MAX);
    return false;
}

void inf_keywords_free(struct inf_keywords *list)
{
    for (unsigned i = 0; i < list->count; ++i) {
        free((char *)list->keywords[i].name);
        free((char *)list->keywords[i].value);
    }
    list->count = 0;
}
