/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* commands.h - the commands of the program; each takes its own argument vector and returns an exit status. */
#ifndef NDISHOST_CLI_COMMANDS_H
#define NDISHOST_CLI_COMMANDS_H

int command_info(int argc, char **argv);
int command_run(int argc, char **argv);
int command_check(int argc, char **argv);
int command_control(int argc, char **argv);

#endif
