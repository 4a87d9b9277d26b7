/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* device.c - builds the device that was chosen, and holds the far end of its cable. */
#include "scenario/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/sched.h"
#include "pci/model/model_constants.h"
#include "pci/plugin/plugin_device.h"
#include "pci/qemu/qemu_device.h"

enum {
    GUEST_MEMORY_MIB = 256,
    CABLE_FRAME_MAX = 65536,
    CABLE_BUFFER_BYTES = 4 << 20,
    REST_ROUNDS = 8,
    REST_STEPS = 10000,
    REST_TICKS = 10000 /* 1 ms */
};

struct plugged_device {
    enum device_choice_kind kind;
    struct pci_function *function;
    struct model *model; /* NULL: another kind */
    frame_arrived *arrived;
    void *context;
    int cable, far_end; /* qemu: a pair of datagram sockets, one frame each; far_end is QEMU's */
    struct sched_io io;
    uint8_t frame[CABLE_FRAME_MAX]; /* being read from the cable; the I/O thread's */
};

static bool refuse(char *error, size_t error_size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool refuse(char *error, size_t error_size, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, error_size, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- qemu's cable ---- */

static void cable_readable(struct sched_io *io)
{
    struct plugged_device *device = io->context;
    ssize_t length;
    while ((length = recv(device->cable, device->frame, sizeof(device->frame), MSG_DONTWAIT)) > 0)
        device->arrived(device->context, device->frame, (size_t)length);
    sched_io_arm(io);
}

static bool cable_create(struct plugged_device *device, char *error, size_t error_size)
{
    int ends[2], size = CABLE_BUFFER_BYTES;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse(error, error_size, "no sockets for QEMU's network: %s", strerror(errno));
    device->cable = ends[0];
    device->far_end = ends[1];
    for (int end = 0; end < 2; ++end)
        setsockopt(ends[end], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    device->io = (struct sched_io){.fd = device->cable, .ready = cable_readable, .context = device};
    return true;
}

static bool create_qemu(const struct device_choice *choice, struct plugged_device *device, unsigned index,
                        const struct ndishost_pci_host *host, struct ndishost_pci_device *made, char *error, size_t error_size)
{
    char netdev[64], mac[18];
    uint8_t bytes[6];
    if (!cable_create(device, error, error_size))
        return false;
    device_choice_mac(choice, index, bytes);
    snprintf(netdev, sizeof(netdev), "socket,id=n0,fd=%d", device->far_end);
    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]);
    struct qemu_device_options qemu = {
        .machine = "pc",
        .transitional = choice->transitional,
        .properties = choice->properties[0] ? choice->properties : NULL,
        .netdev = netdev,
        .inherit = &device->far_end,
        .inherit_count = 1,
        .mac = mac,
        .network_namespace = -1,
    };
    return qemu_device_create(&qemu, host, made, error, error_size);
}

/* ---- model ---- */

static void model_frame(void *context, const uint8_t *frame, size_t length)
{
    struct plugged_device *device = context;
    device->arrived(device->context, frame, length);
}

static const struct model_peer_ops model_peer = {.frame = model_frame};

/* ---- a plugin's cable is the same ---- */

static bool create_plugin(const struct device_choice *choice, struct plugged_device *device, unsigned index,
                          const struct ndishost_pci_host *host, struct ndishost_pci_device *made, char *error, size_t error_size)
{
    if (!cable_create(device, error, error_size))
        return false;
    fcntl(device->far_end, F_SETFL, O_NONBLOCK);
    struct ndishost_pci_plugin_order order = {.options = choice->plugin_options, .index = index, .network_fd = device->far_end};
    device_choice_mac(choice, index, order.mac);
    return plugin_device_create(choice->plugin, &order, host, made, error, error_size);
}

/* ---- plugging ---- */

static bool create(const struct device_choice *choice, struct plugged_device *device, unsigned index, const struct ndishost_pci_host *host,
                   struct ndishost_pci_device *made, char *error, size_t error_size)
{
    if (choice->kind == CHOICE_MODEL)
        return device_choice_create_model(choice, index, host, made, error, error_size);
    if (choice->kind == CHOICE_PLUGIN)
        return create_plugin(choice, device, index, host, made, error, error_size);
    return create_qemu(choice, device, index, host, made, error, error_size);
}

static const struct guest_memory *machine_memory(void)
{
    static const struct guest_memory *memory; /* one per process */
    if (!memory)
        memory = guest_memory_create((uint64_t)GUEST_MEMORY_MIB << 20);
    return memory;
}

static void forget(struct plugged_device *device)
{
    if (device->cable >= 0)
        close(device->cable);
    if (device->far_end >= 0)
        close(device->far_end);
    free(device);
}

struct plugged_device *device_plug(const struct device_choice *choice, unsigned index, frame_arrived *arrived, void *context, char *error,
                                   size_t error_size)
{
    const struct guest_memory *memory = machine_memory();
    struct plugged_device *device = calloc(1, sizeof(*device));
    if (!memory || !device) {
        refuse(error, error_size, "no memory for the machine: %s", strerror(errno));
        free(device);
        return NULL;
    }
    device->kind = choice->kind;
    device->arrived = arrived;
    device->context = context;
    device->cable = device->far_end = -1;
    if (choice->kind == CHOICE_NONE)
        return device;
    struct ndishost_pci_host *host = pci_host_block_create(memory);
    struct ndishost_pci_device made;
    if (!create(choice, device, index, host, &made, error, error_size)) {
        pci_host_block_destroy(host);
        forget(device);
        return NULL;
    }
    device->function = pci_function_create_on(host, &made, error, error_size);
    if (!device->function) {
        forget(device);
        return NULL;
    }
    device_choice_tell(choice, device->function);
    device->model = choice->kind == CHOICE_MODEL ? model_of(&made) : NULL;
    if (device->model)
        model_set_peer(device->model, &model_peer, device);
    if (device->cable >= 0)
        sched_io_add(&device->io);
    return device;
}

void device_unplug(struct plugged_device *device)
{
    if (device->cable >= 0)
        sched_io_remove(&device->io);
    if (device->function)
        pci_function_destroy(device->function);
    forget(device);
}

struct pci_function *device_function(const struct plugged_device *device)
{
    return device->function;
}

struct model *device_model(const struct plugged_device *device)
{
    return device->model;
}

bool device_takes_commands(const struct plugged_device *device, unsigned feature)
{
    if (!device->model)
        return false;
    struct model_condition condition = model_condition(device->model);
    return (condition.accepted & FEATURE_BIT(feature)) && condition.commands_fit;
}

bool device_is_virtual(const struct plugged_device *device)
{
    return device->kind == CHOICE_NONE;
}

void device_come_to_rest(struct plugged_device *device)
{
    for (unsigned round = 0; round < REST_ROUNDS; ++round) {
        if (device->model)
            model_drain(device->model, REST_STEPS);
        sched_dpc_flush();
        sched_sleep_until(sched_now() + REST_TICKS);
    }
}

const char *device_fault_to_tell(const struct plugged_device *device)
{
    return device->model ? model_misbehaviour(device->model).told : NULL;
}

bool device_faults_are_over(const struct plugged_device *device)
{
    return device->model && model_misbehaviour(device->model).over;
}

void device_check_at_rest(struct plugged_device *device)
{
    if (!device->model)
        return;
    device_come_to_rest(device);
    model_check_quiescent(device->model);
}

bool device_send_in(struct plugged_device *device, const uint8_t *frame, size_t length)
{
    if (device->model)
        return model_inject(device->model, frame, length, NULL);
    return device->cable >= 0 && send(device->cable, frame, length, MSG_DONTWAIT) == (ssize_t)length;
}
