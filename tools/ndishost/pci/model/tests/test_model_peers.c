/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_peers.c - what is at the far end of a model device: generator, echo, a descriptor; driven by an agent where it is by itself.
 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/sched.h"
#include "model_frames.h"
#include "model_world.h"
#include "pci/model/model_cable.h"
#include "pci/model/model_frame.h"
#include "pci/model/model_generator.h"

enum { WAIT_MS = 10000 };

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, somebody[6] = {2, 0, 0, 0, 0, 1};

static void pattern_frames_know_their_bytes(void **state)
{
    (void)state;
    uint8_t frame[300];
    uint32_t number = 0;
    model_pattern_make(frame, sizeof frame, broadcast, somebody, 5, 77);
    assert_int_equal(model_pattern_check(frame, sizeof frame, 5, &number), PATTERN_GOOD);
    assert_int_equal(number, 77);
    assert_int_equal(model_pattern_check(frame, sizeof frame, 6, &number), PATTERN_FOREIGN);
    assert_int_equal(model_pattern_check(frame, sizeof frame - 1, 5, &number), PATTERN_DAMAGED);
    for (unsigned i = 30; i < sizeof frame; i++) {
        frame[i] ^= 0x10;
        assert_int_equal(model_pattern_check(frame, sizeof frame, 5, &number), PATTERN_DAMAGED);
        frame[i] ^= 0x10;
    }
    /* Ethernet pads what is shorter than 60 bytes. */
    memset(frame, 0, sizeof frame);
    model_pattern_make(frame, 40, broadcast, somebody, 5, 78);
    assert_int_equal(model_pattern_check(frame, 60, 5, &number), PATTERN_GOOD);
}

static void a_generator_counts_what_comes(void **state)
{
    (void)state;
    struct world *world = world_open("");
    const struct model_generator_plan plan = {.seed = 1,
                                              .expected_seed = 2,
                                              .destination = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
                                              .source = {2, 0, 0, 0, 0, 1},
                                              .shortest = 60,
                                              .longest = 1514};
    uint8_t frame[WORLD_FRAME_MAX], header[12];
    assert_true(driver_start(world, driver_features()));
    struct model_generator *generator = model_generator_connect(world->model, &plan);
    assert_non_null(generator);
    for (uint32_t expected = 0; expected < 500;) {
        uint32_t number;
        assert_int_equal(model_generator_send(generator, 20), 20);
        world_drain(world);
        for (size_t length; (length = driver_receive(world, frame, header)) != 0; expected++) {
            assert_int_equal(header[HEADER_FLAGS], 0);
            assert_int_equal(model_pattern_check(frame, length, 1, &number), PATTERN_GOOD);
            assert_int_equal(number, expected);
        }
    }
    /* In order; then one again, one late, one damaged, one of somebody else, one that never comes. */
    static const uint32_t numbers[] = {0, 1, 2, 2, 4, 3, 6};
    for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        model_pattern_make(frame, 100, somebody, world->mac, 2, numbers[i]);
        driver_send(world, NULL, frame, 100);
    }
    frame[50] ^= 1;
    driver_send(world, NULL, frame, 100);
    model_pattern_make(frame, 100, somebody, world->mac, 3, 0);
    driver_send(world, NULL, frame, 100);
    world_drain(world);
    struct model_generator_counts counts = model_generator_counts(generator);
    assert_int_equal(counts.sent, 500);
    assert_int_equal(counts.received, 6);
    assert_int_equal(counts.repeated, 1);
    assert_int_equal(counts.disordered, 1);
    assert_int_equal(counts.damaged, 1);
    assert_int_equal(counts.foreign, 1);
    assert_int_equal(counts.highest - counts.received, 1);
    model_generator_disconnect(generator);
    world_assert_clean(world, false);
    world_close(world);
}

/* A device that steps by itself, in the place of the world's. */
static struct world *driven_by_an_agent(const char *text)
{
    struct model_options options;
    char error[256] = "";
    assert_true(model_options_parse(text, &options, error, sizeof error));
    struct world *world = world_open_options(&options);
    world->device.ops->destroy(world->device.state);
    assert_true(model_device_create(&options, &world->host, &world->device, error, sizeof error));
    world->model = model_of(&world->device);
    world->options = options;
    return world;
}

/* Waits for a frame by interrupts. */
static size_t receive_wait(struct world *world, uint8_t *frame, uint8_t header[12])
{
    size_t length;
    while ((length = driver_receive(world, frame, header)) == 0) {
        struct pollfd event = {.fd = world->interrupted, .events = POLLIN};
        uint64_t count;
        assert_int_equal(poll(&event, 1, WAIT_MS), 1);
        assert_int_equal(read(world->interrupted, &count, sizeof count), sizeof count);
        (void)read_isr(world);
    }
    return length;
}

static void an_echo_comes_back_with_addresses_exchanged(void **state)
{
    (void)state;
    struct world *world = driven_by_an_agent(":vectors=0,sums=plain");
    static struct built_frame frame;
    uint8_t received[WORLD_FRAME_MAX], header[12];
    model_connect_echo(world->model);
    assert_true(driver_start(world, driver_features()));
    for (unsigned i = 0; i < 40; i++) {
        const struct frame_plan plan = {.version = i % 2 ? 4 : 6, .tcp = i % 4 < 2, .payload = 10 * i, .seed = i};
        struct model_frame_facts facts;
        frame_build(&plan, &frame);
        driver_send(world, NULL, frame.bytes, frame.length);
        assert_int_equal(receive_wait(world, received, header), frame.length);
        assert_memory_equal(received, frame.bytes + 6, 6);
        assert_memory_equal(received + 6, frame.bytes, 6);
        size_t addresses = frame.network + (plan.version == 4 ? 12 : 8), bytes = plan.version == 4 ? 4 : 16;
        assert_memory_equal(received + addresses, frame.bytes + addresses + bytes, bytes);
        model_frame_inspect(received, frame.length, &facts);
        assert_true(facts.network_sum_good && facts.transport_sum_good);
    }
    world_assert_clean(world, false);
    world_close(world);
}

static void a_descriptor_is_the_far_end(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    struct world *world = driven_by_an_agent(":vectors=0,sums=plain");
    uint8_t frame[100], received[WORLD_FRAME_MAX], header[12];
    assert_true(driver_start(world, driver_features()));
    assert_true(model_connect_cable(world->model, ends[0]));
    assert_false(model_connect_cable(world->model, ends[0]));
    for (uint32_t i = 0; i < 50; i++) {
        struct pollfd event = {.fd = ends[1], .events = POLLIN};
        uint32_t number;
        model_pattern_make(frame, sizeof frame, broadcast, somebody, 9, i);
        assert_int_equal(write(ends[1], frame, sizeof frame), sizeof frame);
        size_t length = receive_wait(world, received, header);
        assert_int_equal(model_pattern_check(received, length, 9, &number), PATTERN_GOOD);
        assert_int_equal(number, i);
        model_pattern_make(frame, sizeof frame, broadcast, somebody, 10, i);
        driver_send(world, NULL, frame, sizeof frame);
        assert_int_equal(poll(&event, 1, WAIT_MS), 1);
        assert_int_equal(read(ends[1], received, sizeof received), sizeof frame);
        assert_int_equal(model_pattern_check(received, sizeof frame, 10, &number), PATTERN_GOOD);
    }
    assert_int_equal(model_cable_counts(world->model).refused + model_cable_counts(world->model).dropped, 0);
    world_assert_clean(world, false);
    world_close(world);
    close(ends[0]);
    close(ends[1]);
}

static int processors_start(void **state)
{
    (void)state;
    return sched_start(1);
}

static int processors_stop(void **state)
{
    (void)state;
    return (int)sched_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pattern_frames_know_their_bytes),
        cmocka_unit_test(a_generator_counts_what_comes),
        cmocka_unit_test(an_echo_comes_back_with_addresses_exchanged),
        cmocka_unit_test(a_descriptor_is_the_far_end),
    };
    return cmocka_run_group_tests(tests, processors_start, processors_stop);
}
