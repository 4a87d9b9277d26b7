/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* replay.h - what a run must do before anything else, so that another run is the same byte for byte. */
#ifndef NDISHOST_EXEC_REPLAY_H
#define NDISHOST_EXEC_REPLAY_H

/*
 * Executes the program again without randomised addresses, so that stacks, heap and mappings are where they are in every other run with
 * the same arguments and environment. Returns if that is so already, or if the machine does not allow it (a container's policy): then
 * runs still do the same, but print other addresses. First thing in main(): nothing done before is kept.
 */
void exec_disable_address_randomisation(void);

#endif
