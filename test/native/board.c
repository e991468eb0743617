/*
 * An ESP32 as far as src/native/esp32 sees one. What it is told comes in words of the command line, such as reset=1; what
 * it is asked to do goes to standard output. Its RTC memory is a file, so that a start is a process.
 */
#include "board.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app_update/include/esp_ota_ops.h"
#include "driver/gpio.h"
#include "esp_rom_crc.h"
#include "esp_rtc_time.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "esp_wifi.h"

extern uint8_t __start_rtc_noinit[];
extern uint8_t __stop_rtc_noinit[];

struct esp_partition {
  const char *name;
};

static char **words;
static const char *rtcFile;
static uint64_t awakeUs;
static const esp_partition_t running = {"running"};
static const esp_partition_t nextota = {"nextota"};
/* Of the running image; of the one that otadata has chosen. */
static int64_t state;
static bool isNextChosen;

static int64_t told(const char *name, int64_t otherwise) {
  const size_t length = strlen(name);
  for (char **word = words; *word; word++)
    if (!strncmp(*word, name, length) && (*word)[length] == '=') return strtoll(*word + length + 1, NULL, 0);
  return otherwise;
}

void startBoard(const char *file, char **wordsOfIt) {
  words = wordsOfIt;
  rtcFile = file;
  state = told("state", ESP_OTA_IMG_VALID);
  FILE *kept = fopen(rtcFile, "rb");
  if (!kept) return;
  if (fread(__start_rtc_noinit, 1, (size_t)(__stop_rtc_noinit - __start_rtc_noinit), kept) == 0) exit(2);
  fclose(kept);
}

void endBoard(const char *how) {
  FILE *kept = fopen(rtcFile, "wb");
  if (!kept) exit(2);
  fwrite(__start_rtc_noinit, 1, (size_t)(__stop_rtc_noinit - __start_rtc_noinit), kept);
  fclose(kept);
  puts(how);
  exit(0);
}

void stayAwake(double ms) { awakeUs += (uint64_t)(ms * 1000); }

/* CRC-32 as zlib has it, which is what the ROM computes. */
uint32_t esp_rom_crc32_le(uint32_t crc, uint8_t const *buf, uint32_t len) {
  crc = ~crc;
  for (uint32_t at = 0; at < len; at++) {
    crc ^= buf[at];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320U : 0);
  }
  return ~crc;
}

/* `fast` in parts per million: the RTC's own oscillator is far from the crystal. */
uint64_t esp_rtc_get_time_us(void) {
  const int64_t awakeByRtc = (int64_t)awakeUs + (int64_t)awakeUs * told("fast", 0) / 1000000;
  return (uint64_t)(told("rtc", 0) + awakeByRtc);
}

int64_t esp_timer_get_time(void) { return told("crystal", 0) + (int64_t)awakeUs; }

esp_reset_reason_t esp_reset_reason(void) { return (esp_reset_reason_t)told("reset", ESP_RST_POWERON); }

void esp_restart(void) { endBoard("esp_restart"); }

uint32_t esp_sleep_get_wakeup_causes(void) { return (uint32_t)told("causes", 1 << ESP_SLEEP_WAKEUP_UNDEFINED); }

/* The RTC's pins of an ESP32, a C3 and a C6: as many as the tests need. */
bool esp_sleep_is_valid_wakeup_gpio(gpio_num_t gpio_num) {
#if CONFIG_IDF_TARGET_ESP32
  return gpio_num >= 32 && gpio_num <= 39;
#else
  return gpio_num <= 5;
#endif
}

esp_err_t esp_sleep_enable_timer_wakeup(uint64_t time_in_us) {
  printf("esp_sleep_enable_timer_wakeup %" PRIu64 "\n", time_in_us);
  return time_in_us > (uint64_t)told("longest", INT64_MAX) ? ESP_ERR_INVALID_ARG : ESP_OK;
}

#if SOC_PM_SUPPORT_EXT1_WAKEUP
esp_err_t esp_sleep_enable_ext1_wakeup_io(uint64_t io_mask, esp_sleep_ext1_wakeup_mode_t level_mode) {
  printf("esp_sleep_enable_ext1_wakeup_io %#" PRIx64 " %d\n", io_mask, level_mode);
  return ESP_OK;
}
#endif

#if SOC_GPIO_SUPPORT_HP_PERIPH_PD_SLEEP_WAKEUP
esp_err_t esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(uint64_t gpio_pin_mask,
                                                              esp_sleep_gpio_wake_up_mode_t mode) {
  printf("esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown %#" PRIx64 " %d\n", gpio_pin_mask, mode);
  return ESP_OK;
}
#endif

void esp_deep_sleep_start(void) { endBoard("esp_deep_sleep_start"); }

esp_err_t gpio_config(const gpio_config_t *pGPIOConfig) {
  return pGPIOConfig->mode == GPIO_MODE_INPUT && pGPIOConfig->pin_bit_mask ? ESP_OK : ESP_ERR_INVALID_ARG;
}

int gpio_get_level(gpio_num_t gpio_num) {
  (void)gpio_num;
  return (int)told("level", 0);
}

esp_err_t esp_wifi_set_ps(wifi_ps_type_t type) {
  printf("esp_wifi_set_ps %d\n", type);
  return (esp_err_t)told("wifi", ESP_OK);
}

esp_err_t esp_wifi_stop(void) {
  puts("esp_wifi_stop");
  return (esp_err_t)told("wifi", ESP_OK);
}

const esp_partition_t *esp_ota_get_running_partition(void) { return &running; }

const esp_partition_t *esp_ota_get_next_update_partition(const esp_partition_t *start_from) {
  return !start_from && told("slots", 2) > 1 ? &nextota : NULL;
}

/* otadata does not know an image that no update has brought. */
esp_err_t esp_ota_get_state_partition(const esp_partition_t *partition, esp_ota_img_states_t *ota_state) {
  if (partition != &running || state < 0) return ESP_ERR_NOT_FOUND;
  *ota_state = (esp_ota_img_states_t)state;
  return ESP_OK;
}

esp_err_t esp_ota_set_boot_partition(const esp_partition_t *partition) {
  printf("esp_ota_set_boot_partition %s\n", partition->name);
  const esp_err_t error = (esp_err_t)told("image", ESP_OK);
  isNextChosen = error == ESP_OK;
  return error;
}

esp_err_t esp_ota_mark_app_valid_cancel_rollback(void) {
  printf("%s is valid\n", isNextChosen ? nextota.name : running.name);
  if (!isNextChosen) state = ESP_OTA_IMG_VALID;
  return ESP_OK;
}

esp_err_t esp_ota_mark_app_invalid_rollback_and_reboot(void) {
  const esp_err_t error = (esp_err_t)told("rollback", ESP_OK);
  if (error != ESP_OK) return error;
  printf("%s is invalid\n", running.name);
  esp_restart();
}
