/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* test_pci_qemu.c - the qemu back-end against a real QEMU: start, traffic by line and by messages, link, failures, end. */
#define _GNU_SOURCE /* pipe2 */
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "guest_driver.h"
#include "pci_world.h"
#include "rules/rules.h"

#define USUAL_FEATURES                                                                                                                     \
    (GUEST_FEATURE(GUEST_VERSION_1) | GUEST_FEATURE(GUEST_MAC) | GUEST_FEATURE(GUEST_STATUS) | GUEST_FEATURE(GUEST_MRG_RXBUF) |            \
     GUEST_FEATURE(GUEST_INDIRECT) | GUEST_FEATURE(GUEST_EVENT_IDX))

enum { HEADER = 12 };

static void frame_fill(uint8_t *frame, size_t length, uint8_t seed)
{
    static const uint8_t addresses[12] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
    memcpy(frame, addresses, sizeof addresses);
    frame[12] = 0x88;
    frame[13] = 0xb5;
    for (size_t i = 14; i < length; i++)
        frame[i] = (uint8_t)(seed + i);
}

/* One frame each way, and one over several receive buffers. */
static void traffic_check(struct pci_world *world, struct guest_driver *driver, bool indirect)
{
    uint8_t sent[9000], received[9000];
    frame_fill(sent, 1514, 7);
    guest_driver_send(driver, sent, 1514, indirect);
    guest_driver_wait_sent(driver);
    struct pollfd peer = {.fd = world->peer, .events = POLLIN};
    assert_int_equal(poll(&peer, 1, GUEST_WAIT_MS), 1);
    assert_int_equal(recv(world->peer, received, sizeof received, 0), 1514);
    assert_memory_equal(received, sent, 1514);

    frame_fill(sent, 300, 99);
    assert_int_equal(send(world->peer, sent, 300, 0), 300);
    assert_int_equal(guest_driver_receive(driver, received, sizeof received), 300);
    assert_memory_equal(received, sent, 300);

    if (driver->features & GUEST_FEATURE(GUEST_MRG_RXBUF)) {
        frame_fill(sent, 9000, 3);
        assert_int_equal(send(world->peer, sent, 9000, 0), 9000);
        assert_int_equal(guest_driver_receive(driver, received, sizeof received), 9000);
        assert_memory_equal(received, sent, 9000);
    }
}

struct shape {
    const char *machine, *properties;
    bool transitional;
    unsigned messages;
    bool indirect;
};

static void frames_pass_both_ways(void **state)
{
    const struct shape *shape = *state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_qemu(&world, shape->machine, shape->transitional, shape->properties);
    assert_int_equal(pci_function_identity(world.function).vendor, 0x1af4);
    assert_int_equal(pci_function_identity(world.function).device, shape->transitional ? 0x1000 : 0x1041);
    assert_int_equal(pci_function_bar(world.function, 0).is_port, shape->transitional);
    assert_true(strstr(pci_function_device(world.function)->ops->describe(pci_function_device(world.function)->state), "virtio-net-pci") !=
                NULL);

    guest_driver_attach(&driver, world.function, shape->messages);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    for (unsigned i = 0; i < 3; i++)
        traffic_check(&world, &driver, shape->indirect);

    uint64_t offered, accepted;
    assert_true(pci_function_virtio_features(world.function, &offered, &accepted));
    assert_true(accepted == (offered & USUAL_FEATURES));
    struct pci_counts counts = pci_function_counts(world.function);
    assert_int_equal(counts.notifications[GUEST_TX], 3);
    uint64_t messages = 0;
    for (unsigned i = 0; i < 8; i++)
        messages += counts.messages[i];
    assert_true(shape->messages ? messages && !counts.line_interrupts : counts.line_interrupts && !messages);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void link_set(struct guest_driver *driver, struct pci_function *function, bool up)
{
    assert_true(pci_function_set_link(function, up));
    while (guest_driver_link_up(driver) != up)
        guest_driver_wait_config(driver);
}

static void link_changes_come_by_configuration_interrupt(void **state)
{
    unsigned messages = *state ? 3 : 0;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_qemu(&world, "pc", false, NULL);
    guest_driver_attach(&driver, world.function, messages);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    assert_true(guest_driver_link_up(&driver));
    link_set(&driver, world.function, false);
    link_set(&driver, world.function, true);
    traffic_check(&world, &driver, false);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void masked_message_comes_after_unmasking(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    uint8_t frame[60];
    pci_world_open_qemu(&world, "pc", false, NULL);
    guest_driver_attach(&driver, world.function, 3);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    assert_true(pci_function_message_mask(world.function, 2, true));
    frame_fill(frame, sizeof frame, 1);
    guest_driver_send(&driver, frame, sizeof frame, false);
    /* The device has used the buffer when the peer has the frame and a register was read; its message is pending. */
    assert_int_equal(recv(world.peer, frame, sizeof frame, 0), sizeof frame);
    while (driver.queues[GUEST_TX].used[1] != driver.queues[GUEST_TX].available)
        (void)guest_driver_status(&driver);
    (void)guest_driver_status(&driver);
    assert_int_equal(pci_function_counts(world.function).messages[2], 0);
    assert_true(pci_function_message_mask(world.function, 2, false));
    pthread_mutex_lock(&driver.lock);
    while (driver.message_counts[2] == 0)
        pthread_cond_wait(&driver.interrupted, &driver.lock);
    pthread_mutex_unlock(&driver.lock);
    assert_false(pci_function_message_mask(world.function, 3, false));
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void malformed_ring_needs_reset_and_recovers(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_qemu(&world, "pc", false, NULL);
    pci_function_expect_device_failure(world.function, true);
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    guest_driver_publish_head(&driver, GUEST_TX, 999);
    guest_driver_wait_config(&driver);
    assert_true(guest_driver_status(&driver) & GUEST_NEEDS_RESET);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    traffic_check(&world, &driver, true);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

static void needs_reset_is_a_violation_when_nobody_expects_it(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_qemu(&world, "pc", false, NULL);
    guest_driver_attach(&driver, world.function, 0);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    guest_driver_publish_head(&driver, GUEST_TX, 999);
    guest_driver_wait_config(&driver);
    (void)guest_driver_status(&driver);
    (void)guest_driver_status(&driver);
    guest_driver_detach(&driver);
    pci_world_close(&world, 1);
}

static void two_devices_work_side_by_side(void **state)
{
    (void)state;
    struct pci_world worlds[2];
    struct guest_driver drivers[2];
    for (unsigned i = 0; i < 2; i++) {
        pci_world_open_qemu(&worlds[i], i ? "q35" : "pc", false, NULL);
        guest_driver_attach(&drivers[i], worlds[i].function, i ? 3 : 0);
        assert_true(guest_driver_start(&drivers[i], USUAL_FEATURES, HEADER));
    }
    assert_int_not_equal(pci_function_slot(worlds[0].function), pci_function_slot(worlds[1].function));
    assert_true(pci_function_bar(worlds[0].function, 4).address != pci_function_bar(worlds[1].function, 4).address);
    for (unsigned i = 0; i < 2; i++)
        traffic_check(&worlds[i], &drivers[i], false);
    guest_driver_detach(&drivers[0]);
    traffic_check(&worlds[1], &drivers[1], false);
    guest_driver_detach(&drivers[1]);
    worlds[1].memory_in_use = worlds[0].memory_in_use;
    pci_world_close(&worlds[1], 0);
    pci_world_close(&worlds[0], 0);
}

static void many_vectors_are_wired(void **state)
{
    (void)state;
    struct pci_world world;
    struct guest_driver driver;
    pci_world_open_qemu(&world, "pc", false, "vectors=64");
    assert_int_equal(pci_function_message_count(world.function), 64);
    guest_driver_attach(&driver, world.function, 64);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    traffic_check(&world, &driver, false);
    guest_driver_detach(&driver);
    pci_world_close(&world, 0);
}

/* ---- failures ---- */

struct failure_seen {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
};

static void failure_note(void *context)
{
    struct failure_seen *seen = context;
    pthread_mutex_lock(&seen->lock);
    seen->count++;
    pthread_cond_broadcast(&seen->changed);
    pthread_mutex_unlock(&seen->lock);
}

/* The child's id, from the kernel's list of our children. */
static pid_t child_find(void)
{
    char path[64];
    snprintf(path, sizeof path, "pgrep -n -P %d qemu-system", (int)getpid());
    FILE *children = popen(path, "r");
    int pid = 0;
    assert_non_null(children);
    assert_int_equal(fscanf(children, "%d", &pid), 1);
    pclose(children);
    return pid;
}

static void death_of_qemu_is_reported_once(void **state)
{
    unsigned messages = *state ? 3 : 0;
    struct pci_world world;
    struct guest_driver driver;
    struct failure_seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pci_world_open_qemu(&world, "pc", false, NULL);
    pci_function_on_failure(world.function, failure_note, &seen);
    guest_driver_attach(&driver, world.function, messages);
    assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
    assert_null(pci_function_failure(world.function));

    kill(child_find(), SIGKILL);
    pthread_mutex_lock(&seen.lock);
    while (seen.count == 0)
        pthread_cond_wait(&seen.changed, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    assert_non_null(strstr(pci_function_failure(world.function), "was killed by signal 9"));
    /* Registers read as those of a removed device; nothing waits, nothing is told twice. */
    assert_int_equal(guest_driver_status(&driver), 0xff);
    guest_write(driver.queues[GUEST_TX].doorbell, 2, GUEST_TX);
    assert_false(pci_function_set_link(world.function, false));
    pci_function_interrupt_disconnect(world.function);
    for (unsigned i = 0; i < 2; i++) {
        guest_memory_free(driver.queues[i].descriptors, driver.queues[i].rings_size);
        guest_memory_free(driver.queues[i].buffers, (size_t)driver.queues[i].size * GUEST_BUFFER_SIZE);
    }
    pci_world_close(&world, 0);
    assert_int_equal(seen.count, 1);
}

/* This program again, in the role of one that is killed while its QEMU runs: prints the child's id and waits. */
static int role_victim(void)
{
    void *state = NULL;
    struct pci_world world;
    if (pci_world_group_setup(&state))
        return 1;
    pci_world_open_qemu(&world, "pc", false, NULL);
    printf("%d\n", (int)child_find());
    fflush(stdout);
    pause();
    return 0;
}

/* A zombie that nobody reaps yet is dead too. */
static bool process_lives(pid_t pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *stat = fopen(path, "r");
    bool lives = stat && fscanf(stat, "%*d (%*[^)]) %c", &state) == 1 && state != 'Z';
    if (stat)
        fclose(stat);
    return lives;
}

static void qemu_dies_with_this_process(void **state)
{
    (void)state;
    int output[2];
    char text[32] = "";
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    pid_t victim = fork();
    if (victim == 0) {
        dup2(output[1], 1);
        execl("/proc/self/exe", "test_pci_qemu", "--victim", (char *)NULL);
        _exit(127);
    }
    close(output[1]);
    assert_true(read(output[0], text, sizeof text - 1) > 0);
    pid_t qemu = atoi(text);
    assert_true(process_lives(qemu));
    kill(victim, SIGKILL);
    assert_int_equal(waitpid(victim, NULL, 0), victim);
    for (unsigned i = 0; i < 1000 && process_lives(qemu); i++)
        poll(NULL, 0, 10);
    assert_false(process_lives(qemu));
    close(output[0]);
}

static void stopped_qemu_is_given_up(void **state)
{
    (void)state;
    struct pci_world world;
    struct failure_seen seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pci_world_open_qemu(&world, "pc", false, NULL);
    pci_function_on_failure(world.function, failure_note, &seen);
    kill(child_find(), SIGSTOP);
    uint32_t id = 0;
    assert_int_equal(pci_function_config_read(world.function, 0, &id, 4), 4);
    assert_int_equal(id, UINT32_MAX);
    assert_int_equal(seen.count, 1);
    assert_non_null(strstr(pci_function_failure(world.function), "does not answer"));
    pci_world_close(&world, 0);
    assert_int_equal(seen.count, 1);
}

static void creation_fails(const char *machine, const char *properties, const char *netdev, const char *expected)
{
    char error[512] = "";
    const struct qemu_device_options options = {
        .machine = machine, .properties = properties, .netdev = netdev, .mac = "52:54:00:12:34:56", .network_namespace = -1};
    struct ndishost_pci_host *host = pci_host_block_create(pci_world_memory());
    struct ndishost_pci_device device;
    bool created = qemu_device_create(&options, host, &device, error, sizeof error);
    pci_host_block_destroy(host);
    assert_false(created);
    if (!strstr(error, expected))
        fail_msg("\"%s\" does not contain \"%s\"", error, expected);
    assert_null(strchr(error, '\n'));
}

static void bad_options_are_named(void **state)
{
    (void)state;
    creation_fails("pc", "foo=1", "user,id=n0", "QEMU does not know the property \"foo\" of virtio-net-pci");
    creation_fails("pc", "mrg_rxbuf=off,bar", "user,id=n0", "QEMU does not know the property \"bar\" of virtio-net-pci");
    creation_fails("pc", "rx_queue_size=7", "user,id=n0", "rx_queue_size");
    creation_fails("pc", "addr=09.0", "user,id=n0", "device property \"addr\" is set by ndishost itself");
    creation_fails("isapc", NULL, "user,id=n0", "unknown machine \"isapc\"");
    creation_fails("pc", NULL, "nonsense,id=n0", "QEMU:");
}

static void missing_qemu_is_named(void **state)
{
    (void)state;
    char path[4096];
    snprintf(path, sizeof path, "%s", getenv("PATH"));
    setenv("PATH", "/nonexistent", 1);
    creation_fails("pc", NULL, "user,id=n0", "no QEMU: qemu-system-x86_64 is not on PATH");
    setenv("PATH", path, 1);
    setenv("NDISHOST_QEMU", "/nonexistent/qemu", 1);
    creation_fails("pc", NULL, "user,id=n0", "NDISHOST_QEMU names /nonexistent/qemu");
    setenv("NDISHOST_QEMU", "/bin/false", 1);
    creation_fails("pc", NULL, "user,id=n0", "QEMU");
    unsetenv("NDISHOST_QEMU");
}

static void monitor_commands_are_answered(void **state)
{
    (void)state;
    struct pci_world world;
    char error[256] = "";
    pci_world_open_qemu(&world, "pc", false, NULL);
    const struct ndishost_pci_device *device = pci_function_device(world.function);
    assert_true(qemu_device_qmp(device, "{\"execute\":\"query-status\"}", error, sizeof error));
    assert_false(qemu_device_qmp(device, "{\"execute\":\"no-such-command\"}", error, sizeof error));
    assert_non_null(strstr(error, "no-such-command"));
    assert_false(qemu_device_qmp(device, "[1, 2", error, sizeof error));
    char *returned = qemu_device_query(device, "{\"execute\":\"query-rx-filter\",\"arguments\":{\"name\":\"nic0\"}}", error, sizeof error);
    assert_non_null(returned);
    assert_non_null(strstr(returned, "\"vlan-table\":"));
    free(returned);
    assert_null(qemu_device_query(device, "{\"execute\":\"no-such-command\"}", error, sizeof error));
    pci_world_close(&world, 0);
}

static unsigned descriptors_open(void)
{
    unsigned count = 0;
    for (int fd = 0; fd < 1024; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void nothing_is_left_behind(void **state)
{
    (void)state;
    unsigned before = descriptors_open();
    for (unsigned i = 0; i < 3; i++) {
        struct pci_world world;
        struct guest_driver driver;
        pci_world_open_qemu(&world, "pc", false, NULL);
        guest_driver_attach(&driver, world.function, 3);
        assert_true(guest_driver_start(&driver, USUAL_FEATURES, HEADER));
        guest_driver_detach(&driver);
        pci_world_close(&world, 0);
    }
    creation_fails("pc", "foo=1", "user,id=n0", "foo");
    assert_int_equal(descriptors_open(), before);
}

static struct shape shapes[] = {
    {"pc", NULL, false, 0, false},
    {"pc", NULL, false, 3, false},
    {"pc", NULL, false, 2, true},
    {"pc", NULL, false, 1, true},
    {"q35", NULL, false, 0, true},
    {"q35", NULL, false, 3, false},
    {"pc", NULL, true, 0, false},
    {"q35", NULL, true, 3, true},
    {"pc", "vectors=0", false, 0, false},
    {"pc", "vectors=2", false, 2, false},
    {"pc", "page-per-vq=on", false, 3, false},
    {"pc", "mrg_rxbuf=off,event_idx=off", false, 0, true},
    {"pc", "rx_queue_size=1024,ctrl_vq=off", false, 3, false},
};

int main(int argc, char **argv)
{
#define TRAFFIC(number) {"frames pass both ways, shape " #number, frames_pass_both_ways, NULL, NULL, &shapes[number]}
    if (argc > 1 && !strcmp(argv[1], "--victim"))
        return role_victim();
    const struct CMUnitTest tests[] = {
        TRAFFIC(0),
        TRAFFIC(1),
        TRAFFIC(2),
        TRAFFIC(3),
        TRAFFIC(4),
        TRAFFIC(5),
        TRAFFIC(6),
        TRAFFIC(7),
        TRAFFIC(8),
        TRAFFIC(9),
        TRAFFIC(10),
        TRAFFIC(11),
        TRAFFIC(12),
        {"link changes come by the line", link_changes_come_by_configuration_interrupt, NULL, NULL, NULL},
        {"link changes come by message 0", link_changes_come_by_configuration_interrupt, NULL, NULL, shapes},
        cmocka_unit_test(masked_message_comes_after_unmasking),
        cmocka_unit_test(malformed_ring_needs_reset_and_recovers),
        cmocka_unit_test(needs_reset_is_a_violation_when_nobody_expects_it),
        cmocka_unit_test(two_devices_work_side_by_side),
        cmocka_unit_test(many_vectors_are_wired),
        {"death of QEMU is reported once, line", death_of_qemu_is_reported_once, NULL, NULL, NULL},
        {"death of QEMU is reported once, messages", death_of_qemu_is_reported_once, NULL, NULL, shapes},
        cmocka_unit_test(qemu_dies_with_this_process),
        cmocka_unit_test(stopped_qemu_is_given_up),
        cmocka_unit_test(bad_options_are_named),
        cmocka_unit_test(missing_qemu_is_named),
        cmocka_unit_test(monitor_commands_are_answered),
        cmocka_unit_test(nothing_is_left_behind),
    };
    if (getenv("NDISHOST_TEST"))
        cmocka_set_test_filter(getenv("NDISHOST_TEST"));
    return cmocka_run_group_tests_name("qemu back-end", tests, pci_world_group_setup, pci_world_group_teardown);
}
