/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qmp.c - the QMP connection: lines of JSON, commands matched to answers by id, deadlines. */
#include "qmp.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { QMP_INPUT_SIZE = 65536 /* longest line we accept */, QMP_NEGOTIATE_MS = 10000 };

struct qmp {
    int fd;
    pthread_mutex_t lock; /* one command at a time; guards the rest */
    json_int_t last_id;
    size_t filled;
    char input[QMP_INPUT_SIZE];
};

static bool qmp_fail(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool qmp_fail(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    if (error && error_size)
        vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    /* QEMU's own words may be of several lines. */
    for (char *at = error; error_size && at && *at; at++) {
        if (*at == '\n' || *at == '\r')
            *at = ' ';
    }
    return false;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Next object that QEMU sends; NULL and a reason when none comes until `deadline` (ms) or what comes is not JSON. */
static json_t *object_receive(struct qmp *qmp, int64_t deadline, char *error, size_t error_size)
{
    for (;;) {
        char *newline = memchr(qmp->input, '\n', qmp->filled);
        if (newline) {
            size_t length = (size_t)(newline + 1 - qmp->input);
            json_error_t parse_error;
            json_t *object = json_loadb(qmp->input, length, 0, &parse_error);
            memmove(qmp->input, qmp->input + length, qmp->filled - length);
            qmp->filled -= length;
            if (!json_is_object(object)) {
                json_decref(object);
                qmp_fail(error, error_size, "QEMU's monitor sent something that is not a JSON object");
                return NULL;
            }
            return object;
        }
        if (qmp->filled == sizeof qmp->input) {
            qmp_fail(error, error_size, "QEMU's monitor sent a line without end");
            return NULL;
        }
        int64_t left = deadline - now_ms();
        struct pollfd input = {.fd = qmp->fd, .events = POLLIN};
        int ready = left > 0 ? poll(&input, 1, (int)left) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            qmp_fail(error, error_size, "QEMU's monitor does not answer");
            return NULL;
        }
        /* NOLINTNEXTLINE(clang-analyzer-unix.BlockInCriticalSection): it does not block */
        ssize_t got = recv(qmp->fd, qmp->input + qmp->filled, sizeof qmp->input - qmp->filled, MSG_DONTWAIT);
        if (got > 0) {
            qmp->filled += (size_t)got;
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            qmp_fail(error, error_size, "QEMU closed its monitor connection");
            return NULL;
        }
    }
}

static bool text_send(struct qmp *qmp, const char *text, size_t length, int64_t deadline, char *error, size_t error_size)
{
    while (length) {
        ssize_t sent = send(qmp->fd, text, length, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            text += sent;
            length -= (size_t)sent;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return qmp_fail(error, error_size, "QEMU's monitor connection is gone: %s", strerror(errno));
        int64_t left = deadline - now_ms();
        struct pollfd output = {.fd = qmp->fd, .events = POLLOUT};
        if (left <= 0 || poll(&output, 1, (int)left) == 0)
            return qmp_fail(error, error_size, "QEMU's monitor takes no command");
    }
    return true;
}

/* Sends `object` under a fresh id and waits for the answer with that id: what it returns, or NULL. */
static json_t *object_execute(struct qmp *qmp, json_t *object, int64_t deadline, char *error, size_t error_size)
{
    json_int_t id = ++qmp->last_id;
    if (json_object_set_new(object, "id", json_integer(id))) {
        qmp_fail(error, error_size, "out of memory");
        return NULL;
    }
    char *text = json_dumps(object, JSON_COMPACT);
    bool sent =
        text && text_send(qmp, text, strlen(text), deadline, error, error_size) && text_send(qmp, "\n", 1, deadline, error, error_size);
    free(text);
    if (!sent) {
        if (!text)
            qmp_fail(error, error_size, "the command cannot be written as JSON");
        return NULL;
    }

    /* Events, and the late answer to a command that timed out, are passed over. */
    for (;;) {
        json_t *answer = object_receive(qmp, deadline, error, error_size);
        if (!answer)
            return NULL;
        json_t *answer_id = json_object_get(answer, "id");
        json_t *refusal = json_object_get(answer, "error");
        bool ours = json_is_integer(answer_id) && json_integer_value(answer_id) == id;
        json_t *returned = ours ? json_incref(json_object_get(answer, "return")) : NULL;
        /* A command that QEMU cannot even parse is refused without its id. */
        bool refused = refusal && (ours || !answer_id);
        if (refused) {
            const char *description = json_string_value(json_object_get(refusal, "desc"));
            qmp_fail(error, error_size, "QEMU: %s", description ? description : "error without description");
        }
        json_decref(answer);
        if (returned || refused)
            return returned;
    }
}

static json_t *text_execute(struct qmp *qmp, const char *command, unsigned timeout_ms, char *error, size_t error_size)
{
    json_error_t parse_error;
    json_t *object = json_loads(command, 0, &parse_error);
    if (!json_is_object(object)) {
        json_decref(object);
        qmp_fail(error, error_size, "not a JSON object: %.80s", command);
        return NULL;
    }
    pthread_mutex_lock(&qmp->lock);
    json_t *returned = object_execute(qmp, object, now_ms() + timeout_ms, error, error_size);
    pthread_mutex_unlock(&qmp->lock);
    json_decref(object);
    return returned;
}

bool qmp_execute(struct qmp *qmp, const char *command, unsigned timeout_ms, char *error, size_t error_size)
{
    json_t *returned = text_execute(qmp, command, timeout_ms, error, error_size);
    json_decref(returned);
    return returned != NULL;
}

char *qmp_query(struct qmp *qmp, const char *command, unsigned timeout_ms, char *error, size_t error_size)
{
    json_t *returned = text_execute(qmp, command, timeout_ms, error, error_size);
    char *text = returned ? json_dumps(returned, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (returned && !text)
        qmp_fail(error, error_size, "out of memory");
    json_decref(returned);
    return text;
}

bool qmp_negotiate(struct qmp *qmp, char *version, size_t version_size, char *error, size_t error_size)
{
    pthread_mutex_lock(&qmp->lock);
    json_t *greeting = object_receive(qmp, now_ms() + QMP_NEGOTIATE_MS, error, error_size);
    pthread_mutex_unlock(&qmp->lock);
    if (!greeting)
        return false;
    int major, minor, micro;
    int unpacked =
        json_unpack(greeting, "{s:{s:{s:{s:i,s:i,s:i}}}}", "QMP", "version", "qemu", "major", &major, "minor", &minor, "micro", &micro);
    json_decref(greeting);
    if (unpacked)
        return qmp_fail(error, error_size, "QEMU's monitor greeting names no version");
    snprintf(version, version_size, "%d.%d.%d", major, minor, micro);
    return qmp_execute(qmp, "{\"execute\":\"qmp_capabilities\"}", QMP_NEGOTIATE_MS, error, error_size);
}

struct qmp *qmp_create(int fd)
{
    struct qmp *qmp = calloc(1, sizeof *qmp);
    if (!qmp) {
        close(fd);
        return NULL;
    }
    qmp->fd = fd;
    pthread_mutex_init(&qmp->lock, NULL);
    return qmp;
}

void qmp_destroy(struct qmp *qmp)
{
    if (!qmp)
        return;
    pthread_mutex_destroy(&qmp->lock);
    close(qmp->fd);
    free(qmp);
}
