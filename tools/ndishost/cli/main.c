/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* main.c - chooses the command. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/help.h"
#include "cli/host.h"
#include "cli/options.h"

/* Commands of a run call this program by "$NDISHOST". */
static void publish_own_path(void)
{
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    if (length > 0) {
        path[length] = 0;
        setenv("NDISHOST", path, 1);
    }
}

/* A closed standard stream means that nobody listens. Its number must not go to a file of the run, which would be written into. */
static void keep_standard_descriptors(void)
{
    for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
        if (fcntl(descriptor, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != descriptor)
            _exit(EXIT_INPUT);
}

/* What was found is not known to whom it was to be told when it could not be printed: that is no success. */
static int after_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    fprintf(stderr, "ndishost: standard output: %s\n", strerror(errno));
    return status ? status : EXIT_FOUND;
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*command)(int argc, char **argv);
    } commands[] = {{"info", command_info}, {"run", command_run}, {"check", command_check}, {"control", command_control}};

    keep_standard_descriptors();
    host_remember_arguments(argv);
    publish_own_path();
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(help_program, stdout);
        return after_output(EXIT_OK);
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); ++i)
        if (strcmp(argv[1], commands[i].name) == 0)
            return after_output(commands[i].command(argc - 1, argv + 1));
    if (argc >= 2)
        fprintf(stderr, "ndishost: unknown command \"%s\": there are info, run, check and control (ndishost --help)\n", argv[1]);
    else
        fputs(help_program, stderr);
    return EXIT_INPUT;
}
