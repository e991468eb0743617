#include "serve.h"

#include <signal.h>

#include "host.h"
#include "image.h"
#include "measure.h"
#include "memory.h"
#include "message.h"
#include "modules.h"
#include "value.h"

/* The default export of the module that is served. */
static txSlot handler;

/* ---- What the host asks ---- */

/* A rejection that nobody has handled once all jobs have run ends the process. */
static bool hasJobs(txMachine *the) { return the->hasPromiseJobs || mxUnhandledPromises.value.reference->next; }

static void sendDone(txMachine *the, txSlot *result) {
  struct message message;
  openMessage(&message, hasJobs(the) ? MESSAGE_DONE_WITH_JOBS : MESSAGE_DONE);
  appendValue(the, &message, result);
  sendMessage(&message);
}

/* An event is the array of the handler's arguments. */
static void handleEvent(txMachine *the, struct message *event) {
  mxTry(the) {
    struct reader reader = {.message = event};
    size_t count = takeArrayHead(&reader);
    mxPushUndefined();
    mxPushSlot(&handler);
    mxCall();
    for (size_t index = 0; index < count; index++) pushValue(the, &reader);
    closeMessage(event);
    mxRunCount((txInteger)count);
    sendDone(the, the->stack);
    mxPop();
  }
  mxCatch(the) { fxAbort(the, XS_UNHANDLED_EXCEPTION_EXIT); }
}

/* All of them, and those that they make. */
static void handleJobs(txMachine *the) {
  runPromiseJobs(the);
  fxCheckUnhandledRejections(the, 1);
  mxPushUndefined();
  sendDone(the, the->stack);
  mxPop();
}

/* ---- What scripts ask ---- */

static void throwError(txMachine *the, struct message *message) {
  struct reader reader = {.message = message};
  takeArrayHead(&reader);
  pushValue(the, &reader);
  pushValue(the, &reader);
  closeMessage(message);
  txSlot *text = the->stack;
  const char *name = fxToString(the, text + 1);
  txError kind = XS_UNKNOWN_ERROR;
  if (!strcmp(name, "RangeError")) kind = XS_RANGE_ERROR;
  if (!strcmp(name, "ReferenceError")) kind = XS_REFERENCE_ERROR;
  if (!strcmp(name, "TypeError")) kind = XS_TYPE_ERROR;
  mxPush(mxErrorPrototypes(kind));
  mxGetID(mxID(_constructor));
  mxNew();
  mxPushSlot(text);
  mxRunCount(1);
  mxException = *the->stack;
  fxJump(the);
}

/* Scripts may go on after arguments that cannot pass: nothing is sent of these, and nothing kept. */
static void sendCall(txMachine *the) {
  struct message message;
  openMessage(&message, MESSAGE_CALL);
  mxTry(the) {
    appendArrayHead(&message, (size_t)mxArgc);
    for (txInteger index = 0; index < mxArgc; index++) appendValue(the, &message, mxArgv(index));
    sendMessage(&message);
  }
  mxCatch(the) {
    closeMessage(&message);
    fxJump(the);
  }
}

/* The arguments go to the host; its answer comes back. Until then it may send events. */
static void call(txMachine *the) {
  struct message message;
  sendCall(the);
  for (receiveMessage(&message); message.kind == MESSAGE_EVENT; receiveMessage(&message)) handleEvent(the, &message);
  if (message.kind == MESSAGE_THROW) throwError(the, &message);
  if (message.kind != MESSAGE_RETURN) die("the host has sent '%c' in answer to a call", message.kind);
  struct reader reader = {.message = &message};
  pushValue(the, &reader);
  closeMessage(&message);
  mxPullSlot(mxResult);
}

/* ---- Machines ---- */

static txMachine *boot(txCreation *creation, const char *module) {
  txMachine *the = fxCloneMachine(creation, frozenImage->machine, "clone", NULL);
  if (!the) die("no machine");
  addHostFunction(the, "call", call, 1);
  bindArchives(the);
  startMeasuring(the);
  fxRemember(the, &handler);
  importModule(the, module, &handler);
  return the;
}

static void answerBoot(txMachine *the) {
  fxBeginHost(the);
  mxPushUndefined();
  sendDone(the, the->stack);
  fxEndHost(the);
}

static void end(txMachine *the) {
  if (!the) return;
  fxForget(the, &handler);
  fxDeleteMachine(the);
  forgetMemory();
}

/* Whoever was asked for through a WeakRef stays until scripts have come to an end. XS sees that of promise jobs alone. */
static void clearKeptObjects(txMachine *the) {
  if (mxDuringJobs.kind == XS_REFERENCE_KIND) mxDuringJobs.value.reference->next = NULL;
}

static void handle(txMachine *the, struct message *message) {
  if (!the) die("the host has sent '%c' before the first boot", message->kind);
  fxBeginHost(the);
  leaveScripts(the);
  if (message->kind == MESSAGE_EVENT) {
    handleEvent(the, message);
  } else if (message->kind == MESSAGE_MEASURE) {
    answerMeasure(the, message);
  } else if (message->kind == MESSAGE_JOBS) {
    handleJobs(the);
  } else {
    die("the host has sent '%c', which is no message", message->kind);
  }
  clearKeptObjects(the);
  fxEndHost(the);
}

void serve(txCreation *creation, const char *module, void (*startDeadline)(void)) {
  txMachine *the = NULL;
  struct message message;
  signal(SIGPIPE, SIG_IGN);
  for (receiveMessage(&message); message.kind != MESSAGE_QUIT; receiveMessage(&message)) {
    startDeadline();
    if (message.kind == MESSAGE_BOOT) {
      end(the);
      the = boot(creation, module);
      answerBoot(the);
    } else {
      handle(the, &message);
    }
    closeMessage(&message);
  }
  end(the);
}
