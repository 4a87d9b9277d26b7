/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* fuzz_inf_without_engine.c - runs the target on mutations of one INF that uses everything: bytes, pieces and lengths change. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { ROUNDS = 60000, ROOM = 4096 };

static const char seed[] =
    "\xEF\xBB\xBF; comment\r\n[Version]\r\nSignature=\"$Windows NT$\"\r\n[Manufacturer]\r\n%M%=Models,NTx86.6.1,NTamd64.6.1\r\n"
    "[Models.NTamd64.6.1]\r\n%D%=Install, PCI\\VEN_1AF4&DEV_1041\r\n[Models.NTx86.6.1]\r\n%D%=Install, PCI\\VEN_1AF4\r\n"
    "[Install.NT]\r\nAddReg=A,B\r\n*IfType=6\r\n[A]\r\nHKR,,Speed,0,\"1\"\r\nHKR,Ndi\\params\\*JumboPacket,default,,\\\r\n\"1514\"\r\n"
    "[B]\r\nHKR,,Number,0x00010001,0x20\r\n[Strings]\r\nM=\"Some \"\"body\"\"\"\r\nD=\"%M% 100%%\"\r\n";

static uint64_t state = 0x9E3779B97F4A7C15ull;

static uint32_t next(uint32_t limit)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (uint32_t)((state * 0x2545F4914F6CDD1Dull) >> 33) % limit;
}

static size_t mutate(uint8_t *bytes, size_t length)
{
    static const char special[] = "[]=,;%\"\\\n\r \0\xFF\xFE";
    for (uint32_t changes = 1 + next(8); changes > 0 && length > 1; --changes) {
        uint32_t at = next((uint32_t)length), from = next((uint32_t)length), count = next(40);
        switch (next(4)) {
        case 0:
            bytes[at] = (uint8_t)special[next(sizeof(special) - 1)];
            break;
        case 1:
            bytes[at] = (uint8_t)next(256);
            break;
        case 2: /* a piece is written elsewhere */
            count = count < length - at ? count : (uint32_t)length - at;
            count = count < length - from ? count : (uint32_t)length - from;
            memmove(bytes + at, bytes + from, count);
            break;
        default:
            length = next(6) == 0 ? at : length;
            break;
        }
    }
    return length;
}

/* Every second input is UTF-16. */
static size_t widen(const uint8_t *bytes, size_t length, uint8_t *wide)
{
    wide[0] = 0xFF;
    wide[1] = 0xFE;
    for (size_t i = 0; i < length; ++i) {
        wide[2 + 2 * i] = bytes[i];
        wide[3 + 2 * i] = next(200) ? 0 : (uint8_t)next(256);
    }
    return 2 + 2 * length;
}

int main(void)
{
    static uint8_t bytes[ROOM], wide[2 * ROOM + 2];
    LLVMFuzzerTestOneInput((const uint8_t *)seed, sizeof(seed) - 1);
    LLVMFuzzerTestOneInput(bytes, 0);
    for (unsigned round = 0; round < ROUNDS; ++round) {
        memcpy(bytes, seed, sizeof(seed) - 1);
        size_t length = mutate(bytes, sizeof(seed) - 1);
        if (round % 2)
            LLVMFuzzerTestOneInput(wide, widen(bytes, length, wide));
        else
            LLVMFuzzerTestOneInput(bytes, length);
    }
    printf("%d mutations\n", ROUNDS);
    return 0;
}
