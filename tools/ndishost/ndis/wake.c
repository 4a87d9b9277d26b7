/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * wake.c - claims about waking the machine against the device: who has no power management capability, or cannot raise PME# in the state
 * that is named, wakes nobody. Windows would offer "Allow this device to wake the computer" for it, and the machine would sleep on.
 */
#include "ndis/wake.h"

#include "ndis/miniport.h"
#include "pci/function.h"
#include "rules/rules.h"

enum {
    CONFIG_STATUS = 0x06,
    STATUS_CAPABILITIES = 0x10,
    CONFIG_CAPABILITIES = 0x34,
    CAPABILITY_POWER = 0x01,
    CAPABILITIES_MOST = 48, /* as many as fit into configuration space */
    PMC_OFFSET = 2,
    PMC_PME_AT = 11, /* bits of PME_Support: D0, D1, D2, D3hot, D3cold */
    PMC_PME_D3COLD = 15,
};

/* 0: the device has no such capability, or there is no device. */
static uint16_t power_capabilities(const struct adapter *adapter)
{
    uint16_t status = 0, pmc = 0;
    uint8_t at = 0, head[2];

    if (!adapter->function)
        return 0;
    pci_function_config_read(adapter->function, CONFIG_STATUS, &status, sizeof(status));
    if (!(status & STATUS_CAPABILITIES))
        return 0;
    pci_function_config_read(adapter->function, CONFIG_CAPABILITIES, &at, sizeof(at));
    for (unsigned i = 0; i < CAPABILITIES_MOST && (at & 0xFC) != 0; i++) {
        at &= 0xFC;
        pci_function_config_read(adapter->function, at, head, sizeof(head));
        if (head[0] == CAPABILITY_POWER) {
            pci_function_config_read(adapter->function, at + PMC_OFFSET, &pmc, sizeof(pmc));
            return pmc == UINT16_MAX ? 0 : pmc; /* a device that is gone */
        }
        at = head[1];
    }
    return 0;
}

bool wake_possible(uint16_t pmc, uint32_t state)
{
    if (state < NT_NdisDeviceStateD0 || state > NT_NdisDeviceStateD3)
        return false;
    if (state == NT_NdisDeviceStateD3)
        return (pmc >> (PMC_PME_D3COLD - 1) & 3) != 0;
    return pmc >> (PMC_PME_AT + state - NT_NdisDeviceStateD0) & 1;
}

static void check_state(const char *what, uint32_t state, uint16_t pmc)
{
    if (state != NT_NdisDeviceStateUnspecified && !wake_possible(pmc, state))
        rule_violated("PWR-09", NULL, "NDIS_PM_CAPABILITIES.%s is D%u, and the device cannot wake anybody from there (PMC 0x%04x)", what,
                      state - NT_NdisDeviceStateD0, pmc);
}

void wake_check_claims(struct adapter *adapter)
{
    const nt_NDIS_PM_CAPABILITIES *claims = &adapter->attributes.pm;
    uint16_t pmc = power_capabilities(adapter);

    check_state("MinMagicPacketWakeUp", claims->MinMagicPacketWakeUp, pmc);
    check_state("MinPatternWakeUp", claims->MinPatternWakeUp, pmc);
    check_state("MinLinkChangeWakeUp", claims->MinLinkChangeWakeUp, pmc);
    /* Patterns to wake by, and answers that are given while the machine sleeps so that it need not wake. */
    if ((claims->SupportedWoLPacketPatterns || claims->NumTotalWoLPatterns || claims->SupportedProtocolOffloads) && !(pmc >> PMC_PME_AT))
        rule_violated("PWR-09", NULL, "NDIS_PM_CAPABILITIES names patterns 0x%x (%u) and protocol offloads 0x%x; the device raises no PME#",
                      claims->SupportedWoLPacketPatterns, claims->NumTotalWoLPatterns, claims->SupportedProtocolOffloads);
}
