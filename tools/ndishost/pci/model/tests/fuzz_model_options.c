/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * fuzz_model_options.c - any text behind --device model: refused in one line, or a device that passes its own check and whose text, as
 * "the command that replays this" has it, is the same device again.
 */
#include "fuzz_target.h"

#include <string.h>

#include "pci/model/model_device.h"

enum { TEXT_MAX = 2000 };

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t length)
{
    struct model_options options, again;
    char *text, replay[4096], second[4096], error[256] = "";

    length = length < TEXT_MAX ? length : TEXT_MAX;
    text = malloc(length + 1);
    MUST(text);
    memcpy(text, input, length);
    text[length] = 0;
    if (model_options_parse(text, &options, error, sizeof error)) {
        MUST(model_options_check(&options, error, sizeof error));
        model_options_text(&options, replay, sizeof replay);
        MUST(strlen(replay) < sizeof replay - 1);
        MUST(model_options_parse(replay, &again, error, sizeof error));
        model_options_text(&again, second, sizeof second);
        MUST(strcmp(replay, second) == 0);
    } else {
        MUST(*error);
    }
    free(text);
    return 0;
}

size_t fuzz_seed(uint32_t index, uint8_t *bytes)
{
    static const char *const seeds[] = {
        ":contract,fault=gone@3",
        ":random,seed=17,mac=02:00:00:00:00:01,link=down",
        ":transitional,features=default+mtu-event_idx,mtu=9000,queue=256/64/32,sums=partial",
        ":layout=spread,vectors=0,multiplier=4,pairs=8,speed=1000,duplex=0,revision=1,subsystem=0x1100,verify=no",
        ":features=0x100010020,layout=contract,move=notify,fault=used-idx-jumps@5,fault=scribble@1",
    };

    if (index >= sizeof seeds / sizeof *seeds)
        return 0;
    memcpy(bytes, seeds[index], strlen(seeds[index]));
    return strlen(seeds[index]);
}
