/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_receive_checksum.c - received checksums: completed over any pieces, vouched for only where that is true, hostile fields refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "frame_builder.h"
#include "aero_virtio_net_receive.h"

enum {
    NEEDS = 1,
    VALID = 2,
    RSC = 4,
    EVERY = RECEIVE_CHECKSUM_TCP4 | RECEIVE_CHECKSUM_UDP4 | RECEIVE_CHECKSUM_TCP6 | RECEIVE_CHECKSUM_UDP6
};

static const struct receive_checksum_rules every = {VIRTIO_TRUE, EVERY};

/* ---- frames in pieces, each in a block of exactly its size ---- */

struct pieces {
    struct frame_piece piece[64];
    unsigned count;
};

/* The first piece has `first` bytes, the others `step`. */
static void pieces_make(struct pieces *pieces, const uint8_t *bytes, size_t length, size_t first, size_t step)
{
    size_t done = 0, size = first;

    memset(pieces, 0, sizeof *pieces);
    do {
        struct frame_piece *piece = &pieces->piece[pieces->count++];

        assert_true(pieces->count <= 64);
        if (size > length - done)
            size = length - done;
        piece->bytes = malloc(size ? size : 1);
        assert_non_null(piece->bytes);
        memcpy(piece->bytes, bytes + done, size);
        piece->length = (virtio_u32)size;
        if (pieces->count > 1)
            piece[-1].next = piece;
        done += size;
        size = step;
    } while (done < length);
}

static void pieces_collect(struct pieces *pieces, uint8_t *bytes)
{
    unsigned i;

    for (i = 0; i < pieces->count; i++) {
        memcpy(bytes, pieces->piece[i].bytes, pieces->piece[i].length);
        bytes += pieces->piece[i].length;
        free(pieces->piece[i].bytes);
    }
}

struct outcome {
    enum receive_verdict verdict;
    struct receive_report report;
    uint8_t bytes[BUILT_FRAME_MAX];
};

static struct outcome judge(const struct built_frame *frame, size_t first, size_t step, unsigned flags, size_t start, size_t offset,
                            const struct receive_checksum_rules *rules)
{
    struct outcome outcome;
    struct pieces pieces;
    uint8_t *header = malloc(10);

    assert_non_null(header);
    memset(header, 0xA5, 10); /* hdr_len and gso_size mean nothing (N23) */
    header[0] = (uint8_t)flags;
    header[1] = 0;
    header[6] = (uint8_t)start;
    header[7] = (uint8_t)(start >> 8);
    header[8] = (uint8_t)offset;
    header[9] = (uint8_t)(offset >> 8);
    pieces_make(&pieces, frame->bytes, frame->length, first, step);
    memset(&outcome.report, 0xEE, sizeof outcome.report);
    outcome.verdict = receive_checksum_judge(header, pieces.piece, (virtio_u32)frame->length, rules, &outcome.report);
    pieces_collect(&pieces, outcome.bytes);
    free(header);
    return outcome;
}

/* Leaves only the pseudo header's sum in the frame, as a sender that hands the rest to its device. */
static void make_partial(struct built_frame *frame)
{
    frame->bytes[frame->field] = (uint8_t)(frame->pseudo >> 8);
    frame->bytes[frame->field + 1] = (uint8_t)frame->pseudo;
}

static struct outcome judge_partial(struct built_frame *frame, size_t first, size_t step, const struct receive_checksum_rules *rules)
{
    make_partial(frame);
    return judge(frame, first, step, NEEDS, frame->transport, frame->field - frame->transport, rules);
}

static virtio_u32 bit_of(unsigned version, unsigned protocol)
{
    if (protocol == BUILT_TCP)
        return version == 4 ? RECEIVE_CHECKSUM_TCP4 : RECEIVE_CHECKSUM_TCP6;
    return version == 4 ? RECEIVE_CHECKSUM_UDP4 : RECEIVE_CHECKSUM_UDP6;
}

static const unsigned versions[2] = {4, 6}, protocols[2] = {BUILT_TCP, BUILT_UDP};
#define FOR_EVERY_KIND(version, protocol)                                                                                                  \
    for (unsigned v = 0, version = 4; v < 2 && (version = versions[v], true); v++)                                                         \
        for (unsigned p = 0, protocol = 6; p < 2 && (protocol = protocols[p], true); p++)

/* ---- NEEDS_CSUM ---- */

static void a_partial_checksum_is_completed_over_any_pieces(void **state)
{
    static const size_t firsts[] = {9000, 116, 100, 83, 75}, steps[] = {4096, 512, 211, 128};
    static struct built_frame frame;
    unsigned done = 0;

    (void)state;
    FOR_EVERY_KIND(version, protocol)
    {
        for (size_t payload = 0; payload < 1500; payload += payload < 70 ? 1 : 97) {
            struct frame_plan plan = {.version = version, .protocol = protocol, .payload = payload, .seed = (uint32_t)payload};

            for (size_t i = 0; i < sizeof firsts / sizeof firsts[0]; i++) {
                struct outcome outcome;

                frame_build(&plan, &frame);
                outcome = judge_partial(&frame, firsts[i], steps[payload % 4], &every);
                assert_int_equal(outcome.verdict, RECEIVE_GOOD);
                assert_true(outcome.report.completed);
                assert_int_equal(outcome.report.good, bit_of(version, protocol));
                assert_true(transport_sum_is_right(&frame, outcome.bytes));
                frame_build(&plan, &frame); /* nothing but the checksum was touched, and it is the one the sender would have made */
                assert_memory_equal(outcome.bytes, frame.bytes, frame.length);
                done++;
            }
        }
    }
    assert_true(done > 1000);
}

static void the_checksum_may_straddle_two_pieces(void **state)
{
    static struct built_frame frame;

    (void)state;
    /* The checksum of an inner header, as under a tunnel; nobody vouches for that one. */
    for (size_t first = 60; first < 140; first++) {
        struct frame_plan plan = {.version = 4, .protocol = BUILT_UDP, .payload = 300, .seed = (uint32_t)first};
        size_t start = 100, field = 110;
        struct outcome outcome;

        frame_build(&plan, &frame);
        outcome = judge(&frame, first, 64, NEEDS, start, field - start, &every);
        assert_int_equal(outcome.verdict, RECEIVE_GOOD);
        assert_true(outcome.report.completed);
        assert_int_equal(outcome.report.good, 0);
        frame.bytes[field] = outcome.bytes[field];
        frame.bytes[field + 1] = outcome.bytes[field + 1];
        assert_memory_equal(outcome.bytes, frame.bytes, frame.length);
        /* What stood there counts as data: together with it everything from `start` adds up. */
        frame_build(&plan, &frame);
        assert_int_equal(plain_sum(outcome.bytes + start, frame.end - start, (unsigned)(frame.bytes[field] << 8 | frame.bytes[field + 1])),
                         0xFFFF);
    }
}

static void tags_options_and_extension_headers_are_looked_behind(void **state)
{
    static const uint16_t tag[2] = {0x8100, 0x2005};
    static struct built_frame frame;

    (void)state;
    FOR_EVERY_KIND(version, protocol)
    {
        for (size_t options = 0; options <= 40; options += 8) {
            for (size_t tags = 0; tags < 2; tags++) {
                struct frame_plan plan = {
                    .version = version, .protocol = protocol, .payload = 77, .options = options, .tags = tag, .tag_count = tags};
                struct outcome outcome;

                frame_build(&plan, &frame);
                outcome = judge(&frame, 9000, 1, VALID, 0, 0, &every);
                assert_int_equal(outcome.report.good, bit_of(version, protocol));
                assert_false(outcome.report.completed);
                outcome = judge_partial(&frame, 9000, 1, &every);
                assert_int_equal(outcome.report.good, bit_of(version, protocol));
                assert_true(transport_sum_is_right(&frame, outcome.bytes));
            }
        }
    }
}

static void padding_does_not_spoil_the_sum(void **state)
{
    static struct built_frame frame;

    (void)state;
    FOR_EVERY_KIND(version, protocol)
    {
        for (size_t padding = 1; padding < 8; padding++) {
            struct frame_plan plan = {.version = version, .protocol = protocol, .payload = 5, .padding = padding};
            struct outcome outcome;

            frame_build(&plan, &frame);
            outcome = judge_partial(&frame, 9000, 1, &every);
            assert_true(transport_sum_is_right(&frame, outcome.bytes));
            assert_int_equal(outcome.report.good, bit_of(version, protocol));
        }
    }
}

static void a_wrong_pseudo_header_sum_is_not_vouched_for(void **state)
{
    static struct built_frame frame;

    (void)state;
    FOR_EVERY_KIND(version, protocol)
    {
        struct frame_plan plan = {.version = version, .protocol = protocol, .payload = 20};
        struct outcome outcome;

        frame_build(&plan, &frame);
        make_partial(&frame);
        frame.bytes[frame.field] ^= 0x10;
        outcome = judge(&frame, 9000, 1, NEEDS, frame.transport, frame.field - frame.transport, &every);
        assert_int_equal(outcome.verdict, RECEIVE_GOOD);
        assert_true(outcome.report.completed);
        assert_int_equal(outcome.report.good, 0);
        assert_false(transport_sum_is_right(&frame, outcome.bytes));
    }
}

static void a_sum_of_zero_is_written_as_ones(void **state)
{
    static struct built_frame frame;
    struct frame_plan plan = {.version = 4, .protocol = BUILT_UDP, .payload = 2};
    unsigned ones = 0;

    (void)state;
    frame_build(&plan, &frame);
    for (unsigned value = 0; value < 65536; value++) {
        struct outcome outcome;

        frame.bytes[frame.transport + 8] = (uint8_t)(value >> 8);
        frame.bytes[frame.transport + 9] = (uint8_t)value;
        outcome = judge_partial(&frame, 9000, 1, &every);
        assert_false(outcome.bytes[frame.field] == 0 && outcome.bytes[frame.field + 1] == 0);
        assert_true(transport_sum_is_right(&frame, outcome.bytes));
        ones += outcome.bytes[frame.field] == 0xFF && outcome.bytes[frame.field + 1] == 0xFF;
    }
    assert_int_equal(ones, 1);
}

/* ---- who is vouched for ---- */

static void only_wanted_protocols_are_vouched_for(void **state)
{
    static struct built_frame frame;

    (void)state;
    FOR_EVERY_KIND(version, protocol)
    {
        for (virtio_u32 wanted = 0; wanted <= EVERY; wanted++) {
            struct receive_checksum_rules rules = {VIRTIO_TRUE, wanted};
            struct frame_plan plan = {.version = version, .protocol = protocol, .payload = 20};

            frame_build(&plan, &frame);
            assert_int_equal(judge(&frame, 9000, 1, VALID, 0, 0, &rules).report.good, wanted & bit_of(version, protocol));
            struct outcome outcome = judge_partial(&frame, 9000, 1, &rules);
            assert_int_equal(outcome.report.good, wanted & bit_of(version, protocol));
            assert_true(outcome.report.completed); /* also when nobody wants to hear of it */
            assert_true(transport_sum_is_right(&frame, outcome.bytes));
        }
    }
}

static void nothing_is_said_without_a_flag(void **state)
{
    static struct built_frame frame;

    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        struct frame_plan plan = {.version = 4, .protocol = BUILT_TCP, .payload = 20};
        struct receive_checksum_rules none = {VIRTIO_FALSE, EVERY};
        struct outcome outcome;

        frame_build(&plan, &frame);
        if ((flags & (NEEDS | VALID)) == 0 || (flags & (NEEDS | RSC)) == (NEEDS | RSC)) {
            outcome = judge(&frame, 9000, 1, flags, frame.transport, 16, &every);
            assert_int_equal(outcome.verdict, RECEIVE_GOOD);
            assert_int_equal(outcome.report.good, 0);
            assert_memory_equal(outcome.bytes, frame.bytes, frame.length);
        }
        /* Without GUEST_CSUM flags are noise, whatever they say. */
        outcome = judge(&frame, 9000, 1, flags, 3, 60000, &none);
        assert_int_equal(outcome.verdict, RECEIVE_GOOD);
        assert_int_equal(outcome.report.good, 0);
        assert_memory_equal(outcome.bytes, frame.bytes, frame.length);
    }
}

static void what_was_not_parsed_is_not_vouched_for(void **state)
{
    static const uint16_t two_tags[4] = {0x8100, 5, 0x8100, 6}, provider[2] = {0x88A8, 5};
    static const struct frame_plan plans[] = {
        {.version = 4, .protocol = BUILT_TCP, .payload = 30, .fragment = 0x2000},
        {.version = 4, .protocol = BUILT_UDP, .payload = 30, .fragment = 0x0010},
        {.version = 6, .protocol = BUILT_UDP, .payload = 30, .fragment = 0x0001},
        {.version = 4, .protocol = 1, .payload = 30},
        {.version = 6, .protocol = 58, .payload = 30},
        {.version = 4, .protocol = BUILT_TCP, .payload = 30, .tags = two_tags, .tag_count = 2},
        {.version = 6, .protocol = BUILT_TCP, .payload = 30, .tags = provider, .tag_count = 1},
    };
    static struct built_frame frame;
    size_t cut;

    (void)state;
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        frame_build(&plans[i], &frame);
        assert_int_equal(judge(&frame, 9000, 1, VALID, 0, 0, &every).report.good, 0);
        if (frame.field) {
            struct outcome outcome = judge(&frame, 9000, 1, NEEDS, frame.transport, frame.field - frame.transport, &every);

            assert_int_equal(outcome.report.good, 0);
            assert_true(outcome.report.completed);
        }
    }
    /* A frame that ends before its IP packet does, and headers that are not all in the first piece. */
    FOR_EVERY_KIND(version, protocol)
    {
        struct frame_plan plan = {.version = version, .protocol = protocol, .payload = 30};

        frame_build(&plan, &frame);
        for (cut = 1; cut <= frame.length - 14; cut++) {
            struct built_frame shorter = frame;

            shorter.length -= cut;
            assert_int_equal(judge(&shorter, 9000, 1, VALID, 0, 0, &every).report.good, 0);
        }
        for (cut = 14; cut < frame.length; cut++) {
            size_t needed = frame.transport + (protocol == BUILT_TCP ? 20u : 8u);

            assert_int_equal(judge(&frame, cut, 100, VALID, 0, 0, &every).report.good, cut < needed ? 0 : bit_of(version, protocol));
        }
    }
}

static void an_absent_udp_checksum_is_not_vouched_for(void **state)
{
    static struct built_frame frame;

    (void)state;
    for (unsigned v = 0; v < 2; v++) {
        struct frame_plan plan = {.version = versions[v], .protocol = BUILT_UDP, .payload = 20};

        frame_build(&plan, &frame);
        frame.bytes[frame.field] = frame.bytes[frame.field + 1] = 0;
        assert_int_equal(judge(&frame, 9000, 1, VALID, 0, 0, &every).report.good, 0);
    }
}

/* ---- fields of every value ---- */

static void every_start_and_offset_is_survived(void **state)
{
    static struct built_frame frame;
    unsigned refused = 0, taken = 0;

    (void)state;
    for (unsigned v = 0; v < 2; v++) {
        struct frame_plan plan = {.version = versions[v], .protocol = BUILT_TCP, .payload = 40, .padding = 3};

        frame_build(&plan, &frame);
        for (size_t start = 0; start < 65536; start += start < 200 ? 1 : 4099) {
            for (size_t offset = 0; offset < 65536; offset += offset < 200 ? 1 : 4099) {
                size_t first = frame.network + (v == 0 ? 20 : 40);
                bool inside = start >= first && start + offset + 2 <= frame.end;
                struct outcome outcome = judge(&frame, 90, 33, NEEDS, start, offset, &every);

                assert_int_equal(outcome.verdict, inside ? RECEIVE_GOOD : RECEIVE_BAD_CHECKSUM_FIELDS);
                if (inside) {
                    taken++;
                    outcome.bytes[start + offset] = frame.bytes[start + offset];
                    outcome.bytes[start + offset + 1] = frame.bytes[start + offset + 1];
                } else {
                    refused++;
                    assert_false(outcome.report.completed);
                }
                assert_memory_equal(outcome.bytes, frame.bytes, frame.length);
            }
        }
    }
    assert_true(refused > 10000 && taken > 500);
}

static void a_large_frame_that_was_not_negotiated_is_refused(void **state)
{
    static struct built_frame frame;
    struct frame_plan plan = {.version = 4, .protocol = BUILT_TCP, .payload = 40};
    struct frame_piece piece;
    struct receive_report report;
    uint8_t header[10] = {0};

    (void)state;
    frame_build(&plan, &frame);
    piece.bytes = frame.bytes;
    piece.length = (virtio_u32)frame.length;
    piece.next = NULL;
    for (unsigned type = 0; type < 256; type++) {
        header[1] = (uint8_t)type;
        assert_int_equal(receive_checksum_judge(header, &piece, piece.length, &every, &report), type ? RECEIVE_SEGMENTED : RECEIVE_GOOD);
        assert_false(report.completed || report.good);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partial_checksum_is_completed_over_any_pieces),
        cmocka_unit_test(the_checksum_may_straddle_two_pieces),
        cmocka_unit_test(tags_options_and_extension_headers_are_looked_behind),
        cmocka_unit_test(padding_does_not_spoil_the_sum),
        cmocka_unit_test(a_wrong_pseudo_header_sum_is_not_vouched_for),
        cmocka_unit_test(a_sum_of_zero_is_written_as_ones),
        cmocka_unit_test(only_wanted_protocols_are_vouched_for),
        cmocka_unit_test(nothing_is_said_without_a_flag),
        cmocka_unit_test(what_was_not_parsed_is_not_vouched_for),
        cmocka_unit_test(an_absent_udp_checksum_is_not_vouched_for),
        cmocka_unit_test(every_start_and_offset_is_survived),
        cmocka_unit_test(a_large_frame_that_was_not_negotiated_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
