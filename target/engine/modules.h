/* The modules that a machine can import: those frozen into its image, and those of archives. */
#ifndef GRIDMOTE_MODULES_H
#define GRIDMOTE_MODULES_H

#include "archive.h"
#include "xsAll.h"

/* Makes an archive's modules known, and its bytecode refer to itself instead of copying: it stays where it is. */
void addArchive(struct archive *archive);

/* Where a piece of bytecode comes from. */
struct place {
  const char *module;
  int line;
};

/* False when `code` is in no known module. */
bool findPlace(const txByte *code, struct place *place);

/* Imports a module and runs it and all promise jobs. Ends the process with a message when it throws or hangs. */
void importModule(txMachine *the, const char *name);

#endif
