/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * messages.c - looks a text up in an image's message table (resource type 11, name 1), whatever language comes first. The resources are
 * hostile input like the rest of the file: every offset is compared with what it has to lie in.
 */
#include "pe/facts.h"
#include "pe/format.h"

enum {
    DIRECTORY_BYTES = 16,
    ENTRY_BYTES = 8,
    DATA_ENTRY_BYTES = 16,
    BLOCK_BYTES = 12,
    MESSAGE_BYTES = 4, /* of a message before its text */
    TYPE_MESSAGE_TABLE = 11,
    NAME_MESSAGE_TABLE = 1,
    MESSAGE_UNICODE = 1,
};
#define SUBDIRECTORY 0x80000000u
#define ANY_ID       UINT32_MAX

/* `length` bytes at `offset` of a range that lies inside the image, or NULL. */
static const uint8_t *at(const struct image_facts *facts, struct pe_range range, uint32_t offset, uint32_t length)
{
    return offset <= range.size && length <= range.size - offset ? facts->flat + range.rva + offset : NULL;
}

/* ---- the tree: type, name, language ---- */

/* What the entry `id` of a directory points to; entries with names are nobody's id. */
static bool entry_find(const struct image_facts *facts, uint32_t directory, uint32_t id, uint32_t *target)
{
    const uint8_t *header = at(facts, facts->resources, directory, DIRECTORY_BYTES);
    if (!header)
        return false;
    uint32_t count = (uint32_t)pe_u16(header + 12) + pe_u16(header + 14);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *entry = at(facts, facts->resources, directory + DIRECTORY_BYTES + i * ENTRY_BYTES, ENTRY_BYTES);
        if (!entry)
            return false;
        if (id == ANY_ID || pe_u32(entry) == id) {
            *target = pe_u32(entry + 4);
            return true;
        }
    }
    return false;
}

/* The same, where the entry is a directory again: one level down, so that no tree has a circle. */
static bool directory_find(const struct image_facts *facts, uint32_t id, uint32_t *directory)
{
    uint32_t target;
    if (!entry_find(facts, *directory, id, &target) || !(target & SUBDIRECTORY))
        return false;
    *directory = target & ~SUBDIRECTORY;
    return true;
}

static bool table_find(const struct image_facts *facts, struct pe_range *table)
{
    uint32_t directory = 0, leaf;
    if (!directory_find(facts, TYPE_MESSAGE_TABLE, &directory) || !directory_find(facts, NAME_MESSAGE_TABLE, &directory) ||
        !entry_find(facts, directory, ANY_ID, &leaf))
        return false;
    const uint8_t *data = at(facts, facts->resources, leaf, DATA_ENTRY_BYTES);
    if (!data)
        return false;
    *table = (struct pe_range){pe_u32(data), pe_u32(data + 4)};
    return table->rva <= facts->header.image_size && table->size <= facts->header.image_size - table->rva;
}

/* ---- the table: blocks of adjacent ids, each with its messages one behind the other ---- */

static const uint8_t *message_in_block(const struct image_facts *facts, struct pe_range table, uint32_t offset, uint32_t skip,
                                       uint32_t *length)
{
    /* Each message is at least as long as its head, so this ends inside the table. */
    for (;; skip--) {
        const uint8_t *message = at(facts, table, offset, MESSAGE_BYTES);
        *length = message ? pe_u16(message) : 0;
        if (*length < MESSAGE_BYTES || !at(facts, table, offset, *length))
            return NULL;
        if (skip == 0)
            return message;
        offset += *length;
    }
}

static const uint8_t *message_find(const struct image_facts *facts, struct pe_range table, uint32_t id, uint32_t *length)
{
    const uint8_t *header = at(facts, table, 0, 4);
    uint32_t count = header ? pe_u32(header) : 0;
    if (count > table.size / BLOCK_BYTES)
        return NULL;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *block = at(facts, table, 4 + i * BLOCK_BYTES, BLOCK_BYTES);
        if (!block)
            return NULL;
        if (id >= pe_u32(block) && id <= pe_u32(block + 4))
            return message_in_block(facts, table, pe_u32(block + 8), id - pe_u32(block), length);
    }
    return NULL;
}

/* ---- text ---- */

/* As UTF-8, halves of surrogate pairs as U+FFFD; the room for it is there. */
static size_t unit_put(char *to, uint32_t unit)
{
    if (unit < 0x80) {
        to[0] = (char)unit;
        return 1;
    }
    if (unit < 0x800) {
        to[0] = (char)(0xC0 | unit >> 6);
        to[1] = (char)(0x80 | (unit & 0x3F));
        return 2;
    }
    if (unit >= 0xD800 && unit < 0xE000)
        unit = 0xFFFD;
    to[0] = (char)(0xE0 | unit >> 12);
    to[1] = (char)(0x80 | (unit >> 6 & 0x3F));
    to[2] = (char)(0x80 | (unit & 0x3F));
    return 3;
}

bool image_message(const struct image_facts *facts, uint32_t id, char *buffer, size_t size)
{
    struct pe_range table;
    uint32_t length;
    const uint8_t *message = table_find(facts, &table) ? message_find(facts, table, id, &length) : NULL;
    if (!message || size < 4)
        return false;
    unsigned width = pe_u16(message + 2) & MESSAGE_UNICODE ? 2 : 1;
    size_t used = 0;
    for (uint32_t i = MESSAGE_BYTES; i + width <= length && used < size - 4; i += width) {
        uint32_t unit = width == 2 ? pe_u16(message + i) : message[i];
        if (unit == 0)
            break;
        if (unit == '\r')
            continue;
        used += unit_put(buffer + used, unit < ' ' ? ' ' : unit); /* a line end becomes a blank */
    }
    while (used && buffer[used - 1] == ' ')
        used--;
    buffer[used] = 0;
    return used > 0;
}
