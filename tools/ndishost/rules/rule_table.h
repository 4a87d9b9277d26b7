/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* rule_table.h - the generated table of every rule, sorted by id (strcmp). */
#ifndef NDISHOST_RULES_RULE_TABLE_H
#define NDISHOST_RULES_RULE_TABLE_H

struct rule {
    const char *id;
    const char *level; /* MUST, SHOULD, HOST, INFO */
    const char *text;
};
extern const struct rule rule_table[];
extern const unsigned rule_table_count;

#endif
