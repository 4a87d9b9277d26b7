/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * qmp.h - a client of QEMU's machine protocol: one command at a time, from any thread; events are passed over; waits are bounded.
 */
#ifndef NDISHOST_PCI_QEMU_QMP_H
#define NDISHOST_PCI_QEMU_QMP_H

#include <stdbool.h>
#include <stddef.h>

struct qmp;
/* Takes over `fd` also on failure; NULL when there is no memory. */
struct qmp *qmp_create(int fd);
void qmp_destroy(struct qmp *qmp);
/* Reads the greeting and negotiates; `version` gets "7.2.22". False and one line in `error` when QEMU goes away or keeps silent. */
bool qmp_negotiate(struct qmp *qmp, char *version, size_t version_size, char *error, size_t error_size);
/* `command` is a JSON object as text. False and QEMU's description (or ours) in `error`, which may be NULL. */
bool qmp_execute(struct qmp *qmp, const char *command, unsigned timeout_ms, char *error, size_t error_size);
/* The same; the value of "return" as JSON on one line, to be freed, or NULL. */
char *qmp_query(struct qmp *qmp, const char *command, unsigned timeout_ms, char *error, size_t error_size);

#endif
