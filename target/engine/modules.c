#include "modules.h"

#include "image.h"

enum { MAX_ARCHIVES = 3, MAX_NAME = 256 };
#define EXTENSION ".ts"

/* Of XS, which declares it where it is used. */
extern void fxRemapIDs(txMachine *the, txByte *code, txSize bytes, txID *ids);

static struct archive *archives[MAX_ARCHIVES];
static size_t archiveCount;

/* The size of an instruction: fixed, or with an ID, or with a length of 1, 2 or 4 bytes before that many bytes. */
static size_t instructionBytes(const uint8_t *code) {
  const txS1 size = gxCodeSizes[*code];
  uint16_t length2;
  uint32_t length4;
  switch (size) {
    case 0:
      return 1 + sizeof(txID);
    case -1:
      return 2u + code[1];
    case -2:
      memcpy(&length2, code + 1, sizeof length2);
      return 3u + length2;
    case -4:
      memcpy(&length4, code + 1, sizeof length4);
      return 5u + length4;
    default:
      return (size_t)size;
  }
}

/* Functions and strings of bytecode that stays where it is need no copies in chunks. */
static uint8_t inPlace(uint8_t instruction) {
  switch (instruction) {
    case XS_CODE_CODE_1:
      return XS_CODE_CODE_ARCHIVE_1;
    case XS_CODE_CODE_2:
      return XS_CODE_CODE_ARCHIVE_2;
    case XS_CODE_CODE_4:
      return XS_CODE_CODE_ARCHIVE_4;
    case XS_CODE_STRING_1:
      return XS_CODE_STRING_ARCHIVE_1;
    case XS_CODE_STRING_2:
      return XS_CODE_STRING_ARCHIVE_2;
    case XS_CODE_STRING_4:
      return XS_CODE_STRING_ARCHIVE_4;
    default:
      return instruction;
  }
}

void addArchive(struct archive *archive) {
  if (archiveCount == MAX_ARCHIVES) die("more than %d archives", MAX_ARCHIVES);
  archives[archiveCount++] = archive;
  for (size_t index = 0; index < archive->count; index++) {
    struct bytecode *module = &archive->modules[index];
    uint8_t *end = module->code + module->codeBytes;
    for (uint8_t *at = module->code; at < end; at += instructionBytes(at)) *at = inPlace(*at);
  }
}

static struct bytecode *findInArchives(const char *name) {
  for (size_t at = 0; at < archiveCount; at++) {
    for (size_t index = 0; index < archives[at]->count; index++) {
      struct bytecode *module = &archives[at]->modules[index];
      if (!strcmp(module->name, name)) return module;
    }
  }
  return NULL;
}

static bool isIn(const uint8_t *code, const struct bytecode *module, struct place *place) {
  if (code < module->code || code >= module->code + module->codeBytes) return false;
  place->module = module->name;
  place->line = 0;
  for (const uint8_t *at = module->code; at <= code; at += instructionBytes(at)) {
    uint16_t line;
    if (*at != XS_CODE_LINE) continue;
    memcpy(&line, at + 1, sizeof line);
    place->line = line;
  }
  return true;
}

bool findPlace(const txByte *code, struct place *place) {
  const uint8_t *at = (const uint8_t *)code;
  for (size_t index = 0; index < archiveCount; index++) {
    const struct archive *archive = archives[index];
    for (size_t module = 0; module < archive->count; module++) {
      if (isIn(at, &archive->modules[module], place)) return true;
    }
  }
  if (!frozenImage) return false;
  for (size_t module = 0; module < frozenImage->archive.count; module++) {
    if (isIn(at, &frozenImage->archive.modules[module], place)) return true;
  }
  return false;
}

/* `../x` from `a/b/c.ts` is `a/x.ts`; a name that is not relative stays as it is. */
static bool resolve(const char *importer, const char *specifier, char *path) {
  if (*specifier != '.') return snprintf(path, MAX_NAME, "%s", specifier) < MAX_NAME;
  const char *slash = importer ? strrchr(importer, '/') : NULL;
  size_t length = slash ? (size_t)(slash - importer) : 0;
  memcpy(path, importer ? importer : "", length);
  while (*specifier == '.') {
    if (!strncmp(specifier, "./", 2)) {
      specifier += 2;
    } else if (!strncmp(specifier, "../", 3) && length) {
      specifier += 3;
      while (length && path[length - 1] != '/') length--;
      if (length) length--;
    } else {
      return false;
    }
  }
  size_t bytes = strlen(specifier);
  bool hasExtension = bytes > strlen(EXTENSION) && !strcmp(specifier + bytes - strlen(EXTENSION), EXTENSION);
  const char *separator = length ? "/" : "";
  int written =
      snprintf(path + length, MAX_NAME - length, "%s%s%s", separator, specifier, hasExtension ? "" : EXTENSION);
  return written > 0 && (size_t)written < MAX_NAME - length;
}

txID fxFindModule(txMachine *the, txSlot *realm, txID importer, txSlot *specifier) {
  char path[MAX_NAME];
  char name[MAX_NAME];
  (void)realm;
  fxToStringBuffer(the, specifier, name, sizeof name);
  if (!resolve(importer == XS_NO_ID ? NULL : fxGetKeyName(the, importer), name, path)) return XS_NO_ID;
  if (!findInArchives(path) && !(frozenImage && isFrozenModule(path))) return XS_NO_ID;
  return fxNewNameC(the, path);
}

/*
 * Symbols are numbered by module in an archive, and by machine when they run; the bytecode gets the machine's numbers
 * once. Every machine that is cloned from one image gives the same.
 */
static void bindSymbols(txMachine *the, struct bytecode *bytecode) {
  txID count;
  memcpy(&count, bytecode->symbols, sizeof count);
  txID *ids = calloc(count, sizeof *ids);
  if (!ids) die("out of memory");
  char *symbol = (char *)bytecode->symbols + sizeof count;
  for (txID index = 1; index < count; index++) {
    ids[index] = fxNewNameC(the, symbol);
    symbol += strlen(symbol) + 1;
  }
  uint64_t hash = hashOf(HASH_START, ids, count * sizeof *ids);
  if (!bytecode->bound) fxRemapIDs(the, (txByte *)bytecode->code, (txSize)bytecode->codeBytes, ids);
  if (bytecode->bound && bytecode->bound != hash) die("%s was bound to another machine", bytecode->name);
  bytecode->bound = hash;
  free(ids);
}

void bindArchives(txMachine *the) {
  for (size_t at = 0; at < archiveCount; at++) {
    for (size_t index = 0; index < archives[at]->count; index++) bindSymbols(the, &archives[at]->modules[index]);
  }
}

void fxLoadModule(txMachine *the, txSlot *module, txID moduleID) {
  struct bytecode *bytecode = findInArchives(fxGetKeyName(the, moduleID));
  if (!bytecode) return;
  // With symbols of its own, XS would free the bytecode.
  txScript script = {.codeBuffer = (txByte *)bytecode->code,
                     .codeSize = (txSize)bytecode->codeBytes,
                     .path = (txString)bytecode->name,
                     .version = {XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0}};
  fxResolveModule(the, module, moduleID, &script, NULL, NULL);
}

void runPromiseJobs(txMachine *the) {
  while (the->hasPromiseJobs) {
    the->hasPromiseJobs = false;
    fxRunPromiseJobs(the);
  }
}

void importModule(txMachine *the, const char *name, txSlot *exported) {
  txSlot *realm = mxModuleInstanceInternal(mxProgram.value.reference)->value.module.realm;
  fxBeginHost(the);
  {
    mxTry(the) {
      mxPushStringC((txString)name);
      fxRunImport(the, realm, XS_NO_ID);
      runPromiseJobs(the);
      txSlot *promise = the->stack->value.reference;
      txInteger status = mxPromiseStatus(promise)->value.integer;
      if (status == mxPendingStatus) die("%s awaits what never comes", name);
      txSlot *result = mxPromiseResult(promise);
      if (status == mxRejectedStatus) {
        mxException.kind = result->kind;
        mxException.value = result->value;
        fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT);
      }
      if (exported) {
        mxPushSlot(result);
        mxGetID(mxID(_default));
        mxPullSlot(exported);
      }
      mxPop();
    }
    mxCatch(the) { fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT); }
  }
  fxEndHost(the);
}
