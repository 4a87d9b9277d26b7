/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* main.c - chooses the command. */
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

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*command)(int argc, char **argv);
    } commands[] = {{"info", command_info}, {"run", command_run}, {"check", command_check}, {"control", command_control}};

    host_remember_arguments(argv);
    publish_own_path();
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)) {
        fputs(help_program, stdout);
        return EXIT_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof(commands) / sizeof(commands[0]); ++i)
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].command(argc - 1, argv + 1);
    if (argc >= 2)
        fprintf(stderr, "ndishost: unknown command \"%s\": there are info, run, check and control (ndishost --help)\n", argv[1]);
    else
        fputs(help_program, stderr);
    return EXIT_INPUT;
}
