/*
 * xs RTC_FILE WORD... <PROGRAM
 *
 * Runs a script on XS, where native("name") is a function of src/native/esp32, print(text) writes a line and awake(ms)
 * lets time pass. What it throws is printed. At its end the chip is reset.
 */
#include "xsAll.h"
#include "xsScript.h"

#include "board.h"

enum { PARSER_BYTES = 256 * 1024, SYMBOL_MODULO = 1993 };

#define FUNCTIONS(F) \
  F(ticks) F(retained_bytes) F(retained_read) F(retained_write) F(wake_on_pin) F(sleep) F(wake_reason) \
  F(reset_reason) F(save_radio) F(is_on_trial) F(set_next) F(confirm) F(restart) F(revert)
#define DECLARE(NAME) void xs_gridmote_##NAME(txMachine *the);
#define ROW(NAME) {"xs_gridmote_" #NAME, xs_gridmote_##NAME},
FUNCTIONS(DECLARE)

static const struct {
  const char *name;
  txCallback callback;
} functions[] = {FUNCTIONS(ROW)};

void *platformAllocate(size_t size) { return calloc(size ? size : 1, 1); }
void *platformReallocate(void *address, size_t size) { return realloc(address, size); }
void platformFree(void *address) { free(address); }
void *fxAllocateChunks(txMachine *the, txSize size) {
  (void)the;
  return malloc((size_t)size);
}
txSlot *fxAllocateSlots(txMachine *the, txSize count) {
  (void)the;
  return malloc((size_t)count * sizeof(txSlot));
}
void fxFreeChunks(txMachine *the, void *chunks) {
  (void)the;
  free(chunks);
}
void fxFreeSlots(txMachine *the, void *slots) {
  (void)the;
  free(slots);
}
void fxCreateMachinePlatform(txMachine *the) { the->hasPromiseJobs = false; }
void fxDeleteMachinePlatform(txMachine *the) { (void)the; }
void fxQueuePromiseJobs(txMachine *the) { the->hasPromiseJobs = true; }
txID fxFindModule(txMachine *the, txSlot *realm, txID moduleID, txSlot *slot) {
  (void)the, (void)realm, (void)moduleID, (void)slot;
  return XS_NO_ID;
}
void fxLoadModule(txMachine *the, txSlot *module, txID moduleID) { (void)the, (void)module, (void)moduleID; }
void fxAbort(txMachine *the, int status) {
  (void)the;
  fprintf(stderr, "XS aborts: %d\n", status);
  exit(2);
}

txScript *fxParseScript(txMachine *the, void *stream, txGetter getter, txUnsigned flags) {
  txParser parser;
  txParserJump jump;
  txScript *volatile script = NULL;
  fxInitializeParser(&parser, the, PARSER_BYTES, SYMBOL_MODULO);
  parser.firstJump = &jump;
  if (c_setjmp(jump.jmp_buf) == 0) {
    fxParserTree(&parser, stream, getter, flags, NULL);
    fxParserHoist(&parser);
    fxParserBind(&parser);
    script = fxParserCode(&parser);
  }
  fxTerminateParser(&parser);
  return script;
}

static void print(txMachine *the) { puts(fxToString(the, mxArgv(0))); }

static void awake(txMachine *the) { stayAwake(fxToNumber(the, mxArgv(0))); }

static void native(txMachine *the) {
  const char *name = fxToString(the, mxArgv(0));
  for (size_t at = 0; at < sizeof functions / sizeof *functions; at++) {
    if (strcmp(functions[at].name, name)) continue;
    fxNewHostFunction(the, functions[at].callback, 0, XS_NO_ID, XS_NO_ID);
    mxPullSlot(mxResult);
    return;
  }
  mxUnknownError("there is no %s", name);
}

static void addFunction(txMachine *the, const char *name, txCallback function) {
  mxPush(mxGlobal);
  txSlot *last = fxLastProperty(the, mxGlobal.value.reference);
  fxNextHostFunctionProperty(the, last, function, 1, fxNewNameC(the, (txString)name), XS_DONT_ENUM_FLAG);
  mxPop();
}

static void runProgram(txMachine *the) {
  mxTry(the) {
    txScript *script = fxParseScript(the, stdin, (txGetter)fgetc, mxProgramFlag);
    fxRunScript(the, script, &mxGlobal, C_NULL, mxRealmClosures(mxProgram.value.reference), C_NULL,
                mxProgram.value.reference);
    mxPop();
  }
  mxCatch(the) { puts(fxToString(the, &mxException)); }
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  txCreation creation = {.initialChunkSize = 256 * 1024,
                         .incrementalChunkSize = 64 * 1024,
                         .initialHeapCount = 16 * 1024,
                         .incrementalHeapCount = 4096,
                         .stackCount = 4096,
                         .initialKeyCount = 2048,
                         .incrementalKeyCount = 1024,
                         .nameModulo = 251,
                         .symbolModulo = 31};
  startBoard(argv[1], argv + 2);
  txMachine *the = fxCreateMachine(&creation, "board", NULL, 0);
  fxBeginHost(the);
  addFunction(the, "print", print);
  addFunction(the, "awake", awake);
  addFunction(the, "native", native);
  runProgram(the);
  fxEndHost(the);
  endBoard("reset");
}
