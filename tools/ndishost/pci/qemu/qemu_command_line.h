/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qemu_command_line.h - the argument list of the QEMU child, and what its complaints about it mean. */
#ifndef NDISHOST_PCI_QEMU_QEMU_COMMAND_LINE_H
#define NDISHOST_PCI_QEMU_QEMU_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "qemu_device.h"

enum { QEMU_NIC_SLOT = 4 };

/* Descriptors that the child inherits and its arguments name. */
struct qemu_descriptors {
    int ram, bios, qtest, monitor, ivshmem; /* ivshmem: -1 without */
};

struct qemu_command_line {
    unsigned count;
    char *arguments[64]; /* NULL-terminated, each malloc()ed */
};
bool qemu_command_line_build(struct qemu_command_line *line, const struct qemu_device_options *options, uint64_t ram_size, unsigned vectors,
                             const struct qemu_descriptors *descriptors);
void qemu_command_line_free(struct qemu_command_line *line);

/* False and one line in `error` when the options cannot work whatever QEMU says: unknown machine, a property that we set ourselves. */
bool qemu_options_check(const struct qemu_device_options *options, char *error, size_t error_size);
/* MSI-X vectors that the device will have at most, as far as the properties tell. */
unsigned qemu_options_vectors(const struct qemu_device_options *options);
/* Turns QEMU's line on stderr into ours. */
void qemu_complaint_explain(const char *complaint, char *error, size_t error_size);
/* Path of the executable: NDISHOST_QEMU, or qemu-system-x86_64 on PATH. */
bool qemu_find(char *path, size_t path_size, char *error, size_t error_size);

#endif
