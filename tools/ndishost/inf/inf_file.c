/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_file.c - decodes the text, joins continued lines, splits them into fields, resolves strings. */
#include "inf/inf_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct inf {
    char *text; /* decoded, UTF-8, NUL at the end */
    struct inf_line *lines;
    unsigned line_count, line_room;
    char **sections; /* names of all, also of empty ones */
    unsigned section_count;
    struct inf *included[INF_FILES_MAX - 1];
    unsigned included_count;
};

static bool refuse(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return false;
}

static void *checked(void *memory)
{
    if (!memory) {
        fputs("ndishost: out of memory\n", stderr);
        abort();
    }
    return memory;
}

bool inf_same_name(const char *left, const char *right)
{
    return strcasecmp(left, right) == 0;
}

/* ---- text ---- */

static size_t utf8_put(char *to, uint32_t point)
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        to[0] = (char)(0xC0 | point >> 6);
        to[1] = (char)(0x80 | (point & 0x3F));
        return 2;
    }
    if (point < 0x10000) {
        to[0] = (char)(0xE0 | point >> 12);
        to[1] = (char)(0x80 | (point >> 6 & 0x3F));
        to[2] = (char)(0x80 | (point & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | point >> 18);
    to[1] = (char)(0x80 | (point >> 12 & 0x3F));
    to[2] = (char)(0x80 | (point >> 6 & 0x3F));
    to[3] = (char)(0x80 | (point & 0x3F));
    return 4;
}

static char *decode_utf16(const uint8_t *bytes, size_t size)
{
    char *text = checked(malloc(size / 2 * 3 + 1)), *end = text;
    for (size_t i = 0; i + 1 < size; i += 2) {
        uint32_t unit = bytes[i] | (uint32_t)bytes[i + 1] << 8;
        if (unit >= 0xD800 && unit < 0xDC00 && i + 3 < size) {
            uint32_t low = bytes[i + 2] | (uint32_t)bytes[i + 3] << 8;
            if (low >= 0xDC00 && low < 0xE000) {
                unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                i += 2;
            }
        }
        if (unit >= 0xD800 && unit < 0xE000)
            unit = 0xFFFD; /* half a character */
        end += utf8_put(end, unit);
    }
    *end = 0;
    return text;
}

/* NUL bytes have no meaning in an INF and would hide what follows them. */
static bool decode(struct inf *inf, const uint8_t *bytes, size_t size, char *error, size_t error_size)
{
    size_t length = size;
    if (size > INF_BYTES_MAX)
        return refuse(error, error_size, "larger than %d bytes", INF_BYTES_MAX);
    if (size >= 2 && bytes[0] == 0xFE && bytes[1] == 0xFF)
        return refuse(error, error_size, "big-endian UTF-16, which Windows does not read");
    if (size >= 2 && bytes[0] == 0xFF && bytes[1] == 0xFE) {
        if (size % 2)
            return refuse(error, error_size, "UTF-16 with an odd number of bytes");
        for (size_t i = 2; i < size; i += 2)
            if (!bytes[i] && !bytes[i + 1])
                return refuse(error, error_size, "a NUL character at byte %zu", i);
        inf->text = decode_utf16(bytes + 2, size - 2);
        return true;
    }
    if (size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0) {
        bytes += 3;
        length -= 3;
    }
    const uint8_t *nul = length ? memchr(bytes, 0, length) : NULL;
    if (nul)
        return refuse(error, error_size, "a NUL character at byte %zu: no text file, or UTF-16 without its mark", (size_t)(nul - bytes));
    inf->text = checked(malloc(length + 1));
    memcpy(inf->text, bytes, length);
    inf->text[length] = 0;
    return true;
}

/* ---- lines ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/*
 * Takes one logical line out of the text: comments are cut, a backslash at the end continues it. It is built in place, as it never grows.
 * False at the end of the text. `*number` counts physical lines.
 */
static bool line_take(char **at, char **line, unsigned *number)
{
    char *from = *at, *to = *at;
    bool quoted = false, more = true;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): decode() has made a text, or memory was short and the program has ended */
    if (!*from)
        return false;
    *line = to;
    while (more) {
        char *last_kept = to;
        more = false;
        ++*number;
        for (; *from && *from != '\n'; from++) {
            if (*from == '"')
                quoted = !quoted;
            if (*from == ';' && !quoted) {
                while (*from && *from != '\n')
                    from++;
                break;
            }
            *to++ = *from;
            if (!is_blank(to[-1]))
                last_kept = to;
        }
        quoted = false; /* a quote does not reach over the end of its line */
        if (*from == '\n')
            from++;
        to = last_kept;
        if (to > *line && to[-1] == '\\' && *from) {
            to[-1] = ' ';
            more = true;
        }
    }
    /* The NUL may fall on the newline that was read already, never on text that was not. */
    *at = from;
    *to = 0;
    return true;
}

/* ---- fields ---- */

/* The next field up to `stop`, trimmed, quotes resolved; NULL at the end of the line. Its text is allocated. */
static char *field_take(const char **at, const char *stops, bool *too_long)
{
    char buffer[INF_FIELD_BYTES_MAX];
    size_t length = 0, kept = 0;
    bool quoted = false;
    const char *from = *at;
    while (is_blank(*from))
        from++;
    for (; *from && (quoted || !strchr(stops, *from)); from++) {
        if (*from == '"' && quoted && from[1] == '"') {
            from++; /* "" is a quote */
        } else if (*from == '"') {
            quoted = !quoted;
            kept = length;
            continue;
        }
        if (length + 1 >= sizeof(buffer)) {
            *too_long = true;
            return NULL;
        }
        buffer[length++] = *from;
        if (quoted || !is_blank(*from))
            kept = length;
    }
    *at = from;
    buffer[kept] = 0;
    return checked(strdup(buffer));
}

static const char *key_end(const char *line)
{
    bool quoted = false;
    for (; *line; line++) {
        if (*line == '"')
            quoted = !quoted;
        else if (*line == '=' && !quoted)
            return line;
    }
    return NULL;
}

static bool line_add(struct inf *inf, const char *section, const char *text, unsigned number, char *error, size_t error_size)
{
    const char *equals = key_end(text);
    bool too_long = false;
    char *fields[INF_FIELDS_MAX], *key = NULL;
    unsigned count = 0;
    if (equals) {
        key = field_take(&text, "=", &too_long);
        text = equals + 1;
    }
    while (!too_long && count < INF_FIELDS_MAX && (fields[count] = field_take(&text, ",", &too_long)) != NULL) {
        count++;
        if (*text != ',')
            break;
        text++;
    }
    bool too_many = !too_long && *text != 0;
    struct inf_line line = {.section = section, .key = key, .field_count = count};
    line.fields = checked(malloc((count + 1) * sizeof(char *)));
    memcpy(line.fields, fields, count * sizeof(char *));
    if (inf->line_count == inf->line_room) {
        inf->line_room = inf->line_room ? 2 * inf->line_room : 256;
        inf->lines = checked(realloc(inf->lines, inf->line_room * sizeof(*inf->lines)));
    }
    inf->lines[inf->line_count++] = line;
    if (too_long)
        return refuse(error, error_size, "line %u: a field of more than %d bytes", number, INF_FIELD_BYTES_MAX);
    if (too_many)
        return refuse(error, error_size, "line %u: more than %d fields", number, INF_FIELDS_MAX);
    return true;
}

static bool section_open(struct inf *inf, const char *line, unsigned number, char *error, size_t error_size)
{
    const char *end = strchr(line, ']');
    if (!end || end[1])
        return refuse(error, error_size, "line %u: a section is written [Name]", number);
    char *name = checked(strndup(line + 1, (size_t)(end - line - 1)));
    inf->sections = checked(realloc(inf->sections, (inf->section_count + 1) * sizeof(char *)));
    inf->sections[inf->section_count++] = name;
    return true;
}

static bool parse_lines(struct inf *inf, char *error, size_t error_size)
{
    char *at = inf->text, *line;
    unsigned number = 0;
    while (true) {
        unsigned first = number + 1;
        if (!line_take(&at, &line, &number))
            return true;
        while (is_blank(*line))
            line++;
        if (!*line)
            continue;
        if (*line == '[') {
            if (!section_open(inf, line, first, error, error_size))
                return false;
        } else if (!inf->section_count) {
            return refuse(error, error_size, "line %u: text before the first section", first);
        } else if (inf->line_count == INF_LINES_MAX) {
            return refuse(error, error_size, "more than %d lines", INF_LINES_MAX);
        } else if (!line_add(inf, inf->sections[inf->section_count - 1], line, first, error, error_size)) {
            return false;
        }
    }
}

/* ---- %strings% ---- */

/* In [Strings], else in the American English ones. */
static const char *string_find(const struct inf *inf, const char *name, size_t length)
{
    static const char *const sections[] = {"Strings", "Strings.0409"};
    for (unsigned i = 0; i < sizeof(sections) / sizeof(sections[0]); ++i) {
        unsigned cursor = 0;
        for (const struct inf_line *line; (line = inf_next(inf, sections[i], &cursor)) != NULL;)
            if (line->key && strlen(line->key) == length && strncasecmp(line->key, name, length) == 0)
                return inf_field(line, 0);
    }
    return NULL;
}

/* %Name% becomes its string, %% a percent sign; a name without a string stays as it is, as Windows leaves it. One pass: no recursion. */
static bool substitute(const struct inf *inf, char **field)
{
    char buffer[INF_FIELD_BYTES_MAX];
    size_t length = 0;
    for (const char *from = *field; *from;) {
        const char *end = *from == '%' ? strchr(from + 1, '%') : NULL;
        const char *value = end == from + 1 ? "%" : end ? string_find(inf, from + 1, (size_t)(end - from - 1)) : NULL;
        const char *piece = value ? value : from;
        size_t step = value ? strlen(value) : 1;
        if (step >= sizeof(buffer) - length)
            return false;
        memcpy(buffer + length, piece, step);
        length += step;
        from = value ? end + 1 : from + 1;
    }
    buffer[length] = 0;
    free(*field);
    *field = checked(strdup(buffer));
    return true;
}

static bool resolve_strings(struct inf *inf, char *error, size_t error_size)
{
    for (unsigned i = 0; i < inf->line_count; ++i) {
        struct inf_line *line = &inf->lines[i];
        if (strncasecmp(line->section, "Strings", 7) == 0)
            continue;
        for (unsigned field = 0; field < line->field_count; ++field)
            if (strchr(line->fields[field], '%') && !substitute(inf, &line->fields[field]))
                return refuse(error, error_size, "a string of [%.64s] makes a field of more than %d bytes", line->section,
                              INF_FIELD_BYTES_MAX);
    }
    return true;
}

/* ---- the whole ---- */

struct inf *inf_parse(const void *bytes, size_t size, char *error, size_t error_size)
{
    struct inf *inf = checked(calloc(1, sizeof(*inf)));
    if (decode(inf, bytes, size, error, error_size) && parse_lines(inf, error, error_size) && resolve_strings(inf, error, error_size))
        return inf;
    inf_free(inf);
    return NULL;
}

struct inf *inf_read(const char *path, char *error, size_t error_size)
{
    FILE *file = fopen(path, "rbe");
    char why[256];
    if (!file) {
        refuse(error, error_size, "%s: %s", path, strerror(errno));
        return NULL;
    }
    uint8_t *bytes = checked(malloc(INF_BYTES_MAX + 1));
    size_t size = fread(bytes, 1, INF_BYTES_MAX + 1, file);
    bool readable = !ferror(file);
    fclose(file);
    struct inf *inf = readable ? inf_parse(bytes, size, why, sizeof(why)) : NULL;
    if (!inf)
        refuse(error, error_size, "%s: %s", path, readable ? why : "it cannot be read");
    free(bytes);
    return inf;
}

void inf_free(struct inf *inf)
{
    if (!inf)
        return;
    for (unsigned i = 0; i < inf->included_count; ++i)
        inf_free(inf->included[i]);
    for (unsigned i = 0; i < inf->line_count; ++i) {
        for (unsigned field = 0; field < inf->lines[i].field_count; ++field)
            free(inf->lines[i].fields[field]);
        free(inf->lines[i].fields);
        free((char *)inf->lines[i].key);
    }
    for (unsigned i = 0; i < inf->section_count; ++i)
        free(inf->sections[i]);
    free(inf->sections);
    free(inf->lines);
    free(inf->text);
    free(inf);
}

bool inf_has_section(const struct inf *inf, const char *section)
{
    for (unsigned i = 0; i < inf->section_count; ++i)
        if (inf_same_name(inf->sections[i], section))
            return true;
    return false;
}

const struct inf_line *inf_next(const struct inf *inf, const char *section, unsigned *cursor)
{
    while (*cursor < inf->line_count) {
        const struct inf_line *line = &inf->lines[(*cursor)++];
        if (inf_same_name(line->section, section))
            return line;
    }
    return NULL;
}

const struct inf_line *inf_next_of_key(const struct inf *inf, const char *key, unsigned *cursor)
{
    while (*cursor < inf->line_count) {
        const struct inf_line *line = &inf->lines[(*cursor)++];
        if (line->key && inf_same_name(line->key, key))
            return line;
    }
    return NULL;
}

void inf_include(struct inf *inf, struct inf *other)
{
    if (inf->included_count == INF_FILES_MAX - 1)
        abort();
    inf->included[inf->included_count++] = other;
}

unsigned inf_file_count(const struct inf *inf)
{
    return 1 + inf->included_count;
}

const struct inf *inf_file(const struct inf *inf, unsigned index)
{
    return index == 0 ? inf : inf->included[index - 1];
}

const char *inf_field(const struct inf_line *line, unsigned index)
{
    return index < line->field_count ? line->fields[index] : "";
}
