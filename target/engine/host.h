#ifndef GRIDMOTE_HOST_H
#define GRIDMOTE_HOST_H

#include "xsAll.h"

/* Gives scripts a global function. */
void addHostFunction(txMachine *the, const char *name, txCallback function, txInteger length);

/* Gives scripts print(text), which writes a line, and input(), the whole standard input as an ArrayBuffer. */
void addStandardStreams(txMachine *the);

#endif
