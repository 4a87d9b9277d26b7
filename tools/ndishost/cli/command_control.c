/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* command_control.c - `ndishost control`: a command inside a run talks to that run. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/control_server.h"
#include "cli/help.h"
#include "cli/supervisor.h"

enum { ANSWER_PATIENCE_S = 20 };

static int connect_to_run(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, CONTROL_SOCKET_NAME, sizeof(CONTROL_SOCKET_NAME) - 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + sizeof(CONTROL_SOCKET_NAME));
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, size) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

int command_control(int argc, char **argv)
{
    static char request[CONTROL_REQUEST_MAX], answer[CONTROL_ANSWER_MAX];
    size_t length = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        fputs(help_control, argc < 2 ? stderr : stdout);
        return argc < 2 ? EXIT_INPUT : EXIT_OK;
    }
    for (int i = 1; i < argc; ++i)
        length += (size_t)snprintf(request + length, length < sizeof(request) ? sizeof(request) - length : 0, "%s%s", argv[i],
                                   i + 1 < argc ? " " : "\n");
    if (length >= sizeof(request)) {
        fprintf(stderr, "ndishost: control: the request is too long\n");
        return EXIT_INPUT;
    }
    int fd = connect_to_run();
    if (fd < 0) {
        fprintf(stderr, "ndishost: control works inside a run only: ndishost run IMAGE.sys --exec 'ndishost control ...'\n");
        return EXIT_INPUT;
    }
    struct timeval patience = {.tv_sec = ANSWER_PATIENCE_S};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ssize_t ignored = send(fd, request, length, MSG_NOSIGNAL);
    (void)ignored;
    length = 0;
    for (ssize_t got; length + 1 < sizeof(answer) && (got = recv(fd, answer + length, sizeof(answer) - 1 - length, 0)) > 0;)
        length += (size_t)got;
    answer[length] = 0;
    close(fd);
    if (length >= 3 && strcmp(answer + length - 3, "ok\n") == 0) {
        fwrite(answer, 1, length - 3, stdout);
        return EXIT_OK;
    }
    fprintf(stderr, "ndishost: control: %s",
            !length                              ? "the run did not answer\n"
            : strncmp(answer, "error: ", 7) == 0 ? answer + 7
                                                 : answer);
    return EXIT_FOUND;
}
