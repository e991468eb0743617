/* Deep sleep, what ended it, why the chip was reset, and how the radio rests. */
#include <stddef.h>
#include <stdint.h>

#include "driver/gpio.h"
#include "esp_sleep.h"
#include "esp_system.h"
#include "esp_wifi.h"
#include "retained.h"
#include "soc/soc_caps.h"
#include "xsmc.h"

/* An alarm that has passed before the chip sleeps would not come again for years; entering takes less than this. */
enum { SHORTEST_MS = 10 };
/* Some 285 years. The chip's own limit is below it, and checked by ESP-IDF. */
static const xsNumberValue LONGEST_MS = 9007199254740.0;

static esp_err_t enableWake(uint64_t mask, int level) {
#if SOC_PM_SUPPORT_EXT1_WAKEUP
  /* Of one pin, all of them low and any of them low is the same, and so is its number. */
  return esp_sleep_enable_ext1_wakeup_io(mask, (esp_sleep_ext1_wakeup_mode_t)level);
#elif SOC_GPIO_SUPPORT_HP_PERIPH_PD_SLEEP_WAKEUP
  return esp_sleep_enable_gpio_wakeup_on_hp_periph_powerdown(mask, (esp_sleep_gpio_wake_up_mode_t)level);
#else
#error "this chip wakes by no pin"
#endif
}

/* Arguments: GPIO number, level. False when this chip cannot wake by that pin. */
void xs_gridmote_wake_on_pin(xsMachine *the) {
  const xsIntegerValue pin = xsmcToInteger(xsArg(0));
  const int level = xsmcToBoolean(xsArg(1)) ? 1 : 0;
  xsmcSetBoolean(xsResult, 0);
  if (pin < 0 || pin >= GPIO_NUM_MAX || !esp_sleep_is_valid_wakeup_gpio((gpio_num_t)pin)) return;
  const gpio_config_t input = {.pin_bit_mask = 1ULL << pin, .mode = GPIO_MODE_INPUT};
  if (gpio_config(&input) != ESP_OK) return;
  /* A level wakes, not an edge: a contact that is stuck must not keep the chip from sleeping. */
  const int isHeld = gpio_get_level((gpio_num_t)pin) == level;
  xsmcSetBoolean(xsResult, isHeld || enableWake(1ULL << pin, level) == ESP_OK);
}

/* Argument: milliseconds. Does not return. */
void xs_gridmote_sleep(xsMachine *the) {
  xsNumberValue ms = xsmcToNumber(xsArg(0));
  if (!(ms >= 0 && ms <= LONGEST_MS)) xsRangeError("sleep: ms is not a number from 0 on");
  if (ms < SHORTEST_MS) ms = SHORTEST_MS;
  if (esp_sleep_enable_timer_wakeup((uint64_t)(ms * 1000)) != ESP_OK) xsRangeError("sleep: the chip cannot sleep so long");
  /* It says so when the radio was never on, which is as good. */
  esp_wifi_stop();
  countTicks();
  esp_deep_sleep_start();
}

void xs_gridmote_wake_reason(xsMachine *the) {
  const uint32_t causes = esp_sleep_get_wakeup_causes();
  const uint32_t pin =
      1U << ESP_SLEEP_WAKEUP_EXT0 | 1U << ESP_SLEEP_WAKEUP_EXT1 | 1U << ESP_SLEEP_WAKEUP_GPIO;
  const char *reason = "start";
  if (causes & pin)
    reason = "pin";
  else if (causes & 1U << ESP_SLEEP_WAKEUP_TIMER)
    reason = "timer";
  xsmcSetString(xsResult, (char *)reason);
}

static const char *nameOf(esp_reset_reason_t reason) {
  switch (reason) {
    case ESP_RST_POWERON:
    case ESP_RST_EXT: /* The pin cuts the chip's supply. */
      return "power";
    case ESP_RST_DEEPSLEEP:
      return "sleep";
    case ESP_RST_SW:
      return "software";
    case ESP_RST_PANIC:
    case ESP_RST_CPU_LOCKUP:
      return "panic";
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
      return "watchdog";
    case ESP_RST_BROWNOUT:
    case ESP_RST_PWR_GLITCH:
      return "brown-out";
    default:
      return "unknown";
  }
}

void xs_gridmote_reset_reason(xsMachine *the) { xsmcSetString(xsResult, (char *)nameOf(esp_reset_reason())); }

/* Argument: whether the radio may rest between beacons. Wi-Fi must have been started. */
void xs_gridmote_save_radio(xsMachine *the) {
  const wifi_ps_type_t type = xsmcToBoolean(xsArg(0)) ? WIFI_PS_MIN_MODEM : WIFI_PS_NONE;
  if (esp_wifi_set_ps(type) != ESP_OK) xsUnknownError("wifi: power save cannot be set");
}
