#include "measure.h"

#include "archive.h"
#include "modules.h"
#include "value.h"

#ifdef mxMetering

/* Open addressing: a power of two, and more than the functions of any program here. */
enum { MAX_FUNCTIONS = 4096 };

struct cost {
  uint64_t meter;
  uint64_t slots;
  uint64_t chunks;
};

/* Of a function, which its bytecode stands for. */
struct account {
  const txByte *code;
  txID name;
  struct cost cost;
};

static struct account accounts[MAX_FUNCTIONS];
static size_t accountCount;
/* Whose turn it is; NULL is the engine itself. */
static struct account *running;
static struct cost seen;

static struct account *accountOf(const txByte *code, txID name) {
  size_t at = (uintptr_t)code * UINT64_C(0x9e3779b97f4a7c15) >> 32 & (MAX_FUNCTIONS - 1);
  while (accounts[at].code && accounts[at].code != code) at = (at + 1) & (MAX_FUNCTIONS - 1);
  if (!accounts[at].code) {
    if (++accountCount == MAX_FUNCTIONS) die("more than %d functions cannot be measured", MAX_FUNCTIONS);
    accounts[at] = (struct account){.code = code, .name = name};
  }
  return &accounts[at];
}

static struct cost costsOf(const txMachine *the) {
  return (struct cost){.meter = the->meterIndex,
                       .slots = (uint64_t)the->currentHeapCount,
                       .chunks = (uint64_t)the->currentChunksSize};
}

/* A collection takes away: what it took belongs to nobody. */
static uint64_t grown(uint64_t from, uint64_t to) { return to > from ? to - from : 0; }

/* What has been spent since the last call is that of whoever was running. */
static void charge(const txMachine *the, struct account *next) {
  struct cost now = costsOf(the);
  if (running) {
    running->cost.meter += now.meter - seen.meter;
    running->cost.slots += grown(seen.slots, now.slots);
    running->cost.chunks += grown(seen.chunks, now.chunks);
  }
  seen = now;
  running = next;
}

/* XS asks at each call, at each return and at each turn of a loop whether to go on. */
static txBoolean onCheck(txMachine *the, txU4 meter) {
  (void)meter;
  const txSlot *code = mxFunctionInstanceCode(mxFunction->value.reference);
  charge(the, accountOf(code->value.code.address, code->ID));
  return 1;
}

static void forgetCosts(void) {
  memset(accounts, 0, sizeof accounts);
  accountCount = 0;
  running = NULL;
}

void startMeasuring(txMachine *the) {
  forgetCosts();
  fxBeginMetering(the, onCheck, 1);
  seen = costsOf(the);
}

void leaveScripts(txMachine *the) { charge(the, NULL); }

static void appendAccount(txMachine *the, struct message *message, const struct account *account) {
  struct place place;
  const char *name = account->name == XS_NO_ID ? NULL : fxGetKeyName(the, account->name);
  appendArrayHead(message, 5);
  appendText(message, findPlace(account->code, &place) ? place.module : "");
  appendText(message, name ? name : "");
  appendNumber(message, (double)account->cost.meter);
  appendNumber(message, (double)account->cost.slots);
  appendNumber(message, (double)account->cost.chunks);
}

static void appendFunctions(txMachine *the, struct message *message) {
  appendArrayHead(message, accountCount);
  for (size_t at = 0; at < MAX_FUNCTIONS; at++) {
    if (accounts[at].code) appendAccount(the, message, &accounts[at]);
  }
}

#else

static void forgetCosts(void) {}

void startMeasuring(txMachine *the) { (void)the; }

void leaveScripts(txMachine *the) { (void)the; }

#endif

static bool takeCollect(struct message *request) {
  enum { ARRAY_OF_ONE = 0x81, TRUE = 0xf5 };
  return request->length == 2 && request->bytes[0] == ARRAY_OF_ONE && request->bytes[1] == TRUE;
}

static void beginAnew(txMachine *the) {
  fxCollectGarbage(the);
  the->peakHeapCount = the->currentHeapCount;
  the->peakChunksSize = the->currentChunksSize;
  forgetCosts();
}

static void appendEntry(struct message *message, const char *name, double number) {
  appendText(message, name);
  appendNumber(message, number);
}

/* Nothing here takes a slot or a chunk: what is measured stays as it is. */
void answerMeasure(txMachine *the, struct message *request) {
  enum { MEMORY_ENTRIES = 4, METER_ENTRIES = 2 };
  struct message answer;
  leaveScripts(the);
  if (takeCollect(request)) beginAnew(the);
  openMessage(&answer, the->hasPromiseJobs ? MESSAGE_DONE_WITH_JOBS : MESSAGE_DONE);
#ifdef mxMetering
  appendMapHead(&answer, MEMORY_ENTRIES + METER_ENTRIES);
  appendEntry(&answer, "meter", the->meterIndex);
  appendText(&answer, "functions");
  appendFunctions(the, &answer);
  // A collection is no growth.
  seen = costsOf(the);
#else
  appendMapHead(&answer, MEMORY_ENTRIES);
#endif
  appendEntry(&answer, "slots", the->currentHeapCount);
  appendEntry(&answer, "chunks", the->currentChunksSize);
  appendEntry(&answer, "peakSlots", the->peakHeapCount);
  appendEntry(&answer, "peakChunks", the->peakChunksSize);
  sendMessage(&answer);
}
