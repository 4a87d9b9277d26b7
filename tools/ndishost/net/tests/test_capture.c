/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_capture.c - tshark, a reader that is not ours, reads back what capture.c wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "net/network.h"

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/ndishost-capture-XXXXXX");
    int fd = mkstemp(path);
    close(fd);
    return fd < 0;
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

/* Output of tshark with the fields asked for; lines as they come. */
static void tshark(const char *arguments, char *output, size_t size)
{
    char command[256];
    snprintf(command, sizeof(command), "tshark -r %s %s 2>/dev/null", path, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    size_t length = fread(output, 1, size - 1, pipe);
    output[length] = 0;
    assert_int_equal(pclose(pipe), 0);
}

static const uint8_t arp_request[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0,   6, 4, 0,
                                        1,    0x52, 0x54, 0,    0x12, 0x34, 0x56, 192,  0, 2,    1,    0,    0, 0, 0, 0, 0, 192, 0, 2, 2};

static void frames_keep_interface_direction_length_and_bytes(void **state)
{
    (void)state;
    char error[128], output[1024];
    struct capture *capture = capture_open(path, error, sizeof(error));
    assert_non_null(capture);
    assert_int_equal(capture_add_interface(capture, "guest"), 0);
    assert_int_equal(capture_add_interface(capture, "peer"), 1);
    /* Every remainder of the length modulo four, and a frame in three parts with an empty one. */
    for (size_t trailing = 0; trailing < 4; ++trailing) {
        struct iovec parts[3] = {{(void *)arp_request, 14}, {NULL, 0}, {(void *)(arp_request + 14), sizeof(arp_request) - 14 - trailing}};
        capture_frame(capture, trailing & 1, trailing < 2, parts, 3);
    }
    assert_true(capture_close(capture));
    tshark("-T fields -e frame.interface_name -e frame.packet_flags_direction -e frame.len -e eth.src", output, sizeof(output));
    assert_string_equal(output, "guest\t0x00000002\t42\t52:54:00:12:34:56\npeer\t0x00000002\t41\t52:54:00:12:34:56\n"
                                "guest\t0x00000001\t40\t52:54:00:12:34:56\npeer\t0x00000001\t39\t52:54:00:12:34:56\n");
    tshark("-Y arp.dst.proto_ipv4==192.0.2.2 -T fields -e arp.opcode", output, sizeof(output));
    assert_string_equal(output, "1\n");
}

static void the_largest_frame_is_kept_whole(void **state)
{
    (void)state;
    static uint8_t frame[65535];
    char error[128], output[256];
    memcpy(frame, arp_request, sizeof(arp_request));
    struct capture *capture = capture_open(path, error, sizeof(error));
    assert_non_null(capture);
    capture_add_interface(capture, "guest");
    capture_frame(capture, 0, true, &(struct iovec){frame, sizeof(frame)}, 1);
    assert_true(capture_close(capture));
    tshark("-T fields -e frame.len -e frame.cap_len", output, sizeof(output));
    assert_string_equal(output, "65535\t65535\n");
}

static void a_file_that_cannot_be_made_is_named_in_the_error(void **state)
{
    (void)state;
    char error[128];
    assert_null(capture_open("/nonexistent/directory/x.pcapng", error, sizeof(error)));
    assert_non_null(strstr(error, "/nonexistent/directory/x.pcapng"));
}

static void a_full_disk_is_reported_on_close(void **state)
{
    (void)state;
    char error[128];
    struct capture *capture = capture_open("/dev/full", error, sizeof(error));
    assert_non_null(capture);
    assert_false(capture_close(capture));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(frames_keep_interface_direction_length_and_bytes, make_path, remove_path),
        cmocka_unit_test_setup_teardown(the_largest_frame_is_kept_whole, make_path, remove_path),
        cmocka_unit_test(a_file_that_cannot_be_made_is_named_in_the_error),
        cmocka_unit_test(a_full_disk_is_reported_on_close),
    };
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
