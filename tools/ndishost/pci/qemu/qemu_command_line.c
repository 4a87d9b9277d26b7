/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qemu_command_line.c - from options to QEMU's arguments, and from QEMU's complaints to one clear line. */
#include "qemu_command_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ivshmem.h"

/* Room beyond the usual 2 * queue pairs + 2 when `vectors` is not given, which QEMU then chooses itself. */
enum { VECTORS_UNSAID = 20 };

__attribute__((format(printf, 2, 3))) static bool argument_add(struct qemu_command_line *line, const char *format, ...)
{
    if (line->count + 1 >= sizeof line->arguments / sizeof *line->arguments)
        return false;
    va_list values;
    va_start(values, format);
    char *text = NULL;
    bool added = vasprintf(&text, format, values) >= 0;
    va_end(values);
    if (added)
        line->arguments[line->count++] = text;
    return added;
}

bool qemu_command_line_build(struct qemu_command_line *line, const struct qemu_device_options *options, uint64_t ram_size, unsigned vectors,
                             const struct qemu_descriptors *descriptors)
{
    const char *properties = options->properties ? options->properties : "";
    *line = (struct qemu_command_line){0};
    bool built = argument_add(line, "qemu-system-x86_64") && argument_add(line, "-nodefaults") && argument_add(line, "-no-user-config") &&
                 argument_add(line, "-display") && argument_add(line, "none") &&
                 /* The processor finds nothing but hlt and sleeps for ever; a small translation buffer is plenty. */
                 argument_add(line, "-machine") && argument_add(line, "%s,memory-backend=ram,pit=off,hpet=off", options->machine) &&
                 argument_add(line, "-accel") && argument_add(line, "tcg,tb-size=1") && argument_add(line, "-bios") &&
                 argument_add(line, "/proc/self/fd/%d", descriptors->bios) &&
                 /* Guest memory is ours, shared. */
                 argument_add(line, "-m") && argument_add(line, "%" PRIu64 "M", ram_size >> 20) && argument_add(line, "-object") &&
                 argument_add(line, "memory-backend-file,id=ram,size=%" PRIu64 "M,mem-path=/proc/self/fd/%d,share=on", ram_size >> 20,
                              descriptors->ram) &&
                 /* The two connections. */
                 argument_add(line, "-chardev") && argument_add(line, "socket,id=qtest,fd=%d", descriptors->qtest) &&
                 argument_add(line, "-object") && argument_add(line, "qtest,id=qtest0,chardev=qtest,log=none") &&
                 argument_add(line, "-chardev") && argument_add(line, "socket,id=monitor,fd=%d", descriptors->monitor) &&
                 argument_add(line, "-mon") && argument_add(line, "chardev=monitor,mode=control") &&
                 /* The device and what it is plugged into. */
                 argument_add(line, "-netdev") && argument_add(line, "%s", options->netdev) && argument_add(line, "-device") &&
                 argument_add(line, "virtio-net-pci,id=nic0,netdev=n0,mac=%s,addr=%02x.0,romfile=%s%s%s", options->mac, QEMU_NIC_SLOT,
                              options->transitional ? "" : ",disable-legacy=on", *properties ? "," : "", properties);
    if (built && descriptors->ivshmem >= 0)
        built = argument_add(line, "-chardev") && argument_add(line, "socket,id=doorbell,fd=%d", descriptors->ivshmem) &&
                argument_add(line, "-device") &&
                argument_add(line, "ivshmem-doorbell,chardev=doorbell,vectors=%u,addr=%02x.0", vectors, IVSHMEM_SLOT);
    if (!built)
        qemu_command_line_free(line);
    return built;
}

void qemu_command_line_free(struct qemu_command_line *line)
{
    for (unsigned i = 0; i < line->count; i++)
        free(line->arguments[i]);
    *line = (struct qemu_command_line){0};
}

/* Length of the name and start of the value of the property at `text`; returns the start of the next one, or NULL. */
static const char *property_split(const char *text, size_t *name_length, const char **value)
{
    size_t length = strcspn(text, ",");
    *name_length = strcspn(text, "=,");
    *value = text[*name_length] == '=' ? text + *name_length + 1 : NULL;
    return text[length] ? text + length + 1 : NULL;
}

bool qemu_options_check(const struct qemu_device_options *options, char *error, size_t error_size)
{
    static const char *const ours[] = {"id", "netdev", "addr", "bus", "romfile", "driver"};
    if (strcmp(options->machine, "pc") && strcmp(options->machine, "q35")) {
        snprintf(error, error_size, "unknown machine \"%s\" (pc or q35)", options->machine);
        return false;
    }
    const char *next = options->properties, *value;
    while (next && *next) {
        const char *name = next;
        size_t length;
        next = property_split(name, &length, &value);
        if (length == 0) {
            snprintf(error, error_size, "a device property without a name in \"%s\"", options->properties);
            return false;
        }
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
            if (strlen(ours[i]) == length && !strncmp(name, ours[i], length)) {
                snprintf(error, error_size, "device property \"%s\" is set by ndishost itself", ours[i]);
                return false;
            }
        }
    }
    return true;
}

unsigned qemu_options_vectors(const struct qemu_device_options *options)
{
    unsigned vectors = VECTORS_UNSAID;
    const char *next = options->properties, *value;
    while (next && *next) {
        const char *name = next;
        size_t length;
        next = property_split(name, &length, &value);
        if (length == strlen("vectors") && !strncmp(name, "vectors", length) && value)
            vectors = (unsigned)strtoul(value, NULL, 0);
    }
    return vectors < IVSHMEM_MAX_VECTORS ? vectors : IVSHMEM_MAX_VECTORS;
}

void qemu_complaint_explain(const char *complaint, char *error, size_t error_size)
{
    static const char unknown[] = "Property 'virtio-net-pci.";
    const char *name = strstr(complaint, unknown);
    const char *name_end = name ? strchr(name + sizeof unknown - 1, '\'') : NULL;
    if (name_end && !strncmp(name_end, "' not found", 11)) {
        name += sizeof unknown - 1;
        snprintf(error, error_size, "QEMU does not know the property \"%.*s\" of virtio-net-pci", (int)(name_end - name), name);
        return;
    }
    /* "qemu-system-x86_64: -device virtio-net-pci,...: what is wrong": the middle repeats what the user typed. */
    const char *text = complaint;
    static const char program[] = "qemu-system-x86_64: ";
    if (!strncmp(text, program, sizeof program - 1))
        text += sizeof program - 1;
    const char *option_end = *text == '-' ? strstr(text, ": ") : NULL;
    snprintf(error, error_size, "QEMU: %s", option_end ? option_end + 2 : text);
}

bool qemu_find(char *path, size_t path_size, char *error, size_t error_size)
{
    const char *chosen = getenv("NDISHOST_QEMU");
    if (chosen && *chosen) {
        snprintf(path, path_size, "%s", chosen);
        if (!access(path, X_OK))
            return true;
        snprintf(error, error_size, "no QEMU: NDISHOST_QEMU names %s, which cannot be executed", chosen);
        return false;
    }
    const char *directories = getenv("PATH");
    while (directories && *directories) {
        size_t length = strcspn(directories, ":");
        int written = snprintf(path, path_size, "%.*s/qemu-system-x86_64", (int)length, directories);
        if (written > 0 && (size_t)written < path_size && !access(path, X_OK))
            return true;
        directories += length + (directories[length] == ':');
    }
    snprintf(error, error_size, "no QEMU: qemu-system-x86_64 is not on PATH (Debian: apt-get install qemu-system-x86)");
    return false;
}
