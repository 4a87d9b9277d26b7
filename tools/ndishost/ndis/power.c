/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* power.c - an adapter on its way to D3 and back, as NDIS 6.20 takes it there (section 15 of the rules). */
#include "ndis/attributes.h"
#include "ndis/miniport.h"
#include "ndis/oid.h"
#include "nt/nt.h"
#include "rules/rules.h"

static bool keeps_state_over_sleep(const struct adapter *adapter)
{
    return (adapter->attributes.flags & NT_NDIS_MINIPORT_ATTRIBUTES_NO_HALT_ON_SUSPEND) != 0;
}

static uint64_t register_accesses(const struct adapter *adapter)
{
    struct pci_counts counts = adapter->function ? pci_function_counts(adapter->function) : (struct pci_counts){0};

    return counts.reads + counts.writes;
}

/* OID-20 is checked with the request itself. */
static void set_power(struct adapter *adapter, uint32_t state)
{
    oid_request(adapter, NT_NdisRequestSetInformation, NT_OID_PNP_SET_POWER, &state, sizeof(state));
}

static void suspend(struct adapter *adapter)
{
    uint32_t state = NT_NdisDeviceStateD3;
    struct oid_result result = oid_request(adapter, NT_NdisRequestQueryInformation, NT_OID_PNP_QUERY_POWER, &state, sizeof(state));

    if (result.status != NT_NDIS_STATUS_SUCCESS)
        rule_violated("PWR-01", NULL, "OID_PNP_QUERY_POWER ended with 0x%08x", result.status);
    if (adapter->state == ADAPTER_RUNNING)
        adapter_pause(adapter); /* PWR-03 */
    set_power(adapter, NT_NdisDeviceStateD3);
    adapter->low_power = true;
    adapter->accesses_at_sleep = register_accesses(adapter);
}

/* What drivers learn at \Callback\PowerState: the machine leaves its working state, or is back in it. */
enum { PO_CB_SYSTEM_STATE_LOCK = 3 };

void adapter_power_down(struct adapter *adapter)
{
    nt_callback_notify("\\Callback\\PowerState", PO_CB_SYSTEM_STATE_LOCK, false);
    adapter->running_before_sleep = adapter->state == ADAPTER_RUNNING;
    if (keeps_state_over_sleep(adapter))
        suspend(adapter);
    else
        adapter_halt(adapter, NT_NdisHaltDevicePoweredDown);
}

static uint32_t resume(struct adapter *adapter)
{
    uint32_t on_mains = 1;
    uint64_t accesses = register_accesses(adapter) - adapter->accesses_at_sleep;

    if (accesses)
        rule_violated("PWR-07", NULL, "%llu register accesses in D3", (unsigned long long)accesses);
    adapter->low_power = false;
    set_power(adapter, NT_NdisDeviceStateD0);
    adapter_notify_pnp_event(adapter, NT_NdisDevicePnPEventPowerProfileChanged, &on_mains, sizeof(on_mains)); /* PNP-06 */
    return NT_NDIS_STATUS_SUCCESS;
}

uint32_t adapter_power_up(struct adapter *adapter)
{
    bool was_halted = !adapter->low_power;
    uint32_t status = was_halted ? adapter_initialize(adapter) : resume(adapter);

    if (status == NT_NDIS_STATUS_SUCCESS && adapter->running_before_sleep)
        status = adapter_restart(adapter);
    if (status == NT_NDIS_STATUS_SUCCESS && was_halted)
        adapter_replay_filters(adapter); /* the bindings were open all the time */
    nt_callback_notify("\\Callback\\PowerState", PO_CB_SYSTEM_STATE_LOCK, true);
    return status;
}
