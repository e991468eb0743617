/* Which native image boots next, and whether the one that runs has proved itself: ESP-IDF's otadata. */
#include <stdbool.h>

#include "app_update/include/esp_ota_ops.h"
#include "esp_system.h"
#include "retained.h"
#include "xsmc.h"

static bool isOnTrial(void) {
  esp_ota_img_states_t state;
  return esp_ota_get_state_partition(esp_ota_get_running_partition(), &state) == ESP_OK &&
         state == ESP_OTA_IMG_PENDING_VERIFY;
}

void xs_gridmote_is_on_trial(xsMachine *the) { xsmcSetBoolean(xsResult, isOnTrial()); }

void xs_gridmote_set_next(xsMachine *the) {
  const esp_partition_t *next = esp_ota_get_next_update_partition(NULL);
  if (!next) xsUnknownError("boot: there is no second partition for an image");
  if (isOnTrial()) xsUnknownError("boot: the running image is on trial, and the other one is the way back");
  const esp_err_t error = esp_ota_set_boot_partition(next);
  if (error != ESP_OK) xsUnknownError("boot: the image in nextota is refused (0x%x)", (int)error);
}

/* ESP-IDF confirms whatever boots next, which after xs_gridmote_set_next is an image that nobody has tried. */
void xs_gridmote_confirm(xsMachine *the) {
  if (!isOnTrial()) return;
  const esp_err_t error = esp_ota_mark_app_valid_cancel_rollback();
  if (error != ESP_OK) xsUnknownError("boot: the image cannot be confirmed (0x%x)", (int)error);
}

void xs_gridmote_restart(xsMachine *the) {
  (void)the;
  countTicks();
  esp_restart();
}

void xs_gridmote_revert(xsMachine *the) {
  countTicks();
  const esp_err_t error = esp_ota_mark_app_invalid_rollback_and_reboot();
  /*
   * otadata does not know the image that was flashed first. The bootloader does: it ends the trial at a restart, and
   * boots the first partition.
   */
  if (isOnTrial()) esp_restart();
  xsUnknownError("boot: there is no image to go back to (0x%x)", (int)error);
}
