/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * qtest.h - a client of QEMU's qtest protocol: guest-physical and port accesses from outside, interrupt pins reported back.
 *
 * One socket carries the replies and, between them, `IRQ raise N` / `IRQ lower N` lines. Whoever holds the lock is the only reader:
 * a command reads until its own reply, the I/O thread (when watched) what comes in between. Every wait ends after QTEST_TIMEOUT_S.
 * Once the connection is broken, reads give all ones, writes go nowhere, and events->broken was called once.
 */
#ifndef NDISHOST_PCI_QEMU_QTEST_H
#define NDISHOST_PCI_QEMU_QTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { QTEST_TIMEOUT_S = 10 };

/* What the connection reports, from whichever thread reads it. irq() is called under the connection's lock: it must not call back. */
struct qtest_events {
    void *context;
    void (*irq)(void *context, unsigned pin, bool asserted);
    void (*broken)(void *context, const char *why, bool closed); /* closed: QEMU let go, it is ending; else it hangs or talks nonsense */
};

struct qtest;
/* Takes over `fd` also on failure; NULL when there is no memory. */
struct qtest *qtest_create(int fd, const struct qtest_events *events);
void qtest_destroy(struct qtest *qtest); /* no other call may be in progress */

/* Waits for the first reply of a starting QEMU. */
bool qtest_hello(struct qtest *qtest);
/* From now on pins of the I/O APIC are reported; the I/O thread reads the socket while it is watched. */
bool qtest_intercept_ioapic(struct qtest *qtest);
void qtest_watch(struct qtest *qtest, bool watched);

uint64_t qtest_memory_read(struct qtest *qtest, uint64_t address, unsigned width);
/* Posted: returns when the command is in the socket; later commands come after it. */
void qtest_memory_write(struct qtest *qtest, uint64_t address, unsigned width, uint64_t value);
uint32_t qtest_port_read(struct qtest *qtest, uint16_t port, unsigned width);
void qtest_port_write(struct qtest *qtest, uint16_t port, unsigned width, uint32_t value);
/* Configuration mechanism 1 (0xCF8/0xCFC), both commands in one round trip. */
uint32_t qtest_config_read(struct qtest *qtest, unsigned devfn, unsigned offset, unsigned width);
void qtest_config_write(struct qtest *qtest, unsigned devfn, unsigned offset, unsigned width, uint32_t value);

#endif
