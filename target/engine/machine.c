/* The rest of what XS asks of a platform: promise jobs, no parser, and an end that says why. */
#include "machine.h"

#include "modules.h"
#include "xsScript.h"

void fxCreateMachinePlatform(txMachine *the) { the->hasPromiseJobs = false; }

void fxDeleteMachinePlatform(txMachine *the) { (void)the; }

void fxQueuePromiseJobs(txMachine *the) { the->hasPromiseJobs = true; }

/* As on a board: nothing is compiled at run time. XS throws. */
txScript *fxParseScript(txMachine *the, void *stream, txGetter getter, txUnsigned flags) {
  (void)the;
  (void)stream;
  (void)getter;
  (void)flags;
  return NULL;
}

static const char *reasonOf(int status) {
  switch (status) {
    case XS_NOT_ENOUGH_MEMORY_EXIT:
      return "memory exhausted";
    case XS_STACK_OVERFLOW_EXIT:
      return "stack overflow";
    case XS_NO_MORE_KEYS_EXIT:
      return "keys exhausted";
    case XS_UNHANDLED_EXCEPTION_EXIT:
      return "uncaught exception";
    case XS_UNHANDLED_REJECTION_EXIT:
      return "unhandled rejection";
    default:
      return "aborted";
  }
}

/* Calls no script: there may be neither stack nor memory for one. */
static void dieHere(txMachine *the, const char *reason) {
  struct place place;
  txByte *code = the->code;
  for (txSlot *frame = the->frame; frame; code = frame->value.frame.code, frame = frame->next) {
    if (code && findPlace(code, &place)) die("%s at %s:%d", reason, place.module, place.line);
  }
  die("%s", reason);
}

static void dieOfException(txMachine *the, const char *reason) {
  mxTry(the) {
    mxPush(mxException);
    if (mxIsReference(the->stack)) {
      mxDub();
      mxGetID(mxID(_stack));
      if (mxIsUndefined(the->stack)) mxPop();
    }
    die("%s: %s", reason, fxToString(the, the->stack));
  }
  mxCatch(the) { die("%s, which cannot be shown", reason); }
}

void fxAbort(txMachine *the, int status) {
  const char *reason = reasonOf(status);
  if (status == XS_UNHANDLED_EXCEPTION_EXIT || status == XS_UNHANDLED_REJECTION_EXIT) dieOfException(the, reason);
  dieHere(the, reason);
}
