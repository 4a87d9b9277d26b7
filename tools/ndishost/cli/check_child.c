/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_child.c - one scenario from the first processor to the last audit. */
#include "cli/check_child.h"

#include <stdio.h>
#include <string.h>

#include "exec/sched.h"
#include "exec/trap.h"
#include "nt/nt.h"
#include "rules/acquire.h"
#include "rules/rules.h"

enum { PROOF_FRAMES = 64 };

/* One run per process: what the bug check hook needs is here. */
static struct {
    const struct check_options *options;
    const struct check_job *job;
    struct check_result *result;
    struct world_options world_options;
    struct world world;
    bool scenario_over; /* what follows is the start that must work */
} child;

/* ---- the result ---- */

static void take_first_violation(const struct rule_report *report, void *context)
{
    struct check_result *result = context;
    if (!report->warning && !result->violation[0])
        snprintf(result->violation, sizeof(result->violation), "%s: %s", report->id, report->detail);
}

static void note_world(struct check_result *result)
{
    if (child.world.failure[0] && !result->failure[0])
        snprintf(result->failure, sizeof(result->failure), "%s%s", child.scenario_over ? "the start afterwards: " : "",
                 child.world.failure);
    if (!child.scenario_over)
        memcpy(result->inapplicable, child.world.inapplicable, sizeof(result->inapplicable));
}

static void note_rules(struct check_result *result)
{
    rules_visit_reports(take_first_violation, result);
    result->violations = rules_violation_count();
    result->warnings = rules_warning_count();
    result->leaks = track_leak_count();
}

/* The image did what would stop Windows; the process ends when this returns. */
static void bug_check_hook(void)
{
    note_world(child.result);
    note_rules(child.result);
    child.result->bug_check = true;
    child.result->finished = true;
}

/* ---- the run ---- */

static void note_refusals(struct check_result *result)
{
    result->acquisitions = acquire_count();
    result->refusals = acquire_refusals();
    if (acquire_first_refused())
        snprintf(result->refused, sizeof(result->refused), "%s", acquire_first_refused());
}

/* Whatever was done to the driver: a normal start works afterwards. */
static void prove_normal_start(void)
{
    child.scenario_over = true;
    acquire_reset();
    child.world_options.cut_at = 0;
    world_init(&child.world, &child.world_options);
    if (world_start_one(&child.world))
        station_prove(&child.world.stations[0], PROOF_FRAMES);
    world_finish(&child.world);
    note_world(child.result);
}

static void run(void *unused)
{
    (void)unused;
    struct check_result *result = child.result;
    acquire_reset();
    acquire_refuse_number(child.job->fail_nth);
    world_init(&child.world, &child.world_options);
    if (child.job->scenario->needs_device && child.options->device.kind == CHOICE_NONE)
        world_inapplicable(&child.world, "it is about a device, and there is none");
    else
        child.job->scenario->run(&child.world);
    world_finish(&child.world);
    note_world(result);
    note_refusals(result);
    result->accesses = child.world.accesses;
    if ((child.job->fail_nth || child.job->cut_at) && !world_failed(&child.world) && !child.world.switched_off)
        prove_normal_start();
}

/* Where nothing was asked for, both kinds of interrupt get their turn. */
static enum adapter_interrupts interrupts_of(const struct check_options *options, uint64_t seed)
{
    if (options->interrupts_given)
        return options->interrupts;
    return seed % 3 == 0 ? ADAPTER_INTERRUPTS_LINE : ADAPTER_INTERRUPTS_AUTO;
}

static int start_processors(const struct check_options *options, uint64_t seed)
{
    struct sched_seed_options seeded = {
        .seed = seed,
        .preempt = options->by_instruction ? SCHED_PREEMPT_INSTRUCTIONS : SCHED_PREEMPT_CALLS,
        .store_buffer = options->store_buffer,
    };
    return device_choice_is_replayable(&options->device) ? sched_start_seeded(options->processors, &seeded)
                                                         : sched_start(options->processors);
}

void check_child_run(const struct check_options *options, const struct image_facts *facts, const struct check_job *job,
                     struct check_result *result)
{
    static char service[64];
    const char *slash = strrchr(options->image, '/');
    snprintf(service, sizeof(service), "%s", slash ? slash + 1 : options->image);
    char *dot = strrchr(service, '.');
    if (dot && dot != service)
        *dot = 0;
    child.options = options;
    child.job = job;
    child.result = result;
    child.world_options = (struct world_options){
        .facts = facts,
        .service = service,
        .device = options->device,
        .interrupts = interrupts_of(options, job->seed),
        .keywords = options->keywords.rows,
        .keyword_count = options->keywords.count,
        .seed = job->seed,
        .cut_at = job->cut_at,
    };
    trace_enabled = options->trace;
    pool_guard_pages = options->guard_pages;
    trap_on_bugcheck(bug_check_hook);
    device_choice_seed(&child.world_options.device, job->seed);
    int why = start_processors(options, job->seed);
    if (why) {
        snprintf(result->failure, sizeof(result->failure), "the processors cannot start: %s", strerror(why));
    } else {
        sched_run(job->scenario->name, run, NULL);
        pool_check();
        if (!child.world.switched_off && sched_stop() > 0 && !result->failure[0])
            snprintf(result->failure, sizeof(result->failure), "threads of the driver were left");
    }
    note_rules(result);
    result->finished = true;
}
