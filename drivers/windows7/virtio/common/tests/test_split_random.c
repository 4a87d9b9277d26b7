/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_split_random.c - long seeded walks of driver and oracle device on one ring: every result is foreseen by a model of plain arrays.
 * A failing walk prints its configuration, seed and step.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "queue_world.h"

enum { LARGEST_CHAIN = 12, TABLE_CAPACITY = 10, STEPS = 1000000 };

/* What the model knows of one buffer. Its number is its place and its cookie. */
struct model_buffer {
    struct virtqueue_segment segments[LARGEST_CHAIN];
    uint16_t readable, writable, descriptors, head;
    uint32_t writable_bytes, written;
};

/* A queue of numbers. `places` is a power of two larger than any ring. */
struct model_fifo {
    uint16_t *numbers;
    uint32_t first, last;
};

struct model {
    struct queue_world world;
    struct queue_options options;
    struct model_buffer *buffers;
    struct model_fifo idle;      /* numbers not in use */
    struct model_fifo added;     /* not published */
    struct model_fifo published; /* not fetched */
    struct model_fifo completed; /* not popped */
    uint16_t *fetched;           /* in the device's hands, any order */
    uint32_t fetched_count;
    uint32_t free_descriptors;
    uint16_t decided_at; /* avail.idx at the last notify decision */
    uint16_t available_index;
    bool waits_for_interrupt; /* the driver asked, was told to wait, and has popped everything */
    uint64_t random;
    uint64_t seed;
};

enum { FIFO_PLACES = 65536 };

static struct model model;

/* xorshift64*: small, seeded, the same everywhere. */
static uint32_t next_random(void)
{
    model.random ^= model.random >> 12;
    model.random ^= model.random << 25;
    model.random ^= model.random >> 27;
    return (uint32_t)((model.random * 0x2545F4914F6CDD1Dull) >> 32);
}

static uint32_t below(uint32_t limit)
{
    return next_random() % limit;
}

static void fifo_put(struct model_fifo *fifo, uint16_t number)
{
    fifo->numbers[fifo->last++ % FIFO_PLACES] = number;
}

static uint16_t fifo_take(struct model_fifo *fifo)
{
    return fifo->numbers[fifo->first++ % FIFO_PLACES];
}

static uint32_t fifo_count(const struct model_fifo *fifo)
{
    return fifo->last - fifo->first;
}

#define EXPECT(condition)                                                                                                                  \
    do {                                                                                                                                   \
        if (!(condition))                                                                                                                  \
            fail_msg("%s: size %u event_index %d indirect %d seed %llu", #condition, model.options.size, model.options.event_index,        \
                     model.options.indirect, (unsigned long long)model.seed);                                                              \
    } while (0)

/* ---- the driver's steps ---- */

static void step_add(void)
{
    struct model_buffer *buffer;
    struct virtqueue_indirect_table table;
    enum virtqueue_result result, expected = VIRTQUEUE_OK;
    uint32_t count, i, writable_bytes = 0;
    uint16_t number, free_before = virtqueue_split_free_count(&model.world.queue);
    bool with_table = model.options.table_bytes != 0 && below(2) == 0, through_table;

    if (fifo_count(&model.idle) == 0)
        return;
    number = model.idle.numbers[model.idle.first % FIFO_PLACES];
    buffer = &model.buffers[number];
    count = 1 + below(below(4) == 0 ? LARGEST_CHAIN : 3);
    buffer->readable = (uint16_t)below(count + 1);
    buffer->writable = (uint16_t)(count - buffer->readable);
    for (i = 0; i < count; i++) {
        buffer->segments[i].physical = ((uint64_t)next_random() << 32) | next_random();
        buffer->segments[i].length = 1 + below(5000);
        if (i >= buffer->readable)
            writable_bytes += buffer->segments[i].length;
    }
    through_table = with_table && model.options.indirect && count > 1;
    buffer->descriptors = (uint16_t)(through_table ? 1 : count);
    if (count > model.options.size || (through_table && count > TABLE_CAPACITY))
        expected = VIRTQUEUE_TOO_LONG;
    else if (buffer->descriptors > model.free_descriptors)
        expected = VIRTQUEUE_FULL;

    if (with_table)
        table = queue_world_table(&model.world, number, TABLE_CAPACITY);
    result = virtqueue_split_add(&model.world.queue, buffer->segments, buffer->readable, buffer->writable, with_table ? &table : NULL,
                                 queue_world_cookie(number));
    EXPECT(result == expected);
    if (result == VIRTQUEUE_OK) {
        fifo_take(&model.idle);
        buffer->writable_bytes = writable_bytes;
        model.free_descriptors -= buffer->descriptors;
        fifo_put(&model.added, number);
    } else {
        EXPECT(virtqueue_split_free_count(&model.world.queue) == free_before);
    }
}

static void step_publish(void)
{
    virtqueue_split_publish(&model.world.queue);
    model.available_index = (uint16_t)(model.available_index + fifo_count(&model.added));
    /* Entries that the device consumed need no decision any more; the ring remembers `size` of them at most. */
    if ((uint32_t)(uint16_t)(model.available_index - model.decided_at) > model.options.size)
        model.decided_at = (uint16_t)(model.available_index - model.options.size);
    while (fifo_count(&model.added) != 0)
        fifo_put(&model.published, fifo_take(&model.added));
    EXPECT(ring_device_pending(&model.world.device) == fifo_count(&model.published));
}

static void step_decide(void)
{
    bool expected;

    step_publish();
    expected = ring_device_expects_notify(&model.world.device, model.decided_at, model.available_index);
    EXPECT(virtqueue_split_should_notify(&model.world.queue) == expected);
    model.decided_at = model.available_index;
}

static void step_pop(void)
{
    enum virtqueue_result result;
    virtio_u32 written;
    void *cookie;
    uint16_t number;

    EXPECT(virtqueue_split_has_completed(&model.world.queue) == (fifo_count(&model.completed) != 0));
    result = virtqueue_split_pop(&model.world.queue, &cookie, &written);
    if (fifo_count(&model.completed) == 0) {
        EXPECT(result == VIRTQUEUE_EMPTY);
        return;
    }
    EXPECT(result == VIRTQUEUE_OK);
    number = fifo_take(&model.completed);
    EXPECT(queue_world_number(cookie) == number);
    EXPECT(written == model.buffers[number].written);
    model.free_descriptors += model.buffers[number].descriptors;
    fifo_put(&model.idle, number);
}

static void step_interrupts(void)
{
    uint32_t batch, waiting = fifo_count(&model.completed);

    model.waits_for_interrupt = false;
    switch (below(3)) {
    case 0:
        virtqueue_split_disable_interrupts(&model.world.queue);
        break;
    case 1:
        EXPECT(virtqueue_split_enable_interrupts(&model.world.queue) == (waiting == 0));
        model.waits_for_interrupt = waiting == 0;
        break;
    default: {
        uint32_t published = fifo_count(&model.published) + model.fetched_count + waiting;

        batch = below(8);
        if (!model.options.event_index || batch == 0)
            EXPECT(virtqueue_split_enable_interrupts_delayed(&model.world.queue, (uint16_t)batch) == (waiting == 0));
        else if (published != 0)
            EXPECT(virtqueue_split_enable_interrupts_delayed(&model.world.queue, (uint16_t)batch) ==
                   (waiting < (batch < published ? batch : published)));
        break;
    }
    }
}

/* ---- the device's steps ---- */

static void step_fetch(void)
{
    struct ring_segment segments[LARGEST_CHAIN];
    struct ring_buffer fetched = {.segments = segments, .capacity = LARGEST_CHAIN};
    struct model_buffer *buffer;
    uint32_t i;
    uint16_t number;

    if (!ring_device_fetch(&model.world.device, &fetched)) {
        if (model.world.device.broken)
            fail_msg("%s (size %u, seed %llu)", model.world.device.broken, model.options.size, (unsigned long long)model.seed);
        EXPECT(fifo_count(&model.published) == 0);
        return;
    }
    EXPECT(fifo_count(&model.published) != 0);
    number = fifo_take(&model.published);
    buffer = &model.buffers[number];
    buffer->head = fetched.head;
    EXPECT(fetched.count == (uint32_t)buffer->readable + buffer->writable);
    for (i = 0; i < fetched.count; i++) {
        EXPECT(segments[i].physical == buffer->segments[i].physical);
        EXPECT(segments[i].length == buffer->segments[i].length);
        EXPECT(segments[i].writable == (i >= buffer->readable));
    }
    model.fetched[model.fetched_count++] = number;
}

static void step_complete(void)
{
    struct model_buffer *buffer;
    uint32_t chosen;
    uint16_t number;

    if (model.fetched_count == 0)
        return;
    chosen = below(model.fetched_count);
    number = model.fetched[chosen];
    model.fetched[chosen] = model.fetched[--model.fetched_count];
    buffer = &model.buffers[number];
    buffer->written = below(buffer->writable_bytes + 1);
    ring_device_complete(&model.world.device, buffer->head, buffer->written);
    fifo_put(&model.completed, number);
    if (model.waits_for_interrupt || below(2) == 0) {
        bool interrupts = ring_device_must_interrupt(&model.world.device);

        if (model.waits_for_interrupt)
            EXPECT(interrupts);
        model.waits_for_interrupt = false;
    }
}

static void step_suppress(void)
{
    switch (below(3)) {
    case 0:
        ring_device_suppress_notifications(&model.world.device);
        break;
    case 1:
        ring_device_request_notifications(&model.world.device);
        break;
    default:
        ring_device_request_notification_at(&model.world.device, (uint16_t)below(model.options.size + 1));
        break;
    }
}

/* ---- a walk ---- */

static uint16_t *make_numbers(uint32_t count)
{
    uint16_t *numbers = calloc(count, sizeof *numbers);

    assert_non_null(numbers);
    return numbers;
}

static void start_walk(const struct queue_options *options, uint64_t seed)
{
    uint32_t i;

    memset(&model, 0, sizeof model);
    model.options = *options;
    model.seed = seed;
    model.random = seed * 0x9E3779B97F4A7C15ull + 1;
    queue_world_make(&model.world, options);
    model.buffers = calloc(options->size, sizeof *model.buffers);
    assert_non_null(model.buffers);
    model.idle.numbers = make_numbers(FIFO_PLACES);
    model.added.numbers = make_numbers(FIFO_PLACES);
    model.published.numbers = make_numbers(FIFO_PLACES);
    model.completed.numbers = make_numbers(FIFO_PLACES);
    model.fetched = make_numbers(options->size);
    model.free_descriptors = options->size;
    for (i = 0; i < options->size; i++)
        fifo_put(&model.idle, (uint16_t)i);
}

/* Everything still outstanding comes back, each once. */
static void end_walk(void)
{
    uint32_t outstanding = model.options.size - fifo_count(&model.idle), detached = 0;

    EXPECT(virtqueue_split_outstanding(&model.world.queue) == outstanding);
    while (virtqueue_split_detach(&model.world.queue))
        detached++;
    EXPECT(detached == outstanding);
    EXPECT(virtqueue_split_free_count(&model.world.queue) == model.options.size);
    queue_world_drop(&model.world);
    free(model.buffers);
    free(model.idle.numbers);
    free(model.added.numbers);
    free(model.published.numbers);
    free(model.completed.numbers);
    free(model.fetched);
}

/* Steps come in bursts, so that large rings fill, drain and wrap too. */
static void walk(const struct queue_options *options, uint64_t seed, uint32_t steps)
{
    static void (*const step_kinds[])(void) = {step_add,   step_add,      step_publish,    step_decide,  step_pop,
                                               step_fetch, step_complete, step_interrupts, step_suppress};
    uint32_t kinds = sizeof step_kinds / sizeof step_kinds[0], burst;

    start_walk(options, seed);
    while (steps != 0) {
        void (*step)(void) = step_kinds[below(kinds)];

        burst = 1;
        if (step == step_add || step == step_pop || step == step_fetch || step == step_complete)
            burst += below(below(4) == 0 ? options->size + 1 : 4);
        for (; burst != 0 && steps != 0; burst--, steps--)
            step();
        EXPECT(virtqueue_split_free_count(&model.world.queue) == model.free_descriptors);
        EXPECT(virtqueue_split_outstanding(&model.world.queue) == model.options.size - fifo_count(&model.idle));
    }
    end_walk();
}

static void walk_all(uint16_t size)
{
    uint32_t kind;

    for (kind = 0; kind < 8; kind++) {
        struct queue_options options = {.size = size, .event_index = (kind & 1) != 0, .indirect = (kind & 2) != 0};

        if (kind & 4)
            options.table_bytes = (uint32_t)size * TABLE_CAPACITY * 16;
        walk(&options, 1000u * size + kind, STEPS);
    }
}

static void a_ring_of_1_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(1);
}

static void a_ring_of_2_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(2);
}

static void a_ring_of_4_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(4);
}

static void a_ring_of_256_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(256);
}

static void a_ring_of_1024_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(1024);
}

static void a_ring_of_32768_agrees_with_the_model(void **state)
{
    (void)state;
    walk_all(32768);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_ring_of_1_agrees_with_the_model),    cmocka_unit_test(a_ring_of_2_agrees_with_the_model),
        cmocka_unit_test(a_ring_of_4_agrees_with_the_model),    cmocka_unit_test(a_ring_of_256_agrees_with_the_model),
        cmocka_unit_test(a_ring_of_1024_agrees_with_the_model), cmocka_unit_test(a_ring_of_32768_agrees_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
