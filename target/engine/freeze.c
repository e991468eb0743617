#include "freeze.h"

#include "image.h"
#include "machine.h"
#include "memory.h"
#include "modules.h"

enum { MAX_SLOTS = REGION_BYTES / sizeof(txSlot), MAX_MODULES = UINT8_MAX };

/* One heap, and no key array that grows: the image lies where it was made. */
static txCreation creation = {.initialChunkSize = 64 * 1024,
                              .incrementalChunkSize = 16 * 1024,
                              .initialHeapCount = 8 * 1024,
                              .incrementalHeapCount = 1024,
                              .stackCount = 2048,
                              .initialKeyCount = 4096,
                              .nameModulo = NAME_MODULO,
                              .symbolModulo = SYMBOL_MODULO};

static uint8_t owners[MAX_SLOTS];
static bool isFree[MAX_SLOTS];

static txSlot *firstSlot(void) { return (txSlot *)slotRegion.start; }

static size_t slotCount(void) { return (size_t)((txSlot *)slotRegion.next - firstSlot()); }

/* Built-in globals are looked up in a table that XS writes: without it they are plain properties. */
static void makeGlobalPlain(txMachine *the) {
  txSlot *global = mxGlobal.value.reference;
  global->flag &= (txFlag)~XS_EXOTIC_FLAG;
  global->next = global->next->next;
}

static void noteFreeSlots(const txMachine *the) {
  memset(isFree, false, sizeof isFree);
  for (const txSlot *slot = the->freeHeap; slot; slot = slot->next) isFree[slot - firstSlot()] = true;
}

/* Without collections between, what was free before a module ran, or was not there, and is in use now, is its own. */
static void importAs(txMachine *the, const char *name, uint8_t owner) {
  static bool wasFree[MAX_SLOTS];
  noteFreeSlots(the);
  memcpy(wasFree, isFree, sizeof wasFree);
  size_t before = slotCount();
  importModule(the, name, NULL);
  noteFreeSlots(the);
  for (size_t index = 0; index < slotCount(); index++) {
    if ((index >= before || wasFree[index]) && !isFree[index]) owners[index] = owner;
  }
}

static txKind frozenKind(txKind kind) {
  switch (kind) {
    case XS_STRING_KIND:
      return XS_STRING_X_KIND;
    case XS_BIGINT_KIND:
      return XS_BIGINT_X_KIND;
    case XS_KEY_KIND:
      return XS_KEY_X_KIND;
    case XS_CODE_KIND:
      return XS_CODE_X_KIND;
    default:
      return kind;
  }
}

/* XS would give variables and objects that can change a second life in RAM. Here a write is a fault. */
static void forbidAlias(txSlot *slot) {
  if (slot->kind == XS_INSTANCE_KIND) slot->ID = XS_NO_ID;
  if (slot->kind == XS_CLOSURE_KIND) slot->value.closure->ID = XS_NO_ID;
}

/* An array's items are slots in its chunk. */
static void hardenItems(txMachine *the, txSlot *array) {
  txSlot *items = array->value.array.address;
  txIndex count = fxGetIndexSize(the, array);
  for (txIndex index = 0; index < count; index++) items[index].kind = frozenKind(items[index].kind);
}

/* What is copied out of the image must not take a chunk along, which the collector of a clone would move. */
static void harden(txMachine *the) {
  for (txSlot *slot = firstSlot(); slot < (txSlot *)slotRegion.next; slot++) {
    slot->kind = frozenKind(slot->kind);
    forbidAlias(slot);
    if (slot->kind == XS_ARRAY_KIND) hardenItems(the, slot);
    // A regular expression without room for its captures takes it from the clone.
    if (slot->kind == XS_REGEXP_KIND) slot->value.regexp.data = NULL;
  }
  the->aliasCount = 0;
}

/*
 * XS shares a machine by dropping what holds its modules, and then takes a slot for each of them and two more: a
 * collection that this began would take the modules. What is taken here, without one, is free after the next.
 */
static void reserveSlots(txMachine *the, size_t count) {
  while (count--) fxNewSlot(the)->kind = XS_UNDEFINED_KIND;
}

/* What a module made and nobody holds has been collected. */
static uint8_t *keepOwners(const txMachine *the) {
  uint8_t *kept = platformAllocate(slotCount());
  noteFreeSlots(the);
  for (size_t index = 0; index < slotCount(); index++) kept[index] = isFree[index] ? 0 : owners[index];
  return kept;
}

void freeze(const char *archivePath, const char *imagePath) {
  openRegions();
  struct image *image = platformAllocate(sizeof *image);
  readArchive(&image->archive, archivePath);
  if (image->archive.count > MAX_MODULES) die("more than %d modules", MAX_MODULES);
  addArchive(&image->archive);

  txMachine *the = fxCreateMachine(&creation, "image", NULL, XS_NO_ID);
  if (!the) die("no machine");
  makeGlobalPlain(the);
  bindArchives(the);
  fxCollectGarbage(the);
  the->collectFlag &= (txBoolean)~XS_COLLECTING_FLAG;
  for (size_t index = 0; index < image->archive.count; index++)
    importAs(the, image->archive.modules[index].name, (uint8_t)(index + 1));
  reserveSlots(the, image->archive.count + 2);
  the->collectFlag |= XS_COLLECTING_FLAG;
  fxCollectGarbage(the);

  fxShareMachine(the);
  harden(the);
  image->machine = the;
  image->slots = firstSlot();
  image->slotCount = slotCount();
  image->owners = keepOwners(the);
  saveImage(imagePath, image);
}
