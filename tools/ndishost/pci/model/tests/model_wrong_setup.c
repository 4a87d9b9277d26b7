/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_wrong_setup.c - drivers that break rules of initialisation, features, registers and vectors. */
#include "model_wrong.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* ---- general ---- */

static void clears_a_status_bit(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    write_common(world, REG_STATUS, 1, STATUS_DRIVER | STATUS_ACKNOWLEDGE | STATUS_FAILED);
    write_common(world, REG_STATUS, 1, STATUS_FAILED | STATUS_DRIVER);
}

static void goes_on_after_failed(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_FAILED);
    write_common(world, REG_STATUS, 1, STATUS_FAILED | STATUS_ACKNOWLEDGE);
}

static void ignores_needs_reset(struct world *world)
{
    wrong_start(world);
    model_needs_reset(world->model);
    model_check_quiescent(world->model);
}

static void accepts_what_is_not_offered(struct world *world)
{
    driver_accept(world, wrong_begin(world) | FEATURE_BIT(FEATURE_MTU));
}

static void accepts_without_reading(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    driver_acknowledge(world);
    driver_accept(world, FEATURE_BIT(FEATURE_MAC));
}

static void accepts_an_unknown_bit(struct world *world)
{
    driver_accept(world, wrong_begin(world) & (driver_features() | FEATURE_BIT(45)));
    (void)driver_features_ok(world);
}

static void accepts_a_reserved_word(struct world *world)
{
    wrong_begin(world);
    write_common(world, REG_DRIVER_FEATURE_SELECT, 4, 2);
    write_common(world, REG_DRIVER_FEATURE, 4, 1);
}

static void reads_mac_without_generation(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    for (unsigned i = 0; i < 6; i++)
        (void)read_config(world, NET_CONFIG_MAC + i, 1);
    driver_ok(world);
}

static void reads_a_field_that_is_not_there(struct world *world)
{
    wrong_prepare(world);
    (void)read_config(world, NET_CONFIG_MTU, 2);
}

static void is_not_reset_first(struct world *world)
{
    driver_find(world);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
}

static void is_driver_without_acknowledge(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_DRIVER);
}

static void reads_features_too_early(struct world *world)
{
    driver_find(world);
    driver_reset(world);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
    (void)driver_offered(world);
}

static void does_not_read_features_ok_back(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    driver_ok(world);
}

static void skips_features_ok(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
}

static void sets_up_queues_before_features_ok(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    write_common(world, REG_QUEUE_SELECT, 2, 0);
    write_common(world, REG_QUEUE_SIZE, 2, 64);
}

static void enables_a_queue_after_driver_ok(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    driver_ok(world);
    driver_queue_setup(world, TX);
}

static void changes_features_after_features_ok(struct world *world)
{
    wrong_prepare(world);
    driver_accept(world, world->accepted & ~FEATURE_BIT(FEATURE_MRG_RXBUF));
}

static void notifies_before_driver_ok(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    driver_queue_setup(world, TX);
    ring_doorbell(world, RX);
}

static void changes_an_exposed_descriptor(struct world *world)
{
    wrong_start(world);
    wire16((uint8_t *)queue_descriptor(world, RX, 3) + 8, 1000);
    model_check_quiescent(world->model);
}

static void changes_an_available_entry(struct world *world)
{
    wrong_start(world);
    uint16_t other = 17;
    wire16((uint8_t *)world_at(world, world->queues[RX].driver_area) + RING_ENTRIES + 2 * 5, other);
    model_check_quiescent(world->model);
}

static void exposes_a_descriptor_twice(struct world *world)
{
    wrong_start(world);
    queue_run(world, RX, 0); /* it was posted with the first buffers */
}

static void leaves_version_1(struct world *world)
{
    wrong_accept_without(world, FEATURE_VERSION_1);
    assert_false(driver_features_ok(world));
}

/* ---- PCI ---- */

static void reads_with_the_wrong_width(struct world *world)
{
    driver_find(world);
    (void)read_common(world, REG_STATUS, 4);
}

static void reads_in_one_piece_what_is_two(struct world *world)
{
    driver_find(world);
    (void)read_common(world, REG_QUEUE_DESC, 8);
}

static void reads_config_with_the_wrong_width(struct world *world)
{
    wrong_prepare(world);
    (void)read_config(world, NET_CONFIG_MAC, 4);
}

static void writes_into_a_capability(struct world *world)
{
    driver_find(world);
    unsigned at = world->device.ops->config_read(world->device.state, PCI_CAPABILITIES, 1);
    while (world->device.ops->config_read(world->device.state, at, 1) != PCI_CAP_VENDOR ||
           world->device.ops->config_read(world->device.state, at + CAP_TYPE, 1) != CAP_COMMON)
        at = world->device.ops->config_read(world->device.state, at + 1, 1);
    world->device.ops->config_write(world->device.state, at + CAP_OFFSET, 4, 0);
}

static void writes_what_is_read_only(struct world *world)
{
    driver_find(world);
    write_common(world, REG_NUM_QUEUES, 2, 8);
}

static void chooses_an_odd_queue_size(struct world *world)
{
    wrong_prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, TX);
    write_common(world, REG_QUEUE_SIZE, 2, 100);
}

static void disables_a_queue(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    write_common(world, REG_QUEUE_ENABLE, 2, 0);
}

static void enables_an_empty_queue(struct world *world)
{
    wrong_prepare(world);
    write_common(world, REG_QUEUE_SELECT, 2, RX);
    const uint64_t descriptors = world_memory(world, 8192), driver = world_memory(world, 4096);
    write_common(world, REG_QUEUE_DESC, 4, descriptors);
    write_common(world, REG_QUEUE_DRIVER, 4, driver);
    write_common(world, REG_QUEUE_DEVICE + 4, 4, 0);
    write_common(world, REG_QUEUE_ENABLE, 2, 1);
}

static void does_not_wait_for_the_reset(struct world *world)
{
    driver_find(world);
    write_common(world, REG_STATUS, 1, 0);
    write_common(world, REG_STATUS, 1, STATUS_ACKNOWLEDGE);
}

static void resets_a_queue_without_ring_reset(struct world *world)
{
    wrong_prepare(world);
    driver_queue_setup(world, RX);
    write_common(world, REG_QUEUE_RESET, 2, 1);
}

static void reads_isr_with_messages(struct world *world)
{
    wrong_start(world);
    (void)read_isr(world);
}

static void maps_a_vector_that_is_not_there(struct world *world)
{
    wrong_prepare(world);
    write_common(world, REG_CONFIG_VECTOR, 2, 4);
    (void)read_common(world, REG_CONFIG_VECTOR, 2);
}

static void does_not_read_a_vector_back(struct world *world)
{
    driver_accept(world, wrong_begin(world) & driver_features());
    assert_true(driver_features_ok(world));
    write_common(world, REG_CONFIG_VECTOR, 2, 1);
    driver_ok(world);
}

static void notifies_at_the_wrong_place(struct world *world)
{
    wrong_start(world);
    world->queues[TX].notify_off = 0;
    ring_doorbell(world, TX);
}

static void notifies_a_queue_that_is_not_there(struct world *world)
{
    wrong_start(world);
    world->device.ops->bar_write(world->device.state, world->notify.bar, world->notify.offset, 2, 77);
}

const struct wrong_driver wrong_at_setup[] = {
    {"G2", "", clears_a_status_bit, NULL},
    {"G3", "", goes_on_after_failed, NULL},
    {"G4", "", ignores_needs_reset, NULL},
    {"G5", ":features=default-mtu", accepts_what_is_not_offered, NULL},
    {"G5", "", accepts_without_reading, NULL},
    {"G7", ":features=default+bit45", accepts_an_unknown_bit, NULL},
    {"G7", "", accepts_a_reserved_word, NULL},
    {"G10", "", reads_mac_without_generation, NULL},
    {"G11", ":features=default-mtu", reads_a_field_that_is_not_there, NULL},
    {"G13", "", is_not_reset_first, NULL},
    {"G13", "", is_driver_without_acknowledge, NULL},
    {"G13", "", reads_features_too_early, NULL},
    {"G13", "", does_not_read_features_ok_back, NULL},
    {"G13", "", skips_features_ok, NULL},
    {"G13", "", sets_up_queues_before_features_ok, NULL},
    {"G13", "", enables_a_queue_after_driver_ok, NULL},
    {"G14", "", changes_features_after_features_ok, NULL},
    {"G16", "", notifies_before_driver_ok, NULL},
    {"G17", ":queue=256", changes_an_exposed_descriptor, NULL},
    {"G17", ":queue=256", changes_an_available_entry, NULL},
    {"G17", ":queue=256", exposes_a_descriptor_twice, NULL},
    {"G19", "", leaves_version_1, NULL},
    {"P3", "", reads_with_the_wrong_width, NULL},
    {"P3", "", reads_in_one_piece_what_is_two, NULL},
    {"P3", "", reads_config_with_the_wrong_width, NULL},
    {"P9", "", writes_into_a_capability, NULL},
    {"P10", "", writes_what_is_read_only, NULL},
    {"P11", "", chooses_an_odd_queue_size, NULL},
    {"P12", "", disables_a_queue, NULL},
    {"P12", "", enables_an_empty_queue, "HOST-DMA"},
    {"P13", "", does_not_wait_for_the_reset, NULL},
    {"P14", ":features=all", resets_a_queue_without_ring_reset, NULL},
    {"P15", ":vectors=2", reads_isr_with_messages, NULL},
    {"P19", ":vectors=4", maps_a_vector_that_is_not_there, NULL},
    {"P20", "", does_not_read_a_vector_back, NULL},
    {"P21", "", notifies_at_the_wrong_place, NULL},
    {"P21", "", notifies_a_queue_that_is_not_there, NULL},
    {NULL, NULL, NULL, NULL},
};
