#include "image.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "memory.h"

#define MAGIC "GMIMAGE1"
enum { PAGE_BYTES = 64 * 1024 };

struct header {
  char magic[8];
  /* Of the program that froze it: the image points into its code. */
  uint64_t engine;
  uint64_t hash;
  uint64_t slotBytes;
  uint64_t dataBytes;
  struct image *image;
};

struct image *frozenImage;

bool isFrozenModule(const char *name) {
  for (size_t index = 0; index < frozenImage->archive.count; index++) {
    if (!strcmp(frozenImage->archive.modules[index].name, name)) return true;
  }
  return false;
}

static uint64_t hashOfEngine(void) {
  static uint8_t part[PAGE_BYTES];
  uint64_t hash = HASH_START;
  size_t length;
  FILE *file = fopen("/proc/self/exe", "rb");
  if (!file) die("/proc/self/exe: %s", strerror(errno));
  while ((length = fread(part, 1, sizeof part, file))) hash = hashOf(hash, part, length);
  fclose(file);
  return hash;
}

static size_t wholePages(const struct region *region) {
  size_t length = (size_t)(region->next - region->start);
  return (length + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

static uint64_t hashOfRegions(uint64_t slotBytes, uint64_t dataBytes) {
  uint64_t hash = hashOf(HASH_START, (void *)IMAGE_BASE, slotBytes);
  return hashOf(hash, (void *)(IMAGE_BASE + REGION_BYTES), dataBytes);
}

void saveImage(const char *path, struct image *image) {
  struct header header = {.magic = MAGIC, .engine = hashOfEngine(), .image = image};
  header.slotBytes = wholePages(&slotRegion);
  header.dataBytes = wholePages(&dataRegion);
  header.hash = hashOfRegions(header.slotBytes, header.dataBytes);
  static uint8_t page[PAGE_BYTES];
  memcpy(page, &header, sizeof header);
  FILE *file = fopen(path, "wb");
  if (!file) die("%s: %s", path, strerror(errno));
  fwrite(page, sizeof page, 1, file);
  fwrite(slotRegion.start, header.slotBytes, 1, file);
  fwrite(dataRegion.start, header.dataBytes, 1, file);
  if (ferror(file) || fclose(file)) die("%s: %s", path, strerror(errno));
}

static void mapRegion(int file, uint64_t address, size_t length, off_t offset) {
  int flags = MAP_PRIVATE | MAP_FIXED_NOREPLACE;
  void *there = mmap((void *)address, length, PROT_READ, flags, file, offset);
  if (there != (void *)address) die("address %#jx is taken: %s", (uintmax_t)address, strerror(errno));
}

void mapImage(const char *path) {
  struct header header;
  struct stat status;
  int file = open(path, O_RDONLY);
  if (file < 0 || fstat(file, &status)) die("%s: %s", path, strerror(errno));
  ssize_t length = read(file, &header, sizeof header);
  if (length != sizeof header || memcmp(header.magic, MAGIC, sizeof header.magic)) die("%s is no image", path);
  if (header.engine != hashOfEngine()) die("%s is foreign: another build of the engine has made it", path);
  uint64_t bytes = PAGE_BYTES + header.slotBytes + header.dataBytes;
  if ((uint64_t)status.st_size < bytes)
    die("%s is truncated: %ju of %ju bytes are there", path, (uintmax_t)status.st_size, (uintmax_t)bytes);
  mapRegion(file, IMAGE_BASE, header.slotBytes, PAGE_BYTES);
  mapRegion(file, IMAGE_BASE + REGION_BYTES, header.dataBytes, (off_t)(PAGE_BYTES + header.slotBytes));
  close(file);
  if (hashOfRegions(header.slotBytes, header.dataBytes) != header.hash) die("%s is damaged: its hash is wrong", path);
  frozenImage = header.image;
}

static bool isWithin(const void *address, const void *start, size_t length) {
  return (uintptr_t)address - (uintptr_t)start < length;
}

/* What a slot keeps outside of itself and a script can write, or NULL. */
static txByte *chunkOf(const txSlot *slot) {
  switch (slot->kind) {
    case XS_ARRAY_KIND:
      return (txByte *)slot->value.array.address;
    case XS_ARRAY_BUFFER_KIND:
      return slot->value.arrayBuffer.address;
    case XS_MAP_KIND:
    case XS_SET_KIND:
      return (txByte *)slot->value.table.address;
    default:
      return NULL;
  }
}

/* The slot that holds `address`, be it in itself or in its chunk, or NULL. */
static txSlot *findSlot(const void *address) {
  txSlot *slots = frozenImage->slots;
  if (isWithin(address, slots, frozenImage->slotCount * sizeof *slots))
    return slots + ((uintptr_t)address - (uintptr_t)slots) / sizeof *slots;
  for (size_t index = 0; index < frozenImage->slotCount; index++) {
    txByte *chunk = chunkOf(&slots[index]);
    if (chunk && isWithin(address, chunk, (size_t)((txChunk *)(chunk - sizeof(txChunk)))->size)) return &slots[index];
  }
  return NULL;
}

/* A variable has its name where a module's scope refers to it, a property in itself; what is added has none yet. */
static const char *nameOf(const txSlot *variable, const void *address) {
  txMachine *the = frozenImage->machine;
  if (address == &variable->next) return NULL;
  txID id = variable->kind == XS_INSTANCE_KIND ? XS_NO_ID : variable->ID;
  for (size_t index = 0; id == XS_NO_ID && index < frozenImage->slotCount; index++) {
    const txSlot *slot = &frozenImage->slots[index];
    if (slot->kind == XS_CLOSURE_KIND && slot->value.closure == variable) id = slot->ID;
  }
  const txSlot *key = id == XS_NO_ID ? NULL : fxGetKey(the, id);
  return key && key->kind == XS_KEY_X_KIND ? key->value.key.string : NULL;
}

/* The process is over, and what is called here takes no lock that the engine holds. */
static void onFault(int number, siginfo_t *info, void *context) {
  (void)number;
  (void)context;
  txSlot *slot = frozenImage ? findSlot(info->si_addr) : NULL;
  if (!slot) {
    dprintf(STDERR_FILENO, "engine: crashed at address %p\n", info->si_addr);
    _exit(1);
  }
  uint8_t owner = frozenImage->owners[slot - frozenImage->slots];
  const char *module = owner ? frozenImage->archive.modules[owner - 1].name : "the engine's built-ins";
  const char *name = nameOf(slot, info->si_addr);
  const char *separator = name ? ": " : "";
  dprintf(STDERR_FILENO, "engine: %s: frozen module state was written%s%s\n", module, separator, name ? name : "");
  _exit(1);
}

void watchFrozenMemory(void) {
  static uint8_t stack[64 * 1024];
  const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  struct sigaction action = {.sa_sigaction = onFault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaltstack(&alternate, NULL);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}
