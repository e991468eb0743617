/* An image: a machine with its modules, frozen in memory that is never written again. */
#ifndef GRIDMOTE_IMAGE_H
#define GRIDMOTE_IMAGE_H

#include "archive.h"
#include "xsAll.h"

/* Lies in the image itself, so its addresses are good wherever the image is mapped: always at the same place. */
struct image {
  txMachine *machine;
  struct archive archive;
  txSlot *slots;
  size_t slotCount;
  /* For each slot the number of the module that made it, from 1; 0 is the engine's own. */
  uint8_t *owners;
};

/* The one that is mapped, or NULL. */
extern struct image *frozenImage;

bool isFrozenModule(const char *name);

/* Writes the regions of memory.h, of which `image` is a part. */
void saveImage(const char *path, struct image *image);

/* Maps an image, write-protected, once it has been checked. Ends the process with a message when it is no good. */
void mapImage(const char *path);

/* A write to the mapped image ends the process with a message that names the module, and what was written. */
void watchFrozenMemory(void);

#endif
