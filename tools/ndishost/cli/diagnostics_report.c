/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* diagnostics_report.c - the driver's own figures: asked for through its diagnostics device, printed in columns. */
#include "cli/diagnostics_report.h"

#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "cli/json_text.h"

enum { COLUMNS = 3, NAME_WIDTH = 24, VALUE_WIDTH = 19 };

bool diagnostics_collect(struct diagnostics_report *report, const uint8_t mac[6], uint32_t *status)
{
    struct io_file *file;
    *status = io_open(DIAGNOSTICS_PATH, IO_USER_EVERYBODY, IO_GENERIC_READ, &file);
    if (*status != NT_STATUS_SUCCESS)
        return false;
    for (unsigned which = 0; which < DIAGNOSTICS_COUNT; ++which) {
        struct io_result result = diagnostics_query(file, which, mac, report->bytes[which]);
        report->known[which] = result.status == NT_STATUS_SUCCESS && result.information == diagnostics_structures[which].size;
        if (!report->known[which] && *status == NT_STATUS_SUCCESS)
            *status = result.status;
    }
    io_close(file);
    return *status == NT_STATUS_SUCCESS;
}

static bool is_worth_printing(unsigned which, const uint8_t *bytes, const struct diagnostics_field *field)
{
    if (strncmp(field->name, "Reserved", 8) == 0)
        return false;
    return which == DIAGNOSTICS_INFO || field->form == FORM_MAC || diagnostics_number(bytes, field) != 0;
}

void diagnostics_print(const struct diagnostics_report *report, unsigned index)
{
    for (unsigned which = 0; which < DIAGNOSTICS_COUNT; ++which) {
        unsigned column = 0;
        if (!report->known[which])
            continue;
        printf("%s of adapter %u\n", diagnostics_structures[which].name, index);
        for (const struct diagnostics_field *field = diagnostics_structures[which].fields; field->name; ++field) {
            char text[32];
            if (!is_worth_printing(which, report->bytes[which], field))
                continue;
            printf("  %-*s%-*s", NAME_WIDTH, field->name, VALUE_WIDTH, diagnostics_text(report->bytes[which], field, text, sizeof(text)));
            if (++column % COLUMNS == 0)
                putchar('\n');
        }
        if (column % COLUMNS)
            putchar('\n');
    }
}

json_t *diagnostics_json(const struct diagnostics_report *report)
{
    json_t *object = json_object();
    for (unsigned which = 0; which < DIAGNOSTICS_COUNT; ++which) {
        json_t *fields = json_object();
        if (report->known[which])
            json_object_set(object, diagnostics_structures[which].name, fields);
        for (const struct diagnostics_field *field = diagnostics_structures[which].fields; field->name; ++field) {
            char text[32];
            json_object_set_new(fields, field->name,
                                field->form == FORM_NUMBER
                                    ? json_integer((json_int_t)diagnostics_number(report->bytes[which], field))
                                    : json_from_text(diagnostics_text(report->bytes[which], field, text, sizeof(text))));
        }
        json_decref(fields);
    }
    if (json_object_size(object))
        return object;
    json_decref(object);
    return json_null();
}
