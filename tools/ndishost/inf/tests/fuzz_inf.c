/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fuzz_inf.c - any bytes as an INF, for both machines: no crash, refusals in one line, names and values that end. Also built for libFuzzer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "inf/inf_keywords.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    char error[256] = "";
    struct inf *inf = inf_parse(bytes, size, error, sizeof(error));
    if (!inf && (!*error || strchr(error, '\n')))
        abort(); /* a refusal is one line that says something */
    for (int machine = INF_X86; inf && machine <= INF_X64; ++machine) {
        struct inf_keywords list;
        *error = 0;
        if (!inf_keywords_collect(inf, (enum inf_machine)machine, machine ? "PCI\\VEN_1AF4" : NULL, &list, error, sizeof(error))) {
            if (!*error)
                abort();
            continue;
        }
        for (unsigned i = 0; i < list.count; ++i)
            if (strlen(list.keywords[i].name) >= INF_FIELD_BYTES_MAX || strlen(list.keywords[i].value) >= INF_FIELD_BYTES_MAX)
                abort();
        inf_keywords_free(&list);
    }
    inf_free(inf);
    return 0;
}
