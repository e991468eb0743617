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

void addHostFunction(txMachine *the, const char *name, txCallback function, txInteger length) {
  mxPush(mxGlobal);
  txSlot *last = fxLastProperty(the, mxGlobal.value.reference);
  fxNextHostFunctionProperty(the, last, function, length, fxNewNameC(the, (txString)name), XS_DONT_ENUM_FLAG);
  mxPop();
}

void addStandardStreams(txMachine *the) {
  addHostFunction(the, "print", print, 1);
  addHostFunction(the, "input", input, 0);
}
