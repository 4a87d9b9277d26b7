/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* control_server.h - answers `ndishost control`: one line in, lines out, "ok" or "error: ..." last. */
#ifndef NDISHOST_CLI_CONTROL_SERVER_H
#define NDISHOST_CLI_CONTROL_SERVER_H

#include "cli/machine.h"

/* Bytes of a request with its newline, and of an answer with its last line. */
enum { CONTROL_REQUEST_MAX = 1024, CONTROL_ANSWER_MAX = 65536 };

/* Accepts one connection and serves its request; returns whether the run was asked to stop. A client that does not talk is given up. */
bool control_serve(int listener, struct machine *machine);

#endif
