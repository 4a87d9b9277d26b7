/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* command_check.c - `ndishost check`: which scenarios run with which seeds, refusals and cuts. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/check_report.h"
#include "cli/check_runner.h"
#include "cli/commands.h"
#include "cli/host.h"
#include "cli/report_file.h"
#include "exec/replay.h"
#include "cli/inf_settings.h"

struct plan {
    struct check_job *jobs;
    size_t count, room;
};

static void plan_add(struct plan *plan, struct check_job job)
{
    if (plan->count == plan->room) {
        plan->room = plan->room ? 2 * plan->room : 256;
        plan->jobs = realloc(plan->jobs, plan->room * sizeof(*plan->jobs));
        if (!plan->jobs)
            abort();
    }
    plan->jobs[plan->count++] = job;
}

/* ---- how many points a run has ---- */

struct survey {
    struct check_report *report;
    const struct check_options *options;
    struct plan points;
};

/* The jobs that follow from a run without refusal or cut: one per point of it that was asked for. */
static void survey_done(void *context, const struct check_job *job, const struct check_outcome *outcome)
{
    struct survey *survey = context;
    bool refuse = survey->options->fail_nth.wanted;
    const struct check_range *range = refuse ? &survey->options->fail_nth : &survey->options->cut_at;
    uint64_t found = refuse ? outcome->result.acquisitions : outcome->result.accesses;
    check_report_add(survey->report, job, outcome);
    if (outcome->verdict != CHECK_PASSED)
        return; /* its points mean nothing */
    uint64_t first = range->all ? 1 : range->first, last = range->all ? found : range->last;
    for (uint64_t point = first; point <= last; ++point) {
        struct check_job one = *job;
        *(refuse ? &one.fail_nth : &one.cut_at) = point;
        plan_add(&survey->points, one);
    }
}

static void done(void *context, const struct check_job *job, const struct check_outcome *outcome)
{
    check_report_add(context, job, outcome);
}

/* ---- the command ---- */

static bool run_plans(const struct check_options *options, const struct image_facts *facts, struct check_report *report)
{
    struct plan plan = {0};
    struct survey survey = {.report = report, .options = options};
    bool by_points = options->fail_nth.wanted || options->cut_at.wanted, good;
    for (unsigned i = 0; i < options->scenario_count; ++i)
        for (uint64_t seed = options->first_seed; seed <= options->last_seed; ++seed)
            plan_add(&plan, (struct check_job){.scenario = options->scenarios[i], .seed = seed});
    report->jobs_total = plan.count;
    /* A single point that is named needs no survey: this is how a failure is replayed. */
    bool one_point = (options->fail_nth.wanted && !options->fail_nth.all && options->fail_nth.first == options->fail_nth.last) ||
                     (options->cut_at.wanted && !options->cut_at.all && options->cut_at.first == options->cut_at.last);
    for (size_t i = 0; one_point && i < plan.count; ++i) {
        plan.jobs[i].fail_nth = options->fail_nth.first;
        plan.jobs[i].cut_at = options->cut_at.first;
    }
    if (by_points && !one_point) {
        good = check_runner_run(options, facts, plan.jobs, plan.count, survey_done, &survey);
        report->jobs_total += survey.points.count;
        good = good && check_runner_run(options, facts, survey.points.jobs, survey.points.count, done, report);
    } else {
        good = check_runner_run(options, facts, plan.jobs, plan.count, done, report);
    }
    free(plan.jobs);
    free(survey.points.jobs);
    return good;
}

static int check(const struct check_options *options, const struct image_facts *facts, struct report_file *file)
{
    struct check_report report;
    struct timespec from, to;
    const char *program = getenv("NDISHOST");
    if (!check_report_begin(&report, options, program ? program : "ndishost", host_architecture_name()))
        return EXIT_INPUT;
    clock_gettime(CLOCK_MONOTONIC, &from);
    bool good = run_plans(options, facts, &report);
    clock_gettime(CLOCK_MONOTONIC, &to);
    report.seconds = (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
    report.file_lost = good && file->path && !report_file_write(file, check_report_json(&report));
    if (!report_file_is_output(file))
        check_report_print(&report);
    int status = !good ? EXIT_INPUT : report.failures_total || report.file_lost ? EXIT_FOUND : EXIT_OK;
    check_report_end(&report);
    return status;
}

int command_check(int argc, char **argv)
{
    struct check_options options;
    exec_disable_address_randomisation(); /* a replayed trace shows the same addresses */
    enum options_outcome outcome = check_options_parse(&options, argc, argv);
    int status = outcome == OPTIONS_HELPED ? EXIT_OK : EXIT_INPUT;
    if (outcome == OPTIONS_RUN) {
        char error[512] = "";
        struct inf_interrupts interrupts;
        struct report_file file;
        struct image_facts *facts =
            host_take_files(options.files, error, sizeof(error)) ? host_read_image(options.image, error, sizeof(error)) : NULL;
        if (facts && host_take_image(facts, error, sizeof(error)) &&
            inf_settings_add(options.inf, options.image, facts, &options.keywords, &interrupts, error, sizeof(error)) &&
            report_file_open(&file, options.json, error, sizeof(error))) {
            if (!options.interrupts_given && interrupts.known && !interrupts.messages) {
                options.interrupts = ADAPTER_INTERRUPTS_LINE;
                options.interrupts_given = true;
            }
            status = check(&options, facts, &file);
            report_file_discard(&file);
        } else {
            fprintf(stderr, "ndishost: %s\n", error);
        }
        image_facts_free(facts);
    }
    check_options_free(&options);
    return status;
}
