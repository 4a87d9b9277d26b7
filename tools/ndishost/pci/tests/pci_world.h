/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pci_world.h - what every test of devices needs: processors, guest memory, and one function on a back-end with a socket for a peer. */
#ifndef NDISHOST_PCI_TESTS_PCI_WORLD_H
#define NDISHOST_PCI_TESTS_PCI_WORLD_H

#include "pci/function.h"
#include "pci/model/model_device.h"
#include "pci/qemu/qemu_device.h"

struct pci_world {
    struct pci_function *function;
    struct model *model; /* NULL: another back-end */
    int peer;            /* frames below the device, one datagram each; -1: the device sends them back */
    unsigned violations; /* before the test */
    size_t memory_in_use;
};

/* cmocka group fixtures: guest memory once per process, one processor with the I/O thread. */
int pci_world_group_setup(void **state);
int pci_world_group_teardown(void **state);

void pci_world_open_qemu(struct pci_world *world, const char *machine, bool transitional, const char *properties);
/* `text` as after --device model. The device steps by itself, and sends each frame back with its addresses exchanged. */
void pci_world_open_model(struct pci_world *world, const char *text);
/* Whatever the model device was told to do is done, its interrupts included. */
void pci_world_drain(struct pci_world *world);
/* Closes, and asserts that no rule was broken (beyond `violations_expected`) and all guest memory came back. */
void pci_world_close(struct pci_world *world, unsigned violations_expected);
const struct guest_memory *pci_world_memory(void);

#endif
