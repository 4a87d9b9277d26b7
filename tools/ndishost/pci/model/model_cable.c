/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* model_cable.c - frames between a model device and a descriptor, or back to where they came from. */
#include "model_cable.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model_state.h"

enum { FRAMES_PER_TURN = 64, TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100 };

struct model_cable {
    struct model *model;
    struct sched_io io;
    uint64_t refused, dropped; /* atomic */
    uint8_t frame[MODEL_FRAME_MAX];
};

/* ---- descriptor ---- */

static void cable_frame(void *context, const uint8_t *frame, size_t length)
{
    struct model_cable *cable = context;
    if (write(cable->io.fd, frame, length) != (ssize_t)length)
        __atomic_add_fetch(&cable->refused, 1, __ATOMIC_RELAXED);
}

static void cable_ready(struct sched_io *io)
{
    struct model_cable *cable = io->context;
    ssize_t length = 1;
    for (unsigned i = 0; i < FRAMES_PER_TURN && (length = read(io->fd, cable->frame, sizeof cable->frame)) > 0; i++) {
        if (!model_inject(cable->model, cable->frame, (size_t)length, NULL))
            __atomic_add_fetch(&cable->dropped, 1, __ATOMIC_RELAXED);
    }
    sched_io_arm(io);
}

static const struct model_peer_ops cable_peer = {.frame = cable_frame};

bool model_connect_cable(struct model *model, int fd)
{
    struct model_cable *cable = model->cable ? NULL : calloc(1, sizeof *cable);
    if (!cable)
        return false;
    cable->model = model;
    cable->io = (struct sched_io){.fd = fd, .ready = cable_ready, .context = cable};
    model->cable = cable;
    model_set_peer(model, &cable_peer, cable);
    sched_io_add(&cable->io);
    return true;
}

void model_cable_disconnect(struct model *model)
{
    struct model_cable *cable = model->cable;
    if (!cable)
        return;
    sched_io_remove(&cable->io);
    model_set_peer(model, NULL, NULL);
    model->cable = NULL;
    free(cable);
}

struct model_cable_counts model_cable_counts(struct model *model)
{
    const struct model_cable *cable = model->cable;
    if (!cable)
        return (struct model_cable_counts){0, 0};
    return (struct model_cable_counts){__atomic_load_n(&cable->refused, __ATOMIC_RELAXED),
                                       __atomic_load_n(&cable->dropped, __ATOMIC_RELAXED)};
}

/* ---- echo ---- */

static void exchange(uint8_t *one, uint8_t *other, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        uint8_t kept = one[i];
        one[i] = other[i];
        other[i] = kept;
    }
}

static void echo_frame(void *context, const uint8_t *frame, size_t length)
{
    struct model *model = context;
    uint8_t *back = length <= MODEL_FRAME_MAX ? malloc(length) : NULL;
    if (!back)
        return;
    memcpy(back, frame, length);
    exchange(back, back + 6, 6);
    size_t at =
        length >= ETHERNET_HEADER + VLAN_TAG && (back[12] << 8 | back[13]) == TYPE_VLAN ? ETHERNET_HEADER + VLAN_TAG : ETHERNET_HEADER;
    unsigned type = length >= at ? (unsigned)(back[at - 2] << 8 | back[at - 1]) : 0;
    if (type == TYPE_IPV4 && length >= at + 20)
        exchange(back + at + 12, back + at + 16, 4);
    else if (type == TYPE_IPV6 && length >= at + 40)
        exchange(back + at + 8, back + at + 24, 16);
    (void)model_inject(model, back, length, NULL); /* a full backlog loses it, and counts it */
    free(back);
}

static const struct model_peer_ops echo_peer = {.frame = echo_frame};

void model_connect_echo(struct model *model)
{
    model_set_peer(model, &echo_peer, model);
}
