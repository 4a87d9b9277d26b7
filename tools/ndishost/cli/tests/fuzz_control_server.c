/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_control_server.c - any bytes at the socket of `ndishost control`: each client gets an answer that ends with "ok" or one line of
 * "error: ...", or none when it said no whole line; only the word stop stops a run. Input: number of adapters, what QEMU answers, request.
 */
#include "fuzz_target.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "abi/nt_constants.h"
#include "cli/control_server.h"
#include "cli/progress.h"
#include "ndis/upper_edge.h"
#include "pci/function.h"
#include "pci/qemu/qemu_device.h"

enum { PREFIX = 2, ANSWER_LONG = CONTROL_ANSWER_MAX };

/* ---- the machine: what it answers is the story's ---- */

static uint8_t story;
static const struct ndishost_pci_device no_device;

struct pci_counts pci_function_counts(const struct pci_function *function)
{
    MUST(function);
    return (struct pci_counts){.reads = UINT64_MAX, .writes = UINT64_MAX, .notifications = {UINT64_MAX, UINT64_MAX}};
}

const struct ndishost_pci_device *pci_function_device(const struct pci_function *function)
{
    MUST(function);
    return &no_device;
}

bool pci_function_set_link(struct pci_function *function, bool up)
{
    (void)up;
    MUST(function);
    return story & 1;
}

void progress_adapter_counts(const struct machine_adapter *slot, struct adapter_counts *counts)
{
    (void)slot;
    memset(counts, 0xFF, sizeof *counts);
}

bool upper_edge_reset(struct upper_edge *edge, unsigned seconds, uint32_t *status)
{
    (void)seconds;
    MUST(edge);
    *status = story & 2 ? 0 : 0xC0000001;
    return story & 4;
}

/* JSON of one line, of any length. */
char *qemu_device_query(const struct ndishost_pci_device *device, const char *command, char *error, size_t error_size)
{
    size_t length = story & 8 ? ANSWER_LONG - 8 + (story >> 4) : story;
    char *answer = story & 16 ? NULL : malloc(length + 1);

    MUST(device == &no_device && *command == '{');
    if (!answer) {
        snprintf(error, error_size, "QEMU: %s", command);
        return NULL;
    }
    memset(answer, 'x', length);
    answer[length] = 0;
    return answer;
}

/* ---- the socket ---- */

static int listener = -1;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static socklen_t address_length = sizeof(sa_family_t);

static void listen_once(void)
{
    if (listener >= 0)
        return;
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(listener >= 0 && bind(listener, (struct sockaddr *)&address, address_length) == 0); /* the kernel chooses a name */
    address_length = sizeof address;
    MUST(getsockname(listener, (struct sockaddr *)&address, &address_length) == 0 && listen(listener, 1) == 0);
}

static void check_answer(char *answer, size_t length, bool stop)
{
    char *last;

    MUST(length > 0 && !memchr(answer, 0, length) && answer[length - 1] == '\n');
    answer[length - 1] = 0;
    last = strrchr(answer, '\n');
    last = last ? last + 1 : answer;
    MUST(strcmp(last, "ok") == 0 || (last == answer && strncmp(answer, "error: ", 7) == 0));
    MUST(!stop || strcmp(answer, "ok") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    static char answer[CONTROL_ANSWER_MAX + 1];
    static struct machine machine;
    size_t got = 0;
    ssize_t piece;
    bool stop;
    int client;

    if (length < PREFIX)
        return 0;
    listen_once();
    machine.adapter_count = input[0] % (RUN_ADAPTERS_MAX + 1);
    for (unsigned i = 0; i < machine.adapter_count; i++) {
        machine.adapters[i].function = input[0] & 16 ? NULL : (struct pci_function *)&machine;
        machine.adapters[i].edge = input[0] & 32 ? NULL : (struct upper_edge *)&machine;
    }
    story = input[1];
    client = socket(AF_UNIX, SOCK_STREAM, 0);
    MUST(client >= 0 && connect(client, (struct sockaddr *)&address, address_length) == 0);
    MUST(send(client, input + PREFIX, length - PREFIX, 0) == (ssize_t)(length - PREFIX) && shutdown(client, SHUT_WR) == 0);
    stop = control_serve(listener, &machine);
    while ((piece = recv(client, answer + got, sizeof answer - got, 0)) > 0)
        got += (size_t)piece;
    if (got)
        check_answer(answer, got, stop);
    MUST(got || !stop);
    MUST(!stop || memcmp(input + PREFIX, "stop", 4) == 0 || strchr(" \t\v\f\r", input[PREFIX]));
    close(client);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const char *const seeds[] = {
        "\x02\x07link up 1\n",
        "\x02\x06link down\n",
        "\x01\7counts\n",
        "\x02\7counts 1\n",
        "\x02\x07reset 0\n",
        "\x02\x05reset\n",
        "\x02\x08qmp 1 {\"execute\": \"quit\"}\n",
        "\x01\x07qmp {}\n",
        "\x01\x07stop\n",
    };

    if (index >= sizeof seeds / sizeof *seeds)
        return 0;
    memcpy(bytes, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}
