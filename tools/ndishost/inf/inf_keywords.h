/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* inf_keywords.h - what an INF would write into the registry key of an adapter: the values of AddReg, and the defaults of Ndi\params. */
#ifndef NDISHOST_INF_INF_KEYWORDS_H
#define NDISHOST_INF_INF_KEYWORDS_H

#include "inf/inf_file.h"

enum inf_machine { INF_X86, INF_X64 };
enum { INF_KEYWORDS_MAX = 256 };

struct inf_keyword {
    const char *name, *value; /* value: text as of REG_SZ; numbers of REG_DWORD in decimal. Both are the list's */
};

struct inf_keywords {
    char model[256], install[256]; /* the hardware ID and the install section that were taken */
    bool messages;                 /* MSISupported of the install section's .HW: Windows may grant messages instead of the line */
    unsigned message_limit;        /* MessageNumberLimit; 0: not given */
    unsigned count;
    struct inf_keyword keywords[INF_KEYWORDS_MAX];
};

/*
 * The install section and those that it needs (Needs), in this file or in one that it includes (inf_include()); a section that is nowhere
 * is Windows' own, and is left out. For Windows 7 on `machine`: the model that `hardware_id` begins with or that begins with it
 * ("PCI\VEN_1AF4&DEV_1041"; NULL: any), else the first one. False and one line in `error` when no model or no install section fits, or
 * there are too many keywords.
 */
bool inf_keywords_collect(const struct inf *inf, enum inf_machine machine, const char *hardware_id, struct inf_keywords *list, char *error,
                          size_t error_size);
void inf_keywords_free(struct inf_keywords *list);

#endif
