#include "memory.h"

#include <sys/mman.h>

#include "archive.h"
#include "xsAll.h"

struct region slotRegion;
struct region dataRegion;
size_t memoryLimit = SIZE_MAX;

static size_t taken;

static void openRegion(struct region *region, uint64_t address) {
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
  void *start = mmap((void *)address, REGION_BYTES, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (start != (void *)address) die("address %#jx is taken: %s", (uintmax_t)address, strerror(errno));
  region->start = region->next = start;
}

void openRegions(void) {
  openRegion(&slotRegion, IMAGE_BASE);
  openRegion(&dataRegion, IMAGE_BASE + REGION_BYTES);
}

static void *takeFrom(struct region *region, size_t size) {
  const size_t alignment = 16;
  uint8_t *address = region->next;
  size = (size + alignment - 1) & ~(alignment - 1);
  if (size > (size_t)(region->start + REGION_BYTES - address)) die("the image is larger than %d bytes", REGION_BYTES);
  region->next += size;
  return address;
}

static bool isInRegion(const void *address) {
  const uint8_t *at = address;
  return dataRegion.start && at >= dataRegion.start && at < dataRegion.start + REGION_BYTES;
}

/* XS does not look everywhere whether it has got what it asked for. */
static void *found(void *address) {
  if (!address) die("out of memory");
  return address;
}

void *platformAllocate(size_t size) {
  if (dataRegion.start) return takeFrom(&dataRegion, size);
  return found(calloc(size ? size : 1, 1));
}

void *platformReallocate(void *address, size_t size) {
  if (isInRegion(address)) die("the image needs more keys than its creation says");
  return found(realloc(address, size));
}

void platformFree(void *address) {
  if (!isInRegion(address)) free(address);
}

/* Chunks and slots are given back with the machine alone: what was taken is what is in use. */
static void count(txMachine *the, size_t size) {
  taken += size;
  if (taken > memoryLimit) fxAbort(the, XS_NOT_ENOUGH_MEMORY_EXIT);
}

void forgetMemory(void) { taken = 0; }

void *fxAllocateChunks(txMachine *the, txSize size) {
  count(the, (size_t)size);
  return platformAllocate((size_t)size);
}

void fxFreeChunks(txMachine *the, void *chunks) {
  (void)the;
  platformFree(chunks);
}

txSlot *fxAllocateSlots(txMachine *the, txSize slots) {
  size_t size = (size_t)slots * sizeof(txSlot);
  count(the, size);
  return slotRegion.start ? takeFrom(&slotRegion, size) : found(malloc(size));
}

void fxFreeSlots(txMachine *the, void *slots) {
  (void)the;
  if (!slotRegion.start) free(slots);
}
