/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control_server.c - what a command inside a run may ask of it. */
#include "cli/control_server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "abi/nt_constants.h"
#include "cli/progress.h"
#include "ndis/upper_edge.h"
#include "pci/function.h"
#include "pci/qemu/qemu_device.h"

enum { CLIENT_PATIENCE_S = 1, RESET_PATIENCE_S = 10 };

static ssize_t read_request(int client, char *request, size_t size)
{
    size_t length = 0;
    while (length + 1 < size) {
        ssize_t got = recv(client, request + length, size - 1 - length, 0);
        if (got <= 0)
            return -1;
        length += (size_t)got;
        char *end = memchr(request, '\n', length);
        if (end) {
            *end = 0;
            return end - request;
        }
    }
    return -1;
}

static void write_counts(const struct machine_adapter *slot, char *answer, size_t size)
{
    struct pci_counts pci = slot->function ? pci_function_counts(slot->function) : (struct pci_counts){0};
    struct adapter_counts counts = {0};
    progress_adapter_counts(slot, &counts);
    snprintf(answer, size,
             "frames_sent=%" PRIu64 "\nframes_received=%" PRIu64 "\nbytes_sent=%" PRIu64 "\nbytes_received=%" PRIu64
             "\nsends_outstanding=%" PRIu64 "\nreceives_outstanding=%" PRIu64 "\ninterrupts=%" PRIu64 "\nregister_reads=%" PRIu64
             "\nregister_writes=%" PRIu64 "\ndoorbells_rx=%" PRIu64 "\ndoorbells_tx=%" PRIu64 "\nok\n",
             counts.frames_sent, counts.frames_received, counts.bytes_sent, counts.bytes_received, counts.sends_outstanding,
             counts.receives_outstanding, counts.interrupts, pci.reads, pci.writes, pci.notifications[0], pci.notifications[1]);
}

/* A command of QEMU's machine protocol: "qmp [ADAPTER] {...}". */
static void answer_qmp(struct machine *machine, const char *request, char *answer, size_t size)
{
    char error[256] = "";
    unsigned index = 0;
    const char *command = strchr(request, '{');
    sscanf(request, "qmp %9u", &index);
    if (!command || index >= machine->adapter_count || !machine->adapters[index].function) {
        snprintf(answer, size, "error: wanted: qmp [ADAPTER] '{\"execute\": ...}'\n");
        return;
    }
    char *returned = qemu_device_query(pci_function_device(machine->adapters[index].function), command, error, sizeof(error));
    if (returned && strlen(returned) + sizeof("\nok\n") <= size)
        snprintf(answer, size, "%s\nok\n", returned);
    else
        snprintf(answer, size, "error: %s\n", returned ? "the answer is too long" : error);
    free(returned);
}

static void answer_reset(struct machine_adapter *slot, char *answer, size_t size)
{
    uint32_t status;
    if (!slot->edge)
        snprintf(answer, size, "error: nothing is bound to the adapter\n");
    else if (!upper_edge_reset(slot->edge, RESET_PATIENCE_S, &status))
        snprintf(answer, size, "error: the reset did not end within %d s\n", RESET_PATIENCE_S);
    else if (status != NT_NDIS_STATUS_SUCCESS)
        snprintf(answer, size, "error: the reset ended with 0x%08x\n", status);
    else
        snprintf(answer, size, "ok\n");
}

/* Fills `answer`; returns whether the run shall stop. */
static bool answer_request(struct machine *machine, char *request, char *answer, size_t size)
{
    char verb[16] = "", object[16] = "";
    unsigned index = 0;
    int words = sscanf(request, "%15s %15s %9u", verb, object, &index);
    if (strcmp(verb, "stop") == 0 && words == 1) {
        snprintf(answer, size, "ok\n");
        return true;
    }
    if (strcmp(verb, "qmp") == 0) {
        answer_qmp(machine, request, answer, size);
        return false;
    }
    bool is_reset = strcmp(verb, "reset") == 0;
    bool is_counts = strcmp(verb, "counts") == 0;
    if ((is_counts || is_reset) && words == 2 && sscanf(object, "%9u", &index) != 1)
        index = RUN_ADAPTERS_MAX;
    if (index >= machine->adapter_count)
        snprintf(answer, size, "error: there is no such adapter, the run has %u\n", machine->adapter_count);
    else if (is_counts)
        write_counts(&machine->adapters[index], answer, size);
    else if (is_reset)
        answer_reset(&machine->adapters[index], answer, size);
    else if (strcmp(verb, "link") != 0 || (strcmp(object, "up") != 0 && strcmp(object, "down") != 0))
        snprintf(answer, size, "error: \"%.64s\" is not a request; see ndishost control --help\n", request);
    else if (!machine->adapters[index].function || !pci_function_set_link(machine->adapters[index].function, strcmp(object, "up") == 0))
        snprintf(answer, size, "error: this device cannot change its link\n");
    else
        snprintf(answer, size, "ok\n");
    return false;
}

bool control_serve(int listener, struct machine *machine)
{
    int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0)
        return false;
    char request[CONTROL_REQUEST_MAX];
    static char answer[CONTROL_ANSWER_MAX]; /* one server */
    struct timeval patience = {.tv_sec = CLIENT_PATIENCE_S};
    bool stop = false;
    setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (read_request(client, request, sizeof(request)) >= 0) {
        stop = answer_request(machine, request, answer, sizeof(answer));
        ssize_t ignored = send(client, answer, strlen(answer), MSG_NOSIGNAL);
        (void)ignored;
    }
    close(client);
    return stop;
}
