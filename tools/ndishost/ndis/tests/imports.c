/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* imports.c - see imports.h. */
#include "imports.h"

#include <stdio.h>

#include "exec/call.h"

#define IMPORT_DEFINE(result, name, arguments) result(IMAGE *name) arguments;
IMPORTS(IMPORT_DEFINE)
KERNEL_IMPORTS(IMPORT_DEFINE)
#undef IMPORT_DEFINE

uint8_t(IMAGE_FAST *AcquireSpinLock)(uintptr_t *lock);
void(IMAGE_FAST *ReleaseSpinLock)(uintptr_t *lock, uint8_t irql);
uint8_t(IMAGE_FAST *RaiseIrql)(uint8_t irql);
void(IMAGE_FAST *LowerIrql)(uint8_t irql);
void(IMAGE_CDECL *WriteErrorLogEntry)(void *adapter, uint32_t code, uint32_t value_count, ...);
void(IMAGE_FAST *CompleteRequest)(nt_IRP *irp, int8_t boost);

static bool resolve(const char *dll, const char *name, void *slot)
{
    uintptr_t address = export_resolve(dll, name);

    *(uintptr_t *)slot = address;
    if (!address)
        fprintf(stderr, "%s!%s is not implemented\n", dll, name);
    return address != 0;
}

bool imports_resolve(void)
{
    bool good = true;

#define IMPORT_RESOLVE(result, name, arguments) good &= resolve("ndis.sys", #name, &name);
    IMPORTS(IMPORT_RESOLVE)
#undef IMPORT_RESOLVE
#define IMPORT_RESOLVE(result, name, arguments) good &= resolve("ntoskrnl.exe", #name, &name);
    KERNEL_IMPORTS(IMPORT_RESOLVE)
#undef IMPORT_RESOLVE
    good &= resolve("ndis.sys", "NdisWriteErrorLogEntry", &WriteErrorLogEntry);
    good &= resolve("ntoskrnl.exe", "IofCompleteRequest", &CompleteRequest);
#if UINTPTR_MAX == UINT64_MAX
    good &= resolve("ntoskrnl.exe", "KeAcquireSpinLockRaiseToDpc", &AcquireSpinLock);
    good &= resolve("ntoskrnl.exe", "KeReleaseSpinLock", &ReleaseSpinLock);
    good &= resolve("ntoskrnl.exe", "KfRaiseIrql", &RaiseIrql);
    good &= resolve("ntoskrnl.exe", "KeLowerIrql", &LowerIrql);
#else
    good &= resolve("hal.dll", "KfAcquireSpinLock", &AcquireSpinLock);
    good &= resolve("hal.dll", "KfReleaseSpinLock", &ReleaseSpinLock);
    good &= resolve("hal.dll", "KfRaiseIrql", &RaiseIrql);
    good &= resolve("hal.dll", "KfLowerIrql", &LowerIrql);
#endif
    return good;
}
