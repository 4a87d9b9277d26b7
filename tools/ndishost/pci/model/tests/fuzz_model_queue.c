/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_model_queue.c - any bytes as a virtqueue in a driver's memory: areas anywhere, indexes, chains and tables that change while the
 * device works. The device's side stays inside guest memory and its own books, every walk ends, and what it copies is what it counted.
 *
 * Input: size, features, areas (16), steps (count, then one byte each), memory.
 */
#include "fuzz_target.h"

#include <string.h>

#include "pci/model/model_chain.h"

enum { PREFIX = 16, RAM = 0x8000, STEPS_MAX = 128 };

struct story {
    struct model_queue queue;
    uint8_t *ram;
    const uint8_t *more; /* bytes that are written over rings in between */
    size_t more_left;
    uint16_t taken[STEPS_MAX]; /* heads that the device holds */
    uint32_t room[STEPS_MAX];
    unsigned held;
};

static void see_chain(void *context, const struct model_chain *chain)
{
    struct story *story = context;

    MUST(chain->head < story->queue.size && chain->count && chain->count <= MODEL_SEGMENTS(&story->queue));
}

static void take(struct story *story)
{
    struct model_chain chain;
    uint8_t bytes[300];
    uint64_t readable = 0, writable = 0;

    if (story->held == STEPS_MAX || !model_queue_take(&story->queue, &chain))
        return;
    for (unsigned i = 0; i < chain.count; i++)
        *(chain.segments[i].writable ? &writable : &readable) += chain.segments[i].length;
    MUST(readable == chain.readable && writable == chain.writable);
    MUST(model_chain_read(&story->queue, &chain, 7, bytes, sizeof bytes) <= (readable > 7 ? readable - 7 : 0));
    memset(bytes, 0x5A, sizeof bytes);
    MUST(model_chain_write(&story->queue, &chain, 0, bytes, sizeof bytes) <= writable);
    story->taken[story->held] = chain.head;
    story->room[story->held++] = writable > UINT32_MAX ? UINT32_MAX : (uint32_t)writable;
}

static void complete(struct story *story)
{
    if (!story->held)
        return;
    story->held--;
    model_queue_release(&story->queue, story->taken[story->held]);
    model_queue_write_used(&story->queue, story->taken[story->held], story->room[story->held]);
    (void)model_queue_publish(&story->queue);
}

/* The driver writes where it likes; two bytes of place, two of content. */
static void overwrite(struct story *story)
{
    size_t at;

    if (story->more_left < 4)
        return;
    at = (story->more[0] | (size_t)story->more[1] << 8) % (RAM - 1);
    memcpy(story->ram + at, story->more + 2, 2);
    story->more += 4;
    story->more_left -= 4;
}

static void step(struct story *story, uint8_t kind)
{
    struct model_queue *queue = &story->queue;

    switch (kind % 9) {
    case 0:
        MUST(model_queue_expose(queue, see_chain, story) <= queue->size);
        break;
    case 1:
        take(story);
        break;
    case 2:
        complete(story);
        break;
    case 3:
        overwrite(story);
        break;
    case 4:
        model_queue_look(queue);
        break;
    case 5:
        model_queue_verify(queue);
        break;
    case 6:
        model_queue_notified(queue);
        model_queue_disarm(queue);
        break;
    case 7:
        (void)model_queue_arm(queue);
        break;
    default:
        MUST(model_queue_free_descriptor(queue) < (int)queue->size);
        (void)model_queue_notification_missing(queue);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct story story = {.held = 0};
    struct model_queue *queue = &story.queue;
    const uint8_t *steps;
    size_t count;

    if (length < PREFIX + 1)
        return 0;
    count = input[PREFIX] < STEPS_MAX ? input[PREFIX] : STEPS_MAX;
    count = count < length - PREFIX - 1 ? count : length - PREFIX - 1;
    steps = input + PREFIX + 1;
    story.more = steps + count;
    story.more_left = length - PREFIX - 1 - count;
    story.ram = calloc(1, RAM);
    MUST(story.ram);
    memcpy(story.ram + MODEL_LOWEST_ADDRESS, story.more,
           story.more_left < RAM - MODEL_LOWEST_ADDRESS ? story.more_left : RAM - MODEL_LOWEST_ADDRESS);
    queue->world = (struct model_queue_world){.name = "fuzzed",
                                              .ram = story.ram,
                                              .ram_size = RAM,
                                              .indirect = input[1] & 1,
                                              .event_idx = input[1] & 2,
                                              .in_order = input[1] & 4,
                                              .contract = input[1] & 8};
    queue->maximum = QUEUE_SIZE_MAX;
    queue->size = (uint16_t)(1u << input[0] % 16);
    queue->descriptor_area = (uint64_t)(input[2] | input[3] << 8) << (input[1] & 16 ? 48 : 0);
    queue->driver_area = (uint64_t)(input[4] | input[5] << 8) << (input[1] & 32 ? 48 : 0);
    queue->device_area = (uint64_t)(input[6] | input[7] << 8) << (input[1] & 64 ? 48 : 0);
    if (model_queue_enable(queue)) {
        for (size_t i = 0; i < count; i++)
            step(&story, steps[i]);
        model_queue_disable(queue);
    }
    free(story.ram);
    return 0;
}

static void put(uint8_t *at, unsigned bytes, uint64_t value)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

static void put_descriptor(uint8_t *at, uint64_t address, uint32_t length, unsigned flags, unsigned next)
{
    put(at, 8, address);
    put(at + 8, 4, length);
    put(at + 12, 2, flags);
    put(at + 14, 2, next);
}

/* A queue of 8 with a chain of two pieces and one through a table; exposed, taken, completed, with looks in between. */
size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const uint8_t steps[] = {4, 0, 5, 1, 8, 1, 2, 6, 3, 0, 7, 2, 1};
    uint8_t *ram = bytes + PREFIX + 1 + sizeof steps;

    if (index >= 4)
        return 0;
    memset(bytes, 0, 2048);
    bytes[0] = 3;
    bytes[1] = (uint8_t)(1 + index * 2);
    put(bytes + 2, 2, 0x1000);
    put(bytes + 4, 2, 0x1100);
    put(bytes + 6, 2, 0x1200);
    bytes[PREFIX] = sizeof steps;
    memcpy(bytes + PREFIX + 1, steps, sizeof steps);
    put_descriptor(ram, 0x1400, 12, 1, 1);
    put_descriptor(ram + 16, 0x1500, 200, 2, 0);
    put_descriptor(ram + 32, 0x1300, 32, 4, 0);
    put_descriptor(ram + 0x300, 0x1420, 64, 1, 1);
    put_descriptor(ram + 0x310, 0x1480, 100, 2, 0);
    put(ram + 0x102, 2, 2);
    put(ram + 0x106, 2, 2);
    return PREFIX + 1 + sizeof steps + 0x600;
}
