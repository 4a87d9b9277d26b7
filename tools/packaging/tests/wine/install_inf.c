/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/*
 * install_inf.c - a Windows program: makes a device with one hardware id, lets setupapi find its driver among the INF files of a folder,
 * and performs the install section's registry and service directives into keys of its own, which it prints. Its environment: AERO_FOLDER
 * (a Windows path), AERO_ID. One line per value: "PLACE<tab>KEY<tab>VALUE<tab>TYPE<tab>DATA" with PLACE model (what was found), section
 * (lines of the install section), driver (HKR of the install section), hardware (HKR of .HW), service or events (HKR of the event log).
 * Without C library, for Wine as for Windows. Exit status: 0 done, 3 no driver matches, 1 anything else.
 */
#define WIN32_LEAN_AND_MEAN
#define INITGUID
#include <windows.h>

#include <setupapi.h>

#include <devguid.h>

enum { TEXT_UNITS = 1024, STATUS_FAILED = 1, STATUS_NO_MATCH = 3 };

/* ---- output ---- */

static void print_wide(const WCHAR *text)
{
    static char bytes[4 * TEXT_UNITS];
    DWORD written;
    int length = WideCharToMultiByte(CP_UTF8, 0, text, -1, bytes, sizeof bytes, NULL, NULL);
    if (length > 1)
        WriteFile(GetStdHandle(STD_OUTPUT_HANDLE), bytes, (DWORD)length - 1, &written, NULL);
}

static void print_number(DWORD number)
{
    WCHAR digits[11];
    int at = 10;
    digits[at] = 0;
    do {
        digits[--at] = (WCHAR)(L'0' + number % 10);
    } while ((number /= 10) != 0);
    print_wide(digits + at);
}

static void stop(const WCHAR *what)
{
    DWORD error = GetLastError();
    print_wide(what);
    print_wide(L": error ");
    print_number(error);
    print_wide(L"\n");
    ExitProcess(STATUS_FAILED);
}

/* ---- registry ---- */

static void print_value(const WCHAR *place, const WCHAR *key, const WCHAR *name, DWORD type, const BYTE *data)
{
    print_wide(place);
    print_wide(L"\t");
    print_wide(key);
    print_wide(L"\t");
    print_wide(name);
    print_wide(L"\t");
    print_number(type);
    print_wide(L"\t");
    if (type == REG_DWORD)
        print_number(*(const DWORD *)data);
    else if (type == REG_SZ || type == REG_EXPAND_SZ)
        print_wide((const WCHAR *)data);
    print_wide(L"\n");
}

static void print_key(const WCHAR *place, const WCHAR *path, HKEY key)
{
    WCHAR name[256], below[TEXT_UNITS];
    union {
        BYTE bytes[2 * TEXT_UNITS];
        DWORD number;
    } data;
    for (DWORD i = 0;; i++) {
        DWORD name_units = 256, type, data_bytes = sizeof data - 2;
        if (RegEnumValueW(key, i, name, &name_units, NULL, &type, data.bytes, &data_bytes) != ERROR_SUCCESS)
            break;
        data.bytes[data_bytes] = data.bytes[data_bytes + 1] = 0;
        print_value(place, path, name, type, data.bytes);
    }
    for (DWORD i = 0;; i++) {
        DWORD name_units = 256;
        HKEY child;
        if (RegEnumKeyExW(key, i, name, &name_units, NULL, NULL, NULL, NULL) != ERROR_SUCCESS)
            break;
        lstrcpynW(below, path, TEXT_UNITS - 258);
        if (*below)
            lstrcatW(below, L"\\");
        lstrcatW(below, name);
        if (RegOpenKeyExW(key, name, 0, KEY_READ, &child) != ERROR_SUCCESS)
            stop(L"RegOpenKeyEx");
        print_key(place, below, child);
        RegCloseKey(child);
    }
}

static void print_and_delete(const WCHAR *place, HKEY parent, const WCHAR *path)
{
    HKEY key;
    if (RegOpenKeyExW(parent, path, 0, KEY_READ, &key) != ERROR_SUCCESS)
        return;
    print_key(place, L"", key);
    RegCloseKey(key);
    RegDeleteTreeW(parent, path);
}

/* ---- the install section ---- */

/* Lines with a key, *IfType and its like among them. */
static void print_section(HINF inf, const WCHAR *section)
{
    WCHAR key[256], text[TEXT_UNITS];
    INFCONTEXT line;
    LONG count = SetupGetLineCountW(inf, section);
    for (LONG i = 0; i < count; i++) {
        if (!SetupGetLineByIndexW(inf, section, (DWORD)i, &line) || !SetupGetStringFieldW(&line, 0, key, 256, NULL))
            stop(L"a line of the install section");
        if (SetupGetStringFieldW(&line, 1, text, TEXT_UNITS, NULL))
            print_value(L"section", L"", key, REG_SZ, (const BYTE *)text);
    }
}

/* The AddReg directives of a section, HKR being a key of this program's. */
static void perform_registry(HINF inf, const WCHAR *place, const WCHAR *section)
{
    static const WCHAR path[] = L"Software\\AeroInfTest";
    HKEY key;
    if (SetupGetLineCountW(inf, section) < 0)
        return;
    if (RegCreateKeyExW(HKEY_CURRENT_USER, path, 0, NULL, 0, KEY_ALL_ACCESS, NULL, &key, NULL) != ERROR_SUCCESS)
        stop(L"RegCreateKeyEx");
    if (!SetupInstallFromInfSectionW(NULL, inf, section, SPINST_REGISTRY, key, NULL, 0, NULL, NULL, NULL, NULL))
        stop(L"SetupInstallFromInfSection");
    RegCloseKey(key);
    print_and_delete(place, HKEY_CURRENT_USER, path);
}

static void perform_services(HINF inf, const WCHAR *section)
{
    WCHAR service[128], path[256] = L"System\\CurrentControlSet\\Services\\";
    INFCONTEXT line;
    if (!SetupFindFirstLineW(inf, section, L"AddService", &line) || !SetupGetStringFieldW(&line, 1, service, 128, NULL))
        stop(L"no AddService");
    if (!SetupInstallServicesFromInfSectionW(inf, section, 0))
        stop(L"SetupInstallServicesFromInfSection");
    lstrcatW(path, service);
    print_and_delete(L"service", HKEY_LOCAL_MACHINE, path);
    /* Wine makes no event log entries of the fourth field. */
    if (!SetupGetStringFieldW(&line, 4, path, 256, NULL))
        stop(L"AddService names no event log section");
    perform_registry(inf, L"events", path);
}

static void perform(const SP_DRVINFO_DETAIL_DATA_W *detail)
{
    WCHAR section[256], below[300];
    HINF inf = SetupOpenInfFileW(detail->InfFileName, NULL, INF_STYLE_WIN4, NULL);
    if (inf == INVALID_HANDLE_VALUE)
        stop(L"SetupOpenInfFile");
    if (!SetupDiGetActualSectionToInstallW(inf, detail->SectionName, section, 256, NULL, NULL))
        stop(L"SetupDiGetActualSectionToInstall");
    print_value(L"model", L"", L"Section", REG_SZ, (const BYTE *)section);
    print_section(inf, section);
    perform_registry(inf, L"driver", section);
    lstrcpyW(below, section);
    lstrcatW(below, L".HW");
    perform_registry(inf, L"hardware", below);
    lstrcpyW(below, section);
    lstrcatW(below, L".Services");
    perform_services(inf, below);
    SetupCloseInfFile(inf);
}

/* ---- the device ---- */

static void point_at_folder(HDEVINFO set, SP_DEVINFO_DATA *device, const WCHAR *folder)
{
    SP_DEVINSTALL_PARAMS_W parameters = {.cbSize = sizeof parameters};
    if (!SetupDiGetDeviceInstallParamsW(set, device, &parameters))
        stop(L"SetupDiGetDeviceInstallParams");
    lstrcpynW(parameters.DriverPath, folder, MAX_PATH);
    parameters.Flags |= DI_QUIETINSTALL;
    parameters.FlagsEx |= DI_FLAGSEX_ALLOWEXCLUDEDDRVS;
    if (!SetupDiSetDeviceInstallParamsW(set, device, &parameters))
        stop(L"SetupDiSetDeviceInstallParams");
}

static void print_driver(const SP_DRVINFO_DATA_W *driver)
{
    print_value(L"model", L"", L"Description", REG_SZ, (const BYTE *)driver->Description);
    print_value(L"model", L"", L"ProviderName", REG_SZ, (const BYTE *)driver->ProviderName);
}

static void install(const WCHAR *folder, const WCHAR *id)
{
    static union {
        SP_DRVINFO_DETAIL_DATA_W data;
        BYTE bytes[4096];
    } detail;
    SP_DEVINFO_DATA device = {.cbSize = sizeof device};
    SP_DRVINFO_DATA_W driver = {.cbSize = sizeof driver};
    WCHAR ids[TEXT_UNITS] = {0};
    HDEVINFO set = SetupDiCreateDeviceInfoList(&GUID_DEVCLASS_NET, NULL);
    if (set == INVALID_HANDLE_VALUE)
        stop(L"SetupDiCreateDeviceInfoList");
    if (!SetupDiCreateDeviceInfoW(set, L"AERO_TEST", &GUID_DEVCLASS_NET, NULL, NULL, DICD_GENERATE_ID, &device))
        stop(L"SetupDiCreateDeviceInfo");
    lstrcpynW(ids, id, TEXT_UNITS - 1);
    if (!SetupDiSetDeviceRegistryPropertyW(set, &device, SPDRP_HARDWAREID, (const BYTE *)ids, (DWORD)(lstrlenW(ids) + 2) * sizeof(WCHAR)))
        stop(L"the device takes no hardware id");
    point_at_folder(set, &device, folder);
    if (!SetupDiBuildDriverInfoList(set, &device, SPDIT_COMPATDRIVER))
        stop(L"SetupDiBuildDriverInfoList");
    if (!SetupDiSelectBestCompatDrv(set, &device) || !SetupDiGetSelectedDriverW(set, &device, &driver))
        ExitProcess(STATUS_NO_MATCH);
    detail.data.cbSize = sizeof detail.data;
    if (!SetupDiGetDriverInfoDetailW(set, &device, &driver, &detail.data, sizeof detail, NULL))
        stop(L"SetupDiGetDriverInfoDetail");
    print_driver(&driver);
    perform(&detail.data);
}

void start(void);
void start(void)
{
    static WCHAR folder[MAX_PATH], id[256];
    if (!GetEnvironmentVariableW(L"AERO_FOLDER", folder, MAX_PATH) || !GetEnvironmentVariableW(L"AERO_ID", id, 256))
        stop(L"AERO_FOLDER and AERO_ID name an INF's folder and a hardware id");
    install(folder, id);
    ExitProcess(0);
}

/* The compiler calls them for structures. */
void *memset(void *to, int value, size_t length)
{
    for (volatile unsigned char *at = to; length--; at++)
        *at = (unsigned char)value;
    return to;
}

void *memcpy(void *to, const void *from, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ((volatile unsigned char *)to)[i] = ((const unsigned char *)from)[i];
    return to;
}
