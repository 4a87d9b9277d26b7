/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_generator.c - makes and checks numbered frames, in both directions of a model device. */
#include "model_generator.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model_constants.h"

/* After the Ethernet header: magic, stream, number, length; then the pattern. */
enum {
    EXPERIMENT_TYPE = 0x88b5,
    AT_TYPE = 12,
    AT_MAGIC = 14,
    AT_STREAM = 18,
    AT_NUMBER = 22,
    AT_LENGTH = 26,
    AT_PATTERN = 30,
    ETHERNET_MIN = 60,
    WINDOW = 4096, /* numbers that are remembered, to tell repetitions */
};
static const uint32_t MAGIC = 0x4d6f646c;

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static uint8_t pattern_byte(uint32_t seed, uint32_t number, size_t position)
{
    uint32_t mixed = (seed ^ number * 2654435761u) + (uint32_t)position * 40503u;
    mixed ^= mixed >> 15;
    return (uint8_t)(mixed * 2246822519u >> 24);
}

void model_pattern_make(uint8_t *frame, size_t length, const uint8_t destination[6], const uint8_t source[6], uint32_t seed,
                        uint32_t number)
{
    memcpy(frame, destination, 6);
    memcpy(frame + 6, source, 6);
    frame[AT_TYPE] = EXPERIMENT_TYPE >> 8;
    frame[AT_TYPE + 1] = EXPERIMENT_TYPE & 0xff;
    put32(frame + AT_MAGIC, MAGIC);
    put32(frame + AT_STREAM, seed);
    put32(frame + AT_NUMBER, number);
    put32(frame + AT_LENGTH, (uint32_t)length);
    for (size_t i = AT_PATTERN; i < length; i++)
        frame[i] = pattern_byte(seed, number, i);
}

enum model_pattern model_pattern_check(const uint8_t *frame, size_t length, uint32_t seed, uint32_t *number)
{
    if (length < MODEL_PATTERN_MIN || (frame[AT_TYPE] << 8 | frame[AT_TYPE + 1]) != EXPERIMENT_TYPE || get32(frame + AT_MAGIC) != MAGIC ||
        get32(frame + AT_STREAM) != seed)
        return PATTERN_FOREIGN;
    size_t made = get32(frame + AT_LENGTH);
    *number = get32(frame + AT_NUMBER);
    if (made < MODEL_PATTERN_MIN || made > length || (made < length && length > ETHERNET_MIN))
        return PATTERN_DAMAGED;
    for (size_t i = AT_PATTERN; i < made; i++) {
        if (frame[i] != pattern_byte(seed, *number, i))
            return PATTERN_DAMAGED;
    }
    return PATTERN_GOOD;
}

struct model_generator {
    struct model *model;
    struct model_generator_plan plan;
    pthread_mutex_t lock; /* guards the rest; the device's lock may be held around it, never the reverse */
    struct model_generator_counts counts;
    uint32_t next_sent;
    uint8_t seen[WINDOW / 8]; /* of the last WINDOW numbers */
};

/* Notes a good frame's number: repeated, behind one that came before, or new. */
static void number_note(struct model_generator *generator, uint32_t number)
{
    struct model_generator_counts *counts = &generator->counts;
    if (number < counts->highest && counts->highest - number > WINDOW) {
        counts->disordered++; /* too long ago to tell more */
        return;
    }
    for (; counts->highest <= number; counts->highest++)
        generator->seen[counts->highest % WINDOW / 8] &= (uint8_t)~(1u << counts->highest % 8);
    uint8_t bit = (uint8_t)(1u << number % 8), *byte = &generator->seen[number % WINDOW / 8];
    if (*byte & bit) {
        counts->repeated++;
        return;
    }
    *byte |= bit;
    counts->received++;
    counts->disordered += number + 1 != counts->highest;
}

static void frame_come(void *context, const uint8_t *frame, size_t length)
{
    struct model_generator *generator = context;
    uint32_t number;
    enum model_pattern pattern = model_pattern_check(frame, length, generator->plan.expected_seed, &number);
    pthread_mutex_lock(&generator->lock);
    if (pattern == PATTERN_GOOD)
        number_note(generator, number);
    else
        ++*(pattern == PATTERN_DAMAGED ? &generator->counts.damaged : &generator->counts.foreign);
    pthread_mutex_unlock(&generator->lock);
}

static const struct model_peer_ops generator_peer = {.frame = frame_come};

struct model_generator *model_generator_connect(struct model *model, const struct model_generator_plan *plan)
{
    struct model_generator *generator = calloc(1, sizeof *generator);
    if (!generator)
        return NULL;
    generator->model = model;
    generator->plan = *plan;
    pthread_mutex_init(&generator->lock, NULL);
    model_set_peer(model, &generator_peer, generator);
    return generator;
}

unsigned model_generator_send(struct model_generator *generator, unsigned count)
{
    const struct model_generator_plan *plan = &generator->plan;
    size_t range = plan->longest - plan->shortest + 1;
    uint8_t *frame = malloc(plan->longest);
    unsigned sent = 0;
    for (; frame && sent < count; sent++) {
        size_t length = plan->shortest + generator->next_sent * 31u % range;
        model_pattern_make(frame, length, plan->destination, plan->source, plan->seed, generator->next_sent);
        if (!model_inject(generator->model, frame, length, NULL))
            break;
        generator->next_sent++;
    }
    free(frame);
    pthread_mutex_lock(&generator->lock);
    generator->counts.sent += sent;
    pthread_mutex_unlock(&generator->lock);
    return sent;
}

struct model_generator_counts model_generator_counts(struct model_generator *generator)
{
    pthread_mutex_lock(&generator->lock);
    struct model_generator_counts counts = generator->counts;
    pthread_mutex_unlock(&generator->lock);
    return counts;
}

void model_generator_disconnect(struct model_generator *generator)
{
    model_set_peer(generator->model, NULL, NULL);
    pthread_mutex_destroy(&generator->lock);
    free(generator);
}
