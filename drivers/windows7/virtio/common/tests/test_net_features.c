/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_net_features.c - what is accepted of what is offered, and the profile that follows. The bits are written down again, as numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "virtio_net_features.h"
#include "virtio_net_spec.h"

#define BIT(number) ((uint64_t)1 << (number))

enum {
    CSUM = 0,
    GUEST_CSUM = 1,
    CTRL_GUEST_OFFLOADS = 2,
    MTU = 3,
    MAC = 5,
    GSO = 6,
    GUEST_TSO4 = 7,
    GUEST_TSO6 = 8,
    GUEST_ECN = 9,
    GUEST_UFO = 10,
    HOST_TSO4 = 11,
    HOST_TSO6 = 12,
    HOST_ECN = 13,
    HOST_UFO = 14,
    MRG_RXBUF = 15,
    STATUS = 16,
    CTRL_VQ = 17,
    CTRL_RX = 18,
    CTRL_VLAN = 19,
    CTRL_RX_EXTRA = 20,
    GUEST_ANNOUNCE = 21,
    MQ = 22,
    CTRL_MAC_ADDR = 23,
    INDIRECT = 28,
    EVENT_IDX = 29,
    VERSION_1 = 32,
    ACCESS_PLATFORM = 33,
    PACKED = 34,
    IN_ORDER = 35,
    ORDER_PLATFORM = 36,
    SR_IOV = 37,
    NOTIFICATION_DATA = 38,
    NOTIF_CONFIG_DATA = 39,
    RING_RESET = 40,
    DEVICE_STATS = 50,
    HASH_TUNNEL = 51,
    VQ_NOTF_COAL = 52,
    NOTF_COAL = 53,
    GUEST_USO4 = 54,
    GUEST_USO6 = 55,
    HOST_USO = 56,
    HASH_REPORT = 57,
    GUEST_HDRLEN = 59,
    RSS = 60,
    RSC_EXT = 61,
    STANDBY = 62,
    SPEED_DUPLEX = 63
};

#define REQUIRED   (BIT(VERSION_1) | BIT(INDIRECT) | BIT(MAC) | BIT(STATUS))
#define QEMU_SLIRP 0x10130bf8024ull /* as measured on QEMU 7.2 */
#define QEMU_TAP   0x10130bfffa7ull

static struct virtio_net_feature_choice choose(uint64_t offered, uint64_t required, uint64_t optional)
{
    struct virtio_net_feature_policy policy = {required, optional};
    struct virtio_net_feature_choice choice = {1, 1};
    int taken = virtio_net_choose_features(offered, &policy, &choice);

    assert_int_equal(taken, choice.missing == 0);
    if (!taken)
        assert_true(choice.accepted == 0);
    return choice;
}

static void g5_nothing_is_accepted_that_is_not_offered(void **state)
{
    uint32_t bit;

    (void)state;
    for (bit = 0; bit < 64; bit++)
        assert_true(choose(~BIT(bit), 0, ~(uint64_t)0).accepted == (choose(~BIT(bit), 0, ~(uint64_t)0).accepted & ~BIT(bit)));
    assert_true(choose(0, 0, ~(uint64_t)0).accepted == 0);
}

static void g7_unknown_and_unwanted_bits_are_ignored(void **state)
{
    struct virtio_net_feature_choice choice = choose(~(uint64_t)0, REQUIRED, BIT(EVENT_IDX));

    (void)state;
    assert_true(choice.accepted == (REQUIRED | BIT(EVENT_IDX)));
}

/* They change the ring, the doorbell, the barriers or the header: not even a policy that names them gets them. */
static void g7_g18_q4_q17_bits_that_this_code_cannot_keep_are_never_accepted(void **state)
{
    static const uint8_t never[] = {4,
                                    24,
                                    25,
                                    26,
                                    27,
                                    30,
                                    31,
                                    PACKED,
                                    IN_ORDER,
                                    ORDER_PLATFORM,
                                    41,
                                    42,
                                    43,
                                    44,
                                    45,
                                    46,
                                    47,
                                    48,
                                    49,
                                    58,
                                    NOTIFICATION_DATA,
                                    SR_IOV,
                                    NOTIF_CONFIG_DATA,
                                    RING_RESET,
                                    HASH_REPORT,
                                    HASH_TUNNEL,
                                    DEVICE_STATS};
    uint64_t accepted = choose(~(uint64_t)0, 0, ~(uint64_t)0).accepted;
    uint32_t i;

    (void)state;
    for (i = 0; i < sizeof never; i++) {
        assert_true((accepted & BIT(never[i])) == 0);
        assert_true(choose(~(uint64_t)0, BIT(never[i]), 0).missing == BIT(never[i]));
    }
}

static void everything_this_code_can_keep_is_accepted(void **state)
{
    uint64_t expected = BIT(CSUM) | BIT(GUEST_CSUM) | BIT(CTRL_GUEST_OFFLOADS) | BIT(MTU) | BIT(MAC) | BIT(GSO) | BIT(GUEST_TSO4);

    (void)state;
    expected |= BIT(GUEST_TSO6) | BIT(GUEST_ECN) | BIT(GUEST_UFO) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | BIT(HOST_UFO) |
                BIT(MRG_RXBUF);
    expected |= BIT(STATUS) | BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_VLAN) | BIT(CTRL_RX_EXTRA) | BIT(GUEST_ANNOUNCE) | BIT(MQ);
    expected |= BIT(CTRL_MAC_ADDR) | BIT(VQ_NOTF_COAL) | BIT(NOTF_COAL) | BIT(GUEST_USO4) | BIT(GUEST_USO6) | BIT(HOST_USO);
    expected |= BIT(GUEST_HDRLEN) | BIT(RSS) | BIT(RSC_EXT) | BIT(STANDBY) | BIT(SPEED_DUPLEX);
    expected |= BIT(INDIRECT) | BIT(EVENT_IDX) | BIT(VERSION_1) | BIT(ACCESS_PLATFORM);
    assert_true(choose(~(uint64_t)0, 0, ~(uint64_t)0).accepted == expected);
}

static void g8_a_missing_feature_is_named(void **state)
{
    static const uint8_t bits[] = {MAC, STATUS, INDIRECT, VERSION_1};
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        struct virtio_net_feature_choice choice = choose(QEMU_TAP & ~BIT(bits[i]), REQUIRED, 0);

        assert_true(choice.missing == BIT(bits[i]));
        assert_int_equal(virtio_feature_lowest_bit(choice.missing), bits[i]);
    }
    assert_int_equal(virtio_feature_lowest_bit(0), 64);
    assert_int_equal(virtio_feature_lowest_bit(1), 0);
    assert_int_equal(virtio_feature_lowest_bit(BIT(63)), 63);
    assert_true(choose(0, REQUIRED, 0).missing == REQUIRED);
}

static void g8_unknown_offered_bits_are_no_reason_to_fail(void **state)
{
    (void)state;
    assert_true(choose(QEMU_TAP | BIT(49) | BIT(30), REQUIRED, 0).accepted == REQUIRED);
}

static void g19_version_1_is_accepted_when_offered(void **state)
{
    (void)state;
    assert_true(choose(QEMU_SLIRP, REQUIRED, 0).accepted & BIT(VERSION_1));
}

static void g20_access_platform_is_accepted_when_wanted(void **state)
{
    struct virtio_net_profile profile;
    struct virtio_contract_verdict verdict = {0};
    uint64_t accepted = choose(QEMU_SLIRP | BIT(ACCESS_PLATFORM), REQUIRED, BIT(ACCESS_PLATFORM)).accepted;

    (void)state;
    assert_true(accepted == (REQUIRED | BIT(ACCESS_PLATFORM)));
    virtio_net_profile_freeze(accepted, &verdict, &profile);
    assert_true(profile.access_platform);
    virtio_net_profile_freeze(REQUIRED, &verdict, &profile);
    assert_false(profile.access_platform);
}

/* The rule of the specification, feature by feature, written without a table of pairs. */
static bool may_stand(uint64_t set, uint32_t bit)
{
    bool guest_tso = (set & (BIT(GUEST_TSO4) | BIT(GUEST_TSO6))) != 0, host_tso = (set & (BIT(HOST_TSO4) | BIT(HOST_TSO6))) != 0;
    bool control = (set & BIT(CTRL_VQ)) != 0;

    switch (bit) {
    case GUEST_TSO4:
    case GUEST_TSO6:
    case GUEST_UFO:
    case GUEST_USO4:
    case GUEST_USO6:
        return (set & BIT(GUEST_CSUM)) != 0;
    case GUEST_ECN:
        return guest_tso;
    case HOST_TSO4:
    case HOST_TSO6:
    case HOST_UFO:
    case HOST_USO:
        return (set & BIT(CSUM)) != 0;
    case HOST_ECN:
    case RSC_EXT:
        return host_tso;
    case CTRL_RX:
    case CTRL_VLAN:
    case CTRL_RX_EXTRA:
    case GUEST_ANNOUNCE:
    case MQ:
    case CTRL_MAC_ADDR:
    case NOTF_COAL:
    case VQ_NOTF_COAL:
    case RSS:
    case CTRL_GUEST_OFFLOADS:
        return control;
    default:
        return true;
    }
}

static void check_dependencies(uint64_t offered)
{
    uint64_t accepted = choose(offered, 0, ~(uint64_t)0).accepted, expected = offered & virtio_net_features_supported, before;
    uint32_t bit;

    do {
        before = expected;
        for (bit = 0; bit < 64; bit++) {
            if ((expected & BIT(bit)) && !may_stand(expected, bit))
                expected &= ~BIT(bit);
        }
    } while (expected != before);
    if (accepted != expected)
        fail_msg("offered %llx: accepted %llx, expected %llx", (unsigned long long)offered, (unsigned long long)accepted,
                 (unsigned long long)expected);
}

static void n1_g6_no_feature_stands_without_what_it_needs(void **state)
{
    uint64_t random = 88172645463325252ull, mask;
    uint32_t i, first, second;

    (void)state;
    check_dependencies(~(uint64_t)0);
    for (first = 0; first < 64; first++) {
        for (second = 0; second < 64; second++) {
            check_dependencies(BIT(first) | BIT(second));
            check_dependencies(~(BIT(first) | BIT(second)));
        }
    }
    for (i = 0; i < 200000; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        mask = random;
        check_dependencies(mask);
    }
}

/* ECN hangs on TSO, which hangs on CSUM: dropping goes on until nothing changes. */
static void n1_dependencies_are_followed_through(void **state)
{
    (void)state;
    assert_true(choose(BIT(HOST_ECN) | BIT(HOST_TSO4) | BIT(RSC_EXT), 0, ~(uint64_t)0).accepted == 0);
    assert_true(choose(BIT(CSUM) | BIT(HOST_ECN) | BIT(HOST_TSO6), 0, ~(uint64_t)0).accepted ==
                (BIT(CSUM) | BIT(HOST_ECN) | BIT(HOST_TSO6)));
    /* Not wanted is as good as not offered. */
    assert_true(choose(~(uint64_t)0, 0, BIT(HOST_TSO4)).accepted == 0);
}

static void n1_a_required_feature_without_what_it_needs_is_missing(void **state)
{
    (void)state;
    assert_true(choose(BIT(MQ), BIT(MQ), 0).missing == BIT(MQ));
    assert_true(choose(BIT(MQ) | BIT(CTRL_VQ), BIT(MQ) | BIT(CTRL_VQ), 0).missing == 0);
}

static void n8_no_extra_receive_modes_without_a_control_queue(void **state)
{
    (void)state;
    assert_true(choose(QEMU_TAP & ~BIT(CTRL_VQ), 0, ~(uint64_t)0).accepted ==
                (QEMU_TAP & ~(BIT(CTRL_VQ) | BIT(CTRL_RX) | BIT(CTRL_VLAN) | BIT(CTRL_RX_EXTRA) | BIT(GUEST_ANNOUNCE) | BIT(CTRL_MAC_ADDR) |
                              BIT(CTRL_GUEST_OFFLOADS) | BIT(RING_RESET))));
}

/* ---- profile ---- */

static struct virtio_net_profile freeze(uint64_t accepted, bool contract)
{
    struct virtio_contract_verdict verdict = {0};
    struct virtio_net_profile profile;

    memset(&profile, 0xA5, sizeof profile);
    verdict.is_contract_device = contract;
    virtio_net_profile_freeze(accepted, &verdict, &profile);
    return profile;
}

static void n11_n13_the_header_is_12_bytes_except_on_a_contract_device_without_mergeable_buffers(void **state)
{
    (void)state;
    assert_int_equal(freeze(REQUIRED, false).header_length, 12);
    assert_int_equal(freeze(REQUIRED | BIT(MRG_RXBUF), false).header_length, 12);
    assert_int_equal(freeze(REQUIRED, true).header_length, 10);
    assert_int_equal(freeze(REQUIRED | BIT(MRG_RXBUF), true).header_length, 12);
}

static void n13_num_buffers_lies_behind_the_contract_header(void **state)
{
    (void)state;
    assert_int_equal(offsetof(struct virtio_net_header, flags), 0);
    assert_int_equal(offsetof(struct virtio_net_header, gso_type), 1);
    assert_int_equal(offsetof(struct virtio_net_header, header_length), 2);
    assert_int_equal(offsetof(struct virtio_net_header, gso_size), 4);
    assert_int_equal(offsetof(struct virtio_net_header, checksum_start), 6);
    assert_int_equal(offsetof(struct virtio_net_header, checksum_offset), 8);
    assert_int_equal(offsetof(struct virtio_net_header, buffer_count), 10);
    assert_int_equal(sizeof(struct virtio_net_header), 12);
}

static void only_a_contract_device_is_always_notified(void **state)
{
    (void)state;
    assert_true(freeze(REQUIRED, true).always_notify);
    assert_true(freeze(REQUIRED | BIT(EVENT_IDX), true).always_notify);
    assert_false(freeze(REQUIRED, false).always_notify);
}

static void g11_the_profile_says_which_fields_and_abilities_exist(void **state)
{
    struct virtio_net_profile none = freeze(BIT(VERSION_1), false);
    struct virtio_net_profile all = freeze(REQUIRED | BIT(MRG_RXBUF) | BIT(EVENT_IDX) | BIT(MTU), true);

    (void)state;
    assert_false(none.mergeable || none.event_index || none.indirect || none.has_mac || none.has_status || none.has_mtu ||
                 none.contract_device);
    assert_true(all.mergeable && all.event_index && all.indirect && all.has_mac && all.has_status && all.has_mtu && all.contract_device);
    assert_true(all.features == (REQUIRED | BIT(MRG_RXBUF) | BIT(EVENT_IDX) | BIT(MTU)));
}

static void segmentation_is_promised_by_host_tso_and_never_by_the_legacy_bit(void **state)
{
    struct virtio_contract_verdict verdict = {0};
    struct virtio_net_profile profile;

    (void)state;
    virtio_net_profile_freeze(REQUIRED | BIT(CSUM) | BIT(GSO), &verdict, &profile);
    assert_true(profile.transmit_checksum);
    assert_false(profile.segment_ipv4 || profile.segment_ipv6 || profile.segment_ecn);
    virtio_net_profile_freeze(REQUIRED | BIT(CSUM) | BIT(HOST_TSO6) | BIT(HOST_ECN), &verdict, &profile);
    assert_true(profile.segment_ipv6 && profile.segment_ecn);
    assert_false(profile.segment_ipv4);
    virtio_net_profile_freeze(REQUIRED, &verdict, &profile);
    assert_false(profile.transmit_checksum);
}

static void g11_the_profile_says_what_the_control_queue_takes(void **state)
{
    struct virtio_net_profile all = freeze(REQUIRED | 1u << 17 | 1u << 18 | 1u << 19 | 1u << 20 | 1u << 21 | 1u << 23, false);
    struct virtio_net_profile none = freeze(REQUIRED, false);

    (void)state;
    assert_true(all.has_control && all.filters_receive && all.filters_extra && all.filters_vlans && all.sets_address && all.asks_announce);
    assert_false(none.has_control || none.filters_receive || none.filters_extra || none.filters_vlans || none.sets_address ||
                 none.asks_announce);
    assert_true(freeze(REQUIRED | 1u << 17 | 1u << 19, false).filters_vlans);
    assert_false(freeze(REQUIRED | 1u << 17 | 1u << 18, false).filters_vlans);
}

static void n9_an_unmerged_buffer_holds_a_whole_frame(void **state)
{
    (void)state;
    assert_int_equal(freeze(REQUIRED, false).receive_buffer_minimum, 12 + 1522);
    assert_int_equal(freeze(REQUIRED, true).receive_buffer_minimum, 10 + 1522);
    assert_true(freeze(REQUIRED, false).receive_buffer_minimum >= 1526);
    assert_true(freeze(REQUIRED | BIT(GUEST_CSUM) | BIT(GUEST_TSO4), false).receive_buffer_minimum == 65601);
    assert_true(freeze(REQUIRED | BIT(GUEST_CSUM) | BIT(GUEST_UFO), false).receive_buffer_minimum == 65601);
    assert_true(freeze(REQUIRED | BIT(GUEST_CSUM) | BIT(GUEST_USO6), false).receive_buffer_minimum == 65601);
}

static void n10_a_merged_buffer_holds_a_header(void **state)
{
    (void)state;
    assert_int_equal(freeze(REQUIRED | BIT(MRG_RXBUF), false).receive_buffer_minimum, 12);
    assert_int_equal(freeze(REQUIRED | BIT(MRG_RXBUF) | BIT(GUEST_CSUM) | BIT(GUEST_TSO4), false).receive_buffer_minimum, 12);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(g5_nothing_is_accepted_that_is_not_offered),
        cmocka_unit_test(g7_unknown_and_unwanted_bits_are_ignored),
        cmocka_unit_test(g7_g18_q4_q17_bits_that_this_code_cannot_keep_are_never_accepted),
        cmocka_unit_test(everything_this_code_can_keep_is_accepted),
        cmocka_unit_test(g8_a_missing_feature_is_named),
        cmocka_unit_test(g8_unknown_offered_bits_are_no_reason_to_fail),
        cmocka_unit_test(g19_version_1_is_accepted_when_offered),
        cmocka_unit_test(g20_access_platform_is_accepted_when_wanted),
        cmocka_unit_test(n1_g6_no_feature_stands_without_what_it_needs),
        cmocka_unit_test(n1_dependencies_are_followed_through),
        cmocka_unit_test(n1_a_required_feature_without_what_it_needs_is_missing),
        cmocka_unit_test(n8_no_extra_receive_modes_without_a_control_queue),
        cmocka_unit_test(n11_n13_the_header_is_12_bytes_except_on_a_contract_device_without_mergeable_buffers),
        cmocka_unit_test(n13_num_buffers_lies_behind_the_contract_header),
        cmocka_unit_test(only_a_contract_device_is_always_notified),
        cmocka_unit_test(g11_the_profile_says_which_fields_and_abilities_exist),
        cmocka_unit_test(segmentation_is_promised_by_host_tso_and_never_by_the_legacy_bit),
        cmocka_unit_test(g11_the_profile_says_what_the_control_queue_takes),
        cmocka_unit_test(n9_an_unmerged_buffer_holds_a_whole_frame),
        cmocka_unit_test(n10_a_merged_buffer_holds_a_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
