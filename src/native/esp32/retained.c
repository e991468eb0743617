/*
 * What survives deep sleep, restarts, panics and watchdogs: the count of ticks, and one blob of bytes. Both lie in RTC
 * memory that no start initialises, so both are checked.
 */
#include "retained.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "esp_attr.h"
#include "esp_rom_crc.h"
#include "esp_rtc_time.h"
#include "esp_system.h"
#include "esp_timer.h"
#include "xsmc.h"

enum { BLOB_BYTES = 4096, NO_BLOB = -1 };

/* The count, and what the RTC's own clock showed at that moment. */
struct count {
  uint64_t ticksUs;
  uint64_t rtcUs;
  uint32_t crc;
};

struct blob {
  uint32_t crc;
  int32_t length;
  uint8_t bytes[BLOB_BYTES];
};

/* Written in turn: a reset in the middle of one leaves the other. */
static RTC_NOINIT_ATTR struct count counts[2];
static RTC_NOINIT_ATTR struct blob blob;

/* What is to be added to the crystal's count since this start. */
static uint64_t base;
static bool isBegun;
static bool isSecond;

static uint32_t crcOf(const void *bytes, size_t length) { return esp_rom_crc32_le(0, bytes, (uint32_t)length); }

static uint32_t crcOfCount(const struct count *count) { return crcOf(count, offsetof(struct count, crc)); }

static uint32_t crcOfBlob(void) { return crcOf(&blob.length, sizeof blob.length + (size_t)blob.length); }

/* The RTC's clock begins anew with the supply, and then this memory may still hold what it held: for seconds, or longer. */
static const struct count *keptCount(uint64_t rtcUs) {
  const struct count *kept = NULL;
  if (esp_reset_reason() == ESP_RST_POWERON) return NULL;
  for (int index = 0; index < 2; index++) {
    const struct count *count = &counts[index];
    if (count->crc != crcOfCount(count) || count->rtcUs > rtcUs) continue;
    if (!kept || count->rtcUs > kept->rtcUs) kept = count;
  }
  return kept;
}

/*
 * While awake the count goes by the crystal, which the RTC's clock is far from. What lies between the last count before
 * a sleep or a reset and the first one after it goes by the RTC's clock: nothing else runs then.
 */
uint64_t countTicks(void) {
  const uint64_t crystalUs = (uint64_t)esp_timer_get_time();
  const uint64_t rtcUs = esp_rtc_get_time_us();
  if (!isBegun) {
    const struct count *kept = keptCount(rtcUs);
    isBegun = true;
    isSecond = kept == &counts[0];
    if (kept)
      base = kept->ticksUs + (rtcUs - kept->rtcUs) - crystalUs;
    else
      blob.length = NO_BLOB; /* Its ticks would be of another count. */
  }
  struct count *count = &counts[isSecond];
  isSecond = !isSecond;
  count->ticksUs = base + crystalUs;
  count->rtcUs = rtcUs;
  count->crc = crcOfCount(count);
  return count->ticksUs;
}

void xs_gridmote_ticks(xsMachine *the) { xsmcSetNumber(xsResult, (xsNumberValue)(countTicks() / 1000)); }

void xs_gridmote_retained_bytes(xsMachine *the) { xsmcSetInteger(xsResult, BLOB_BYTES); }

void xs_gridmote_retained_read(xsMachine *the) {
  countTicks();
  if (blob.length < 0 || blob.length > BLOB_BYTES || blob.crc != crcOfBlob()) return;
  xsmcSetArrayBuffer(xsResult, blob.bytes, blob.length);
}

void xs_gridmote_retained_write(xsMachine *the) {
  void *bytes;
  xsUnsignedValue length;
  xsmcGetBufferReadable(xsArg(0), &bytes, &length);
  if (length > BLOB_BYTES) xsRangeError("retained: %d bytes do not fit in %d", (int)length, (int)BLOB_BYTES);
  countTicks();
  blob.length = (int32_t)length;
  memcpy(blob.bytes, bytes, length);
  blob.crc = crcOfBlob();
}
