/*
 * Says in an exception's stack where in the sources each call was. XS itself knows lines only when it is built with
 * its debugger, which makes another engine of it. The linker puts this before XS's function (--wrap).
 */
#include "modules.h"

void __real_fxCaptureErrorStack(txMachine *the, txSlot *internal, txSlot *frame);
void __wrap_fxCaptureErrorStack(txMachine *the, txSlot *internal, txSlot *frame);

void __wrap_fxCaptureErrorStack(txMachine *the, txSlot *internal, txSlot *frame) {
  struct place place;
  txByte *code = the->code;
  for (txSlot *at = the->frame; at && at->next; code = at->value.frame.code, at = at->next) {
    txSlot *environment = mxFrameToEnvironment(at);
    if (!code || !findPlace(code, &place)) continue;
    environment->ID = fxFindName(the, (txString)place.module);
    environment->value.environment.line = place.line;
  }
  __real_fxCaptureErrorStack(the, internal, frame);
}
