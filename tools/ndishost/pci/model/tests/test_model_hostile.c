/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * test_model_hostile.c - a driver that writes anything anywhere: the device leaves neither guest memory nor its own, always comes to rest,
 * and works again after a reset.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "model_world.h"
#include "pci/model/model_layout.h"

static struct model_random chance;

static uint64_t noise(void)
{
    return model_random_next(&chance);
}

static uint32_t below(uint32_t limit)
{
    return model_random_below(&chance, limit);
}

/* Words that are nearly right do more harm than noise. */
static void ring_disturb(struct world *world, unsigned index)
{
    struct world_queue *queue = &world->queues[index];
    if (!queue->size)
        return;
    uint8_t *descriptor = queue_descriptor(world, index, below(queue->size));
    uint8_t *available = world_at(world, queue->driver_area);
    uint16_t word = (uint16_t)(model_random_chance(&chance, 70) ? below(2u * queue->size) : noise());
    uint32_t length = model_random_chance(&chance, 70) ? below(4096) : (uint32_t)noise();
    uint64_t address = model_random_chance(&chance, 70) ? below(WORLD_RAM) : noise() >> below(64);
    switch (below(8)) {
    case 0:
        memcpy(descriptor, &address, 8);
        break;
    case 1:
        memcpy(descriptor + 8, &length, 4);
        break;
    case 2:
        word = (uint16_t)below(8);
        memcpy(descriptor + 12, &word, 2);
        break;
    case 3:
        memcpy(descriptor + 14, &word, 2);
        break;
    case 4:
        memcpy(available + RING_ENTRIES + 2u * below(queue->size), &word, 2);
        break;
    case 5:
        word = (uint16_t)(queue->available + below(4));
        queue->available = word;
        memcpy(available + RING_INDEX, &word, 2);
        break;
    case 6:
        memcpy(available + below(6 + 2u * queue->size), &word, 1);
        break;
    default:
        memcpy(world_at(world, queue->indirect + below(queue->size * 8u * DESC_BYTES)), &address, 4);
        break;
    }
}

static void registers_disturb(struct world *world)
{
    static const unsigned widths[] = {1, 2, 4, 4, 8};
    unsigned width = widths[below(5)];
    switch (below(6)) {
    case 0:
        world->device.ops->bar_write(world->device.state, below(7), noise() >> below(64), width, noise() >> below(64));
        break;
    case 1:
        (void)world->device.ops->bar_read(world->device.state, below(7), noise() >> below(64), width);
        break;
    case 2:
        /* Not the status: a reset would end the fun too soon. */
        write_common(world, below(0x40) & ~1u, width, noise() >> below(64));
        break;
    case 3:
        world->device.ops->config_write(world->device.state, below(256), 1u << below(3), (uint32_t)noise());
        break;
    case 4:
        (void)world->device.ops->config_read(world->device.state, below(256), 1u << below(3));
        break;
    default:
        (void)read_common(world, below(0x40), width);
        break;
    }
}

static void frame_inject(struct world *world)
{
    uint8_t frame[3000];
    const struct model_delivery delivery = {.sums = (enum model_receive_sums)below(4), .gso_size = (uint16_t)(below(3) ? 0 : below(2000))};
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)noise();
    (void)model_inject(world->model, frame, below(sizeof frame), &delivery);
}

static void frame_send(struct world *world)
{
    uint8_t header[12], frame[600];
    const struct part parts[] = {{world_memory(world, 700), 12 + 300, false}};
    for (unsigned i = 0; i < sizeof header; i++)
        header[i] = (uint8_t)(below(3) ? 0 : noise());
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)noise();
    memcpy(world_at(world, parts[0].address), header, sizeof header);
    memcpy((uint8_t *)world_at(world, parts[0].address) + 12, frame, sizeof frame);
    unsigned queue = below(10) ? TX : CONTROL;
    int head = world->queues[queue].size ? queue_add(world, queue, parts, 1) : -1;
    if (head < 0)
        return;
    queue_publish(world, queue, (uint16_t)head);
    ring_doorbell(world, queue);
}

/* What the rules say meanwhile would fill the screen. */
static int silence(void)
{
    int kept = dup(STDERR_FILENO), nothing = open("/dev/null", O_WRONLY | O_CLOEXEC);
    fflush(stderr);
    assert_true(kept >= 0 && nothing >= 0 && dup2(nothing, STDERR_FILENO) >= 0);
    close(nothing);
    return kept;
}

static void speak(int kept)
{
    fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
}

/* A well-behaved driver takes over. */
static void recover(struct world *world)
{
    rules_reset();
    /* The device wrote where it was told to: only what is untouched memory again may be called zeroed. */
    assert_int_equal(madvise(world_at(world, world->next_page), WORLD_RAM - world->next_page, MADV_DONTNEED), 0);
    world->common.found = world->notify.found = world->isr.found = world->config.found = false;
    model_set_link(world->model, true);
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
    driver_exercise(world);
    world_assert_clean(world, false);
}

static void nothing_a_driver_writes_harms_the_device(void **state)
{
    (void)state;
    uint64_t chains = 0, violations = 0;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct model_options options;
        char text[1024];
        chance.state = seed;
        model_options_random(&options, seed);
        for (unsigned i = 0; i < 3; i++)
            options.queue_sizes[i] = (uint16_t)(1u << below(9));
        for (unsigned i = 0; i < below(3); i++)
            options.faults[options.fault_count++] = (struct model_fault_choice){below(40), 1 + below(50)};
        struct world *world = world_open_options(&options);
        world->indirect = seed & 1;
        (void)driver_start(world, driver_features());
        int kept = silence();
        for (unsigned i = 0; i < 150; i++) {
            unsigned what = below(10);
            if (what < 4)
                ring_disturb(world, below(3));
            else if (what < 5)
                registers_disturb(world);
            else if (what < 6)
                frame_inject(world);
            else if (what < 8)
                frame_send(world);
            else
                ring_doorbell(world, below(2));
            (void)model_drain(world->model, below(30));
        }
        bool rests = model_drain(world->model, WORLD_STEPS);
        model_check_quiescent(world->model);
        chains += model_counts(world->model).chains[TX] + model_counts(world->model).chains[RX];
        violations += rules_violation_count();
        world->device.ops->config_write(world->device.state, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
        (void)driver_reset(world);
        speak(kept);
        if (!rests)
            fail_msg("seed %u: --device model%s does not come to rest", (unsigned)seed, model_options_text(&options, text, sizeof text));
        if (options.fault_count == 0)
            recover(world);
        world_close(world);
    }
    assert_true(chains > 10000 && violations > 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_a_driver_writes_harms_the_device)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
