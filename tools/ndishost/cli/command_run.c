/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* command_run.c - `ndishost run`: checks what can be checked, builds the world around the driver, runs the scenario, reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/host.h"
#include "cli/inf_settings.h"
#include "cli/machine.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "cli/report_file.h"
#include "cli/scenario.h"
#include "cli/supervisor.h"
#include "exec/sched.h"
#include "exec/trap.h"
#include "nt/nt.h"
#include "pe/image.h"
#include "rules/rules.h"

/* One run per process: what the bug check hook needs is here. */
static struct run_report report;
static struct machine machine;
static struct report_file report_file;
static struct timespec started;

static int refused(const char *why)
{
    fprintf(stderr, "ndishost: %s\n", why);
    return EXIT_INPUT;
}

static void note_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    report.seconds = (double)(now.tv_sec - started.tv_sec) + (double)(now.tv_nsec - started.tv_nsec) / 1e9;
}

/* ---- the end ---- */

static int write_report(void)
{
    progress_end();
    if (report.exit_status == EXIT_INPUT) /* bad input: one line, and nothing is left */
        return refused(report.reason);
    if (report_file.path && !report_file_write(&report_file, report_json(&report)))
        report_fail(&report, EXIT_FOUND, "the report %s could not be written completely", report_file.path);
    if (!report_file_is_output(&report_file))
        report_print(&report);
    return report.exit_status;
}

/*
 * The image did what would stop Windows. The process ends when this returns; nothing of the machine can be trusted any more. Commands and
 * whatever else lives in the namespaces (QEMU too) end here, as nobody will come back for them.
 */
static void bug_check_hook(void)
{
    note_seconds();
    report_fail(&report, EXIT_FOUND, "bug check: the run could not go on");
    for (unsigned i = 0; i < machine.adapter_count; ++i)
        if (machine.adapters[i].network)
            report_adapter(&report, i, &machine.adapters[i]);
    report_totals(&report);
    write_report();
    supervisor_commands_kill();
    network_world_destroy(machine.world);
}

/* ---- what is known without running anything ---- */

/* Every import must have an implementation; those that do not are all named. */
static bool imports_are_known(const struct image_facts *facts, char *error, size_t error_size)
{
    unsigned missing = 0;
    snprintf(error, error_size, "%s", "");
    for (unsigned i = 0; i < image_import_count(facts); ++i) {
        struct image_import_facts import = image_import(facts, i);
        size_t used = strlen(error);
        if (host_knows_import(import.dll, import.name))
            continue;
        snprintf(error + used, error_size - used, "%s%s!%s", missing++ ? ", " : "unknown import: ", import.dll, import.name);
    }
    return missing == 0;
}

/* ---- the run ---- */

static bool run_on_machine(const struct run_options *options, struct image_facts *const *facts, char *error, size_t error_size)
{
    struct scenario scenario = {.options = options, .facts = {facts[0], facts[1]}, .machine = &machine, .report = &report};
    bool built = machine_create(&machine, options, machine.world, error, error_size);
    if (built && supervisor_start(&machine, error, error_size)) {
        progress_begin(&machine, !options->trace);
        sched_run("scenario", options->rounds ? scenario_rounds : scenario_traffic, &scenario);
        pool_check();
        note_seconds();
        report_totals(&report);
        supervisor_stop();
    } else {
        built = false;
    }
    machine_destroy(&machine);
    return built;
}

static int run_in_world(const struct run_options *options, struct image_facts *const *facts)
{
    char error[512];
    struct network_world *world = network_world_create(options->network, options->referee, error, sizeof(error));
    if (!world)
        return refused(error);
    machine.world = world;
    trap_on_bugcheck(bug_check_hook);
    int why = sched_start(options->processors);
    bool ran = false;
    if (why)
        snprintf(error, sizeof(error), "the processors cannot start: %s", strerror(why));
    else
        ran = run_on_machine(options, facts, error, sizeof(error));
    if (!why && sched_stop() > 0)
        report_fail(&report, EXIT_FOUND, "threads of the driver were left");
    network_world_destroy(world);
    return ran ? write_report() : refused(error);
}

/* Where the command line leaves it open, the INF says what Windows grants. */
static void grant_interrupts(struct run_options *options, const struct inf_interrupts *interrupts)
{
    if (options->interrupts != ADAPTER_INTERRUPTS_AUTO || !interrupts->known)
        return;
    if (!interrupts->messages)
        options->interrupts = ADAPTER_INTERRUPTS_LINE;
    else if (interrupts->message_limit && interrupts->message_limit < options->message_limit)
        options->message_limit = interrupts->message_limit;
}

/* One driver: its imports are known, its INF is read. */
static bool prepare_driver(struct run_options *options, const struct image_facts *facts, char *error, size_t error_size)
{
    struct inf_interrupts interrupts;
    if (!imports_are_known(facts, error, error_size) ||
        !inf_settings_add(options->inf, options->image, facts, &options->keywords, &interrupts, error, error_size))
        return false;
    grant_interrupts(options, &interrupts);
    return true;
}

/* The images, of one machine; the first one decides which program takes them. */
static bool read_images(const struct run_options *options, struct image_facts **facts, char *error, size_t error_size)
{
    facts[0] = host_read_image(options->image, error, error_size);
    if (facts[0] && options->also)
        facts[1] = host_read_image(options->also->image, error, error_size);
    if (!facts[0] || (options->also && !facts[1]))
        return false;
    if (facts[1] && image_facts_machine(facts[0]) != image_facts_machine(facts[1])) {
        snprintf(error, error_size, "%s is for %s and %s for %s: both drivers of a run are for one machine", options->image,
                 image_machine_name(image_facts_machine(facts[0])), options->also->image,
                 image_machine_name(image_facts_machine(facts[1])));
        return false;
    }
    return host_take_image(facts[0], error, error_size);
}

/* Whatever the command line names must be there before anything starts. */
static int run(struct run_options *options)
{
    char error[512];
    struct image_facts *facts[RUN_DRIVERS_MAX] = {NULL};
    int status = EXIT_INPUT;
    trace_enabled = options->trace;
    if (!host_take_files(options->files, error, sizeof(error)) || !read_images(options, facts, error, sizeof(error)) ||
        !prepare_driver(options, facts[0], error, sizeof(error)) ||
        (options->also && !prepare_driver(options->also, facts[1], error, sizeof(error))) ||
        !report_file_open(&report_file, options->json, error, sizeof(error))) {
        refused(error);
    } else {
        report =
            (struct run_report){.options = options, .image_name = host_file_name(options->image), .architecture = host_architecture_name()};
        clock_gettime(CLOCK_MONOTONIC, &started);
        pool_guard_pages = options->guard_pages;
        status = run_in_world(options, facts);
        report_file_discard(&report_file);
    }
    for (unsigned i = 0; i < RUN_DRIVERS_MAX; ++i)
        image_facts_free(facts[i]);
    return status;
}

int command_run(int argc, char **argv)
{
    struct run_options options;
    enum options_outcome outcome = run_options_parse(&options, argc, argv);
    int status = outcome == OPTIONS_HELPED ? EXIT_OK : EXIT_INPUT;
    if (outcome == OPTIONS_RUN) {
        supervisor_block_signals();
        status = run(&options);
    }
    run_options_free(&options);
    return status;
}
