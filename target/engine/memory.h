/* Where memory comes from: while an image is made, from a fixed range; else from the host, up to a limit. */
#ifndef GRIDMOTE_MEMORY_H
#define GRIDMOTE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/* Slots, and behind them all else. Far from what Linux uses by itself, and below 2^39 for arm64. */
#define IMAGE_BASE UINT64_C(0x2000000000)
enum { REGION_BYTES = 16 * 1024 * 1024 };

struct region {
  uint8_t *start;
  uint8_t *next;
};

extern struct region slotRegion;
extern struct region dataRegion;

/* From now on all memory comes from the two regions, and lies in order. */
void openRegions(void);

/* What scripts may take for slots and chunks. */
extern size_t memoryLimit;

/* A machine has been deleted: the limit is the next one's alone. */
void forgetMemory(void);

#endif
