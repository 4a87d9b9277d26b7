/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* frame.c - makes and checks the scenarios' frames. */
#include "scenario/frame.h"

#include <string.h>

enum { TYPE_HIGH = 0x88, TYPE_LOW = 0xB5 };

struct description {
    uint8_t magic[4];
    uint8_t direction, reserved;
    uint16_t length;
    uint64_t number;
};
_Static_assert(sizeof(struct description) == FRAME_SHORTEST - FRAME_HEADER, "the description fills the shortest frame");

static const uint8_t magic[4] = {'A', 'e', 'r', 'o'};

static uint8_t pattern(uint8_t direction, uint64_t number, size_t at)
{
    return (uint8_t)((number * 0x9E3779B1u + at * 0x85EBCA6Bu + (at >> 8) * direction) >> 13 ^ at);
}

void frame_make(uint8_t *frame, size_t length, const uint8_t to[6], const uint8_t from[6], enum frame_direction direction, uint64_t number)
{
    struct description description = {.direction = (uint8_t)direction, .length = (uint16_t)length, .number = number};
    memcpy(description.magic, magic, sizeof(magic));
    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    frame[12] = TYPE_HIGH;
    frame[13] = TYPE_LOW;
    memcpy(frame + FRAME_HEADER, &description, sizeof(description));
    for (size_t at = FRAME_SHORTEST; at < length; ++at)
        frame[at] = pattern((uint8_t)direction, number, at);
}

static const char *damage(const uint8_t *frame, size_t length, const struct description *description)
{
    size_t claimed = description->length;
    if (length < claimed)
        return "it is cut short";
    if (length > claimed && (claimed >= FRAME_WIRE_SHORTEST || length > FRAME_WIRE_SHORTEST))
        return "something follows it";
    for (size_t at = claimed; at < length; ++at)
        if (frame[at])
            return "its padding is not zero";
    for (size_t at = FRAME_SHORTEST; at < claimed; ++at)
        if (frame[at] != pattern(description->direction, description->number, at))
            return "its content changed";
    return NULL;
}

enum frame_verdict frame_check(const uint8_t *frame, size_t length, enum frame_direction *direction, uint64_t *number, const char **why)
{
    struct description description;
    if (length < FRAME_SHORTEST || frame[12] != TYPE_HIGH || frame[13] != TYPE_LOW)
        return FRAME_FOREIGN;
    memcpy(&description, frame + FRAME_HEADER, sizeof(description));
    if (memcmp(description.magic, magic, sizeof(magic)) != 0)
        return FRAME_FOREIGN;
    *direction = description.direction;
    *number = description.number;
    *why = damage(frame, length, &description);
    return *why ? FRAME_DAMAGED : FRAME_GOOD;
}
