/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* security.c - security descriptor strings (SDDL), and what they grant to three kinds of callers. */
#include "nt/io.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ENTRIES_MAX = 32, SID_SIZE = 64 };
enum { GENERIC_ALL = 0x10000000, GENERIC_EXECUTE = 0x20000000 };
enum { FILE_ALL = 0x1F01FF, FILE_READ = 0x120089, FILE_WRITE = 0x120116, FILE_EXECUTE = 0x1200A0 };

struct entry {
    bool denies;
    uint32_t rights; /* of files */
    char sid[SID_SIZE];
};

struct security {
    bool anybody; /* no list at all: everything is granted */
    unsigned count;
    struct entry entries[ENTRIES_MAX];
};

static uint32_t map_generic(uint32_t rights)
{
    uint32_t mapped = rights & 0x0FFFFFFFu & ~(uint32_t)GENERIC_ALL;
    if (rights & GENERIC_ALL)
        mapped |= FILE_ALL;
    if (rights & IO_GENERIC_READ)
        mapped |= FILE_READ;
    if (rights & IO_GENERIC_WRITE)
        mapped |= FILE_WRITE;
    if (rights & GENERIC_EXECUTE)
        mapped |= FILE_EXECUTE;
    return mapped;
}

/* ---- parsing ---- */

static bool parse_rights(const char *text, size_t length, uint32_t *rights)
{
    static const struct {
        char name[3];
        uint32_t value;
    } names[] = {
        {"GA", GENERIC_ALL},
        {"GR", IO_GENERIC_READ},
        {"GW", IO_GENERIC_WRITE},
        {"GX", GENERIC_EXECUTE},
        {"RC", 0x20000},
        {"SD", 0x10000},
        {"WD", 0x40000},
        {"WO", 0x80000},
        {"FA", FILE_ALL},
        {"FR", FILE_READ},
        {"FW", FILE_WRITE},
        {"FX", FILE_EXECUTE},
        {"CC", 0x1},
        {"DC", 0x2},
        {"LC", 0x4},
        {"SW", 0x8},
        {"RP", 0x10},
        {"WP", 0x20},
        {"DT", 0x40},
        {"LO", 0x80},
        {"CR", 0x100},
    };
    *rights = 0;
    if (length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        char *end;
        *rights = map_generic((uint32_t)strtoul(text, &end, 16));
        return end == text + length;
    }
    for (size_t at = 0; at < length; at += 2) {
        size_t index = 0, count = sizeof(names) / sizeof(names[0]);
        while (index < count && (at + 2 > length || memcmp(names[index].name, text + at, 2) != 0))
            ++index;
        if (index == count)
            return false;
        *rights |= map_generic(names[index].value);
    }
    return length != 0;
}

/* Two letters, or S-1-...; the well-known ones of the latter become letters. */
static bool parse_sid(const char *text, size_t length, char sid[SID_SIZE])
{
    static const char *const known[][2] = {{"S-1-1-0", "WD"},      {"S-1-5-18", "SY"}, {"S-1-5-32-544", "BA"},
                                           {"S-1-5-32-545", "BU"}, {"S-1-5-11", "AU"}, {"S-1-5-4", "IU"}};
    if (length >= SID_SIZE || length < 2)
        return false;
    memcpy(sid, text, length);
    sid[length] = 0;
    if (length == 2)
        return isupper((unsigned char)sid[0]) && isupper((unsigned char)sid[1]);
    if (strncmp(sid, "S-1-", 4) != 0 || strspn(sid + 4, "0123456789-") != length - 4)
        return false;
    for (size_t index = 0; index < sizeof(known) / sizeof(known[0]); ++index)
        if (strcmp(sid, known[index][0]) == 0)
            strcpy(sid, known[index][1]);
    return true;
}

/* "(A;;GA;;;SY)": returns what follows it, NULL when it is none. */
static const char *parse_entry(const char *text, struct entry *entry)
{
    const char *fields[6];
    size_t lengths[6];
    if (*text++ != '(')
        return NULL;
    for (unsigned index = 0; index < 6; ++index) {
        lengths[index] = strcspn(text, ";)");
        fields[index] = text;
        text += lengths[index];
        if (*text++ != (index == 5 ? ')' : ';'))
            return NULL;
    }
    if (lengths[0] != 1 || (fields[0][0] != 'A' && fields[0][0] != 'D') || lengths[3] || lengths[4])
        return NULL;
    entry->denies = fields[0][0] == 'D';
    return parse_rights(fields[2], lengths[2], &entry->rights) && parse_sid(fields[5], lengths[5], entry->sid) ? text : NULL;
}

static const char *parse_list(const char *text, struct security *security)
{
    if (strncmp(text, "NO_ACCESS_CONTROL", 17) == 0) {
        security->anybody = true;
        return text + 17;
    }
    text += strspn(text, "PARI"); /* P, AR, AI: about inheritance, which a device has none of */
    while (*text == '(') {
        const char *next;
        if (security->count == ENTRIES_MAX || (next = parse_entry(text, &security->entries[security->count])) == NULL)
            return NULL;
        ++security->count;
        text = next;
    }
    return text;
}

struct security *security_parse(const char *sddl, char *error, size_t error_size)
{
    struct security *security = calloc(1, sizeof(*security));
    const char *text = sddl, *at = sddl;
    char sid[SID_SIZE];
    bool has_list = false;
    if (!security)
        abort();
    while (text && *text) {
        at = text;
        if ((text[0] == 'O' || text[0] == 'G') && text[1] == ':') {
            size_t length = strncmp(text + 2, "S-", 2) == 0 ? strspn(text + 2, "S0123456789-") : 2;
            text = strlen(text + 2) >= length && parse_sid(text + 2, length, sid) ? text + 2 + length : NULL;
        } else if (text[0] == 'D' && text[1] == ':' && !has_list) {
            has_list = true;
            text = parse_list(text + 2, security);
        } else {
            text = NULL; /* an audit list (S:) has no business in a driver's default */
        }
    }
    if (!text || !*sddl) {
        snprintf(error, error_size, "from \"%.40s\" on", at);
        free(security);
        return NULL;
    }
    security->anybody |= !has_list;
    return security;
}

void security_free(struct security *security)
{
    free(security);
}

/* ---- granting ---- */

static bool is_member(enum io_user user, const char *sid)
{
    static const char *const groups[IO_USER_COUNT] = {"SY BA WD AU", "BA BU WD AU IU", "BU WD AU IU"};
    return strlen(sid) == 2 && strstr(groups[user], sid) != NULL;
}

bool security_grants(const struct security *security, enum io_user user, uint32_t desired, uint32_t *granted)
{
    uint32_t missing = *granted = map_generic(desired);
    if (security->anybody)
        return true;
    for (unsigned index = 0; index < security->count && missing; ++index) {
        const struct entry *entry = &security->entries[index];
        if (!is_member(user, entry->sid))
            continue;
        if (entry->denies && (entry->rights & missing))
            return false;
        if (!entry->denies)
            missing &= ~entry->rights;
    }
    return missing == 0;
}
