#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures and named rows of the catalog, and what is selected when the configuration names a service alone."""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "lib"))
from catalog import Tap, load_all, selected_by_default, span  # noqa: E402

catalog = load_all()
tap = Tap()
by_key = {(s, r["feature"], r["id"]): r for s in catalog for r in catalog[s]["rows"]}
INTUNE = "intune"
AUTOMATE = "power-automate"
BI = "power-bi"


def row(service, feature, id):
    return by_key.get((service, feature, id), {})


def rows(service, feature=None):
    return [r for r in catalog[service]["rows"] if feature in (None, r["feature"])]


# Row 163 and the prefix beside it
ips = row(INTUNE, "core", "163").get("ips", [])
tap.equal("row 163: 84 prefixes as written", len(ips), 84)
tap.equal("row 163: 83 different ones", len(set(ips)), 83)
tap.equal("row 163: the one written twice", [i for i in dict.fromkeys(ips) if ips.count(i) > 1], ["20.43.129.0/24"])
tap.equal("the prefix of the consolidated list alone", row(INTUNE, "core", "163-consolidated-list").get("ips"), ["20.189.172.160/27"])
tap.check("and not in row 163", [i for i in ips if i == "20.189.172.160/27"])

# Connectors
regions = ["Asia Pacific", "Australia", "Canada", "Europe", "Germany", "India", "Japan", "South America", "United Arab Emirates",
           "United Kingdom", "United States", "Preview (United States)"]
connectors = [r for r in rows(AUTOMATE, "connectors") if "ips" in r]
tap.equal("connectors: twelve regions, one row each", [r["regions"] for r in connectors], [[g] for g in regions])
addresses, ranges = set(), 0
for r in connectors:
    for i in r["ips"]:
        first, last = span(i)
        ranges += first != last
        addresses |= set(range(int(first), int(last) + 1))
tap.equal("connectors: 479 addresses", len(addresses), 479)
tap.equal("connectors: 58 items, ranges and singles", (sum(len(r["ips"]) for r in connectors), ranges), (58, 27))
tap.equal("connectors: of 2020", {r["asOf"] for r in connectors}, {"2020-10-29"})
tap.check("inbound rows have no ports and no names",
          [r["id"] for s in catalog for r in rows(s) if r["direction"] == "inbound" and set(r) & {"tcpPorts", "udpPorts", "urls"}])
tap.equal("rows with addresses that are called in are connectors alone",
          {r["feature"] for s in catalog for r in rows(s) if r["direction"] == "inbound"}, {"connectors"})

# Ports
PORTS = [
    (INTUNE, "core", "163", "80,443", None), (INTUNE, "core", "163-consolidated-list", "80,443", None),
    (INTUNE, "core", "172", "80,443", None), (INTUNE, "core", "170", "443", None), (INTUNE, "core", "97", "443", None),
    (INTUNE, "core", "190", "80,443", None), (INTUNE, "core", "189", "443", None),
    (INTUNE, "autopilot", "164", "80,443", None), (INTUNE, "autopilot", "165", None, "123"),
    (INTUNE, "autopilot", "169", "443", None), (INTUNE, "autopilot", "173", "443", None), (INTUNE, "autopilot", "182", "443", None),
    (INTUNE, "remote-help", "181", "443", None), (INTUNE, "remote-help", "187", "443", None), (INTUNE, "remote-help", "188", "443", None),
    (INTUNE, "push-notifications", "171", "443", None), (INTUNE, "delivery-optimization", "172", "80,443", None),
    (INTUNE, "delivery-optimization", "peers", "7680", "3544"), (INTUNE, "apple", "178", "80,443,5223", None),
    (INTUNE, "android-aosp", "179", "443", None), (INTUNE, "authentication", "56", "80,443", None),
    (INTUNE, "authentication", "59", "80,443", None), (INTUNE, "authentication", "150", "443", None),
    (INTUNE, "attestation", "europe", "443", None), (INTUNE, "defender", "security-settings", "443", None),
    (INTUNE, "endpoint-privilege-management", "service", "443", None), (INTUNE, "android-push", "fcm", "443,5228-5230", None),
    (INTUNE, "ncsi", "probe", "80", None),
    (AUTOMATE, "desktop-flows", "revocation-lists", "80", None), (AUTOMATE, "desktop-flows", "revocation-lists-government", "80", None),
    (AUTOMATE, "desktop-flows", "revocation-lists-china", "80", None), (AUTOMATE, "desktop-flows", "relay", "443", None),
    (INTUNE, "ncsi", "probe-ipv6", "80", None), (INTUNE, "azure-front-door", "microsoft-security", "80,443", None),
    (INTUNE, "azure-front-door", "microsoft-security-government", "80,443", None),
    (BI, "general", "1", "443", None), (BI, "power-bi-2024", "datamart", "1433", None),
]
for s in (AUTOMATE, BI):
    PORTS += [(s, "data-gateway", i, t, None) for i, t in (
        ("relay", "443,5671-5672,9350-9354"), ("gov-relay", "443,5671-5672,9350-9354"), ("china-relay", "443,5671-5672,9350-9354"),
        ("download", "80,443"), ("bare-names", "80,443"), ("connectivity-test", "80"), ("azure-vms", "1443"), ("fabric-staging", "1433"),
        ("fabric-storage", "443"), ("sign-in", "443"))]
tap.check(f"ports of {len(PORTS)} rows",
          [f"{s}/{f}/{i}: {row(s, f, i).get('tcpPorts')} {row(s, f, i).get('udpPorts')}" for s, f, i, t, u in PORTS
           if not row(s, f, i) or (row(s, f, i).get("tcpPorts"), row(s, f, i).get("udpPorts")) != (t, u)])
listed = {(s, f, i) for s, f, i, *_ in PORTS}
tap.check("every other row with ports has tcp 443 alone",
          [f"{s}/{r['feature']}/{r['id']}: {r.get('tcpPorts')} {r.get('udpPorts')}" for s in catalog for r in rows(s)
           if (s, r["feature"], r["id"]) not in listed and set(r) & {"urls", "tcpPorts", "udpPorts"}
           and (r.get("tcpPorts"), r.get("udpPorts")) != ("443", None)])
tap.equal("https is 443 in feature service", {r["tcpPorts"] for r in rows(AUTOMATE, "service")}, {"443"})

# Rows that must be there, and what is particular about them
GOV = "gcc,gcc-high,dod"
CLOUDS = {      # of every row that is not of the public cloud alone; the data gateway's below
    "gcc": {(INTUNE, "remote-help"): ["188"], (AUTOMATE, "service"): ["platform-api-gcc"], (AUTOMATE, "desktop-flows"): ["platform-api-gcc"],
            (AUTOMATE, "power-automate-2026"): ["platform-api-gcc"]},
    "gcc-high": {(AUTOMATE, "service"): ["platform-api-gcc-high"], (AUTOMATE, "desktop-flows"): ["platform-api-gcc-high", "dataverse-gcc-high"],
                 (AUTOMATE, "power-automate-2026"): ["platform-api-gcc-high"]},
    "dod": {(AUTOMATE, "service"): ["platform-api-dod"], (AUTOMATE, "desktop-flows"): ["machine-gateway-dod", "platform-api-dod", "dataverse-dod"],
            (AUTOMATE, "power-automate-2026"): ["platform-api-dod"]},
    "gcc,gcc-high": {(AUTOMATE, "desktop-flows"): ["machine-gateway-government"]},
    "gcc-high,dod": {(INTUNE, "azure-front-door"): ["microsoft-security-government"]},
    GOV: {(AUTOMATE, "service"): ["flighting-government"],
          (AUTOMATE, "desktop-flows"): ["revocation-lists-government", "relay-government", "telemetry-government"],
          (AUTOMATE, "power-automate-2026"): ["workflows-government"]},
    "china": {(AUTOMATE, "service"): ["platform-api-china"], (AUTOMATE, "mobile"): ["telemetry-china"],
              (AUTOMATE, "desktop-flows"): ["revocation-lists-china", "telemetry-china", "platform-api-china", "dataverse-china"],
              (AUTOMATE, "power-automate-2026"): ["platform-api-china", "workflows-china", "machine-gateway-china", "api-china"]},
    "public,china": {(AUTOMATE, "service"): ["cloud-discovery"]},
    "public,gcc": {(AUTOMATE, "desktop-flows"): ["dataverse"]},
    "public,gcc-high,dod": {(INTUNE, "attestation"): ["device-health"]},
    "public," + GOV: {(AUTOMATE, "mobile"): ["telemetry"]},
    "global": {(AUTOMATE, "desktop-flows"): ["telemetry-global", "web-drivers"], (AUTOMATE, "power-automate-2026"): ["desktop-installer"]},
}
tap.equal("clouds", sorted((s, r["feature"], r["id"], ",".join(r["cloud"])) for s in catalog for r in rows(s)
                           if r["cloud"] != ["public"] and r["feature"] != "data-gateway"),
          sorted((*k, i, c) for c, table in CLOUDS.items() for k, ids in table.items() for i in ids))
GATEWAY = {
    "public": ["download", "cluster", "sign-in", "relay", "connectivity-test", "telemetry", "configuration", "management", "bare-names",
               "azure-vms", "fabric-storage", "fabric", "fabric-staging", "see-certificates"],
    GOV: ["gov-download", "gov-relay", "gov-storage", "gov-common"], "gcc-high,dod": ["gov-sign-in"],
    "gcc": ["gcc-cluster", "gcc-sign-in", "gcc-configuration"], "gcc-high": ["gcc-high-cluster", "gcc-high-configuration"],
    "dod": ["dod-cluster", "dod-configuration"], "china": ["china", "china-relay", "china-azure"],
}
tap.equal("rows and clouds of the data gateway", sorted((",".join(r["cloud"]), r["id"]) for r in rows(AUTOMATE, "data-gateway")),
          sorted((c, i) for c, ids in GATEWAY.items() for i in ids))
STATES = {
    (INTUNE, "organizational-messages", "170-organizational-messages"): "pending",
    (INTUNE, "windows-update-deployment", "181-windows-update"): "pending",
    (INTUNE, "windows-update-deployment", "181-windows-update-rentable"): "pending",
    (INTUNE, "windows-update-deployment", "187-windows-update"): "pending",
    (INTUNE, "windows-update-deployment", "187-windows-update-rentable"): "pending",
    (INTUNE, "scripts-and-win32-apps", "older-table"): "superseded", (INTUNE, "remote-help", "older-table"): "superseded",
    (INTUNE, "apple", "older-table"): "superseded", (AUTOMATE, "service", "resource-manager-2020"): "superseded",
    (AUTOMATE, "service", "graph-2020"): "superseded", (AUTOMATE, "service", "survey-2020"): "superseded",
}
tap.equal("what is not published", {(s, r["feature"], r["id"]): r["state"] for s in catalog for r in rows(s)
                                    if r["state"] != "published"}, STATES)
OPTIONAL = {
    (INTUNE, "core"): ["see-microsoft-365-addresses", "see-microsoft-365-connectivity", "see-content-delivery", "see-other-endpoints",
                       "see-managing-endpoints"],
    (INTUNE, "push-notifications"): ["see-firewall"], (INTUNE, "delivery-optimization"): ["peers", "see-documentation", "see-proxy"],
    (INTUNE, "apple"): ["see-networks", "see-ports", "see-itunes", "see-push"], (INTUNE, "authentication"): ["150", "see-microsoft-365"],
    (INTUNE, "store"): ["see-delivery-optimization"], (INTUNE, "endpoint-privilege-management"): ["see-overview"],
    (AUTOMATE, "connectors"): ["see-limits", "see-azure-sql"], (AUTOMATE, "desktop-flows"): ["see-namespaces"],
    (AUTOMATE, "data-gateway"): ["azure-vms", "fabric", "fabric-staging", "see-certificates"],
    (AUTOMATE, "power-automate-2026"): ["hosted-machines"],
    (BI, "general"): ["5", "6"], (BI, "get-data"): ["2", "3", "3-broad", "4"], (BI, "dashboards"): ["1"], (BI, "custom-visuals"): ["2", "3", "4"],
    (BI, "external-sites"): ["1", "2", "3", "4", "5", "6"], (BI, "data-gateway"): ["azure-vms", "fabric", "fabric-staging", "see-certificates"],
    (BI, "power-bi-2024"): ["messages", "azure-maps", "bing-maps", "esri-maps", "esri-maps-rentable", "community", "documentation", "ideas",
                            "developers", "support", "support-rentable"],
}
tap.equal("rows that are not required", sorted((s, r["feature"], r["id"]) for s in catalog for r in rows(s) if not r["required"]),
          sorted((*k, i) for k, ids in OPTIONAL.items() for i in ids))
tap.equal("categories: two sets of Intune are Allow, and the prefix beside the first",
          [r["id"] for r in rows(INTUNE) if r.get("category") == "Allow"], ["163", "163-consolidated-list", "56"])
tap.equal("directions", {d: sum(r["direction"] == d for s in catalog for r in rows(s)) for d in ("peer", "mail")}, {"peer": 1, "mail": 1})

COUNTS = {      # rows, names, addresses of what no seed document holds
    (INTUNE, "android-push"): (1, 15, 0), (INTUNE, "ncsi"): (2, 3, 0), (INTUNE, "azure-front-door"): (2, 0, 10),
    (AUTOMATE, "data-gateway"): (29, 64, 0), (BI, "data-gateway"): (29, 64, 0),
    (AUTOMATE, "power-automate-2026"): (15, 23, 0), (BI, "power-bi-2024"): (21, 31, 0),
}
tap.equal("sizes of the supplements",
          {k: (len(rows(*k)), sum(len(r.get("urls", [])) for r in rows(*k)), sum(len(r.get("ips", [])) for r in rows(*k))) for k in COUNTS},
          COUNTS)
SECTIONS = {    # where the seed documents' sections have gone
    (INTUNE, "Intune core service"): "core", (INTUNE, "Access for managed devices"): "core", (INTUNE, "MEM, set 163"): "core",
    (INTUNE, "Related topics"): "core", (INTUNE, "Intune core service, HTML comment"): "organizational-messages",
    (INTUNE, "Autopilot dependencies"): "autopilot", (INTUNE, "Remote Help"): "remote-help",
    (INTUNE, "Windows update for Business deployment service, HTML comment"): "windows-update-deployment",
    (INTUNE, "Windows Update for Business deployment service"): "windows-update-deployment",
    (INTUNE, "Windows Push Notification Services (WNS) dependencies"): "push-notifications",
    (INTUNE, "Delivery optimization dependencies"): "delivery-optimization", (INTUNE, "Apple dependencies"): "apple",
    (INTUNE, "Android AOSP dependencies"): "android-aosp", (INTUNE, "Android Enterprise dependencies"): "android-enterprise",
    (INTUNE, "Authentication dependencies"): "authentication",
    (INTUNE, "Network requirements for PowerShell scripts and Win32 apps"): "scripts-and-win32-apps",
    (INTUNE, "Network requirements for macOS app and script deployments"): "macos", (INTUNE, "Microsoft Store"): "store",
    (INTUNE, "Migrating device health attestation compliance policies to Microsoft Azure attestation"): "attestation",
    (INTUNE, "Endpoint analytics"): "endpoint-analytics", (INTUNE, "Microsoft Defender for Endpoint"): "defender",
    (INTUNE, "Microsoft Intune Endpoint Privilege Management"): "endpoint-privilege-management",
    (AUTOMATE, "Connectors"): "connectors", (AUTOMATE, "Introduction"): "connectors", (AUTOMATE, "Azure SQL database"): "connectors",
    (AUTOMATE, "Logic Apps and connectors for cloud flows runtime"): "connectors",
    (AUTOMATE, "Required endpoints for Power Automate service"): "service", (AUTOMATE, "Required services"): "service",
    (AUTOMATE, "Endpoints needed to use Power Automate mobile app"): "mobile",
    (AUTOMATE, "Global endpoints for desktop flows runtime"): "desktop-flows", (AUTOMATE, "Public endpoints for desktop flows runtime"): "desktop-flows",
    (AUTOMATE, "US Government endpoints for desktop flows runtime"): "desktop-flows",
    (AUTOMATE, "21Vianet endpoints (China) for desktop flows runtime"): "desktop-flows", (AUTOMATE, "Approval email delivery"): "approvals",
    (BI, "Authentication"): "authentication", (BI, "General site usage"): "general", (BI, "Administration"): "administration",
    (BI, "Get Data"): "get-data", (BI, "Dashboard and Report integration"): "dashboards", (BI, "Custom visuals"): "custom-visuals",
    (BI, "External related sites"): "external-sites",
}
OLDER = "Authentication dependencies, HTML comment (older table)"
tap.equal("sections and features",
          {(s, r["source"]["section"]): r["feature"] for s in catalog for r in rows(s)
           if not r.get("optIn") and r["source"]["section"] != OLDER}, SECTIONS)
tap.check("one feature a section", [f"{s}/{r['feature']}/{r['id']}" for s in catalog for r in rows(s) if not r.get("optIn")
                                    and r["source"]["section"] != OLDER and SECTIONS.get((s, r["source"]["section"])) != r["feature"]])
tap.check("asOf is the date that the document's name bears",
          [f"{s}/{r['feature']}/{r['id']}" for s in catalog for r in rows(s)
           if re.findall(r"\d{4}-\d\d-\d\d", r["source"]["document"]) != [r["asOf"]]])
LINKS = {       # of documents whose links the tests cannot see
    ("connectors", "see-service-tag"): "/connectors/common/outbound-ip-addresses#power-platform",
    ("connectors", "see-logic-apps"): "/azure/logic-apps/logic-apps-limits-and-config#firewall-ip-configuration",
    ("connectors", "see-limits"): "/power-automate/limits-and-config",
    ("connectors", "see-azure-sql"): "/connectors/common/outbound-ip-addresses#power-platform",
    ("service", "office-shell"): "/office365/enterprise/urls-and-ip-address-ranges#microsoft-365-common-and-office-online",
    ("desktop-flows", "see-namespaces"):
        "/power-automate/limits-and-config#allowlist-of-namespaces-endpoints-required-for-desktop-flows-runtime",
    ("data-gateway", "gov-sign-in"): "/microsoft-365/enterprise/microsoft-365-u-s-government-gcc-high-endpoints",
    ("data-gateway", "see-certificates"): "/azure/security/fundamentals/azure-certificate-authority-details",
}
tap.equal("links of Power Automate", {(r["feature"], r["id"]): r["seeAlso"] for r in rows(AUTOMATE) if "seeAlso" in r and r["direction"] != "mail"},
          {k: "https://learn.microsoft.com" + v for k, v in LINKS.items()})
tap.equal("rows of Intune that only tell where to look",
          {f"{r['feature']}/{r['id']}" for r in rows(INTUNE) if not set(r) & {"urls", "ips", "tcpPorts"}},
          {*(f"core/see-{x}" for x in ("microsoft-365-addresses", "microsoft-365-connectivity", "content-delivery", "other-endpoints",
                                       "managing-endpoints")),
           *(f"apple/see-{x}" for x in ("networks", "ports", "itunes", "push")),
           *(f"store/see-{x}" for x in ("windows-11", "windows-10", "win32-content", "delivery-optimization")),
           "windows-update-deployment/see-prerequisites", "push-notifications/see-firewall", "delivery-optimization/see-documentation",
           "delivery-optimization/see-proxy", "android-enterprise/see-bluebook", "android-enterprise/see-push",
           "authentication/see-microsoft-365", "endpoint-analytics/see-proxy", "defender/see-connectivity",
           "endpoint-privilege-management/see-overview"})
M365 = "https://learn.microsoft.com/microsoft-365/enterprise/urls-and-ip-address-ranges"
tap.equal("links of the supplement of Power BI", {r["id"]: r["seeAlso"] for r in rows(BI, "power-bi-2024") if "seeAlso" in r},
          {"see-microsoft-365": M365 + "#microsoft-365-common-and-office-online",
           "see-onedrive": M365 + "#sharepoint-online-and-onedrive-for-business"})
tap.equal("link of approvals", row(AUTOMATE, "approvals", "e-mail").get("seeAlso"), "https://go.microsoft.com/fwlink/?linkid=2128304")

# Scale units and regions of Intune
UNITS = {"north-america": ("AMSUA", 14), "europe": ("AMSUB", 10), "asia-pacific": ("AMSU", 6)}
wrong = []
for f, ids in (("scripts-and-win32-apps", ("", "-storage")), ("macos", ("", "-azureedge"))):
    for g, (prefix, count) in UNITS.items():
        for suffix in ids:
            units = row(INTUNE, f, g + suffix).get("scaleUnits", [])
            if len(units) != count or len(set(units)) != count or not all(u.startswith(prefix) for u in units):
                wrong.append(f"{f}/{g}{suffix}: {units}")
tap.check("scale units: 14, 10 and 6, each once", wrong)
chosen = [n for r in rows(INTUNE) if "AMSUA0501" in r.get("scaleUnits", []) for n in r["urls"]]
tap.equal("North America 0501 leads to its content, storage and macOS names", sorted(chosen), sorted(
    [f"naprodimedata{x}.{d}" for x in ("pri", "sec", "hotfix") for d in ("azureedge.net", "blob.core.windows.net")]
    + [f"imeswda-afd-{x}.manage.microsoft.com" for x in ("primary", "secondary", "hotfix")]
    + ["macsidecar.manage.microsoft.com", "macsidecarprod.azureedge.net"]))
tap.equal("the storage name that the page misspells", "approdimedatahotfix.blob.core.windows.net"
          in row(INTUNE, "scripts-and-win32-apps", "asia-pacific-storage").get("urls", []), True)
tap.equal("and the slip is on record", "approdimedatahotifx"
          in row(INTUNE, "scripts-and-win32-apps", "asia-pacific-storage").get("notes", ""), True)
tap.equal("until: the old macOS names alone", [(r["feature"], r["until"]) for s in catalog for r in rows(s) if "until" in r],
          [("macos", "2025-03-31")] * 3)
tap.equal("attestation: 6, 6 and 4 names",
          {r["regions"][0]: len(r["urls"]) for r in rows(INTUNE, "attestation") if "regions" in r},
          {"North America": 6, "Europe": 6, "Asia Pacific": 4})

# Flags
BROAD = {"*.bing.com", "*.microsoft.com", "*.doubleclick.net", "*.google.com", "*.youtube.com"}
RENTABLE = {"*.azureedge.net", "*.blob.core.windows.net", "payloadprod*.blob.core.windows.net", "*.core.windows.net",
            "*.servicebus.windows.net", "*.servicebus.usgovcloudapi.net", "*.servicebus.chinacloudapi.cn", "*.core.usgovcloudapi.net",
            "*.chinacloudapi.cn", "*.cloudapp.azure.com", "*.webpubsub.azure.com", "*.monitor.azure.com", "*.msecnd.net",
            "*.logic.azure.com", "*.logic.azure.us", "*.logic.azure.cn", "*.dynamics.com", "*.microsoftdynamics.us", "*.crm.appsplatform.us",
            "*.dynamics.cn", "*.api.powerplatform.com", "*.api.powerplatformusercontent.com", "*.api.gov.powerplatform.microsoft.us",
            "*.api.high.powerplatform.microsoft.us", "*.api.appsplatform.us", "*.api.powerplatform.partner.microsoftonline.cn",
            "*.azurefd.net", "*.pbidedicated.windows.net", "*.datawarehouse.pbidedicated.windows.net", "*.datawarehouse.fabric.microsoft.com",
            "*.arcgis.com", "s3.amazonaws.com"}
NEITHER = {"*.manage.microsoft.com", "*.dm.microsoft.com", "*.azure-apim.net", "*.azure-apihub.net", "*.powerapps.com",
           "*.flow.microsoft.com", "*.powerbi.com", "*.analysis.windows.net", "*.windowsupdate.com", "*.push.apple.com"}


def flagged(flag):
    return {n for s in catalog for r in rows(s) if r.get(flag) for n in r["urls"]}


def unflagged(flag):
    return {n for s in catalog for r in rows(s) if not r.get(flag) for n in r.get("urls", [])}


tap.equal("broad names", sorted(flagged("broad")), sorted(BROAD))
tap.equal("rentable names", sorted(flagged("rentable")), sorted(RENTABLE))
tap.check("a name is rentable or broad in every row or in none",
          sorted(n for f in ("broad", "rentable") for n in flagged(f) & unflagged(f)))
tap.check("names that are neither", sorted(n for n in NEITHER if n in flagged("broad") | flagged("rentable")))
OPT_IN = {INTUNE: {"ncsi", "android-push", "azure-front-door"}, AUTOMATE: {"data-gateway", "power-automate-2026"},
          BI: {"data-gateway", "power-bi-2024"}}
tap.equal("features that must be named", {s: {r["feature"] for r in rows(s) if r.get("optIn")} for s in catalog}, OPT_IN)
tap.check("they are opt-in in every row",
          [f"{s}/{r['feature']}/{r['id']}" for s in catalog for r in rows(s) if r["feature"] in OPT_IN[s] and not r.get("optIn")])
afd = row(INTUNE, "azure-front-door", "microsoft-security").get("ips", [])
tap.equal("Azure Front Door: four IPv4 and three IPv6 prefixes", (sum("." in i for i in afd), sum(":" in i for i in afd)), (4, 3))
same = [{k: v for k, v in r.items()} for r in rows(BI, "data-gateway")]
tap.equal("the data gateway is the same for both services", rows(AUTOMATE, "data-gateway"), same)

# What a configuration that names the service alone selects
FEATURES = {
    INTUNE: {"core", "autopilot", "remote-help", "windows-update-deployment", "push-notifications", "delivery-optimization", "apple",
             "android-aosp", "android-enterprise", "authentication", "scripts-and-win32-apps", "macos", "store", "attestation",
             "endpoint-analytics", "defender", "endpoint-privilege-management"},
    AUTOMATE: {"connectors", "service", "mobile", "desktop-flows", "approvals"},
    BI: {"authentication", "general", "administration", "get-data", "custom-visuals"},
}
selected = {s: [r for r in rows(s) if selected_by_default(r)] for s in catalog}
tap.equal("features selected by default", {s: {r["feature"] for r in selected[s]} for s in catalog}, FEATURES)
MUST = {
    INTUNE: ["*.manage.microsoft.com", "manage.microsoft.com", "graph.microsoft.com", "*.azureedge.net", "time.windows.com",
             "*.webpubsub.azure.com", "*.wns.windows.com", "*.push.apple.com", "intunecdnpeasd.azureedge.net", "login.microsoftonline.com",
             "enterpriseregistration.windows.net", "naprodimedatapri.blob.core.windows.net", "euprodimedatapri.azureedge.net",
             "macsidecarap.manage.microsoft.com", "displaycatalog.mp.microsoft.com", "intunemaape7.neu.attest.azure.net",
             "has.spserv.microsoft.com", "*.dm.microsoft.com", "lgmsapeweu.blob.core.windows.net"],
    AUTOMATE: ["login.microsoftonline.com", "*.azure-apim.net", "*.blob.core.windows.net", "*.flow.microsoft.com", "*.logic.azure.com",
               "*.dynamics.com", "login.partner.microsoftonline.cn", "*.api.powerplatform.com", "*.events.data.microsoft.com",
               "officeapps.live.com", "server.events.data.microsoft.com", "crl3.digicert.com", "*.servicebus.windows.net"],
    BI: ["*.analysis.windows.net", "app.powerbi.com", "dc.services.visualstudio.com", "appsource.microsoft.com", "store.office.com",
         "*.azureedge.net", "*.msecnd.net"],
}
MUST_NOT = {
    INTUNE: ["fd.api.orgmsg.microsoft.com", "payloadprod*.blob.core.windows.net", "devicelistenerprod.microsoft.com", "login.windows.net",
             "swda01-mscdn.azureedge.net", "5-courier.push.apple.com", "*.channelservices.microsoft.com", "*.go-mpulse.net",
             "www.msftncsi.com", "www.msftconnecttest.com", "mtalk.google.com", "config.office.com", "gcc.remotehelp.microsoft.com",
             "*.gov.teams.microsoft.us"],
    AUTOMATE: ["management.azure.com", "graph.windows.net", "nps.onyx.azure.net", "*.api.gov.powerplatform.microsoft.us",
               "*.api.appsplatform.us", "collector.azure.cn", "tb.events.data.microsoft.com", "crl.digicert.cn", "*.cloudapp.azure.com",
               "*.core.windows.net", "api.bap.microsoft.com", "s2s.config.ecs.infra.gov.teams.microsoft.us"],
    BI: ["*.microsoft.com", "*.bing.com", "*.google.com", "*.youtube.com", "dynmsg.modpim.com", "nps.onyx.azure.net", "bing.com",
         "community.powerbi.com", "aka.ms", "*.powerbi.com", "content.powerapps.com", "*.servicebus.windows.net"],
}
have = {s: {n for r in selected[s] for n in r.get("urls", [])} for s in catalog}
tap.check("the default selection has what it must", [f"{s}: {n}" for s in MUST for n in MUST[s] if n not in have[s]])
tap.check("the default selection lacks what it must not have", [f"{s}: {n}" for s in MUST_NOT for n in MUST_NOT[s] if n in have[s]])
tap.check("what it must not have is in the catalog all the same",
          [f"{s}: {n}" for s in MUST_NOT for n in MUST_NOT[s] if not any(n in r.get("urls", []) for r in rows(s))])
out = {s: {i for r in selected[s] if r["direction"] == "outbound" for i in r.get("ips", [])} for s in catalog}
tap.equal("addresses called by default: 84 different prefixes of Intune, none of the others", {s: len(out[s]) for s in out},
          {INTUNE: 84, AUTOMATE: 0, BI: 0})
tap.done()
