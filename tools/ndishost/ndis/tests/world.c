/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* world.c - see world.h. Each run has a process of its own: a fault may end in a bug check, and state never leaks into the next run. */
#include "world.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exec/sched.h"
#include "exec/trap.h"
#include "frame/packet.h"
#include "frame/software_offload.h"
#include "loop_device.h"
#include "misuse.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "ndis/receive.h"
#include "ndis/send.h"
#include "ndis/file.h"
#include "nt/nt.h"
#include "nt/worker.h"
#include "pci/function.h"
#include "rules/rules.h"

enum { PATIENCE_MS = 5000, WATCHDOG_MS = 1000, SECONDS_AT_ONCE = 10 };

static struct world_report *shared; /* seen by parent and child */
static atomic_uint received;
static enum world_ending wanted_ending;

/* ---- frames ---- */

static size_t make_frame(uint8_t *frame, unsigned number)
{
    size_t length = 60 + number * 131 % (SAMPLE_MTU + 14 - 60);

    memcpy(frame, sample.mac, 6); /* to itself: the device sends everything back */
    memset(frame + 6, 0x02, 6);
    frame[12] = 0x88;
    frame[13] = 0xB5; /* local experimental */
    for (size_t index = 14; index < length; index++)
        frame[index] = (uint8_t)(index * 7 + number);
    frame[14] = (uint8_t)number;
    return length;
}

static void frame_received(void *context, const struct iovec *parts, unsigned part_count)
{
    uint8_t got[2048], expected[2048];
    size_t length = 0;

    (void)context;
    for (unsigned index = 0; index < part_count && length + parts[index].iov_len <= sizeof(got); index++) {
        memcpy(got + length, parts[index].iov_base, parts[index].iov_len);
        length += parts[index].iov_len;
    }
    if (length > 14 && length == make_frame(expected, got[14]) && !memcmp(got, expected, length))
        shared->frames_received++;
    else
        shared->frames_sent_back_wrong++;
    atomic_fetch_add(&received, 1);
}

/* Waits until nothing is under way any more, apart from receives that are held back; a fault may prevent that. */
static void settle(struct adapter *adapter, bool held)
{
    uint64_t deadline = sched_now() + (uint64_t)PATIENCE_MS * 10000;

    while (sched_now() < deadline && !rules_violation_count() &&
           (send_outstanding(adapter->send) || sample.received || (!held && receive_outstanding(adapter->receive))))
        sched_sleep_until(sched_now() + 10000);
}

/* A TCP or UDP frame as Linux hands it over with checksum offload, partial sum and all. */
static size_t make_packet(uint8_t *frame, unsigned version, bool udp, size_t payload, struct network_request *wanted)
{
    size_t network = 14, transport = network + (version == 4 ? 20 : 40), header = udp ? 8 : 20, length = transport + header + payload;
    struct packet packet;

    memset(frame, 0, length);
    memcpy(frame, sample.mac, 6);
    memset(frame + 6, 0x02, 6);
    packet_put16(frame + 12, version == 4 ? 0x0800 : 0x86DD);
    frame[network] = version == 4 ? 0x45 : 0x60;
    packet_put16(frame + network + (version == 4 ? 2 : 4), (unsigned)(length - (version == 4 ? network : transport)));
    frame[network + (version == 4 ? 9 : 6)] = udp ? 17 : 6;
    memset(frame + network + (version == 4 ? 12 : 8), 0x21, version == 4 ? 8 : 32);
    if (udp)
        packet_put16(frame + transport + 4, (unsigned)(8 + payload));
    else
        frame[transport + 12] = 0x50;
    memset(frame + transport + header, 0x77, payload);
    if (version == 4)
        software_header_checksum(frame, network);
    packet_parse(frame, length, length, &packet);
    packet_put16(frame + transport + packet_sum_offset(&packet), packet_pseudo_sum(frame, &packet, (uint32_t)(header + payload)));
    *wanted = (struct network_request){
        .checksum = true, .checksum_start = (uint16_t)transport, .checksum_offset = (uint16_t)packet_sum_offset(&packet)};
    return length;
}

/* Both protocols over both versions, and a large send over IPv4. */
static void send_requests(struct adapter *adapter)
{
    static uint8_t frame[8192];
    struct offload usable = offload_usable(adapter);

    for (unsigned kind = 0; kind < 5; kind++) {
        struct network_request wanted;
        struct send_request request;
        struct send_batch batch;
        size_t length = make_packet(frame, kind % 2 ? 6 : 4, kind == 2 || kind == 3, kind == 4 ? 7000 : 300, &wanted);

        if (kind == 4) {
            wanted.large = LARGE_TCP4;
            wanted.segment_size = 1460;
        }
        send_batch_begin(&batch, adapter->send);
        if (send_request_make(&usable, false, &wanted, frame, &length, &request) == REQUEST_MADE &&
            send_batch_add_request(&batch, frame, length, &request))
            send_batch_submit(&batch);
        settle(adapter, false);
    }
}

static void send_frames(struct upper_edge *edge, struct adapter *adapter)
{
    uint8_t frame[2048];
    unsigned number = 0;

    while (number < WORLD_FRAMES) {
        struct send_batch batch;

        send_batch_begin(&batch, adapter->send);
        for (unsigned count = 0; count < 8; count++, number++) {
            size_t length = make_frame(frame, number);

            send_batch_add(&batch, frame, length);
        }
        send_batch_submit(&batch);
        settle(adapter, false);
        if (rules_violation_count() || send_outstanding(adapter->send))
            break; /* what was to be found is found, or will be when the adapter pauses */
    }
    (void)edge;
}

/* ---- life ---- */

static void traffic(struct adapter *adapter)
{
    struct upper_edge *edge = upper_edge_bind(adapter, NULL, NULL, 0);

    if (!edge)
        return;
    upper_edge_on_receive(edge, frame_received, NULL);
    send_frames(edge, adapter);
    for (unsigned count = 0; count < 5; count++)
        send_check_age(adapter->send, SECONDS_AT_ONCE); /* as if time had gone by (SND-21) */
    if (sample_has_offload() && !rules_violation_count())
        send_requests(adapter);
    adapter_check_for_hang(adapter);
    adapter_reset(adapter);
    /* A pause with receives held back, as PAU-02 needs it. */
    receive_hold(adapter->receive, true);
    if (!rules_violation_count())
        upper_edge_send(edge, (uint8_t[60]){0x52, 0x54, 0x00, 0x12, 0x34, 0x56, 2, 2, 2, 2, 2, 2, 0x88, 0xB5}, 60);
    settle(adapter, true);
    adapter_pause(adapter);
    receive_hold(adapter->receive, false);
    adapter_restart(adapter);
    if (wanted_ending == WORLD_SURPRISE_REMOVAL)
        adapter_surprise_removal(adapter);
    upper_edge_unbind(edge);
}

/* ---- direct requests: one waits while others, regular and direct, come and go ---- */

static struct oid_result kept_result;
static atomic_bool kept_ended;

static void ask_to_keep(void *argument)
{
    uint32_t word = 0;

    kept_result = oid_direct_request(argument, NT_NdisRequestQueryInformation, SAMPLE_OID_KEEP, &word, sizeof(word), false);
    kept_ended = true;
}

static void check_direct(bool fits, const char *what)
{
    if (!fits && !shared->exercise_failed[0])
        snprintf(shared->exercise_failed, sizeof(shared->exercise_failed), "%s", what);
}

/* Keeps one and lets `end_it` try until it has ended: at first it may still be on its way in. */
static void keep_one_until(struct adapter *adapter, void (*end_it)(struct adapter *adapter), uint32_t expected)
{
    struct sched_thread *thread;

    kept_ended = false;
    thread = sched_thread_start("direct", 1, ask_to_keep, adapter);
    while (!kept_ended) {
        end_it(adapter);
        sched_sleep_until(sched_now() + 1000);
    }
    sched_thread_join(thread);
    check_direct(kept_result.status == expected, "the end of a direct request");
}

static void release_it(struct adapter *adapter)
{
    uint32_t word = 0, length = 0;

    check_direct(adapter_oid_query(adapter, NT_OID_GEN_VENDOR_ID, &word, sizeof(word), &length, NULL) == NT_NDIS_STATUS_SUCCESS,
                 "a regular request beside a direct one");
    check_direct(oid_direct_request(adapter, NT_NdisRequestSetInformation, SAMPLE_OID_RELEASE, NULL, 0, true).status ==
                     NT_NDIS_STATUS_SUCCESS,
                 "a direct request at DISPATCH_LEVEL beside another one");
}

static void cancel_it(struct adapter *adapter)
{
    uint8_t irql = irql_raise(IRQL_DISPATCH);

    oid_direct_cancel(adapter, oid_direct_youngest(adapter));
    irql_lower(irql);
}

static void direct_requests(struct adapter *adapter)
{
    keep_one_until(adapter, release_it, NT_NDIS_STATUS_SUCCESS);
    keep_one_until(adapter, cancel_it, NT_NDIS_STATUS_REQUEST_ABORTED);
}

/* Down and up again; what the sample does in between is waited for. */
static void sleep_and_wake(struct adapter *adapter)
{
    uint64_t deadline = sched_now() + (uint64_t)PATIENCE_MS * 10000;

    adapter_power_down(adapter);
    while (sample.timer_awaited && sched_now() < deadline)
        sched_sleep_until(sched_now() + 10000);
    adapter_power_up(adapter);
}

static void live(void *argument)
{
    struct pci_function *function = argument;
    static const struct keyword keywords[] = {{"Decimal", "42"},
                                              {"Hexadecimal", "1F"},
                                              {"Text", "abc"},
                                              {"Sub\\Inner", "5"},
                                              {"NetworkAddress", "02-AA-BB-CC-DD-EE"},
                                              {"*TCPChecksumOffloadIPv6", "2"},
                                              {"*UDPChecksumOffloadIPv4", "1"},
                                              {"*PriorityVLANTag", "0"},
                                              {"*RSS", "0"}};
    struct adapter_options options = {.interrupts = ADAPTER_INTERRUPTS_AUTO,
                                      .message_limit = 8,
                                      .keywords = keywords,
                                      .keyword_count = sizeof(keywords) / sizeof(keywords[0])};
    char error[256];
    struct driver *driver;
    struct adapter *adapter;

    worker_threads_acquire(); /* they outlast the driver: work that it left behind does not end with them */
    driver = driver_start((uintptr_t)sample_driver_entry, NULL, "sample", error, sizeof(error));
    if (!driver) {
        worker_threads_release();
        return;
    }
    adapter = adapter_create(driver, function, &options);
    if (adapter && adapter_initialize(adapter) == NT_NDIS_STATUS_SUCCESS) {
        shared->initialized = true;
        shared->vectors_granted = adapter->messages;
        if (sample_uses_device())
            sample_device_use();
        traffic(adapter);
        if (wanted_ending != WORLD_SURPRISE_REMOVAL)
            direct_requests(adapter);
        if (sample_misuse && sample_misuse->sleeps)
            sleep_and_wake(adapter);
        shared->checksum_requests = (unsigned)adapter->checksum_requests;
        shared->large_requests = (unsigned)adapter->large_requests;
        shared->checksums_verified = (unsigned)adapter->checksums_verified;
        if (sample.exercise_failed)
            snprintf(shared->exercise_failed, sizeof(shared->exercise_failed), "%s", sample.exercise_failed);
        if (wanted_ending == WORLD_POWER_OFF || wanted_ending == WORLD_BUG_CHECK) {
            adapter_shutdown(adapter, wanted_ending == WORLD_BUG_CHECK ? NT_NdisShutdownBugCheck : NT_NdisShutdownPowerOff);
            return; /* the machine is off: nothing is taken down any more */
        }
        adapter_halt(adapter, NT_NdisHaltDeviceDisabled);
    }
    if (adapter)
        adapter_destroy(adapter);
    driver_unload(driver);
    shared->work_lingered = sample.work_lingers;
    shared->work_returned = sample.work_returns;
    worker_threads_release();
}

static void copy_report(const struct rule_report *report, void *context)
{
    (void)context;
    if (report->warning) {
        if (shared->warning_count < WORLD_RULES_MAX)
            snprintf(shared->warnings[shared->warning_count++], WORLD_RULE_SIZE, "%s", report->id);
        return;
    }
    if (shared->rule_count < WORLD_RULES_MAX)
        snprintf(shared->rules[shared->rule_count++], sizeof(shared->rules[0]), "%s", report->id);
}

static void collect(void)
{
    rules_visit_reports(copy_report, NULL);
    shared->leaks = track_leak_count();
}

/* The trap module's signal handlers: cmocka puts its own in their place for each test. */
static const int trap_signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
static struct sigaction trap_handlers[sizeof(trap_signals) / sizeof(trap_signals[0])];

void world_prepare(void)
{
    trap_install();
    for (size_t index = 0; index < sizeof(trap_signals) / sizeof(trap_signals[0]); index++)
        sigaction(trap_signals[index], NULL, &trap_handlers[index]);
}

static void child(enum fault fault, unsigned vectors)
{
    const struct guest_memory *memory = guest_memory_create(64 << 20);
    struct ndishost_pci_host *host = pci_host_block_create(memory);
    struct ndishost_pci_device device = loop_device_create(host, vectors);
    char error[256];
    struct pci_function *function;

    for (size_t index = 0; index < sizeof(trap_signals) / sizeof(trap_signals[0]); index++)
        sigaction(trap_signals[index], &trap_handlers[index], NULL);
    ndis_watchdog_ms = WATCHDOG_MS;
    oid_deadline_ms = WATCHDOG_MS;
    trap_on_bugcheck(collect);
    nt_set_physical(guest_memory_physical);
    ndis_files_directory(FILES);
    nt_set_guest_memory(guest_memory_allocate, guest_memory_free);
    nt_exports_register();
    ndis_exports_register();
    if (!imports_resolve() || sched_start(2))
        _exit(3);
    function = pci_function_create(&device, error, sizeof(error));
    if (!function) {
        fprintf(stderr, "%s\n", error);
        _exit(3);
    }
    sample_fault = fault;
    sched_run("main", live, function);
    pool_check();
    if (wanted_ending < WORLD_POWER_OFF) {
        pci_function_destroy(function);
        sched_stop();
    }
    collect();
    shared->ended = true;
}

void world_run(enum fault fault, unsigned vectors, enum world_ending ending, struct world_report *report)
{
    pid_t pid;
    int status;

    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        abort();
    wanted_ending = ending;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        if (!getenv("NDIS_TEST_VERBOSE") && !freopen("/dev/null", "w", stderr))
            _exit(3);
        child(fault, vectors);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        abort();
    *report = *shared;
    munmap(shared, sizeof(*shared));
    if (!WIFEXITED(status))
        printf("the process ended with signal %d\n", WTERMSIG(status));
}

static bool listed(const char (*rules)[WORLD_RULE_SIZE], unsigned count, const char *rule)
{
    for (unsigned index = 0; index < count; index++) {
        if (!strcmp(rules[index], rule))
            return true;
    }
    return false;
}

bool world_reported(const struct world_report *report, const char *rule)
{
    return listed(report->rules, report->rule_count, rule);
}

bool world_warned(const struct world_report *report, const char *rule)
{
    return listed(report->warnings, report->warning_count, rule);
}
