/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_network.c - worlds with Linux's own TCP/IP at both ends; a bridge in this file stands where driver and device will. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "frame/packet.h"
#include "frame/software_offload.h"
#include "net/network.h"

enum { VNET_HEADER = 10, PATIENCE_MS = 30000 };
static const uint8_t mac_0[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56}, mac_1[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x57};

static struct network_world *world_of(enum network_kind kind)
{
    char error[256] = "";
    struct network_world *world = network_world_create(kind, false, error, sizeof(error));
    if (!world)
        fail_msg("%s", error);
    return world;
}

static struct network *network_of(struct network_world *world, unsigned index, const uint8_t *mac)
{
    char error[256] = "";
    struct network *network = network_create(world, index, mac, error, sizeof(error));
    if (!network)
        fail_msg("%s", error);
    return network;
}

static int peer_fd(struct network *network)
{
    int fd = -1;
    unsigned count = 1;
    const char *netdev = network_netdev(network, &fd, &count);
    char expected[64];
    snprintf(expected, sizeof(expected), "tap,id=n0,fd=%d,vhost=off", fd);
    assert_int_equal(count, 1);
    assert_string_equal(netdev, expected);
    return fd;
}

/* Moves what waits on one side to the other; returns how many frames crossed. */
static unsigned bridge_once(struct network *network, int peer)
{
    static uint8_t buffer[VNET_HEADER + 65536];
    struct network_request request;
    unsigned moved = 0;
    ssize_t length;
    while ((length = network_read(network, buffer + VNET_HEADER, sizeof(buffer) - VNET_HEADER, &request)) > 0) {
        memset(buffer, 0, VNET_HEADER);
        moved += write(peer, buffer, (size_t)length + VNET_HEADER) > 0;
    }
    while ((length = read(peer, buffer, sizeof(buffer))) > VNET_HEADER) {
        /* In two parts, as a driver's buffers would be. */
        size_t frame = (size_t)length - VNET_HEADER;
        struct iovec parts[2] = {{buffer + VNET_HEADER, 14}, {buffer + VNET_HEADER + 14, frame - 14}};
        moved += network_write(network, parts, 2, &(struct network_request){0});
    }
    return moved;
}

/* Bridges until the command has ended; returns its status. */
static int bridge_while(pid_t command, struct network *const *networks, unsigned count, unsigned *moved)
{
    int pidfd = (int)syscall(SYS_pidfd_open, command, 0);
    assert_true(pidfd >= 0);
    for (;;) {
        struct pollfd polled[5] = {{.fd = pidfd, .events = POLLIN}};
        for (unsigned i = 0; i < count; ++i) {
            polled[1 + 2 * i] = (struct pollfd){.fd = network_fd(networks[i]), .events = POLLIN};
            polled[2 + 2 * i] = (struct pollfd){.fd = peer_fd(networks[i]), .events = POLLIN};
        }
        if (poll(polled, 1 + 2 * count, PATIENCE_MS) <= 0)
            fail_msg("nothing happened for %d ms", PATIENCE_MS);
        for (unsigned i = 0; i < count; ++i)
            *moved += bridge_once(networks[i], polled[2 + 2 * i].fd);
        if (polled[0].revents)
            break;
    }
    close(pidfd);
    int status;
    assert_int_equal(waitpid(command, &status, 0), command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_bridged(struct network_world *world, enum network_side side, const char *command, struct network *const *networks,
                       unsigned count)
{
    unsigned moved = 0;
    return bridge_while(network_command_start(world, side, command), networks, count, &moved);
}

static int run(struct network_world *world, enum network_side side, const char *command)
{
    return run_bridged(world, side, command, NULL, 0);
}

/* ---- traffic ---- */

static void twenty_of_twenty_pings_are_answered_in_both_directions_and_families(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    network_set_carrier(network, true);
    static const char *const guest[] = {"192.0.2.2", "2001:db8::2"}, *const peer[] = {"192.0.2.1", "2001:db8::1"};
    for (int family = 0; family < 2; ++family) {
        char command[128];
        snprintf(command, sizeof(command), "ping -q -c 20 -i 0.01 -W 5 %s | grep -q '20 received'", guest[family]);
        assert_int_equal(run_bridged(world, SIDE_GUEST, command, &network, 1), 0);
        snprintf(command, sizeof(command), "ping -q -c 20 -i 0.01 -W 5 %s | grep -q '20 received'", peer[family]);
        assert_int_equal(run_bridged(world, SIDE_PEER, command, &network, 1), 0);
    }
    network_destroy(network);
    network_world_destroy(world);
}

static void frames_leave_linux_complete_without_offloads(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    network_set_carrier(network, true);
    assert_int_equal(run(world, SIDE_GUEST,
                         "ethtool -k aero0 | grep -qx 'tx-checksumming: off' && "
                         "ethtool -k aero0 | grep -q '^tcp-segmentation-offload: off'"),
                     0);
    network_destroy(network);
    network_world_destroy(world);
}

/* ---- the referee ---- */

/* A UDP datagram for the peer, to a port where nobody listens, as a sender with checksum offload hands it over: partial sum and vnet
 * header. */
static void send_partial(int tap, uint16_t wrong_by)
{
    uint8_t message[VNET_HEADER + 42 + 10] = {1 /* NEEDS_CSUM */, 0, 42, 0, 0, 0, 34, 0, 6, 0};
    uint8_t *frame = message + VNET_HEADER;
    static const uint8_t headers[] = {0x45, 0, 0, 38, 0, 1, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2, 0x30, 0x39, 0x30, 0x3A, 0, 18};
    memcpy(frame, (uint8_t[]){2, 0, 0, 0, 0, 9}, 6);
    memcpy(frame + 6, mac_0, 6);
    frame[12] = 0x08;
    memcpy(frame + 14, headers, sizeof(headers));
    assert_true(software_checksum(frame, 34, 14, 10));
    struct packet packet;
    packet_parse(frame, 52, 52, &packet);
    assert_int_equal(packet.transport, TRANSPORT_UDP);
    packet_put16(frame + 40, packet_pseudo_sum(frame, &packet, 18) + wrong_by);
    assert_int_equal(write(tap, message, sizeof(message)), sizeof(message));
}

static uint64_t bad_on_the_peers_side(struct network_world *world, const char *expected)
{
    char text[128];
    uint64_t count = network_bad_checksums(world, SIDE_PEER, text, sizeof(text));
    assert_string_equal(text, expected);
    assert_int_equal(network_bad_checksums(world, SIDE_GUEST, text, sizeof(text)), 0);
    return count;
}

static void inject(bool referee, uint16_t wrong_by, const char *expected, unsigned count)
{
    char error[256] = "";
    struct network_world *world = network_world_create(NETWORK_TAP, referee, error, sizeof(error));
    if (!world)
        fail_msg("%s", error);
    struct network *network = network_of(world, 0, mac_0);
    network_set_carrier(network, true);
    assert_int_equal(run(world, SIDE_PEER, "ip link set peer0 address 02:00:00:00:00:09"), 0);
    assert_int_equal(run_bridged(world, SIDE_GUEST, "ping -q -c 1 -W 5 192.0.2.2 >/dev/null", &network, 1), 0);
    for (unsigned i = 0; i < count; ++i)
        send_partial(peer_fd(network), wrong_by);
    /* What was written before is there when a ping has come back. */
    assert_int_equal(run_bridged(world, SIDE_GUEST, "ping -q -c 1 -W 5 192.0.2.2 >/dev/null", &network, 1), 0);
    assert_int_equal(bad_on_the_peers_side(world, expected), *expected ? count : 0);
    network_destroy(network);
    network_world_destroy(world);
}

static void the_referee_catches_a_wrong_pseudo_header_sum(void **state)
{
    (void)state;
    inject(true, 1, "Udp 3", 3);
}

static void the_referee_has_nothing_against_a_right_one(void **state)
{
    (void)state;
    inject(true, 0, "", 3);
}

/* Why it is there: the peer itself believes what the header says. */
static void without_the_referee_linux_believes_the_header(void **state)
{
    (void)state;
    inject(false, 1, "", 3);
}

static void two_adapters_have_subnets_of_their_own(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *networks[2] = {network_of(world, 0, mac_0), network_of(world, 1, mac_1)};
    network_set_carrier(networks[0], true);
    network_set_carrier(networks[1], true);
    assert_int_equal(run_bridged(world, SIDE_GUEST,
                                 "ping -q -c 3 -i 0.01 -W 5 -I aero0 192.0.2.2 && ping -q -c 3 -i 0.01 -W 5 -I aero1 198.51.100.2 && "
                                 "ping -q -c 3 -i 0.01 -W 5 2001:db8:1::2 >/dev/null",
                                 networks, 2),
                     0);
    network_destroy(networks[1]);
    network_destroy(networks[0]);
    network_world_destroy(world);
}

/* ---- configuration ---- */

static void carrier_follows_what_the_driver_says(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    assert_int_equal(run(world, SIDE_GUEST, "ip link show aero0 | grep -q NO-CARRIER"), 0);
    network_set_carrier(network, true);
    assert_int_equal(run(world, SIDE_GUEST, "ip link show aero0 | grep -q LOWER_UP"), 0);
    network_set_carrier(network, false);
    assert_int_equal(run(world, SIDE_GUEST, "ip link show aero0 | grep -q NO-CARRIER"), 0);
    network_destroy(network);
    network_world_destroy(world);
}

static void configure_sets_mac_and_mtu_and_keeps_the_addresses(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    assert_true(network_configure(network, mac_1, 9000));
    network_set_carrier(network, true);
    assert_int_equal(run(world, SIDE_GUEST, "ip link show aero0 | grep -q 'mtu 9000' && ip link show aero0 | grep -q 52:54:00:12:34:57"),
                     0);
    assert_int_equal(run(world, SIDE_PEER, "ip link show peer0 | grep -q 'mtu 9000'"), 0);
    assert_int_equal(run_bridged(world, SIDE_GUEST,
                                 "ping -q -c 2 -i 0.01 -W 5 -s 8900 -M do 192.0.2.2 && ping -q -c 1 -W 5 2001:db8::2 >/dev/null", &network,
                                 1),
                     0);
    /* Below IPv6's minimum and back. */
    assert_true(network_configure(network, mac_0, 576));
    assert_int_equal(run(world, SIDE_GUEST, "ip -4 address show aero0 | grep -q 192.0.2.1/24 && ! ip -6 address show aero0 | grep -q 2001"),
                     0);
    assert_true(network_configure(network, mac_0, 1500));
    assert_int_equal(run(world, SIDE_GUEST, "ip -6 address show aero0 | grep -q 2001:db8::1/64"), 0);
    network_destroy(network);
    network_world_destroy(world);
}

static void an_interface_has_no_address_of_the_kernels_own_making(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    network_set_carrier(network, true);
    assert_int_equal(run(world, SIDE_GUEST, "! ip -6 address show aero0 | grep -q fe80"), 0);
    assert_int_equal(run(world, SIDE_GUEST, "! ip -6 address show aero0 | grep -q tentative"), 0);
    assert_int_equal(run(world, SIDE_PEER, "! ip -6 address show peer0 | grep -q fe80"), 0);
    network_destroy(network);
    network_world_destroy(world);
}

static void user_networks_have_slirps_addresses_and_no_peer(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_USER);
    struct network *networks[2] = {network_of(world, 0, mac_0), network_of(world, 1, mac_1)};
    int fd = -1;
    unsigned count = 1;
    assert_string_equal(network_netdev(networks[1], &fd, &count), "user,id=n0,net=10.0.3.0/24,ipv6-net=fec0:0:0:1::/64");
    assert_int_equal(count, 0);
    assert_int_equal(run(world, SIDE_GUEST,
                         "ip -4 address show aero0 | grep -q 10.0.2.15/24 && ip -4 address show aero1 | grep -q 10.0.3.15/24 && "
                         "ip -4 route | grep -q 'default via 10.0.2.2' && ip -6 route | grep -q 'default via fec0::2'"),
                     0);
    network_destroy(networks[1]);
    network_destroy(networks[0]);
    network_world_destroy(world);
}

/* ---- commands ---- */

static void a_command_runs_in_a_process_group_of_its_own(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    pid_t command = network_command_start(world, SIDE_GUEST, "sleep 60 & sleep 60");
    assert_int_equal(getpgid(command), command);
    assert_int_equal(kill(-command, SIGKILL), 0);
    int status;
    assert_int_equal(waitpid(command, &status, 0), command);
    assert_true(WIFSIGNALED(status));
    network_world_destroy(world);
}

static void the_status_of_a_command_is_the_shells(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    assert_int_equal(run(world, SIDE_GUEST, "exit 7"), 7);
    assert_int_equal(run(world, SIDE_PEER, "test ! -e /sys/class/net/aero0 && ! ip link show aero0 2>/dev/null"), 0);
    network_world_destroy(world);
}

static void commands_reach_a_socket_in_their_namespace_only(void **state)
{
    (void)state;
    struct network_world *world = world_of(NETWORK_TAP);
    int listener = network_world_listen(world, SIDE_GUEST, "ndishost-test");
    assert_true(listener >= 0);
    assert_int_equal(run(world, SIDE_GUEST, "socat -u /dev/null ABSTRACT-CONNECT:ndishost-test"), 0);
    assert_int_not_equal(run(world, SIDE_PEER, "socat -u /dev/null ABSTRACT-CONNECT:ndishost-test 2>/dev/null"), 0);
    close(listener);
    network_world_destroy(world);
}

/* ---- nothing is left ---- */

/* Commands of this test that still run, told from everybody else's by a mark in their environment. */
#define RUN_MARK "NDISHOST_TEST_RUN"
static unsigned commands_alive(const char *mark)
{
    unsigned count = 0;
    DIR *processes = opendir("/proc");
    assert_non_null(processes);
    for (struct dirent *entry; (entry = readdir(processes)) != NULL;) {
        char path[300], environment[65536];
        snprintf(path, sizeof(path), "/proc/%s/environ", entry->d_name);
        int fd = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        ssize_t length = read(fd, environment, sizeof(environment));
        close(fd);
        count += length > 0 && memmem(environment, (size_t)length, mark, strlen(mark)) != NULL;
    }
    closedir(processes);
    return count;
}

/* A process has no environment to be read for a moment while it executes another program: the daemon does that twice. */
static bool command_comes_alive(const char *mark)
{
    for (unsigned i = 0; i < 1000; ++i) {
        if (commands_alive(mark) > 0)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return false;
}

static unsigned directory_entries(const char *path)
{
    unsigned count = 0;
    DIR *directory = opendir(path);
    assert_non_null(directory);
    while (readdir(directory))
        ++count;
    closedir(directory);
    return count;
}

static void a_world_leaves_no_interface_process_or_descriptor(void **state)
{
    (void)state;
    unsigned interfaces = directory_entries("/sys/class/net"), descriptors = directory_entries("/proc/self/fd");
    char mark[64];
    snprintf(mark, sizeof(mark), "%d", (int)getpid());
    assert_int_equal(setenv(RUN_MARK, mark, 1), 0);
    snprintf(mark, sizeof(mark), RUN_MARK "=%d", (int)getpid());
    struct network_world *world = world_of(NETWORK_TAP);
    struct network *network = network_of(world, 0, mac_0);
    /* A daemon that left its group and its session. */
    assert_int_equal(run(world, SIDE_GUEST, "setsid sleep 60 </dev/null >/dev/null 2>&1 & exit 0"), 0);
    assert_true(command_comes_alive(mark));
    network_destroy(network);
    network_world_destroy(world);
    assert_int_equal(commands_alive(mark), 0);
    assert_int_equal(directory_entries("/sys/class/net"), interfaces);
    assert_int_equal(directory_entries("/proc/self/fd"), descriptors);
}

/* ---- other surroundings: in a child, with a /dev/net of its own ---- */

#define AS_NOBODY "setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all "

/*
 * Runs this program's make_world_and_leave() after `preparation` under `prefix`; returns its status and its last line. The program is
 * passed by descriptor: it may lie where nobody else may look.
 */
static int status_of_world_in(const char *preparation, const char *prefix, char *line, size_t size)
{
    char command[512], self[256];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    assert_true(length > 0);
    self[length] = 0;
    snprintf(command, sizeof(command),
             "exec 9<%s; unshare -m sh -c 'mount -t tmpfs none /dev/net && %s && exec %s/proc/self/fd/9 world' 2>&1", self, preparation,
             prefix);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    unsigned lines = 0;
    *line = 0;
    while (fgets(line, (int)size, pipe))
        ++lines;
    assert_true(lines <= 1);
    return WEXITSTATUS(pclose(pipe));
}

static void a_missing_tun_device_is_one_clear_line(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char line[512];
    assert_int_equal(status_of_world_in("true", "", line, sizeof(line)), 2);
    assert_non_null(strstr(line, "/dev/net/tun is missing: load the tun module"));
}

static void a_tun_device_without_permission_is_one_clear_line(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char line[512];
    int status = status_of_world_in("mknod -m 600 /dev/net/tun c 10 200", AS_NOBODY, line, sizeof(line));
    assert_int_equal(status, 2);
    if (strstr(line, "user namespaces"))
        skip(); /* forbidden on this machine: the line says so */
    assert_non_null(strstr(line, "no permission to open /dev/net/tun"));
}

static void a_user_without_privileges_gets_a_world_too(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    char line[512];
    int status = status_of_world_in("mknod -m 666 /dev/net/tun c 10 200", AS_NOBODY, line, sizeof(line));
    if (status == 2 && strstr(line, "user namespaces"))
        skip();
    assert_int_equal(status, 0);
}

/* What the child of the last three tests does: a world with an adapter, or the error's line and status 2. */
static int make_world_and_leave(void)
{
    char error[256];
    struct network_world *world = network_world_create(NETWORK_TAP, false, error, sizeof(error));
    struct network *network = world ? network_create(world, 0, mac_0, error, sizeof(error)) : NULL;
    if (!network) {
        printf("%s\n", error);
        return 2;
    }
    pid_t command = network_command_start(world, SIDE_GUEST, "ip link show aero0 >/dev/null");
    int status = 1;
    waitpid(command, &status, 0);
    network_destroy(network);
    network_world_destroy(world);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "world") == 0)
        return make_world_and_leave();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(twenty_of_twenty_pings_are_answered_in_both_directions_and_families),
        cmocka_unit_test(frames_leave_linux_complete_without_offloads),
        cmocka_unit_test(the_referee_catches_a_wrong_pseudo_header_sum),
        cmocka_unit_test(the_referee_has_nothing_against_a_right_one),
        cmocka_unit_test(without_the_referee_linux_believes_the_header),
        cmocka_unit_test(two_adapters_have_subnets_of_their_own),
        cmocka_unit_test(carrier_follows_what_the_driver_says),
        cmocka_unit_test(configure_sets_mac_and_mtu_and_keeps_the_addresses),
        cmocka_unit_test(an_interface_has_no_address_of_the_kernels_own_making),
        cmocka_unit_test(user_networks_have_slirps_addresses_and_no_peer),
        cmocka_unit_test(a_command_runs_in_a_process_group_of_its_own),
        cmocka_unit_test(the_status_of_a_command_is_the_shells),
        cmocka_unit_test(commands_reach_a_socket_in_their_namespace_only),
        cmocka_unit_test(a_world_leaves_no_interface_process_or_descriptor),
        cmocka_unit_test(a_missing_tun_device_is_one_clear_line),
        cmocka_unit_test(a_tun_device_without_permission_is_one_clear_line),
        cmocka_unit_test(a_user_without_privileges_gets_a_world_too),
    };
    return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
