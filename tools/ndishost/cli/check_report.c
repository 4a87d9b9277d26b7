/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* check_report.c - counts outcomes, shows failures as they come and a table at the end, writes JSON. */
#include "cli/check_report.h"

#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/json_text.h"

enum { SCHEMA = 1, OUTPUT_SHOWN = 3 /* failures whose output is shown */ };

bool check_report_begin(struct check_report *report, const struct check_options *options, const char *program, const char *architecture)
{
    *report = (struct check_report){.options = options, .program = program, .architecture = architecture};
    for (unsigned i = 0; i < options->scenario_count; ++i)
        report->rows[i].scenario = options->scenarios[i];
    report->failures = calloc(CHECK_FAILURES_KEPT, sizeof(*report->failures));
    return report->failures != NULL;
}

void check_report_end(struct check_report *report)
{
    free(report->failures);
}

/* ---- one failure ---- */

static void add_text(char *buffer, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void add_text(char *buffer, size_t size, const char *format, ...)
{
    size_t used = strlen(buffer);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(buffer + used, size - used, format, arguments);
    va_end(arguments);
}

/* A word of a command line; quoted where the shell would see more in it than a word. */
static void add_word(char *buffer, size_t size, const char *word)
{
    bool plain = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=,.:/@%") == strlen(word);
    add_text(buffer, size, plain && *word ? " %s" : " '%s'", word);
}

static void write_replay(const struct check_report *report, const struct check_job *job, char *buffer, size_t size)
{
    const struct check_options *options = report->options;
    static const char *const interrupts[] = {
        [ADAPTER_INTERRUPTS_AUTO] = "auto", [ADAPTER_INTERRUPTS_LINE] = "intx", [ADAPTER_INTERRUPTS_MESSAGES] = "msix"};
    snprintf(buffer, size, "%s check", report->program);
    add_word(buffer, size, options->image);
    add_text(buffer, size, " --device");
    add_word(buffer, size, options->device_text);
    add_text(buffer, size, " --scenario %s --seeds %" PRIu64 " --cpus %u", job->scenario->name, job->seed, options->processors);
    if (options->by_instruction)
        add_text(buffer, size, " --preempt instruction%s", options->store_buffer ? " --store-buffer" : "");
    if (options->interrupts_given)
        add_text(buffer, size, " --interrupts %s", interrupts[options->interrupts]);
    for (unsigned i = 0; i < options->keywords.count; ++i) {
        char keyword[256];
        snprintf(keyword, sizeof(keyword), "%s=%s", options->keywords.rows[i].name, options->keywords.rows[i].value);
        add_text(buffer, size, " --set");
        add_word(buffer, size, keyword);
    }
    if (job->fail_nth)
        add_text(buffer, size, " --fail-nth %" PRIu64, job->fail_nth);
    if (job->cut_at)
        add_text(buffer, size, " --cut-at %" PRIu64, job->cut_at);
    if (options->guard_pages)
        add_text(buffer, size, " --guard-pages");
    add_text(buffer, size, " --trace");
}

static void write_why(const struct check_outcome *outcome, unsigned limit, char *buffer, size_t size)
{
    const struct check_result *result = &outcome->result;
    *buffer = 0;
    switch (outcome->verdict) {
    case CHECK_HANG:
        snprintf(buffer, size, "not done after %u s", limit);
        break;
    case CHECK_CRASH:
        if (WIFSIGNALED(outcome->wait_status))
            snprintf(buffer, size, "ended by SIG%s", sigabbrev_np(WTERMSIG(outcome->wait_status)));
        else
            snprintf(buffer, size, "ended with status %d", WEXITSTATUS(outcome->wait_status));
        break;
    case CHECK_LEAK:
        snprintf(buffer, size, "%u objects left", result->leaks);
        break;
    default:
        snprintf(buffer, size, "%s", result->violation[0] ? result->violation : result->failure);
    }
    if (result->refused[0])
        add_text(buffer, size, " (after %s was refused)", result->refused);
}

static void keep_failure(struct check_report *report, const struct check_job *job, const struct check_outcome *outcome)
{
    struct check_failure failure = {.job = *job, .verdict = outcome->verdict};
    write_why(outcome, report->options->seconds, failure.why, sizeof(failure.why));
    write_replay(report, job, failure.replay, sizeof(failure.replay));
    report->failures_total++;
    if (report->failures_kept == CHECK_FAILURES_KEPT)
        return;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    if (report->failures_kept < OUTPUT_SHOWN && outcome->output[0])
        fprintf(stderr, "%s", outcome->output);
    fprintf(stderr, "%s: %s: %s\n  %s\n", job->scenario->name, check_verdict_name(outcome->verdict), failure.why, failure.replay);
    report->failures[report->failures_kept++] = failure;
}

/* ---- counting ---- */

static struct check_row *row_of(struct check_report *report, const struct scenario *scenario)
{
    struct check_row *row = report->rows;
    while (row->scenario != scenario)
        ++row;
    return row;
}

static void show_progress(const struct check_report *report, const struct check_job *job)
{
    if (isatty(STDERR_FILENO) && !report->options->trace)
        fprintf(stderr, "\r\033[K%zu of %zu runs, %s seed %" PRIu64 ", %" PRIu64 " failures", report->jobs_done, report->jobs_total,
                job->scenario->name, job->seed, report->failures_total);
}

void check_report_add(struct check_report *report, const struct check_job *job, const struct check_outcome *outcome)
{
    struct check_row *row = row_of(report, job->scenario);
    uint64_t *const counters[] = {[CHECK_INAPPLICABLE] = &row->inapplicable,
                                  [CHECK_FAILED] = &row->failed,
                                  [CHECK_VIOLATION] = &row->violations,
                                  [CHECK_LEAK] = &row->leaks,
                                  [CHECK_BUG_CHECK] = &row->bug_checks,
                                  [CHECK_HANG] = &row->hangs,
                                  [CHECK_CRASH] = &row->crashes};
    row->runs++;
    row->warnings += outcome->result.warnings;
    row->points += job->fail_nth ? outcome->result.refusals != 0 : job->cut_at != 0;
    if (outcome->verdict != CHECK_PASSED)
        ++*counters[outcome->verdict];
    if (outcome->verdict == CHECK_INAPPLICABLE)
        memcpy(row->inapplicable_why, outcome->result.inapplicable, sizeof(row->inapplicable_why));
    report->jobs_done++;
    if (check_verdict_is_bad(outcome->verdict))
        keep_failure(report, job, outcome);
    show_progress(report, job);
}

/* ---- the table ---- */

void check_report_print(const struct check_report *report)
{
    const struct check_options *options = report->options;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    printf("%-18s %8s %8s %10s %6s %10s %6s %8s  %s\n", "scenario", "runs", "failed", "violations", "leaks", "bug checks", "hangs",
           "crashes",
           options->fail_nth.wanted ? "refusals met"
           : options->cut_at.wanted ? "cuts"
                                    : "");
    for (unsigned i = 0; i < options->scenario_count; ++i) {
        const struct check_row *row = &report->rows[i];
        printf("%-18s %8" PRIu64 " %8" PRIu64 " %10" PRIu64 " %6" PRIu64 " %10" PRIu64 " %6" PRIu64 " %8" PRIu64, row->scenario->name,
               row->runs, row->failed, row->violations, row->leaks, row->bug_checks, row->hangs, row->crashes);
        if (options->fail_nth.wanted || options->cut_at.wanted)
            printf("  %" PRIu64, row->points);
        if (row->inapplicable)
            printf("  not applicable: %s", row->inapplicable_why);
        putchar('\n');
    }
    if (report->failures_total)
        printf("FAIL: %" PRIu64 " of %zu runs, %.1f s\n", report->failures_total, report->jobs_done, report->seconds);
    else if (report->file_lost)
        printf("FAIL: the report %s could not be written completely\n", options->json);
    else
        printf("PASS: %zu runs, %.1f s\n", report->jobs_done, report->seconds);
}

/* ---- JSON ---- */

static json_t *row_object(const struct check_row *row)
{
    json_t *object = json_object();
    const struct {
        const char *name;
        uint64_t value;
    } members[] = {{"runs", row->runs},         {"not_applicable", row->inapplicable},
                   {"failed", row->failed},     {"violations", row->violations},
                   {"leaks", row->leaks},       {"bug_checks", row->bug_checks},
                   {"hangs", row->hangs},       {"crashes", row->crashes},
                   {"warnings", row->warnings}, {"points", row->points}};
    json_object_set_new(object, "name", json_string(row->scenario->name));
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); ++i)
        json_object_set_new(object, members[i].name, json_integer((json_int_t)members[i].value));
    json_object_set_new(object, "not_applicable_why", row->inapplicable ? json_from_text(row->inapplicable_why) : json_null());
    return object;
}

static json_t *failure_object(const struct check_failure *failure)
{
    return json_pack("{s:s, s:I, s:I, s:I, s:s, s:o, s:o}", "scenario", failure->job.scenario->name, "seed", (json_int_t)failure->job.seed,
                     "fail_nth", (json_int_t)failure->job.fail_nth, "cut_at", (json_int_t)failure->job.cut_at, "verdict",
                     check_verdict_name(failure->verdict), "why", json_from_text(failure->why), "replay", json_from_text(failure->replay));
}

json_t *check_report_json(const struct check_report *report)
{
    json_t *rows = json_array(), *failures = json_array();
    for (unsigned i = 0; i < report->options->scenario_count; ++i)
        json_array_append_new(rows, row_object(&report->rows[i]));
    for (size_t i = 0; i < report->failures_kept; ++i)
        json_array_append_new(failures, failure_object(&report->failures[i]));
    return json_pack("{s:s, s:i, s:o, s:s, s:o, s:I, s:I, s:f, s:s, s:o, s:o}", "tool", "ndishost check", "schema", (int)SCHEMA, "image",
                     json_from_text(report->options->image), "architecture", report->architecture, "device",
                     json_from_text(report->options->device_text), "runs", (json_int_t)report->jobs_done, "failures_total",
                     (json_int_t)report->failures_total, "seconds", report->seconds, "result", report->failures_total ? "fail" : "pass",
                     "scenarios", rows, "failures", failures);
}
