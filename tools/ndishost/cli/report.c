/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* report.c - collects the figures of a run and prints the table. */
#include "cli/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/host.h"
#include "exec/sched.h"
#include "nt/nt.h"
#include "rules/rules.h"

enum { LABEL_WIDTH = 22, LINE_WIDTH = 132 };

/* ---- collecting ---- */

void report_fail(struct run_report *report, int exit_status, const char *format, ...)
{
    if (report->reason[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->reason, sizeof(report->reason), format, arguments);
    va_end(arguments);
    report->exit_status = exit_status;
}

void report_adapter(struct run_report *report, unsigned index, const struct machine_adapter *slot)
{
    struct adapter_report *row = &report->adapters[index];
    const struct ndishost_pci_device *device = slot->function ? pci_function_device(slot->function) : NULL;
    if (slot->adapter) {
        row->initialised = true;
        row->facts = adapter_facts(slot->adapter);
        row->counts = adapter_counts(slot->adapter);
    }
    row->image_name = host_file_name(slot->options->image);
    row->frames_refused = network_refused(slot->network);
    snprintf(row->device, sizeof(row->device), "%s", device ? device->ops->describe(device->state) : "none");
    if (device) {
        row->identity = pci_function_identity(slot->function);
        row->features_known = pci_function_virtio_features(slot->function, &row->features_offered, &row->features_taken);
        row->pci = pci_function_counts(slot->function);
    }
    if (report->adapter_count <= index)
        report->adapter_count = index + 1;
}

/* A device that says of damaged frames that they are good has Linux find them, and nobody is to blame. */
static bool devices_may_lie(const struct run_options *options)
{
    for (; options; options = options->also)
        if (device_choice_misbehaves(&options->device))
            return true;
    return false;
}

void report_checksums(struct run_report *report, const struct network_world *world)
{
    static const char *const sides[] = {"guest", "peer"};
    for (int side = SIDE_GUEST; side <= SIDE_PEER; ++side) {
        char text[256];
        report->bad_checksums[side] = network_bad_checksums(world, (enum network_side)side, text, sizeof(text));
        if (report->bad_checksums[side] && !(side == SIDE_GUEST && devices_may_lie(report->options)))
            report_fail(report, EXIT_FOUND, "Linux found bad checksums on the %s's side: %s", sides[side], text);
    }
}

void report_totals(struct run_report *report)
{
    report->traps = trap_counts_get();
    report->stack_used = sched_kernel_stack_high_water(&report->stack_size);
    report->memory_peaks = supervisor_memory_peaks();
    report->exec = supervisor_command(SIDE_GUEST);
    report->peer_exec = supervisor_command(SIDE_PEER);
    report->violations = rules_violation_count();
    report->warnings = rules_warning_count();
    report->leaks = track_leak_count();
    if (report->violations)
        report_fail(report, EXIT_FOUND, "%u violation%s", report->violations, report->violations == 1 ? "" : "s");
    if (report->leaks)
        report_fail(report, EXIT_FOUND, "%u leak%s", report->leaks, report->leaks == 1 ? "" : "s");
}

const char *report_feature_name(unsigned bit, char *buffer, size_t size)
{
    const char *name = virtio_feature_name(bit);
    if (name)
        return name;
    snprintf(buffer, size, "bit_%u", bit);
    return buffer;
}

/* ---- the table ---- */

static void print_row(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void print_row(const char *label, const char *format, ...)
{
    va_list arguments;
    printf("  %-*s", LABEL_WIDTH, label);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

/* 1234567 as "1,234,567"; into one of a few buffers, so that one call can show several. */
static const char *grouped(uint64_t value)
{
    static char buffers[8][32];
    static unsigned next;
    char digits[24], *out = buffers[next++ % 8];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, value), used = 0;
    for (int i = 0; i < length; ++i) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ',';
        out[used++] = digits[i];
    }
    out[used] = 0;
    return out;
}

static void print_features(const char *label, uint64_t features)
{
    int column = printf("  %-*s", LABEL_WIDTH, label);
    for (unsigned bit = 0; bit < 64; ++bit) {
        char buffer[16];
        if (!(features >> bit & 1))
            continue;
        const char *name = report_feature_name(bit, buffer, sizeof(buffer));
        if (column + (int)strlen(name) >= LINE_WIDTH)
            column = printf("\n  %-*s", LABEL_WIDTH, "") - 1;
        column += printf("%s ", name);
    }
    putchar('\n');
}

static void print_direction(const char *label, uint64_t frames, uint64_t bytes, uint64_t doorbells, const char *lost_label, uint64_t lost)
{
    double ratio;
    printf("  %-*s%s packets, %s bytes", LABEL_WIDTH, label, grouped(frames), grouped(bytes));
    if (report_ratio(frames, doorbells, &ratio))
        printf(", %s doorbells (%.1f packets each)", grouped(doorbells), ratio);
    if (lost)
        printf(", %s %s", grouped(lost), lost_label);
    putchar('\n');
}

static const char *link_text(enum link_state link)
{
    return link == LINK_UP ? "up" : link == LINK_DOWN ? "down" : "unknown";
}

static void print_adapter(const struct adapter_report *row, unsigned index, bool several)
{
    const struct pci_identity *id = &row->identity;
    const struct adapter_facts *facts = &row->facts;
    const struct adapter_counts *counts = &row->counts;
    double ratio;
    if (several)
        printf("adapter %u of %s\n", index, row->image_name);
    if (id->vendor)
        print_row("device", "%s, %04x:%04x revision %02x, subsystem %04x:%04x", row->device, id->vendor, id->device, id->revision,
                  id->subsystem_vendor, id->subsystem);
    else
        print_row("device", "%s", row->device);
    if (row->features_known) {
        print_features("features offered", row->features_offered);
        print_features("features taken", row->features_taken);
    }
    if (!row->initialised)
        return;
    print_row("link", "%s at the end, %02x:%02x:%02x:%02x:%02x:%02x, MTU %" PRIu32, link_text(facts->link), facts->current_mac[0],
              facts->current_mac[1], facts->current_mac[2], facts->current_mac[3], facts->current_mac[4], facts->current_mac[5],
              facts->mtu);
    if (id->vendor) {
        printf("  %-*s", LABEL_WIDTH, "interrupts");
        if (facts->interrupts_by_message)
            printf("MSI-X, %u message%s, ", facts->messages_granted, facts->messages_granted == 1 ? "" : "s");
        else
            printf("INTx, ");
        printf("%s taken", grouped(counts->interrupts));
        if (report_ratio(counts->frames_sent + counts->frames_received, counts->interrupts, &ratio))
            printf(" (%.1f packets each)", ratio);
        putchar('\n');
    }
    print_direction("sent", counts->frames_sent, counts->bytes_sent, row->pci.notifications[1], "failed", counts->sends_failed);
    if (counts->checksum_requests || counts->large_requests || counts->checksums_verified)
        print_row("offloads", "%s checksums and %s large sends asked for, %s received checksums verified by claim",
                  grouped(counts->checksum_requests), grouped(counts->large_requests), grouped(counts->checksums_verified));
    print_direction("received", counts->frames_received, counts->bytes_received, row->pci.notifications[0], "dropped",
                    counts->receives_dropped + row->frames_refused);
}

static void print_command(const char *label, const struct command_state *state)
{
    if (!state->command)
        return;
    if (state->ended_by_us)
        print_row(label, "ended with the run");
    else if (state->status > 128)
        print_row(label, "ended by signal %d", state->status - 128);
    else
        print_row(label, "exit status %d", state->status);
}

static void print_finding(const struct rule_report *finding, void *context)
{
    (void)context;
    printf("  %s %s (%u times): %s\n      first: %s\n", finding->warning ? "warning  " : "violation", finding->id, finding->count,
           finding->text, finding->detail);
}

void report_print(const struct run_report *report)
{
    printf("%s (%s), %.1f s\n", report->image_name, report->architecture, report->seconds);
    for (unsigned i = 0; i < report->adapter_count; ++i)
        print_adapter(&report->adapters[i], i, report->adapter_count > 1);
    for (unsigned i = 0; i < report->adapter_count; ++i)
        diagnostics_print(&report->adapters[i].diagnostics, i);
    if (report->adapter_count > 1)
        printf("all\n");
    if (report->options->rounds)
        print_row("rounds", "%s of %s, memory %s KiB early, %s KiB at the end", grouped(report->rounds_done),
                  grouped(report->options->rounds), grouped(report->memory_before / 1024), grouped(report->memory_after / 1024));
    if (!report->options->rounds)
        print_row("bad checksums", "guest %s, peer %s%s", grouped(report->bad_checksums[SIDE_GUEST]),
                  grouped(report->bad_checksums[SIDE_PEER]), report->options->referee ? " (verified behind the referee)" : "");
    print_command("command", &report->exec);
    print_command("peer's command", &report->peer_exec);
    print_row("register accesses", "%s reads, %s writes emulated; %s of cr8", grouped(report->traps.region_reads),
              grouped(report->traps.region_writes), grouped(report->traps.cr8));
    print_row("kernel stack", "%s of %s bytes used at most", grouped(report->stack_used), grouped(report->stack_size));
    print_row("driver's memory", "%s KiB held at most", grouped((report->memory_peaks.driver + 1023) / 1024));
    print_row("this process", "%s MiB at most beside guest memory", grouped((report->memory_peaks.process + (1 << 19)) >> 20));
    for (unsigned i = 0; i < event_log_count(); ++i) {
        char text[EVENT_LOG_LINE];
        struct event_log_entry entry = event_log_entry(i);
        print_row("event log", "%s", event_log_format(&entry, text, sizeof(text)));
    }
    print_row("violations", "%u", report->violations);
    print_row("warnings", "%u", report->warnings);
    print_row("leaks", "%u", report->leaks);
    rules_visit_reports(print_finding, NULL);
    if (report->exit_status)
        printf("FAIL: %s\n", report->reason);
    else
        printf("PASS\n");
    fflush(stdout);
}
