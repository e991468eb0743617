/* What scripts have cost: slots and chunks, and in a metered build bytecodes, of which function. */
#ifndef GRIDMOTE_MEASURE_H
#define GRIDMOTE_MEASURE_H

#include "message.h"
#include "xsAll.h"

/* A machine begins, and counts from 0. */
void startMeasuring(txMachine *the);

/* Scripts have come to an end: what the engine does from now on is none of the last one's. */
void leaveScripts(txMachine *the);

/*
 * Answers MESSAGE_MEASURE, whose item is an array of one boolean: true collects garbage first, and has the peaks and
 * what functions have cost begin anew.
 */
void answerMeasure(txMachine *the, struct message *request);

#endif
