/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* object_header.c - the check of NDIS_OBJECT_HEADER that every versioned structure from the image goes through (DRV-24). */
#include "ndis/miniport.h"
#include "rules/rules.h"

bool object_header_check(const char *rule, const void *object, const char *name, uint8_t type, uint8_t revision, uint16_t size)
{
    const struct object_header *header = object;

    if (!header) {
        rule_violated(rule, NULL, "%s is NULL", name);
        return false;
    }
    if (header->type == type && header->revision == revision && header->size == size)
        return true;
    rule_violated(rule, NULL, "%s: Type 0x%02x Revision %u Size %u, must be Type 0x%02x Revision %u Size %u", name, header->type,
                  header->revision, header->size, type, revision, size);
    return false;
}
