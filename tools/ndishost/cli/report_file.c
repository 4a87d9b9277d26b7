/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* report_file.c - opens, writes and discards the file of --json. */
#include "cli/report_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { MODE = 0666 /* less the umask */ };

bool report_file_is_output(const struct report_file *file)
{
    return file->path && strcmp(file->path, "-") == 0;
}

bool report_file_open(struct report_file *file, const char *path, char *error, size_t error_size)
{
    *file = (struct report_file){.path = path};
    if (!path)
        return true;
    if (report_file_is_output(file)) {
        file->stream = stdout;
        return true;
    }
    int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, descriptor = open(path, flags | O_EXCL, MODE);
    file->created = descriptor >= 0;
    if (descriptor < 0 && errno == EEXIST)
        descriptor = open(path, flags, MODE);
    if (descriptor >= 0)
        file->stream = fdopen(descriptor, "w");
    if (!file->stream)
        snprintf(error, error_size, "report file %s: %s", path, strerror(errno));
    return file->stream != NULL;
}

/* True when all that was written has arrived. */
static bool stream_close(FILE *stream)
{
    return stream == stdout ? fflush(stream) == 0 && !ferror(stream) : fclose(stream) == 0;
}

bool report_file_write(struct report_file *file, json_t *object)
{
    bool written = object && json_dumpf(object, file->stream, JSON_INDENT(2)) == 0 && fputc('\n', file->stream) != EOF;
    int why = errno;
    if (!stream_close(file->stream) && written) {
        why = errno;
        written = false;
    }
    file->stream = NULL;
    json_decref(object);
    if (!written)
        fprintf(stderr, "ndishost: report file %s: %s\n", file->path, strerror(why));
    return written;
}

void report_file_discard(struct report_file *file)
{
    if (!file->stream)
        return;
    if (file->stream != stdout)
        fclose(file->stream);
    if (file->created)
        unlink(file->path);
    file->stream = NULL;
}
