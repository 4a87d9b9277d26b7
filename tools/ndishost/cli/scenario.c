/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* scenario.c - brings a driver up on the machine's devices, lets traffic through, takes it down; each step undone in opposite order. */
#include "cli/scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "abi/nt_constants.h"
#include "cli/host.h"
#include "cli/memory_use.h"
#include "cli/progress.h"
#include "exec/sched.h"
#include "rules/rules.h"

enum { TICKS_PER_MS = 10000 /* of sched_now() */, LINK_PATIENCE_MS = 10000 };
/* "As long as it takes" still ends: a command that hangs is stopped after this. */
#define RUN_SECONDS_AT_MOST 86400.0

/* ---- the driver and its adapters ---- */

/* "C:\drivers\aero_virtio_net.sys" and "./aero_virtio_net.sys" are the service aero_virtio_net. */
static void service_name(const char *path, char *name, size_t size)
{
    snprintf(name, size, "%s", host_file_name(path));
    char *dot = strrchr(name, '.');
    if (dot && dot != name)
        *dot = 0;
}

static void unload_all(struct driver *const drivers[RUN_DRIVERS_MAX])
{
    for (unsigned i = RUN_DRIVERS_MAX; i-- > 0;)
        if (drivers[i])
            driver_unload(drivers[i]);
}

/* All or none; those that the run does not have are NULL. */
static bool load_all(const struct scenario *scenario, struct driver *drivers[RUN_DRIVERS_MAX])
{
    unsigned count = 0;
    memset(drivers, 0, RUN_DRIVERS_MAX * sizeof(*drivers));
    for (const struct run_options *options = scenario->options; options; options = options->also, ++count) {
        char name[128], error[512];
        service_name(options->image, name, sizeof(name));
        drivers[count] = driver_load(scenario->facts[count], name, error, sizeof(error));
        if (!drivers[count]) {
            report_fail(scenario->report, EXIT_FOUND, "%s", error);
            unload_all(drivers);
            return false;
        }
    }
    return true;
}

/*
 * A refusal that is clean (an event-log entry, nothing violated) is about the device, not about the driver: bad input. All entries
 * since `first_event` are named, the reason is one of them.
 */
static void note_refusal(struct run_report *report, unsigned index, uint32_t status, unsigned first_event)
{
    char text[2 * EVENT_LOG_LINE] = "";
    for (unsigned i = first_event; i < event_log_count(); ++i) {
        char line[EVENT_LOG_LINE];
        struct event_log_entry entry = event_log_entry(i);
        size_t used = strlen(text);
        snprintf(text + used, sizeof(text) - used, "%s%s", used ? ", " : "", event_log_format(&entry, line, sizeof(line)));
    }
    bool clean = text[0] && rules_violation_count() == 0;
    report_fail(report, clean ? EXIT_INPUT : EXIT_FOUND,
                "the driver refused the device of adapter %u: MiniportInitializeEx returned 0x%08" PRIX32 "; event log: %s", index, status,
                text[0] ? text : "nothing, though a refusal must leave an entry");
}

static bool bring_up(const struct scenario *scenario, struct driver *driver, unsigned index)
{
    struct machine_adapter *slot = &scenario->machine->adapters[index];
    const struct run_options *options = slot->options;
    struct adapter_options adapter_options = {
        .interrupts = options->interrupts,
        .message_limit = options->message_limit,
        .keywords = options->keywords.rows,
        .keyword_count = options->keywords.count,
    };
    unsigned first_event = event_log_count();
    struct adapter *adapter = adapter_create(driver, slot->function, &adapter_options);
    if (!adapter) {
        report_fail(scenario->report, EXIT_FOUND, "adapter %u: the device stack could not be made", index);
        return false;
    }
    uint32_t status = adapter_initialize(adapter);
    if (status != 0) {
        note_refusal(scenario->report, index, status, first_event);
        report_adapter(scenario->report, index, slot);
        adapter_destroy(adapter);
        return false;
    }
    progress_adapter(slot, adapter);
    supervisor_sample_memory();
    return true;
}

static void take_down(const struct scenario *scenario, unsigned index)
{
    struct machine_adapter *slot = &scenario->machine->adapters[index];
    struct adapter *adapter = slot->adapter;
    supervisor_sample_memory();
    /* The link of a halted adapter says nothing: facts from before, counts from after. */
    struct adapter_facts facts = adapter_facts(adapter);
    machine_check_at_rest(slot);
    adapter_halt(adapter, NT_NdisHaltDeviceDisabled);
    report_adapter(scenario->report, index, slot);
    scenario->report->adapters[index].facts = facts;
    progress_adapter(slot, NULL);
    adapter_destroy(adapter);
}

/* How many adapters came up: all of them, or those before the one that did not. */
static unsigned bring_all_up(const struct scenario *scenario, struct driver *const drivers[RUN_DRIVERS_MAX])
{
    const struct machine *machine = scenario->machine;
    unsigned up = 0;
    while (up < machine->adapter_count && bring_up(scenario, drivers[machine->adapters[up].driver], up))
        ++up;
    return up;
}

/* ---- traffic ---- */

static void link_changed(void *context, enum link_state state)
{
    (void)context;
    (void)state;
    supervisor_wake();
}

static bool stop_wanted(const struct scenario *scenario)
{
    bool failure;
    const char *reason = supervisor_stop_reason(&failure);
    if (reason && failure) {
        const char *broken = machine_failure(scenario->machine);
        report_fail(scenario->report, EXIT_FOUND, "%s", broken ? broken : reason);
    }
    return reason != NULL;
}

static bool connect_network(const struct scenario *scenario, unsigned index, struct capture *capture)
{
    struct machine_adapter *slot = &scenario->machine->adapters[index];
    struct adapter_facts facts = adapter_facts(slot->adapter);
    unsigned interface = 0;
    if (!network_configure(slot->network, facts.current_mac, facts.mtu)) {
        report_fail(scenario->report, EXIT_FOUND, "adapter %u: Linux does not take its address or its MTU of %" PRIu32, index, facts.mtu);
        return false;
    }
    if (capture) {
        char name[48];
        snprintf(name, sizeof(name), "aero%u (above the driver)", index);
        interface = capture_add_interface(capture, name);
    }
    adapter_on_link(slot->adapter, link_changed, NULL);
    slot->edge = upper_edge_bind(slot->adapter, slot->network, capture, interface);
    if (!slot->edge)
        report_fail(scenario->report, EXIT_FOUND, "adapter %u: TCP/IP could not be bound to it", index);
    return slot->edge != NULL;
}

static bool all_links_up(const struct machine *machine)
{
    for (unsigned i = 0; i < machine->adapter_count; ++i)
        if (adapter_facts(machine->adapters[i].adapter).link != LINK_UP)
            return false;
    return true;
}

static bool wait_for_links(const struct scenario *scenario)
{
    uint64_t deadline = sched_now() + (uint64_t)LINK_PATIENCE_MS * TICKS_PER_MS;
    while (!all_links_up(scenario->machine)) {
        if (stop_wanted(scenario))
            return false;
        if (sched_now() >= deadline) {
            report_fail(scenario->report, EXIT_FOUND, "the link did not come up within %d s", LINK_PATIENCE_MS / 1000);
            return false;
        }
        supervisor_wait(deadline);
    }
    return true;
}

static bool start_command(const struct scenario *scenario, enum network_side side, const char *command)
{
    if (!command || supervisor_command_start(side, command))
        return true;
    report_fail(scenario->report, EXIT_FOUND, "a shell could not be started for: %s", command);
    return false;
}

static bool command_failed(struct run_report *report, enum network_side side)
{
    struct command_state state = supervisor_command(side);
    if (!state.command || state.running || state.ended_by_us || state.status == 0)
        return false;
    report_fail(report, EXIT_FOUND, "the %s command ended with status %d: %s", side == SIDE_GUEST ? "guest's" : "peer's", state.status,
                state.command);
    return true;
}

/* Until the guest's command has ended (without one: the peer's, without both: --for), a command fails, or the run is to stop. */
static void run_commands(const struct scenario *scenario)
{
    const struct run_options *options = scenario->options;
    if (!start_command(scenario, SIDE_PEER, options->peer_exec) || !start_command(scenario, SIDE_GUEST, options->exec))
        return;
    bool has_command = options->exec || options->peer_exec;
    if (!has_command && options->seconds <= 0)
        return;
    enum network_side decisive = options->exec ? SIDE_GUEST : SIDE_PEER;
    double seconds = options->seconds > 0 ? options->seconds : RUN_SECONDS_AT_MOST;
    uint64_t deadline = sched_now() + (uint64_t)(seconds * 1000.0 * TICKS_PER_MS);
    while (!stop_wanted(scenario) && !command_failed(scenario->report, SIDE_PEER)) {
        if (has_command && !supervisor_command(decisive).running)
            break;
        if (sched_now() >= deadline) {
            if (has_command)
                report_fail(scenario->report, EXIT_FOUND, "the command did not end within %g s", seconds);
            break;
        }
        supervisor_wait(deadline);
    }
    supervisor_commands_end();
    command_failed(scenario->report, SIDE_GUEST);
}

static bool open_capture(const struct scenario *scenario, struct capture **capture)
{
    char error[256];
    *capture = NULL;
    if (!scenario->options->pcap)
        return true;
    *capture = capture_open(scenario->options->pcap, error, sizeof(error));
    if (!*capture)
        report_fail(scenario->report, EXIT_INPUT, "%s", error);
    return *capture != NULL;
}

/* What the driver says of itself, while its adapters are up and bound. */
static void ask_driver(const struct scenario *scenario)
{
    for (unsigned i = 0; i < scenario->machine->adapter_count; ++i) {
        struct adapter_facts facts = adapter_facts(scenario->machine->adapters[i].adapter);
        uint32_t status;
        scenario->report->adapters[i].counts_before = adapter_counts(scenario->machine->adapters[i].adapter);
        if (!diagnostics_collect(&scenario->report->adapters[i].diagnostics, facts.current_mac, &status))
            report_fail(scenario->report, EXIT_FOUND, "--diag: adapter %u cannot be asked through %s: 0x%08" PRIX32, i, DIAGNOSTICS_PATH,
                        status);
    }
}

static void let_traffic_through(const struct scenario *scenario)
{
    struct machine *machine = scenario->machine;
    struct capture *capture;
    unsigned connected = 0;
    if (!open_capture(scenario, &capture))
        return;
    while (connected < machine->adapter_count && connect_network(scenario, connected, capture))
        ++connected;
    progress_stage("waiting for the link");
    if (connected == machine->adapter_count && wait_for_links(scenario)) {
        /* A command may own the terminal. */
        bool command_talks = scenario->options->exec || scenario->options->peer_exec;
        progress_stage(command_talks ? NULL : "%s", "running");
        run_commands(scenario);
        if (scenario->options->diag)
            ask_driver(scenario);
    }
    progress_stage("stopping");
    report_checksums(scenario->report, machine->world);
    while (connected-- > 0) {
        upper_edge_unbind(machine->adapters[connected].edge);
        machine->adapters[connected].edge = NULL;
    }
    if (capture && !capture_close(capture))
        report_fail(scenario->report, EXIT_FOUND, "the capture %s could not be written completely", scenario->options->pcap);
}

/* ---- the scenarios ---- */

void scenario_traffic(void *argument)
{
    const struct scenario *scenario = argument;
    progress_stage("initialising");
    struct driver *drivers[RUN_DRIVERS_MAX];
    if (!load_all(scenario, drivers))
        return;
    unsigned up = bring_all_up(scenario, drivers);
    if (up == scenario->machine->adapter_count)
        let_traffic_through(scenario);
    while (up-- > 0)
        take_down(scenario, up);
    unload_all(drivers);
    track_audit(NULL, "at the end of the run");
}

void scenario_rounds(void *argument)
{
    const struct scenario *scenario = argument;
    struct run_report *report = scenario->report;
    /* What host and libraries allocate once is there after the first rounds; the comparison starts then. */
    unsigned rounds = scenario->options->rounds, settled = rounds / 10 ? rounds / 10 : 1;
    for (unsigned round = 0; round < rounds && !report->reason[0] && !stop_wanted(scenario); ++round) {
        progress_stage("round %u of %u", round + 1, rounds);
        struct driver *drivers[RUN_DRIVERS_MAX];
        if (!load_all(scenario, drivers))
            break;
        unsigned up = bring_all_up(scenario, drivers);
        while (up-- > 0)
            take_down(scenario, up);
        unload_all(drivers);
        track_audit(NULL, "at the end of the round");
        if (rules_violation_count() || track_leak_count())
            break; /* a thousand times the same helps nobody */
        report->rounds_done = round + 1;
        report->memory_after = memory_use_anonymous();
        if (round + 1 == settled)
            report->memory_before = report->memory_after;
    }
}
