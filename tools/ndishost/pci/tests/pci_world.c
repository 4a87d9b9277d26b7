/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* pci_world.c - creates and audits the surroundings of a device test. */
#include "pci_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "exec/sched.h"
#include "pci/device_choice.h"
#include "pci/model/model_cable.h"
#include "rules/rules.h"

enum { DRAIN_STEPS = 100000 };

static const struct guest_memory *memory;

int pci_world_group_setup(void **state)
{
    (void)state;
    memory = guest_memory_create(256u << 20);
    return memory && sched_start(1) == 0 ? 0 : -1;
}

int pci_world_group_teardown(void **state)
{
    (void)state;
    return (int)sched_stop();
}

const struct guest_memory *pci_world_memory(void)
{
    return memory;
}

static void world_begin(struct pci_world *world)
{
    *world = (struct pci_world){.peer = -1, .violations = rules_violation_count(), .memory_in_use = guest_memory_in_use()};
}

void pci_world_open_qemu(struct pci_world *world, const char *machine, bool transitional, const char *properties)
{
    int pair[2];
    char netdev[64], error[512] = "";
    world_begin(world);
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair), 0);
    world->peer = pair[0];
    snprintf(netdev, sizeof netdev, "dgram,id=n0,local.type=fd,local.str=%d", pair[1]);
    const struct qemu_device_options options = {.machine = machine,
                                                .transitional = transitional,
                                                .properties = properties,
                                                .netdev = netdev,
                                                .inherit = &pair[1],
                                                .inherit_count = 1,
                                                .mac = "52:54:00:12:34:56",
                                                .network_namespace = -1};
    struct ndishost_pci_host *host = pci_host_block_create(memory);
    struct ndishost_pci_device device;
    bool created = qemu_device_create(&options, host, &device, error, sizeof error);
    if (!created)
        fail_msg("%s", error);
    close(pair[1]);
    world->function = pci_function_create(&device, error, sizeof error);
    if (!world->function)
        fail_msg("%s", error);
}

void pci_world_open_model(struct pci_world *world, const char *text)
{
    char error[512] = "", device_text[256];
    struct device_choice choice;
    struct ndishost_pci_device device;
    world_begin(world);
    struct ndishost_pci_host *host = pci_host_block_create(memory);
    snprintf(device_text, sizeof device_text, "model%s", text);
    if (!device_choice_parse(device_text, &choice, error, sizeof error) ||
        !device_choice_create_model(&choice, 0, host, &device, error, sizeof error))
        fail_msg("%s", error);
    world->model = model_of(&device);
    model_connect_echo(world->model);
    world->function = pci_function_create(&device, error, sizeof error);
    if (!world->function)
        fail_msg("%s", error);
    device_choice_tell(&choice, world->function);
}

void pci_world_drain(struct pci_world *world)
{
    assert_true(model_drain(world->model, DRAIN_STEPS));
}

void pci_world_close(struct pci_world *world, unsigned violations_expected)
{
    pci_function_destroy(world->function);
    if (world->peer >= 0)
        close(world->peer);
    (void)guest_memory_audit();
    assert_int_equal(rules_violation_count() - world->violations, violations_expected);
    assert_int_equal(guest_memory_in_use(), world->memory_in_use);
}
