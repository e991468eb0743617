#include "host.h"

#include "archive.h"

static void print(txMachine *the) {
  if (mxArgc < 1) mxTypeError("print: no text");
  puts(fxToString(the, mxArgv(0)));
}

static void input(txMachine *the) {
  uint8_t *bytes = NULL;
  size_t length = 0;
  size_t got;
  do {
    enum { STEP = 64 * 1024 };
    bytes = realloc(bytes, length + STEP);
    if (!bytes) die("out of memory");
    got = fread(bytes + length, 1, STEP, stdin);
    length += got;
  } while (got);
  fxArrayBuffer(the, mxResult, bytes, (txInteger)length, -1);
  free(bytes);
}

void addHostFunctions(txMachine *the) {
  mxPush(mxGlobal);
  txSlot *last = fxLastProperty(the, mxGlobal.value.reference);
  last = fxNextHostFunctionProperty(the, last, print, 1, fxNewNameC(the, "print"), XS_DONT_ENUM_FLAG);
  fxNextHostFunctionProperty(the, last, input, 0, fxNewNameC(the, "input"), XS_DONT_ENUM_FLAG);
  mxPop();
}
