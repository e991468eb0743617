/** Where each number of the charge ledger comes from. */
export const sources = {
  esp32: "ESP32 Series Datasheet v5.2, current consumption",
  esp32s3: "ESP32-S3-WROOM-1 Datasheet v1.8, current consumption",
  esp32c3: "ESP32-C3 Series Datasheet v2.4, current consumption",
  esp32c6: "ESP32-C6 Series Datasheet, current consumption",
  idfPower: "ESP-IDF, docs/en/api-guides/low-power-mode/low-power-mode-wifi (sleep-current tables)",
  idfKconfig: "ESP-IDF, components/esp_wifi/Kconfig: ESP_WIFI_SLP_DEFAULT_MIN_ACTIVE_TIME",
  idfScan: "ESP-IDF, docs/en/api-guides/wifi: an active scan takes 120 ms a channel",
  upyBoot: "github.com/glenn20/upy-esp32-experiments, OptimisingMicropythonBootTime (PPK2, 5 V side)",
  upyWifi: "github.com/glenn20/upy-esp32-experiments, ESPNowvsWifiEnergyUsage (PPK2, 5 V side)",
  upyStub: "github.com/glenn20/upy-esp32-experiments, ESP32WakeStubs (PPK2, 5 V side)",
  fit: "fitted to four measured events of upy-esp32-experiments within the datasheet's range (hal-mocks/energy/fit.ts)",
  slowJoin: "github.com/espressif/arduino-esp32/issues/1675 and /2798: some 3 s, static address",
  tls: "TLS on ESP32: 1.2 to 1.7 s for a full handshake, all but its round trips saved by resumption (mbedTLS, RSA or P-256; collected reports)",
  model: "a modelled network, no measurement: settings of hal-mocks/link.ts",
  flash: "Winbond W25Q32JV datasheet, AC and DC characteristics (typical, maximum)",
  wifi: "IEEE 802.11: long preamble, MAC header; the slowest rate, 1 Mbit/s",
  ina226: "TI INA226 datasheet SBOS547, electrical characteristics (typical, maximum)",
  mcp1700: "Microchip MCP1700 datasheet DS20001826, input quiescent current (typical, maximum)",
  ohm: "Ohm's law",
  molenet: "github.com/ComNets-Bremen/WUSN, MoleNet V6 power consumption (ESP32-S3-DevKitC)",
  configured: "the scenario's own setting",
} as const;

export type Source = keyof typeof sources;
