/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_ring.c - any bytes as a story of a driver and a device that writes whatever it likes into the ring: no cookie comes back that was
 * not given, none comes back twice, no length exceeds its buffer, and the books balance at the end.
 */
#include "fuzz_target.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "virtqueue_split_legacy.h"

enum { LARGEST_SIZE = 64, LARGEST_CHAIN = 8, TABLE_CAPACITY = 6 };

struct story {
    const uint8_t *input;
    size_t left;
    struct virtqueue_split queue;
    struct virtqueue_layout layout;
    uint8_t *ring;
    uint8_t *tables; /* one per number */
    bool given[LARGEST_SIZE];
    uint32_t writable[LARGEST_SIZE];
    uint32_t outstanding;
};

static uint8_t next_byte(struct story *story)
{
    if (story->left == 0)
        return 0;
    story->left--;
    return *story->input++;
}

static uint16_t next_word(struct story *story)
{
    uint16_t low = next_byte(story);

    return (uint16_t)(low | next_byte(story) << 8);
}

static void *cookie_of(uint32_t number)
{
    return (void *)(uintptr_t)(number + 1);
}

/* ---- the driver ---- */

static void add(struct story *story)
{
    struct virtqueue_segment segments[LARGEST_CHAIN];
    struct virtqueue_indirect_table table;
    enum virtqueue_result result;
    uint32_t number = 0, i, writable_bytes = 0;
    uint8_t shape = next_byte(story);
    uint16_t readable = shape & 3, writable = (shape >> 2) & 3;
    bool with_table = (shape & 0x80) != 0;

    while (number < story->queue.config.size && story->given[number])
        number++;
    if (number == story->queue.config.size)
        return;
    for (i = 0; i < (uint32_t)readable + writable; i++) {
        segments[i].physical = (uint64_t)next_byte(story) << 12;
        segments[i].length = next_byte(story);
        if (i >= readable)
            writable_bytes += segments[i].length;
    }
    table.descriptors = story->tables + number * TABLE_CAPACITY * 16u;
    table.physical = 0x100000 + number * TABLE_CAPACITY * 16u;
    table.capacity = TABLE_CAPACITY;
    result = virtqueue_split_add(&story->queue, segments, readable, writable, with_table ? &table : NULL, cookie_of(number));
    MUST(result == VIRTQUEUE_OK || result == VIRTQUEUE_FULL || result == VIRTQUEUE_TOO_LONG || result == VIRTQUEUE_POISONED);
    if (result == VIRTQUEUE_OK) {
        story->given[number] = true;
        story->writable[number] = writable_bytes;
        story->outstanding++;
    }
}

static void take_back(struct story *story, void *cookie)
{
    uintptr_t number = (uintptr_t)cookie - 1;

    MUST(number < story->queue.config.size);
    MUST(story->given[number]);
    story->given[number] = false;
    story->outstanding--;
}

static void pop(struct story *story)
{
    void *cookie = NULL;
    virtio_u32 written = 0;
    enum virtqueue_result result = virtqueue_split_pop(&story->queue, &cookie, &written);

    if (result == VIRTQUEUE_OK) {
        uintptr_t number = (uintptr_t)cookie - 1;

        take_back(story, cookie);
        MUST(written <= story->writable[number]);
    } else {
        MUST(cookie == NULL);
        MUST((result == VIRTQUEUE_POISONED) == (virtqueue_split_fault(&story->queue) != VIRTQUEUE_FAULT_NONE));
    }
}

/* ---- the device ---- */

/* An honest completion: the oldest entry that it has not used, with what the story says. */
static void complete(struct story *story)
{
    uint8_t *used = story->queue.used, *available = story->queue.available;
    uint16_t used_index, available_index, head;
    uint32_t id, length = next_byte(story);
    uint16_t mask = (uint16_t)(story->queue.config.size - 1);

    memcpy(&used_index, used + 2, 2);
    memcpy(&available_index, available + 2, 2);
    if (used_index == available_index)
        return;
    memcpy(&head, available + 4 + 2 * (used_index & mask), 2);
    id = head;
    memcpy(used + 4 + 8 * (used_index & mask), &id, 4);
    memcpy(used + 8 + 8 * (used_index & mask), &length, 4);
    used_index++;
    memcpy(used + 2, &used_index, 2);
}

static void scribble(struct story *story)
{
    uint32_t offset = next_word(story) % story->layout.ring_bytes;

    story->ring[offset] = next_byte(story);
}

static void scribble_used(struct story *story)
{
    uint32_t bytes = story->layout.ring_bytes - story->layout.used_offset;

    story->ring[story->layout.used_offset + next_byte(story) % bytes] = next_byte(story);
}

/* ---- the story ---- */

static void tell(struct story *story)
{
    while (story->left != 0) {
        switch (next_byte(story) % 12) {
        case 0:
        case 1:
            add(story);
            break;
        case 2:
            virtqueue_split_publish(&story->queue);
            break;
        case 3:
            (void)virtqueue_split_should_notify(&story->queue);
            break;
        case 4:
        case 5:
            pop(story);
            break;
        case 6:
        case 7:
            complete(story);
            break;
        case 8:
            scribble(story);
            break;
        case 9:
            scribble_used(story);
            break;
        case 10:
            virtqueue_split_disable_interrupts(&story->queue);
            break;
        default:
            if (next_byte(story) & 1)
                (void)virtqueue_split_enable_interrupts(&story->queue);
            else
                (void)virtqueue_split_enable_interrupts_delayed(&story->queue, next_word(story));
            break;
        }
        MUST(virtqueue_split_outstanding(&story->queue) == story->outstanding);
        MUST(virtqueue_split_free_count(&story->queue) <= story->queue.config.size - story->outstanding);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct story story;
    struct virtqueue_config config;
    void *private_memory, *cookie;
    uint8_t shape;

    memset(&story, 0, sizeof story);
    memset(&config, 0, sizeof config);
    story.input = input;
    story.left = length;
    shape = next_byte(&story);
    config.size = (uint16_t)(1u << (shape % 7));
    config.event_index = (shape & 0x20) != 0;
    config.indirect = (shape & 0x40) != 0;
    config.always_notify = (shape & 0x80) != 0;
    MUST(virtqueue_split_layout(config.size, config.event_index, &story.layout));
    story.ring = malloc(story.layout.ring_bytes);
    story.tables = malloc((size_t)config.size * TABLE_CAPACITY * 16);
    private_memory = malloc(story.layout.private_bytes);
    MUST(story.ring && story.tables && private_memory);
    virtqueue_split_init(&story.queue, &config, story.ring, 0x10000, private_memory);

    tell(&story);
    while ((cookie = virtqueue_split_detach(&story.queue)) != NULL)
        take_back(&story, cookie);
    MUST(story.outstanding == 0);
    MUST(virtqueue_split_free_count(&story.queue) == config.size);

    free(story.ring);
    free(story.tables);
    free(private_memory);
    return 0;
}

/* Seeds: honest rounds of add, publish, decide, complete and pop, for each shape of queue; then with a scribble in the middle. */
size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const uint8_t round[] = {0, 0x85, 1, 10, 2, 20, 1, 0x04, 3, 30, 2, 3, 6, 5, 7, 9, 4, 5, 10, 11, 1, 11, 0, 2, 0};
    static const uint8_t lie[] = {8, 40, 0, 0xFF, 9, 2, 0x80, 4};
    size_t length = 0;
    uint32_t i;

    if (index >= 28)
        return 0;
    bytes[length++] = (uint8_t)(index % 7 + 7 * (index / 7) + (index % 4) * 0x40);
    for (i = 0; i < 40; i++) {
        memcpy(bytes + length, round, sizeof round);
        length += sizeof round;
        if (index >= 14 && i == 20) {
            memcpy(bytes + length, lie, sizeof lie);
            length += sizeof lie;
        }
    }
    return length;
}
