/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.c - the guest's and the peer's network namespace, and the cable's between them and a referee: made before anything else runs, gone
 * with the process. */
#include "net/world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/namespace.h"
#include "net/rtnetlink.h"

/* ---- what has to be there ---- */

static bool tun_is_usable(char *error, size_t error_size)
{
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return true;
    }
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOTDIR:
        snprintf(error, error_size, "/dev/net/tun is missing: load the tun module (modprobe tun), or give the container that device");
        break;
    case EACCES:
    case EPERM:
        snprintf(error, error_size, "no permission to open /dev/net/tun: run as root, or make it accessible (chmod 666 /dev/net/tun)");
        break;
    default:
        snprintf(error, error_size, "/dev/net/tun cannot be opened: %s", strerror(errno));
    }
    return false;
}

/* ---- one namespace ---- */

/* Best effort: /proc/sys may be read-only in a container; the traffic works without, captures are only less quiet. */
static void quiet_ipv6(void)
{
    static const char *const settings[][2] = {
        {"accept_ra", "0"}, {"autoconf", "0"}, {"dad_transmits", "0"}, {"router_solicitations", "0"}, {"addr_gen_mode", "1"}};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); ++i) {
        char path[96];
        snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/default/%s", settings[i][0]);
        int fd = open(path, O_WRONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t ignored = write(fd, settings[i][1], strlen(settings[i][1]));
        (void)ignored;
        close(fd);
    }
}

/* Inside the new namespace: a socket for later configuration, loopback up. */
static int furnish(void *argument)
{
    int *rtnetlink = argument;
    quiet_ipv6();
    *rtnetlink = rtnetlink_open();
    if (*rtnetlink < 0)
        return errno;
    return rtnetlink_link_set(*rtnetlink, if_nametoindex("lo"), &(struct rtnetlink_link){.up = true});
}

static int side_create(struct network_world *world, enum network_side side)
{
    world->namespaces[side] = namespace_create();
    if (world->namespaces[side] < 0)
        return errno;
    return namespace_run(world->namespaces[side], furnish, &world->rtnetlink[side]);
}

/* ---- both ---- */

struct network_world *network_world_create(enum network_kind kind, bool referee, char *error, size_t error_size)
{
    int why = namespace_become_able();
    if (why) {
        snprintf(error, error_size,
                 "network namespaces cannot be made here (%s): run as root, or allow unprivileged user namespaces (sysctl "
                 "kernel.unprivileged_userns_clone=1)",
                 strerror(why));
        return NULL;
    }
    if (!tun_is_usable(error, error_size))
        return NULL;
    struct network_world *world = calloc(1, sizeof(*world));
    if (!world) {
        snprintf(error, error_size, "out of memory");
        return NULL;
    }
    world->kind = kind;
    world->referee = referee;
    for (int side = 0; side < SIDE_COUNT; ++side)
        world->namespaces[side] = world->rtnetlink[side] = -1;
    for (int side = 0; side < SIDE_COUNT; ++side) {
        /* NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): the cable's side is of this room only (world.h) */
        why = side != SIDE_CABLE || referee ? side_create(world, (enum network_side)side) : 0;
        if (why) {
            snprintf(error, error_size, "a network namespace cannot be set up: %s", strerror(why));
            network_world_destroy(world);
            return NULL;
        }
    }
    why = world_guard_start(&world->guard, world->namespaces, SIDE_COUNT);
    if (why) {
        snprintf(error, error_size, "the guard of the network namespaces cannot start: %s", strerror(why));
        network_world_destroy(world);
        return NULL;
    }
    return world;
}

void network_world_destroy(struct network_world *world)
{
    if (!world)
        return;
    struct namespace_set namespaces = namespace_set_of(world->namespaces, SIDE_COUNT);
    namespace_kill_inhabitants(&namespaces);
    world_guard_stop(&world->guard);
    for (int side = 0; side < SIDE_COUNT; ++side) {
        if (world->rtnetlink[side] >= 0)
            close(world->rtnetlink[side]);
        if (world->namespaces[side] >= 0)
            close(world->namespaces[side]);
    }
    free(world);
}

int network_world_namespace(const struct network_world *world, enum network_side side)
{
    return world->namespaces[side];
}

/* ---- a socket for commands that want to talk to this process ---- */

struct listener {
    const char *name;
    int fd;
};

static int listen_inside(void *argument)
{
    struct listener *listener = argument;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(listener->name);
    if (length + 1 > sizeof(address.sun_path))
        return ENAMETOOLONG;
    memcpy(address.sun_path + 1, listener->name, length);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 8) != 0) {
        int why = errno;
        close(fd);
        return why;
    }
    listener->fd = fd;
    return 0;
}

int network_world_listen(const struct network_world *world, enum network_side side, const char *name)
{
    struct listener listener = {.name = name, .fd = -1};
    errno = namespace_run(world->namespaces[side], listen_inside, &listener);
    return listener.fd;
}
