/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * diagnostics.h - the diagnostics interface of aero_virtio_net as its users know it: path, control codes, structures. Written from the
 * interface's description, not from the driver's header, so that each is checked by the other.
 */
#ifndef NDISHOST_SCENARIO_DIAGNOSTICS_H
#define NDISHOST_SCENARIO_DIAGNOSTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "nt/io.h"

#define DIAGNOSTICS_PATH     "\\\\.\\AeroVirtioNetDiag"
#define DIAGNOSTICS_SECURITY "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GR;;;WD)"

enum diagnostics_form { FORM_NUMBER, FORM_HEX, FORM_MAC, FORM_FEATURES };
struct diagnostics_field {
    const char *name;
    uint16_t offset, size;
    enum diagnostics_form form;
    bool constant; /* the same in every answer of one adapter, from its start to its halt */
};

enum { DIAGNOSTICS_SIZE_MAX = 512 };
struct diagnostics_structure {
    const char *name;
    uint32_t code;
    uint16_t size, least /* shortest output that is accepted */;
    const struct diagnostics_field *fields; /* ends with a NULL name */
};
enum { DIAGNOSTICS_INFO, DIAGNOSTICS_OFFLOAD, DIAGNOSTICS_COUNTERS, DIAGNOSTICS_COUNT };
extern const struct diagnostics_structure diagnostics_structures[DIAGNOSTICS_COUNT];

/* A number of 1, 2, 4 or 8 bytes. */
uint64_t diagnostics_number(const uint8_t *bytes, const struct diagnostics_field *field);
/* Aborts when there is no such field: names are fixed. */
uint64_t diagnostics_value(unsigned structure, const uint8_t *bytes, const char *name);
const struct diagnostics_field *diagnostics_field(unsigned structure, const char *name);
/* As text, for people: numbers, "0x...", MAC addresses. */
const char *diagnostics_text(const uint8_t *bytes, const struct diagnostics_field *field, char *buffer, size_t size);

/* One whole structure of the adapter with that address (NULL: of the one that answers without). */
struct io_result diagnostics_query(struct io_file *file, unsigned structure, const uint8_t *mac, uint8_t bytes[DIAGNOSTICS_SIZE_MAX]);

#endif
