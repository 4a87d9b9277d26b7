/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_qmp.c - a QEMU whose monitor says anything, and then closes: greeting, answers, events. Each call returns; what it returns is JSON
 * in one line, or one line that says why not. Input: what QEMU sends. Our commands have the ids 1, 2, 3.
 */
#include "fuzz_target.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qemu/qmp.h"

enum { SENT_MAX = 16384, PATIENCE_MS = 10000 };

static void check_reason(const char *error)
{
    MUST(*error && !strchr(error, '\n'));
}

static void check_query(struct qmp *qmp)
{
    char error[256] = "";
    char *answer = qmp_query(qmp, "{\"execute\":\"query-status\"}", PATIENCE_MS, error, sizeof error);

    if (answer)
        MUST(*answer && !strchr(answer, '\n'));
    else
        check_reason(error);
    free(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    char error[256] = "", version[24] = "";
    struct qmp *qmp;
    int ends[2];

    length = length < SENT_MAX ? length : SENT_MAX;
    MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    MUST(send(ends[1], input, length, 0) == (ssize_t)length);
    MUST(shutdown(ends[1], SHUT_WR) == 0);
    qmp = qmp_create(ends[0]);
    MUST(qmp);
    if (qmp_negotiate(qmp, version, sizeof version, error, sizeof error))
        MUST(*version && strlen(version) < sizeof version);
    else
        check_reason(error);
    check_query(qmp);
    *error = 0;
    if (!qmp_execute(qmp, "{\"execute\":\"quit\"}", PATIENCE_MS, error, sizeof error))
        check_reason(error);
    qmp_destroy(qmp);
    close(ends[1]);
    return 0;
}

#define GREETING                                                                                                                           \
    "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 22, \"minor\": 2, \"major\": 7}, \"package\": \"Debian\"}, \"capabilities\": "         \
    "[\"oob\"]}}\r\n"

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const char *const seeds[] = {
        GREETING "{\"return\": {}, \"id\": 1}\r\n{\"timestamp\": {\"seconds\": 1, \"microseconds\": 2}, \"event\": \"RESUME\"}\r\n"
                 "{\"return\": {\"status\": \"running\", \"running\": true}, \"id\": 2}\r\n{\"return\": {}, \"id\": 3}\r\n",
        GREETING "{\"return\": {}, \"id\": 1}\r\n{\"id\": 2, \"error\": {\"class\": \"GenericError\", \"desc\": \"no such thing\"}}\r\n"
                 "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n",
        GREETING "{\"return\": [1, \"\\u00e4\", null, 1.5e3], \"id\": 1}\r\n{\"return\": \"text\", \"id\": 2}\r\n",
    };

    if (index >= sizeof seeds / sizeof *seeds)
        return 0;
    memcpy(bytes, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}
