/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * trap.h - the one module through which every access of the image that is not an ordinary memory access or an import comes in:
 * device registers (inlined `mov` to a mapped BAR), cr8, KUSER_SHARED_DATA, in/out, fs/gs, int 29h.
 *
 * SIGSEGV and SIGILL (under valgrind privileged instructions are SIGILL) arrive on the processor's own signal stack. The handler
 * only saves the register file and turns the fault into a call: decoding (Zydis) and emulation run as ordinary host code on the
 * context's host stack, may yield, may be interrupted, and resume the image after the instruction.
 */
#ifndef NDISHOST_EXEC_TRAP_H
#define NDISHOST_EXEC_TRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trap_region_ops {
    uint64_t (*read)(void *context, uint64_t offset, unsigned width); /* width 1, 2, 4 or 8 bytes */
    void (*write)(void *context, uint64_t offset, unsigned width, uint64_t value);
};

/*
 * Reserves `size` bytes of address space without access rights; accesses by the image go to `ops`. An access that crosses the end, or
 * an instruction the emulator does not know, is a violation that names the instruction. Returns NULL when no space is left.
 */
void *trap_region_map(const char *name, size_t size, const struct trap_region_ops *ops, void *context);
void trap_region_unmap(void *base); /* from then on an access is an access violation of the image */

/*
 * An access made by an export on behalf of the image (READ_REGISTER_ULONG and its like are imports on x86): true when `address` lies
 * in a region, which has then been read into or written from *value.
 */
bool trap_region_access(uintptr_t address, unsigned width, bool write, uint64_t *value);

/* in / out: one handler for the whole port space; NULL takes it away. */
void trap_ports_handle(const struct trap_region_ops *ops, void *context);
/* Likewise for READ_PORT_ULONG and its like, imports on x86: false when nobody handles ports. */
bool trap_port_access(uint16_t port, unsigned width, bool write, uint64_t *value);

/* Installs the handlers; once, before sched_start(). Each processor adds its signal stack itself. */
void trap_install(void);
/* How many accesses were emulated since the start, by kind: for reports and tests. */
struct trap_counts {
    uint64_t region_reads, region_writes, cr8, shared_user, port, segment;
};
struct trap_counts trap_counts_get(void);

/* A fault of the image that cannot be emulated ends the run like a bug check: one report, exit status 1. */
void trap_on_bugcheck(void (*hook)(void)); /* called before the process ends, to write reports */
/* How addresses of the image are shown in reports: image_describe_address() of pe/, given by the program so that exec/ stays below it. */
void trap_set_describer(const char *(*describe)(uintptr_t address, char *buffer, size_t size));
_Noreturn void trap_bugcheck(const char *rule, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
