/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_include.c - the files that an INF's Include directives name, where they lie beside it. Those of Windows itself do not, and are left
 * out. */
#include "inf/inf_include.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* The file of that name in the folder, in any case: its path in `found`. */
static bool find_beside(const char *folder, const char *name, char *found, size_t size)
{
    DIR *directory = opendir(folder);
    bool there = false;
    if (!directory)
        return false;
    for (const struct dirent *entry; !there && (entry = readdir(directory)) != NULL;)
        there = inf_same_name(entry->d_name, name) && snprintf(found, size, "%s/%s", folder, entry->d_name) < (int)size;
    closedir(directory);
    return there;
}

/* One file, once; false: it is there and cannot be read. */
static bool include_one(struct inf *inf, const char *folder, const char *name, char names[][NAME_MAX + 1], char *error, size_t error_size)
{
    char path[PATH_MAX];
    unsigned count = inf_file_count(inf);
    for (unsigned i = 0; i < count; ++i)
        if (inf_same_name(names[i], name))
            return true;
    if (strlen(name) > NAME_MAX || strchr(name, '/') || !find_beside(folder, name, path, sizeof(path)))
        return true;
    if (count == INF_FILES_MAX) {
        snprintf(error, error_size, "%s: more than %d files include each other", path, INF_FILES_MAX);
        return false;
    }
    struct inf *other = inf_read(path, error, error_size);
    if (!other)
        return false;
    strcpy(names[count], name);
    inf_include(inf, other);
    return true;
}

bool inf_include_beside(struct inf *inf, const char *path, char *error, size_t error_size)
{
    char names[INF_FILES_MAX][NAME_MAX + 1] = {""}, folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    snprintf(names[0], sizeof(names[0]), "%.*s", NAME_MAX, slash ? slash + 1 : path);
    /* What is included may include others. */
    for (unsigned file = 0; file < inf_file_count(inf); ++file) {
        unsigned cursor = 0;
        for (const struct inf_line *line; (line = inf_next_of_key(inf_file(inf, file), "Include", &cursor)) != NULL;)
            for (unsigned i = 0; i < line->field_count; ++i)
                if (!include_one(inf, folder[0] ? folder : "/", line->fields[i], names, error, error_size))
                    return false;
    }
    return true;
}
