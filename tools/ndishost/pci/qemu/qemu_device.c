/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* qemu_device.c - the `qemu` back-end: puts process, qtest, monitor and doorbell together and maps the PCI operations onto them. */
#include "qemu_device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ivshmem.h"
#include "qemu_command_line.h"
#include "qemu_process.h"
#include "qmp.h"
#include "qtest.h"
#include "rules/rules.h"

enum {
    NIC_DEVFN = QEMU_NIC_SLOT << 3,
    PIIX3_DEVFN = 1 << 3,
    PIIX3_PIRQ_ROUTE = 0x60, /* four registers, PIRQA..PIRQD; 0x80: not routed */
    PIRQ_NOT_ROUTED = 0x80,
    PC_LINE_PIN = 11,
    Q35_LINE_PIN = 20, /* slot 4, INTA#: PIRQE, I/O APIC input 20 */
    HALT_SIZE = 65536,
    BAR_COUNT = 6,
    BAR_REGISTERS = 0x10,
    BAR_REGISTERS_END = 0x28,
    MSIX_ENABLE = 0x8000,
    QUIT_MS = 2000,
    END_MS = 3000,
    COMMAND_MS = 10000,
    MAX_INHERITED = 32,
};

struct qemu_bar {
    uint64_t address;
    bool is_port;
};

struct qemu_device {
    const struct ndishost_pci_host *host;
    struct qemu_process *process;
    struct qtest *qtest;
    struct qmp *qmp;
    struct ivshmem *ivshmem; /* NULL: the device has no messages */
    unsigned line_pin;
    unsigned msix_offset; /* of the MSI-X capability, 0: none */
    atomic_bool running;  /* creation is over and destruction has not begun: failures go to the host */
    atomic_flag failure_told;
    bool bars_known; /* bars[] agrees with the device; operations are serialised by the host */
    struct qemu_bar bars[BAR_COUNT];
    char version[32];
    char description[80];
};

/* ---- what comes from below ---- */

static void device_fail(struct qemu_device *device, const char *why)
{
    if (atomic_load(&device->running) && !atomic_flag_test_and_set(&device->failure_told))
        device->host->failed(device->host->context, why);
}

static void process_ended(void *context, const char *why)
{
    device_fail(context, why);
}

/* A closed connection means that QEMU is ending: the keeper will tell why. A hanging one is ended here. */
static void qtest_broken(void *context, const char *why, bool closed)
{
    struct qemu_device *device = context;
    if (!closed)
        device_fail(device, why);
    qemu_process_kill(device->process);
}

static void qtest_irq(void *context, unsigned pin, bool asserted)
{
    struct qemu_device *device = context;
    if (pin == device->line_pin)
        device->host->line(device->host->context, asserted);
}

static void doorbell_message(void *context, uint64_t address, uint32_t data)
{
    struct qemu_device *device = context;
    device->host->message(device->host->context, address, data);
}

/* ---- operations ---- */

static uint32_t qemu_config_read(void *state, unsigned offset, unsigned width)
{
    struct qemu_device *device = state;
    return qtest_config_read(device->qtest, NIC_DEVFN, offset, width);
}

/* The socket is watched for pin changes while interrupts come by line; with messages they come by the doorbell. */
static void line_watch_follow(struct qemu_device *device)
{
    unsigned control = device->msix_offset ? qtest_config_read(device->qtest, NIC_DEVFN, device->msix_offset + 2, 2) : 0;
    qtest_watch(device->qtest, !(control & MSIX_ENABLE));
}

static void qemu_config_write(void *state, unsigned offset, unsigned width, uint32_t value)
{
    struct qemu_device *device = state;
    qtest_config_write(device->qtest, NIC_DEVFN, offset, width, value);
    if (offset + width > BAR_REGISTERS && offset < BAR_REGISTERS_END)
        device->bars_known = false;
    if (device->msix_offset && offset + width > device->msix_offset + 2 && offset < device->msix_offset + 4)
        line_watch_follow(device);
}

static void bars_learn(struct qemu_device *device)
{
    for (unsigned i = 0; i < BAR_COUNT; i++) {
        uint32_t low = qemu_config_read(device, BAR_REGISTERS + 4 * i, 4);
        device->bars[i] = (struct qemu_bar){.is_port = low & 1, .address = low & ((low & 1) ? ~UINT32_C(3) : ~UINT32_C(15))};
        if ((low & 7) == 4 && i + 1 < BAR_COUNT) {
            device->bars[i].address |= (uint64_t)qemu_config_read(device, BAR_REGISTERS + 4 * (i + 1), 4) << 32;
            i++;
        }
    }
    device->bars_known = true;
}

static uint64_t qemu_bar_read(void *state, unsigned bar, uint64_t offset, unsigned width)
{
    struct qemu_device *device = state;
    if (!device->bars_known)
        bars_learn(device);
    const struct qemu_bar *place = &device->bars[bar];
    if (place->is_port)
        return qtest_port_read(device->qtest, (uint16_t)(place->address + offset), width);
    return qtest_memory_read(device->qtest, place->address + offset, width);
}

static void qemu_bar_write(void *state, unsigned bar, uint64_t offset, unsigned width, uint64_t value)
{
    struct qemu_device *device = state;
    if (!device->bars_known)
        bars_learn(device);
    const struct qemu_bar *place = &device->bars[bar];
    if (place->is_port)
        qtest_port_write(device->qtest, (uint16_t)(place->address + offset), width, (uint32_t)value);
    else
        qtest_memory_write(device->qtest, place->address + offset, width, value);
}

static bool qemu_message_target(void *state, unsigned vector, uint64_t *address, uint32_t *data)
{
    struct qemu_device *device = state;
    return device->ivshmem && ivshmem_target(device->ivshmem, vector, address, data);
}

static bool qemu_set_link(void *state, bool up)
{
    struct qemu_device *device = state;
    char command[128];
    snprintf(command, sizeof command, "{\"execute\":\"set_link\",\"arguments\":{\"name\":\"nic0\",\"up\":%s}}", up ? "true" : "false");
    return qmp_execute(device->qmp, command, COMMAND_MS, NULL, 0);
}

static const char *qemu_describe(void *state)
{
    struct qemu_device *device = state;
    return device->description;
}

static void qemu_destroy(void *state)
{
    struct qemu_device *device = state;
    atomic_store(&device->running, false);
    /* From here on nobody notices that the connection closes. */
    if (device->qtest)
        qtest_watch(device->qtest, false);
    if (device->process && device->qmp && qmp_execute(device->qmp, "{\"execute\":\"quit\"}", QUIT_MS, NULL, 0))
        (void)qemu_process_wait(device->process, END_MS);
    qemu_process_destroy(device->process);
    ivshmem_destroy(device->ivshmem);
    qtest_destroy(device->qtest);
    qmp_destroy(device->qmp);
    free(device);
}

static const struct ndishost_pci_ops qemu_ops = {
    .config_read = qemu_config_read,
    .config_write = qemu_config_write,
    .bar_read = qemu_bar_read,
    .bar_write = qemu_bar_write,
    .message_target = qemu_message_target,
    .set_link = qemu_set_link,
    .describe = qemu_describe,
    .destroy = qemu_destroy,
};

/* ---- start ---- */

/* Firmware that halts at the reset vector: no BIOS runs beside us. */
static int halt_image_create(void)
{
    static const uint8_t reset_vector[] = {0xf4, 0xeb, 0xfd}; /* hlt; jmp back to it */
    uint8_t image[4096];
    int fd = memfd_create("ndishost-firmware", MFD_CLOEXEC);
    if (fd < 0)
        return -1;
    memset(image, 0xf4, sizeof image);
    bool written = true;
    for (unsigned at = 0; written && at < HALT_SIZE; at += sizeof image)
        written = pwrite(fd, image, sizeof image, at) == (ssize_t)sizeof image;
    if (!written || pwrite(fd, reset_vector, sizeof reset_vector, HALT_SIZE - 16) != (ssize_t)sizeof reset_vector) {
        close(fd);
        return -1;
    }
    return fd;
}

static void descriptor_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

/* Makes the connections and starts the child. On failure what was made is left in `device` for qemu_destroy(). */
static bool machine_start(struct qemu_device *device, const struct qemu_device_options *options, const char *path, char *error,
                          size_t error_size)
{
    struct qemu_descriptors child = {.ram = device->host->ram_fd, .bios = -1, .qtest = -1, .monitor = -1, .ivshmem = -1};
    const struct qtest_events events = {.context = device, .irq = qtest_irq, .broken = qtest_broken};
    unsigned vectors = qemu_options_vectors(options);
    struct qemu_command_line line = {0};
    int pair[2];

    snprintf(error, error_size, "cannot prepare QEMU: out of memory or descriptors");
    child.bios = halt_image_create();
    bool prepared = child.bios >= 0 && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (prepared) {
        child.qtest = pair[1];
        device->qtest = qtest_create(pair[0], &events);
        prepared = device->qtest && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    }
    if (prepared) {
        child.monitor = pair[1];
        device->qmp = qmp_create(pair[0]);
        prepared = device->qmp != NULL;
    }
    if (prepared && vectors) {
        device->ivshmem = ivshmem_create(vectors, doorbell_message, device, &child.ivshmem);
        prepared = device->ivshmem != NULL;
    }
    prepared = prepared && qemu_command_line_build(&line, options, device->host->ram_size, vectors, &child);

    if (prepared) {
        int inherited[5 + MAX_INHERITED] = {child.ram, child.bios, child.qtest, child.monitor};
        unsigned count = 4;
        if (child.ivshmem >= 0)
            inherited[count++] = child.ivshmem;
        for (unsigned i = 0; i < options->inherit_count; i++)
            inherited[count++] = options->inherit[i];
        for (unsigned i = 0; i < line.count; i++)
            TRACE("qemu", "argument %s", line.arguments[i]);
        device->process = qemu_process_create(&(struct qemu_process_start){.path = path,
                                                                           .arguments = line.arguments,
                                                                           .descriptors = inherited,
                                                                           .descriptor_count = count,
                                                                           .network_namespace = options->network_namespace,
                                                                           .ended = process_ended,
                                                                           .context = device},
                                              error, error_size);
    }
    qemu_command_line_free(&line);
    descriptor_close(child.bios);
    descriptor_close(child.qtest);
    descriptor_close(child.monitor);
    descriptor_close(child.ivshmem);
    return device->process != NULL;
}

/* Routes INTA# of the device, and nothing else, to one input of the I/O APIC, whose inputs qtest reports. */
static void line_route(struct qemu_device *device, bool is_pc)
{
    device->line_pin = is_pc ? PC_LINE_PIN : Q35_LINE_PIN;
    if (!is_pc)
        return;
    for (unsigned i = 0; i < 4; i++)
        qtest_config_write(device->qtest, PIIX3_DEVFN, PIIX3_PIRQ_ROUTE + i, 1,
                           i == ((QEMU_NIC_SLOT - 1) & 3) ? PC_LINE_PIN : PIRQ_NOT_ROUTED);
}

static unsigned msix_find(struct qemu_device *device)
{
    unsigned steps = 0;
    for (unsigned at = qemu_config_read(device, 0x34, 1) & 0xfc; at && steps < 48; steps++) {
        uint32_t header = qemu_config_read(device, at, 2);
        if ((header & 0xff) == 0x11)
            return at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

/* Waits until the machine answers on both connections and the doorbell is heard. */
static bool machine_greet(struct qemu_device *device, bool is_pc, char *error, size_t error_size)
{
    if (!qtest_hello(device->qtest) || !qmp_negotiate(device->qmp, device->version, sizeof device->version, error, error_size)) {
        char complaint[384] = "";
        if (qemu_process_wait(device->process, END_MS))
            qemu_process_complaint(device->process, complaint, sizeof complaint);
        if (*complaint)
            qemu_complaint_explain(complaint, error, error_size);
        else
            snprintf(error, error_size, "QEMU does not answer");
        return false;
    }
    if (!qtest_intercept_ioapic(device->qtest)) {
        snprintf(error, error_size, "QEMU %s cannot report interrupts through qtest", device->version);
        return false;
    }
    line_route(device, is_pc);
    device->msix_offset = msix_find(device);
    if (device->ivshmem && !ivshmem_connect(device->ivshmem, device->qtest)) {
        snprintf(error, error_size, "QEMU %s has no working ivshmem-doorbell device", device->version);
        return false;
    }
    return true;
}

bool qemu_device_create(const struct qemu_device_options *options, const struct ndishost_pci_host *host, struct ndishost_pci_device *device,
                        char *error, size_t error_size)
{
    char path[4096];
    if (!qemu_options_check(options, error, error_size) || !qemu_find(path, sizeof path, error, error_size))
        return false;
    if (host->ram_size == 0 || host->ram_size % (1 << 20) || options->inherit_count > MAX_INHERITED) {
        snprintf(error, error_size, "QEMU needs guest memory in whole MiB and at most %d inherited descriptors", MAX_INHERITED);
        return false;
    }
    struct qemu_device *created = calloc(1, sizeof *created);
    if (!created) {
        snprintf(error, error_size, "out of memory");
        return false;
    }
    created->host = host;
    atomic_flag_clear(&created->failure_told);
    if (!machine_start(created, options, path, error, error_size) ||
        !machine_greet(created, !strcmp(options->machine, "pc"), error, error_size)) {
        qemu_destroy(created);
        return false;
    }
    snprintf(created->description, sizeof created->description, "QEMU %s virtio-net-pci", created->version);
    atomic_store(&created->running, true);
    line_watch_follow(created);
    *device = (struct ndishost_pci_device){.ops = &qemu_ops, .state = created};
    return true;
}

static struct qmp *qmp_of(const struct ndishost_pci_device *device, char *error, size_t error_size)
{
    if (device->ops != &qemu_ops) {
        snprintf(error, error_size, "not a QEMU device");
        return NULL;
    }
    return ((struct qemu_device *)device->state)->qmp;
}

bool qemu_device_qmp(const struct ndishost_pci_device *device, const char *command, char *error, size_t error_size)
{
    struct qmp *qmp = qmp_of(device, error, error_size);
    return qmp && qmp_execute(qmp, command, COMMAND_MS, error, error_size);
}

char *qemu_device_query(const struct ndishost_pci_device *device, const char *command, char *error, size_t error_size)
{
    struct qmp *qmp = qmp_of(device, error, error_size);
    return qmp ? qmp_query(qmp, command, COMMAND_MS, error, error_size) : NULL;
}
