/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_command_line.c - any words behind `ndishost run` and `ndishost info`: taken, helped or refused, what is taken is within its limits,
 * and nothing leaks. Input: the words, each with a line end.
 */
#include "fuzz_target.h"

#include <string.h>

#include "cli/options.h"

enum { WORDS_MAX = 64 };

static void check_device(const struct device_choice *device)
{
    char error[128];

    MUST(!(device->mac[0] & 1));
    MUST(memchr(device->properties, 0, sizeof device->properties) && memchr(device->plugin, 0, sizeof device->plugin));
    MUST(device->plugin_options && memchr(device->model_text, 0, sizeof device->model_text));
    MUST(device->kind != CHOICE_MODEL || model_options_check(&device->model, error, sizeof error));
    MUST(device->kind != CHOICE_PLUGIN || *device->plugin);
}

static void check_driver(const struct run_options *options)
{
    MUST(options->image && options->adapters <= RUN_ADAPTERS_MAX);
    check_device(&options->device);
    MUST(options->keywords.count <= KEYWORDS_MAX);
    for (unsigned i = 0; i < options->keywords.count; i++)
        MUST(*options->keywords.rows[i].name && options->keywords.rows[i].value);
}

static void check_run(int count, char **words)
{
    struct run_options options;

    if (run_options_parse(&options, count, words) == OPTIONS_RUN) {
        check_driver(&options);
        if (options.also)
            check_driver(options.also);
        MUST(options.processors <= RUN_PROCESSORS_MAX && options.seconds >= 0);
    }
    run_options_free(&options);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    char *text = malloc(length + 1), *words[WORDS_MAX + 2] = {"run"}, *again[WORDS_MAX + 2];
    struct info_options info;
    int count = 1;

    MUST(text);
    memcpy(text, input, length);
    text[length] = 0;
    for (char *word = text, *end; count <= WORDS_MAX && *word; word = end + 1) {
        words[count++] = word;
        end = strchr(word, '\n');
        if (!end)
            break;
        *end = 0;
    }
    /* getopt sorts the words. */
    memcpy(again, words, sizeof again);
    check_run(count, words);
    again[0] = "info";
    (void)info_options_parse(&info, count, again);
    free(text);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const char *const seeds[] = {
        "driver.sys\n--device\nqemu:transitional,mac=52:54:00:12:34:57,mrg_rxbuf=off\n--machine\nq35\n--net\nuser\n--cpus\n2\n--for\n1.5",
        "--device\nmodel:contract,vectors=3,queue=256/64,features=none+version_1+mac,fault=slow@5,seed=9\nx.sys\n--trace",
        "--set\n*JumboPacket=9014\n--rounds\n3\nx.sys\n--trace",
        "a.sys\n--adapters\n2\n--interrupts\nmsix:4\n--\nb.sys\n--device\nplugin:device.so,a,b=c\n--inf\nnone",
        "--json\nout.json\n--coverage\nx.sys\n--pcap\nfile\n--exec\nping\n--peer-exec\nping\n--referee\n--diag\n--guard-pages",
        "--help",
    };

    if (index >= sizeof seeds / sizeof *seeds)
        return 0;
    memcpy(bytes, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}
