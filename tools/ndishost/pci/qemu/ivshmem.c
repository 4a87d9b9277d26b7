/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* ivshmem.c - the server's side of the ivshmem protocol and the eventfds behind the doorbell. */
#include "ivshmem.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec/sched.h"

enum {
    PROTOCOL_VERSION = 0,
    OUR_PEER_ID = 0,    /* the doorbell's target: we */
    DEVICE_PEER_ID = 1, /* the device itself; nobody rings it */
    SHARED_SIZE = 4096, /* the protocol wants a memory; nothing is in it */
    CONNECT_ATTEMPTS = 2000,
};

/* Above everything that bars.c gives to functions, below the I/O APIC. */
#define DOORBELL_BAR    0xfd000000u
#define MSIX_BAR        0xfd010000u
#define SHARED_BAR      0xfd020000u
#define DOORBELL_OFFSET 12u

struct doorbell_vector {
    struct ivshmem *ivshmem;
    struct sched_io io; /* fd: the eventfd */
    uint32_t data;
    bool listening;
};

struct ivshmem {
    ivshmem_message *message;
    void *context;
    int server_fd;
    unsigned vector_count;
    struct doorbell_vector vectors[IVSHMEM_MAX_VECTORS];
};

/* One protocol message: a 64-bit number, with or without a descriptor. */
static bool server_send(int socket_fd, int64_t value, int fd)
{
    struct iovec bytes = {&value, sizeof value};
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(header), &fd, sizeof fd);
    }
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof value;
}

/* Everything a client hears when it joins: version, its id, the memory, then every vector of every peer, its own last. */
static bool server_greet(struct ivshmem *ivshmem)
{
    int memory = memfd_create("ndishost-ivshmem", MFD_CLOEXEC);
    bool sent = memory >= 0 && !ftruncate(memory, SHARED_SIZE) && server_send(ivshmem->server_fd, PROTOCOL_VERSION, -1) &&
                server_send(ivshmem->server_fd, DEVICE_PEER_ID, -1) && server_send(ivshmem->server_fd, -1, memory);
    if (memory >= 0)
        close(memory);
    for (unsigned i = 0; sent && i < ivshmem->vector_count; i++)
        sent = server_send(ivshmem->server_fd, OUR_PEER_ID, ivshmem->vectors[i].io.fd);
    return sent;
}

static void doorbell_rang(struct sched_io *io)
{
    struct doorbell_vector *vector = io->context;
    uint64_t rings;
    if (read(io->fd, &rings, sizeof rings) == (ssize_t)sizeof rings)
        vector->ivshmem->message(vector->ivshmem->context, DOORBELL_BAR + DOORBELL_OFFSET, vector->data);
    sched_io_arm(io);
}

struct ivshmem *ivshmem_create(unsigned vectors, ivshmem_message *message, void *context, int *child_fd)
{
    struct ivshmem *ivshmem = calloc(1, sizeof *ivshmem);
    if (!ivshmem)
        return NULL;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
        free(ivshmem);
        return NULL;
    }
    ivshmem->message = message;
    ivshmem->context = context;
    ivshmem->server_fd = pair[0];
    ivshmem->vector_count = vectors < IVSHMEM_MAX_VECTORS ? vectors : IVSHMEM_MAX_VECTORS;
    bool created = true;
    for (unsigned i = 0; i < ivshmem->vector_count; i++) {
        struct doorbell_vector *vector = &ivshmem->vectors[i];
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
        *vector = (struct doorbell_vector){
            .ivshmem = ivshmem, .io = {.fd = fd, .ready = doorbell_rang, .context = vector}, .data = OUR_PEER_ID << 16 | i};
        created = created && fd >= 0;
    }
    if (!created || !server_greet(ivshmem)) {
        close(pair[1]);
        ivshmem_destroy(ivshmem);
        return NULL;
    }
    *child_fd = pair[1];
    return ivshmem;
}

void ivshmem_destroy(struct ivshmem *ivshmem)
{
    if (!ivshmem)
        return;
    for (unsigned i = 0; i < ivshmem->vector_count; i++) {
        struct doorbell_vector *vector = &ivshmem->vectors[i];
        if (vector->listening)
            sched_io_remove(&vector->io);
        if (vector->io.fd >= 0)
            close(vector->io.fd);
    }
    close(ivshmem->server_fd);
    free(ivshmem);
}

bool ivshmem_connect(struct ivshmem *ivshmem, struct qtest *qtest)
{
    enum { DEVFN = IVSHMEM_SLOT << 3, MEMORY_AND_MASTER = 6 };
    qtest_config_write(qtest, DEVFN, 0x10, 4, DOORBELL_BAR);
    qtest_config_write(qtest, DEVFN, 0x14, 4, MSIX_BAR);
    qtest_config_write(qtest, DEVFN, 0x18, 4, SHARED_BAR);
    qtest_config_write(qtest, DEVFN, 0x1c, 4, 0);
    qtest_config_write(qtest, DEVFN, 0x04, 2, MEMORY_AND_MASTER);

    /* QEMU takes the greeting message by message in its main loop: the vectors are all there when the last one is heard. */
    struct doorbell_vector *last = &ivshmem->vectors[ivshmem->vector_count - 1];
    for (unsigned attempt = 0; attempt < CONNECT_ATTEMPTS; attempt++) {
        qtest_memory_write(qtest, DOORBELL_BAR + DOORBELL_OFFSET, 4, last->data);
        (void)qtest_config_read(qtest, DEVFN, 0x00, 2);
        struct pollfd heard = {.fd = last->io.fd, .events = POLLIN};
        if (poll(&heard, 1, 1) == 1) {
            uint64_t rings;
            return read(last->io.fd, &rings, sizeof rings) == (ssize_t)sizeof rings;
        }
    }
    return false;
}

bool ivshmem_target(struct ivshmem *ivshmem, unsigned vector, uint64_t *address, uint32_t *data)
{
    if (vector >= ivshmem->vector_count)
        return false;
    struct doorbell_vector *listened = &ivshmem->vectors[vector];
    if (!listened->listening) {
        listened->listening = true;
        sched_io_add(&listened->io);
    }
    *address = DOORBELL_BAR + DOORBELL_OFFSET;
    *data = listened->data;
    return true;
}
