#ifndef GRIDMOTE_HOST_H
#define GRIDMOTE_HOST_H

#include "xsAll.h"

/* Gives scripts two globals: print(text) writes a line, input() is the whole standard input as an ArrayBuffer. */
void addHostFunctions(txMachine *the);

#endif
