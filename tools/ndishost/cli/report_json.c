/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* report_json.c - the report for machines. Members are only ever added; "schema" changes when one changes its meaning. */
#include "cli/json_text.h"
#include "cli/report.h"
#include "rules/rules.h"

enum { SCHEMA = 1 };

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *mac_text(const uint8_t mac[6])
{
    return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

static json_t *features(uint64_t bits)
{
    json_t *names = json_array();
    for (unsigned bit = 0; bit < 64; ++bit) {
        char buffer[16];
        if (bits >> bit & 1)
            json_array_append_new(names, json_string(report_feature_name(bit, buffer, sizeof(buffer))));
    }
    return json_pack("{s:o, s:o}", "mask", json_sprintf("0x%llx", (unsigned long long)bits), "names", names);
}

/* null where nothing happened that could be divided by. */
static json_t *ratio(uint64_t frames, uint64_t events)
{
    double value;
    return report_ratio(frames, events, &value) ? json_real(value) : json_null();
}

static json_t *per_queue(const uint64_t *values, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; i < count; ++i)
        json_array_append_new(array, number(values[i]));
    return array;
}

static json_t *device(const struct adapter_report *row)
{
    const struct pci_identity *id = &row->identity;
    json_t *object = json_pack("{s:o, s:o, s:o, s:i}", "description", json_from_text(row->device), "id",
                               json_sprintf("%04x:%04x", id->vendor, id->device), "subsystem",
                               json_sprintf("%04x:%04x", id->subsystem_vendor, id->subsystem), "revision", id->revision);
    json_object_set_new(object, "msix_entries", json_integer(id->msix_entries));
    json_object_set_new(object, "features_offered", row->features_known ? features(row->features_offered) : json_null());
    json_object_set_new(object, "features_taken", row->features_known ? features(row->features_taken) : json_null());
    json_object_set_new(object, "register_reads", number(row->pci.reads));
    json_object_set_new(object, "register_writes", number(row->pci.writes));
    json_object_set_new(object, "doorbells", per_queue(row->pci.notifications, 8));
    json_object_set_new(object, "messages", per_queue(row->pci.messages, 8));
    json_object_set_new(object, "line_interrupts", number(row->pci.line_interrupts));
    return object;
}

static json_t *directions(const struct adapter_counts *counts)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "frames_sent", number(counts->frames_sent), "bytes_sent", number(counts->bytes_sent),
                     "frames_received", number(counts->frames_received), "bytes_received", number(counts->bytes_received), "interrupts",
                     number(counts->interrupts));
}

static json_t *adapter(const struct adapter_report *row)
{
    json_t *object =
        json_pack("{s:o, s:o, s:b}", "image", json_from_text(row->image_name), "device", device(row), "initialised", row->initialised);
    if (!row->initialised)
        return object;
    const struct adapter_facts *facts = &row->facts;
    const struct adapter_counts *counts = &row->counts;
    json_object_set_new(object, "mac", mac_text(facts->current_mac));
    json_object_set_new(object, "permanent_mac", mac_text(facts->permanent_mac));
    json_object_set_new(object, "mtu", number(facts->mtu));
    json_object_set_new(object, "link", json_string(facts->link == LINK_UP ? "up" : facts->link == LINK_DOWN ? "down" : "unknown"));
    json_object_set_new(object, "link_speed", number(facts->link_speed));
    json_object_set_new(object, "interrupt_kind", json_string(facts->interrupts_by_message ? "msix" : "intx"));
    json_object_set_new(object, "messages_granted", number(facts->messages_granted));
    json_object_set_new(object, "interrupts", number(counts->interrupts));
    json_object_set_new(object, "dpcs", number(counts->dpcs));
    json_object_set_new(object, "frames_sent", number(counts->frames_sent));
    json_object_set_new(object, "bytes_sent", number(counts->bytes_sent));
    json_object_set_new(object, "frames_received", number(counts->frames_received));
    json_object_set_new(object, "bytes_received", number(counts->bytes_received));
    json_object_set_new(object, "sends_failed", number(counts->sends_failed));
    json_object_set_new(object, "receives_dropped", number(counts->receives_dropped));
    json_object_set_new(object, "frames_judged", number(row->pci.frames_judged));
    json_object_set_new(object, "checksum_requests", number(counts->checksum_requests));
    json_object_set_new(object, "large_requests", number(counts->large_requests));
    json_object_set_new(object, "checksums_verified", number(counts->checksums_verified));
    json_object_set_new(object, "frames_refused_by_linux", number(row->frames_refused));
    json_object_set_new(object, "send_calls", number(counts->send_calls));
    json_object_set_new(object, "send_completions", number(counts->send_completions));
    json_object_set_new(object, "indications", number(counts->indications));
    json_object_set_new(object, "diagnostics", diagnostics_json(&row->diagnostics));
    if (row->diagnostics.known[DIAGNOSTICS_INFO])
        json_object_set_new(object, "before_diagnostics", directions(&row->counts_before));
    json_object_set_new(object, "packets_per_doorbell", ratio(counts->frames_sent, row->pci.notifications[1]));
    json_object_set_new(object, "packets_per_interrupt", ratio(counts->frames_sent + counts->frames_received, counts->interrupts));
    return object;
}

struct findings {
    json_t *violations, *warnings;
};

static void add_finding(const struct rule_report *finding, void *context)
{
    struct findings *findings = context;
    json_array_append_new(finding->warning ? findings->warnings : findings->violations,
                          json_pack("{s:s, s:s, s:o, s:i}", "id", finding->id, "text", finding->text, "detail",
                                    json_from_text(finding->detail), "count", (int)finding->count));
}

static json_t *command(const struct command_state *state)
{
    if (!state->command)
        return json_null();
    return json_pack("{s:o, s:o, s:b}", "command", json_from_text(state->command), "status",
                     state->ended_by_us ? json_null() : json_integer(state->status), "ended_with_run", state->ended_by_us);
}

json_t *report_json(const struct run_report *report)
{
    struct findings findings = {json_array(), json_array()};
    json_t *adapters = json_array(), *events = json_array();
    for (unsigned i = 0; i < report->adapter_count; ++i)
        json_array_append_new(adapters, adapter(&report->adapters[i]));
    for (unsigned i = 0; i < event_log_count(); ++i) {
        char text[EVENT_LOG_LINE];
        struct event_log_entry entry = event_log_entry(i);
        json_array_append_new(events, json_from_text(event_log_format(&entry, text, sizeof(text))));
    }
    rules_visit_reports(add_finding, &findings);

    json_t *object = json_pack("{s:s, s:i, s:o, s:s, s:f}", "tool", "ndishost", "schema", (int)SCHEMA, "image",
                               json_from_text(report->image_name), "architecture", report->architecture, "seconds", report->seconds);
    json_object_set_new(object, "result", json_string(report->exit_status ? "fail" : "pass"));
    json_object_set_new(object, "exit_status", json_integer(report->exit_status));
    json_object_set_new(object, "reason", report->reason[0] ? json_from_text(report->reason) : json_null());
    json_object_set_new(object, "adapters", adapters);
    json_object_set_new(object, "exec", command(&report->exec));
    json_object_set_new(object, "peer_exec", command(&report->peer_exec));
    json_object_set_new(object, "bad_checksums",
                        json_pack("{s:o, s:o, s:b}", "guest", number(report->bad_checksums[SIDE_GUEST]), "peer",
                                  number(report->bad_checksums[SIDE_PEER]), "referee", report->options->referee));
    json_object_set_new(object, "rounds",
                        report->options->rounds ? json_pack("{s:i, s:o, s:o}", "done", (int)report->rounds_done, "memory_before",
                                                            number(report->memory_before), "memory_after", number(report->memory_after))
                                                : json_null());
    json_object_set_new(object, "traps",
                        json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "region_reads", number(report->traps.region_reads), "region_writes",
                                  number(report->traps.region_writes), "cr8", number(report->traps.cr8), "shared_user",
                                  number(report->traps.shared_user), "port", number(report->traps.port), "segment",
                                  number(report->traps.segment)));
    json_object_set_new(object, "kernel_stack",
                        json_pack("{s:o, s:o}", "used", number(report->stack_used), "size", number(report->stack_size)));
    json_object_set_new(object, "driver_memory_peak", number(report->memory_peaks.driver));
    json_object_set_new(object, "process_memory_peak", number(report->memory_peaks.process));
    json_object_set_new(object, "event_log", events);
    json_object_set_new(object, "violation_count", json_integer(report->violations));
    json_object_set_new(object, "warning_count", json_integer(report->warnings));
    json_object_set_new(object, "leak_count", json_integer(report->leaks));
    json_object_set_new(object, "violations", findings.violations);
    json_object_set_new(object, "warnings", findings.warnings);
    return object;
}
