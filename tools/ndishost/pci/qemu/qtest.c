/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qtest.c - the qtest protocol over one socket: commands, posted writes, asynchronous interrupt lines, bounded waits. */
#include "qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "exec/sched.h"

enum {
    LINE_SIZE = 256, /* longest line we accept; replies to our commands are below 32 bytes */
    INPUT_SIZE = 4096,
    POSTED_LIMIT = 64, /* replies nobody waited for; QEMU would block on a full socket */
    POSTED_LOW_WATER = 32,
    CONFIG_ADDRESS = 0xcf8,
    CONFIG_DATA = 0xcfc,
};

struct qtest {
    int fd;
    struct qtest_events events;
    struct sched_io io;
    bool watched;         /* caller-serialised */
    atomic_bool io_waits; /* the I/O thread found the lock taken and left its descriptor disarmed */
    atomic_bool broken;
    pthread_mutex_t lock;       /* guards everything below, and the order of commands on the socket */
    unsigned posted;            /* commands sent whose reply has not been read */
    size_t filled, consumed;    /* valid and already used bytes of input[] */
    char broken_why[LINE_SIZE]; /* set under the lock, told to events.broken after it */
    bool broken_untold, broken_closed;
    char input[INPUT_SIZE];
};

/* ---- the broken state ---- */

__attribute__((format(printf, 3, 4))) static void connection_break(struct qtest *qtest, bool closed, const char *format, ...)
{
    if (atomic_exchange(&qtest->broken, true))
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(qtest->broken_why, sizeof qtest->broken_why, format, arguments);
    va_end(arguments);
    qtest->broken_closed = closed;
    qtest->broken_untold = true;
}

/* ---- lines ---- */

static void commands_send(struct qtest *qtest, const char *text, size_t length)
{
    while (length && !atomic_load(&qtest->broken)) {
        ssize_t sent = send(qtest->fd, text, length, MSG_NOSIGNAL);
        if (sent >= 0) {
            text += sent;
            length -= (size_t)sent;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            connection_break(qtest, false, "QEMU takes no command (waited %d s)", QTEST_TIMEOUT_S);
        } else if (errno != EINTR) {
            connection_break(qtest, true, "connection to QEMU lost: %s", strerror(errno));
        }
    }
}

/* Next complete line that has been read already, without its newline, or NULL. Valid until the next call. */
static char *line_buffered(struct qtest *qtest)
{
    char *start = qtest->input + qtest->consumed;
    char *newline = memchr(start, '\n', qtest->filled - qtest->consumed);
    if (!newline)
        return NULL;
    *newline = 0;
    qtest->consumed = (size_t)(newline + 1 - qtest->input);
    return start;
}

/* Next line, or NULL: nothing there (only when !wait) or broken. */
static char *line_next(struct qtest *qtest, bool wait)
{
    for (;;) {
        char *line = line_buffered(qtest);
        if (line)
            return line;
        memmove(qtest->input, qtest->input + qtest->consumed, qtest->filled - qtest->consumed);
        qtest->filled -= qtest->consumed;
        qtest->consumed = 0;
        if (atomic_load(&qtest->broken))
            return NULL;
        if (qtest->filled >= LINE_SIZE) {
            connection_break(qtest, false, "QEMU sent a qtest line without end");
            return NULL;
        }
        /* NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): the wait is bounded by SO_RCVTIMEO */
        ssize_t got = recv(qtest->fd, qtest->input + qtest->filled, INPUT_SIZE - qtest->filled, wait ? 0 : MSG_DONTWAIT);
        if (got > 0)
            qtest->filled += (size_t)got;
        else if (got == 0)
            connection_break(qtest, true, "QEMU closed its qtest connection");
        else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait)
                return NULL;
            connection_break(qtest, false, "QEMU does not answer (waited %d s)", QTEST_TIMEOUT_S);
        } else if (errno != EINTR)
            connection_break(qtest, true, "connection to QEMU lost: %s", strerror(errno));
    }
}

/* Takes an interrupt line or the reply to a posted command; false when the line is somebody's reply. */
static bool line_is_asynchronous(struct qtest *qtest, const char *line)
{
    if (!strncmp(line, "IRQ raise ", 10) || !strncmp(line, "IRQ lower ", 10)) {
        bool asserted = line[4] == 'r';
        qtest->events.irq(qtest->events.context, (unsigned)strtoul(line + 10, NULL, 10), asserted);
        return true;
    }
    if (qtest->posted == 0)
        return false;
    qtest->posted--;
    if (strncmp(line, "OK", 2))
        connection_break(qtest, false, "QEMU refused a qtest command: %.100s", line);
    return true;
}

/* A line that cannot be the reply to a command that somebody waits for. */
static void line_take(struct qtest *qtest, const char *line)
{
    if (!line_is_asynchronous(qtest, line))
        connection_break(qtest, false, "QEMU sent an unexpected qtest line: %.100s", line);
}

/* Reads what has arrived; waits until at most `limit` posted commands are unanswered. */
static void posted_drain(struct qtest *qtest, unsigned limit)
{
    char *line;
    while ((line = line_next(qtest, qtest->posted > limit)) != NULL)
        line_take(qtest, line);
}

/* The reply to the last command, after those to all posted ones. NULL when broken. */
static const char *reply_wait(struct qtest *qtest)
{
    char *line;
    do
        line = line_next(qtest, true);
    while (line && line_is_asynchronous(qtest, line));
    if (line && strncmp(line, "OK", 2)) {
        connection_break(qtest, false, "QEMU refused a qtest command: %.100s", line);
        return NULL;
    }
    return line;
}

static uint64_t reply_value(const char *reply, unsigned width)
{
    uint64_t ones = width >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * width)) - 1;
    return reply && reply[2] == ' ' ? strtoull(reply + 3, NULL, 0) & ones : ones;
}

static void connection_lock(struct qtest *qtest)
{
    pthread_mutex_lock(&qtest->lock);
}

/*
 * Lets go of the socket. Lines that came in the same piece as the reply are taken first: nobody would be woken for them again. Then
 * wakes the I/O thread's interest if it met the lock, and tells of a connection that broke meanwhile.
 */
static void connection_unlock(struct qtest *qtest)
{
    char *line;
    while ((line = line_buffered(qtest)) != NULL)
        line_take(qtest, line);
    bool tell = qtest->broken_untold;
    qtest->broken_untold = false;
    pthread_mutex_unlock(&qtest->lock);
    if (atomic_exchange(&qtest->io_waits, false) && !atomic_load(&qtest->broken))
        sched_io_arm(&qtest->io);
    if (tell)
        qtest->events.broken(qtest->events.context, qtest->broken_why, qtest->broken_closed);
}

/* ---- commands ---- */

static char width_letter(unsigned width)
{
    return width == 1 ? 'b' : width == 2 ? 'w' : width == 4 ? 'l' : 'q';
}

__attribute__((format(printf, 3, 4))) static uint64_t command_value(struct qtest *qtest, unsigned width, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    connection_lock(qtest);
    commands_send(qtest, text, (size_t)length);
    uint64_t value = reply_value(reply_wait(qtest), width);
    connection_unlock(qtest);
    return value;
}

/* Sends `count` commands as one text and does not wait for their replies. */
__attribute__((format(printf, 3, 4))) static void command_post(struct qtest *qtest, unsigned count, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    connection_lock(qtest);
    if (qtest->posted + count > POSTED_LIMIT)
        posted_drain(qtest, POSTED_LOW_WATER);
    commands_send(qtest, text, (size_t)length);
    qtest->posted += count;
    connection_unlock(qtest);
}

__attribute__((format(printf, 2, 3))) static bool command_simple(struct qtest *qtest, const char *format, ...)
{
    char text[128];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);

    connection_lock(qtest);
    commands_send(qtest, text, (size_t)length);
    bool ok = reply_wait(qtest) != NULL;
    connection_unlock(qtest);
    return ok;
}

uint64_t qtest_memory_read(struct qtest *qtest, uint64_t address, unsigned width)
{
    return command_value(qtest, width, "read%c 0x%" PRIx64 "\n", width_letter(width), address);
}

void qtest_memory_write(struct qtest *qtest, uint64_t address, unsigned width, uint64_t value)
{
    command_post(qtest, 1, "write%c 0x%" PRIx64 " 0x%" PRIx64 "\n", width_letter(width), address, value);
}

uint32_t qtest_port_read(struct qtest *qtest, uint16_t port, unsigned width)
{
    return (uint32_t)command_value(qtest, width, "in%c 0x%x\n", width_letter(width), port);
}

void qtest_port_write(struct qtest *qtest, uint16_t port, unsigned width, uint32_t value)
{
    command_post(qtest, 1, "out%c 0x%x 0x%x\n", width_letter(width), port, value);
}

static uint32_t config_address(unsigned devfn, unsigned offset)
{
    return 0x80000000u | devfn << 8 | (offset & 0xfcu);
}

uint32_t qtest_config_read(struct qtest *qtest, unsigned devfn, unsigned offset, unsigned width)
{
    char text[128];
    int length = snprintf(text, sizeof text, "outl 0x%x 0x%x\nin%c 0x%x\n", CONFIG_ADDRESS, config_address(devfn, offset),
                          width_letter(width), CONFIG_DATA + (offset & 3));
    connection_lock(qtest);
    commands_send(qtest, text, (size_t)length);
    qtest->posted++; /* the address write: its reply is passed over on the way to the value */
    uint32_t value = (uint32_t)reply_value(reply_wait(qtest), width);
    connection_unlock(qtest);
    return value;
}

void qtest_config_write(struct qtest *qtest, unsigned devfn, unsigned offset, unsigned width, uint32_t value)
{
    command_post(qtest, 2, "outl 0x%x 0x%x\nout%c 0x%x 0x%x\n", CONFIG_ADDRESS, config_address(devfn, offset), width_letter(width),
                 CONFIG_DATA + (offset & 3), value);
}

bool qtest_hello(struct qtest *qtest)
{
    return command_simple(qtest, "endianness\n");
}

bool qtest_intercept_ioapic(struct qtest *qtest)
{
    return command_simple(qtest, "irq_intercept_in ioapic\n");
}

/* ---- the I/O thread's part ---- */

/*
 * Input while no command reads. The flag goes up before the lock is tried: if the try fails, the holder has not yet looked at the
 * flag and will arm the descriptor again.
 */
static void qtest_io_ready(struct sched_io *io)
{
    struct qtest *qtest = io->context;
    atomic_store(&qtest->io_waits, true);
    if (pthread_mutex_trylock(&qtest->lock))
        return;
    posted_drain(qtest, UINT32_MAX);
    connection_unlock(qtest);
}

void qtest_watch(struct qtest *qtest, bool watched)
{
    if (watched == qtest->watched)
        return;
    qtest->watched = watched;
    if (watched)
        sched_io_add(&qtest->io);
    else
        sched_io_remove(&qtest->io);
}

/* ---- life ---- */

struct qtest *qtest_create(int fd, const struct qtest_events *events)
{
    struct qtest *qtest = calloc(1, sizeof *qtest);
    if (!qtest) {
        close(fd);
        return NULL;
    }
    struct timeval limit = {.tv_sec = QTEST_TIMEOUT_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    qtest->fd = fd;
    qtest->events = *events;
    qtest->io = (struct sched_io){.fd = fd, .ready = qtest_io_ready, .context = qtest};
    pthread_mutex_init(&qtest->lock, NULL);
    return qtest;
}

void qtest_destroy(struct qtest *qtest)
{
    if (!qtest)
        return;
    qtest_watch(qtest, false);
    pthread_mutex_destroy(&qtest->lock);
    close(qtest->fd);
    free(qtest);
}
