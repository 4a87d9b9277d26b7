/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_model_device.c - a good driver on good devices: contract and virtio 1.x, every layout, queue size and interrupt, and many random
 * ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model_world.h"

/* A driver that knows everything, on the device that `text` describes. */
static void good_run(const char *text, bool indirect)
{
    struct world *world = world_open(text);
    world->indirect = indirect;
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
    driver_exercise(world);
    model_check_quiescent(world->model);
    world_assert_clean(world, false);
    assert_true(driver_reset(world));
    world_close(world);
}

static void good_devices_are_clean(void **state)
{
    static const char *const devices[] = {
        "",
        ":contract",
        ":contract,vectors=3",
        ":layout=spread",
        ":layout=random,seed=7",
        ":vectors=0",
        ":vectors=1",
        ":vectors=2048",
        ":features=default-event_idx",
        ":features=default-mrg_rxbuf",
        ":features=default-indirect_desc",
        ":features=default-event_idx-indirect_desc-mrg_rxbuf-ctrl_vq-ctrl_rx-ctrl_vlan-guest_announce-ctrl_mac_addr-ctrl_rx_extra",
        ":features=all,mtu=9000",
        ":features=all-mrg_rxbuf,mtu=65535,seed=1",
        ":features=none+version_1",
        ":features=none+version_1+mac,seed=3",
        ":features=default+mq+rss+bit41+bit47+ring_packed+hash_report,pairs=4",
        ":queue=1",
        ":queue=2",
        ":queue=4,features=default-event_idx",
        ":queue=1024,seed=1",
        ":queue=32768/32768/64",
        ":multiplier=0",
        ":multiplier=4096",
        ":revision=9,subsystem=0x4444",
    };
    (void)state;
    for (unsigned i = 0; i < sizeof devices / sizeof *devices; i++) {
        good_run(devices[i], false);
        good_run(devices[i], true);
    }
}

static void random_devices_are_clean(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 10000; seed++) {
        struct model_options options;
        model_options_random(&options, seed);
        struct world *world = world_open_options(&options);
        world->indirect = seed & 2;
        assert_true(driver_start(world, driver_features()));
        driver_exercise(world);
        assert_true(driver_start(world, driver_features() & ~FEATURE_BIT(FEATURE_EVENT_IDX)));
        driver_exercise(world);
        model_check_quiescent(world->model);
        world_assert_clean(world, false);
        world_close(world);
    }
}

/* Between a publish and its notification a driver is right: who cannot stop it may only ask again. */
static void what_is_under_way_is_not_judged(void **state)
{
    static const char *const devices[] = {":contract", ":features=default-event_idx", "", ":features=none+version_1+mac,seed=3"};
    (void)state;
    for (unsigned i = 0; i < sizeof devices / sizeof *devices; i++) {
        struct world *world = world_open(devices[i]);
        assert_true(model_check_if_quiescent(world->model)); /* nothing runs */
        assert_true(driver_start(world, driver_features()));
        world_drain(world);
        assert_true(model_check_if_quiescent(world->model));
        const struct part part = {world_memory(world, 80), world->header_bytes + 60, false};
        queue_publish(world, TX, (uint16_t)queue_add(world, TX, &part, 1));
        assert_false(model_check_if_quiescent(world->model));
        world_assert_clean(world, false);
        ring_doorbell(world, TX);
        world_drain(world);
        assert_true(model_check_if_quiescent(world->model));
        if (model_announce(world->model)) {
            assert_false(model_check_if_quiescent(world->model));
            (void)read_config(world, NET_CONFIG_STATUS, 2);
            assert_int_equal(driver_control(world, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK, NULL, 0), CTRL_ACK_OK);
            assert_true(model_check_if_quiescent(world->model));
        }
        world_assert_clean(world, false);
        world_close(world);
    }
}

static void line_interrupts_until_isr_is_read(void **state)
{
    (void)state;
    struct world *world = world_open(":contract");
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(driver_start(world, driver_features()));
    world_drain(world);
    assert_false(world->line);
    assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
    assert_true(world->line);
    assert_int_equal(read_isr(world), ISR_QUEUE);
    assert_false(world->line);
    assert_int_equal(read_isr(world), 0);
    assert_true(model_set_link(world->model, false));
    assert_true(world->line);
    assert_int_equal(read_isr(world), ISR_CONFIG);
    assert_int_equal(read_config(world, NET_CONFIG_STATUS, 2), 0);
    /* The driver may ask for silence. */
    *queue_available_flags(world, RX) = AVAIL_NO_INTERRUPT;
    assert_true(model_set_link(world->model, true));
    (void)read_isr(world);
    assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
    assert_false(world->line);
    assert_int_equal(model_counts(world->model).frames_delivered, 2);
    world_assert_clean(world, false);
    world_close(world);
}

static void messages_go_to_the_vector_of_the_queue(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=3,queue=16");
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(driver_start(world, driver_features()));
    assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
    assert_int_equal(world->messages[0], 1);
    assert_int_equal(world->messages[1], 0);
    driver_send(world, NULL, frame, sizeof frame);
    world_drain(world);
    assert_int_equal(world->messages[1], 1);
    assert_int_equal(world->line_count, 0);
    world_assert_clean(world, false);
    world_close(world);
}

static void used_event_holds_interrupts_back(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=3");
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(driver_start(world, driver_features()));
    for (unsigned i = 0; i < 5; i++)
        assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
    /* The driver did not move used_event: only the first completion passes it. */
    assert_int_equal(world->messages[0], 1);
    assert_int_equal(queue_used_index(world, RX), 5);
    world_close(world);
}

static void frames_span_buffers_with_mrg_rxbuf(void **state)
{
    (void)state;
    uint8_t frame[9014], received[WORLD_FRAME_MAX], header[12];
    struct world *world = world_open(":sums=plain,mtu=9000");
    world->receive_bytes = 1000;
    for (unsigned i = 0; i < sizeof frame; i++)
        frame[i] = (uint8_t)(i * 3);
    assert_true(driver_start(world, driver_features()));
    assert_true(model_inject(world->model, frame, sizeof frame, NULL));
    world_drain(world);
    assert_int_equal(driver_receive(world, received, header), sizeof frame);
    assert_memory_equal(received, frame, sizeof frame);
    assert_int_equal(header[HEADER_NUM_BUFFERS], 10);
    world_drain(world);
    world_assert_clean(world, true);
    world_close(world);
}

static void frames_wait_for_buffers(void **state)
{
    for (unsigned seed = 0; seed < 2; seed++) { /* devices that want to hear of every buffer, and such that do not */
        char text[32];
        (void)state;
        snprintf(text, sizeof text, ":queue=4,seed=%u", seed);
        struct world *world = world_open(text);
        uint8_t frame[60], received[WORLD_FRAME_MAX], header[12];
        assert_true(driver_start(world, driver_features()));
        for (uint8_t i = 0; i < 50; i++) {
            memset(frame, 0xff, sizeof frame);
            frame[20] = i;
            assert_true(model_inject(world->model, frame, sizeof frame, NULL));
        }
        for (uint8_t i = 0; i < 50; i++) {
            world_drain(world);
            assert_int_equal(driver_receive(world, received, header), sizeof frame);
            assert_int_equal(received[20], i);
        }
        world_drain(world);
        model_check_quiescent(world->model);
        world_assert_clean(world, false);
        world_close(world);
    }
}

static void control_commands_make_the_filter(void **state)
{
    (void)state;
    struct world *world = world_open("");
    uint8_t frame[60] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}, on = 1, off = 0, vlan[2] = {5, 0};
    uint8_t tables[4 + 4 + 6] = {0, 0, 0, 0, 1, 0, 0, 0, 0x33, 0x33, 0, 0, 0, 1};
    const uint64_t offloads = FEATURE_BIT(FEATURE_GUEST_CSUM);
    assert_true(driver_start(world, driver_features()));
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_PROMISC, &off, 1), CTRL_ACK_OK);
    assert_int_equal(driver_control(world, CTRL_MAC, CTRL_MAC_TABLE_SET, tables, sizeof tables), CTRL_ACK_OK);
    model_inject(world->model, frame, sizeof frame, NULL); /* own */
    frame[5]++;
    model_inject(world->model, frame, sizeof frame, NULL); /* somebody else's */
    memcpy(frame, tables + 8, 6);
    model_inject(world->model, frame, sizeof frame, NULL); /* in the table */
    frame[5]++;
    model_inject(world->model, frame, sizeof frame, NULL); /* not in it */
    memset(frame, 0xff, 6);
    model_inject(world->model, frame, sizeof frame, NULL);
    world_drain(world);
    assert_int_equal(model_counts(world->model).frames_delivered, 3);
    assert_int_equal(model_counts(world->model).dropped_filter, 2);
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_NOBCAST, &on, 1), CTRL_ACK_OK);
    model_inject(world->model, frame, sizeof frame, NULL);
    assert_int_equal(driver_control(world, CTRL_RX, CTRL_RX_ALLMULTI, &on, 1), CTRL_ACK_OK);
    memcpy(frame, "\x01\x00\x5e\x01\x02\x03", 6);
    model_inject(world->model, frame, sizeof frame, NULL);
    world_drain(world);
    assert_int_equal(model_counts(world->model).frames_delivered, 4);
    /* Tagged frames need their VLAN. */
    memcpy(frame + 12, "\x81\x00\x60\x05", 4);
    model_inject(world->model, frame, sizeof frame, NULL);
    world_drain(world);
    assert_int_equal(model_counts(world->model).frames_delivered, 4);
    assert_int_equal(driver_control(world, CTRL_VLAN, CTRL_VLAN_ADD, vlan, 2), CTRL_ACK_OK);
    model_inject(world->model, frame, sizeof frame, NULL);
    world_drain(world);
    assert_int_equal(model_counts(world->model).frames_delivered, 5);
    assert_int_equal(driver_control(world, CTRL_MAC, CTRL_MAC_ADDR_SET, "\x02\x00\x00\x00\x00\x09", 6), CTRL_ACK_OK);
    assert_int_equal(model_filter(world->model).mac[5], 9);
    assert_int_equal(driver_control(world, CTRL_OFFLOADS, CTRL_OFFLOADS_SET, &offloads, 8), CTRL_ACK_OK);
    assert_true(model_filter(world->model).guest_offloads == offloads);
    world_assert_clean(world, false);
    world_close(world);
}

static void announcements_are_acknowledged(void **state)
{
    (void)state;
    struct world *world = world_open("");
    assert_true(driver_start(world, driver_features()));
    assert_true(model_announce(world->model));
    assert_int_equal(read_config(world, NET_CONFIG_STATUS, 2), NET_STATUS_LINK_UP | NET_STATUS_ANNOUNCE);
    assert_int_equal(driver_control(world, CTRL_ANNOUNCE, CTRL_ANNOUNCE_ACK, NULL, 0), CTRL_ACK_OK);
    assert_int_equal(read_config(world, NET_CONFIG_STATUS, 2), NET_STATUS_LINK_UP);
    model_check_quiescent(world->model);
    world_assert_clean(world, false);
    world_close(world);
}

static void configuration_changes_are_told(void **state)
{
    (void)state;
    struct world *world = world_open(":features=all,vectors=0");
    assert_true(driver_start(world, driver_features() | FEATURE_BIT(FEATURE_SPEED_DUPLEX)));
    uint64_t generation = read_common(world, REG_GENERATION, 1);
    model_set_speed(world->model, 100, 0);
    assert_int_equal(read_isr(world), ISR_CONFIG);
    assert_true(read_common(world, REG_GENERATION, 1) != generation);
    assert_int_equal(read_config(world, NET_CONFIG_SPEED, 4), 100);
    assert_int_equal(read_config(world, NET_CONFIG_DUPLEX, 1), 0);
    model_needs_reset(world->model);
    assert_int_equal(read_isr(world), ISR_CONFIG);
    assert_true(read_common(world, REG_STATUS, 1) & STATUS_NEEDS_RESET);
    assert_true(driver_start(world, driver_features()));
    driver_exercise(world);
    world_assert_clean(world, false);
    world_close(world);
}

static void a_vanished_device_reads_all_ones(void **state)
{
    (void)state;
    struct world *world = world_open(":vectors=0");
    const uint8_t frame[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    assert_true(driver_start(world, driver_features()));
    model_inject(world->model, frame, sizeof frame, NULL);
    world_drain(world);
    assert_true(world->line);
    model_vanish(world->model);
    assert_false(world->line);
    assert_int_equal(read_common(world, REG_STATUS, 1), 0xff);
    assert_int_equal(read_config(world, NET_CONFIG_STATUS, 2), 0xffff);
    assert_int_equal(world->device.ops->config_read(world->device.state, 0, 4), 0xffffffff);
    ring_doorbell(world, TX);
    assert_true(model_drain(world->model, 1));
    world_assert_clean(world, false);
    world_close(world);
}

static void the_window_of_pci_cfg_leads_into_bars(void **state)
{
    (void)state;
    struct world *world = world_open("");
    const struct ndishost_pci_ops *ops = world->device.ops;
    void *device = world->device.state;
    unsigned at = ops->config_read(device, PCI_CAPABILITIES, 1);
    driver_find(world);
    while (at && !(ops->config_read(device, at, 1) == PCI_CAP_VENDOR && ops->config_read(device, at + CAP_TYPE, 1) == CAP_PCI_CFG))
        at = ops->config_read(device, at + 1, 1);
    assert_true(at != 0);
    ops->config_write(device, at + CAP_BAR, 1, world->common.bar);
    ops->config_write(device, at + CAP_OFFSET, 4, world->common.offset + REG_NUM_QUEUES);
    ops->config_write(device, at + CAP_SIZE, 4, 2);
    assert_int_equal(ops->config_read(device, at + CAP_PCI_CFG_DATA, 2), 3);
    world_assert_clean(world, false);
    ops->config_write(device, at + CAP_OFFSET, 4, world->common.offset + REG_NUM_QUEUES + 1);
    (void)ops->config_read(device, at + CAP_PCI_CFG_DATA, 2);
    assert_int_equal(rules_report_count("P17"), 1);
    world_close(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_devices_are_clean),
        cmocka_unit_test(random_devices_are_clean),
        cmocka_unit_test(what_is_under_way_is_not_judged),
        cmocka_unit_test(line_interrupts_until_isr_is_read),
        cmocka_unit_test(messages_go_to_the_vector_of_the_queue),
        cmocka_unit_test(used_event_holds_interrupts_back),
        cmocka_unit_test(frames_span_buffers_with_mrg_rxbuf),
        cmocka_unit_test(frames_wait_for_buffers),
        cmocka_unit_test(control_commands_make_the_filter),
        cmocka_unit_test(announcements_are_acknowledged),
        cmocka_unit_test(configuration_changes_are_told),
        cmocka_unit_test(a_vanished_device_reads_all_ones),
        cmocka_unit_test(the_window_of_pci_cfg_leads_into_bars),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
