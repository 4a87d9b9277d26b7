/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * memory.c - memcpy, memmove, memset and memcmp for drivers.
 *
 * Compilers emit calls to these on their own. Windows 7's kernel exports the first three on x86 only, and memcmp for drivers on neither
 * machine, so the driver carries what is missing. Any IRQL; the memory must be resident.
 */
#if defined(_WIN64)
typedef unsigned long long memory_size;
#else
typedef unsigned int memory_size;
#endif

int __cdecl memcmp(const void *left, const void *right, memory_size length);

int __cdecl memcmp(const void *left, const void *right, memory_size length)
{
    const unsigned char *l = (const unsigned char *)left;
    const unsigned char *r = (const unsigned char *)right;

    for (; length != 0; length--, l++, r++) {
        if (*l != *r) {
            return *l < *r ? -1 : 1;
        }
    }
    return 0;
}

#if defined(_WIN64)

void *__cdecl memcpy(void *destination, const void *source, memory_size length);
void *__cdecl memmove(void *destination, const void *source, memory_size length);
void *__cdecl memset(void *destination, int value, memory_size length);

/* String instructions: microcoded fast copies on every processor since 2012, correct on all, no vector state touched, no alignment rule. */
void *__cdecl memcpy(void *destination, const void *source, memory_size length)
{
    void *to = destination;

    __asm__ volatile("rep movsb" : "+D"(to), "+S"(source), "+c"(length) : : "memory");
    return destination;
}

void *__cdecl memmove(void *destination, const void *source, memory_size length)
{
    unsigned char *to = (unsigned char *)destination;
    const unsigned char *from = (const unsigned char *)source;

    /* Unsigned difference: below `length` only when the destination starts inside the source. */
    if ((memory_size)(to - from) >= length) {
        return memcpy(destination, source, length);
    }
    while (length != 0) {
        length--;
        to[length] = from[length];
    }
    return destination;
}

void *__cdecl memset(void *destination, int value, memory_size length)
{
    void *to = destination;

    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
    return destination;
}

#endif
