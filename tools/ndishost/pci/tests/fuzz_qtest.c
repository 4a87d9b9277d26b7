/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_qtest.c - a QEMU that answers qtest commands with anything, and then closes: every command returns, values fit their width, a broken
 * connection is told once, in one line, and reads give all ones from then on.
 *
 * Input: number of commands, one byte for each, then what QEMU sends.
 */
#include "fuzz_target.h"

#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/sched.h"
#include "qemu/qtest.h"

enum { COMMANDS_MAX = 200, SENT_MAX = 8192 };

struct seen {
    unsigned broken;
};

/* ---- the I/O thread: the watched descriptor, looked at when the story says so ---- */

static struct sched_io *watched;

void sched_io_add(struct sched_io *io)
{
    MUST(!watched);
    watched = io;
}

void sched_io_arm(struct sched_io *io)
{
    MUST(io == watched);
}

void sched_io_remove(struct sched_io *io)
{
    MUST(io == watched);
    watched = NULL;
}

static void irq(void *context, unsigned pin, bool asserted)
{
    (void)context, (void)pin, (void)asserted;
}

static void broken(void *context, const char *why, bool closed)
{
    struct seen *seen = context;

    (void)closed;
    seen->broken++;
    MUST(seen->broken == 1 && *why && !strchr(why, '\n') && strlen(why) < 256);
}

static void check_value(bool was_broken, uint64_t value, unsigned width)
{
    uint64_t ones = width == 8 ? UINT64_MAX : ((uint64_t)1 << 8 * width) - 1;

    MUST(value <= ones);
    MUST(!was_broken || value == ones);
}

/* Kind in the low bits, width above. */
static void command(struct qtest *qtest, const struct seen *seen, uint8_t byte)
{
    unsigned width = 1u << (byte >> 3 & 3), narrow = width > 4 ? 4 : width;
    bool was_broken = seen->broken;

    switch (byte & 7) {
    case 0:
        check_value(was_broken, qtest_memory_read(qtest, 0xFE000000, width), width);
        break;
    case 1:
        check_value(was_broken, qtest_port_read(qtest, 0xC000, narrow), narrow);
        break;
    case 2:
        check_value(was_broken, qtest_config_read(qtest, 32, 4, narrow), narrow);
        break;
    case 3:
        qtest_memory_write(qtest, 0xFE000000, width, 1);
        break;
    case 4:
        qtest_config_write(qtest, 32, 4, narrow, 7);
        break;
    case 5:
        MUST(!(qtest_intercept_ioapic(qtest) && was_broken));
        break;
    case 6:
        qtest_watch(qtest, !(byte & 8));
        break;
    default:
        if (watched)
            watched->ready(watched);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct seen seen = {.broken = 0};
    const struct qtest_events events = {.context = &seen, .irq = irq, .broken = broken};
    struct qtest *qtest;
    size_t commands, sent;
    int ends[2];

    if (length == 0)
        return 0;
    commands = input[0] < COMMANDS_MAX ? input[0] : COMMANDS_MAX;
    commands = commands < length - 1 ? commands : length - 1;
    sent = length - 1 - commands < SENT_MAX ? length - 1 - commands : SENT_MAX;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    /* All that it will ever say: no command waits. */
    MUST(send(ends[1], input + 1 + commands, sent, 0) == (ssize_t)sent);
    MUST(shutdown(ends[1], SHUT_WR) == 0);
    qtest = qtest_create(ends[0], &events);
    MUST(qtest);
    (void)qtest_hello(qtest);
    for (size_t i = 0; i < commands; i++)
        command(qtest, &seen, input[1 + i]);
    qtest_destroy(qtest);
    MUST(!watched);
    close(ends[1]);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const char *const seeds[] = {
        "\x01\x10OK little\nOK 0x000000001af41041\n",
        "\x06\x05\x06\x1B\x10\x07\x12OK little\nOK\nIRQ raise 16\nOK\nOK\nIRQ lower 16\nOK 0x7\nIRQ raise 24\nOK\nOK 255\n",
        "\x03\x1C\x1A\x09OK little\nOK\nOK\nOK\nOK 0xffffffff\nOK 1\n",
        "\x02\x10\x18OK\nFAIL Unknown command\nOK 0\n",
    };

    if (index >= sizeof seeds / sizeof *seeds)
        return 0;
    memcpy(bytes, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}
