/* The modules that a machine can import: those frozen into its image, and those of archives. */
#ifndef GRIDMOTE_MODULES_H
#define GRIDMOTE_MODULES_H

#include "archive.h"
#include "xsAll.h"

/* Makes an archive's modules known, and its bytecode refer to itself instead of copying: it stays where it is. */
void addArchive(struct archive *archive);

/* Binds the symbols of all archives to a machine that has run nothing yet. */
void bindArchives(txMachine *the);

/* Where a piece of bytecode comes from. */
struct place {
  const char *module;
  int line;
};

/* False when `code` is in no known module. */
bool findPlace(const txByte *code, struct place *place);

/* Runs promise jobs, and those that they make, until none is left. */
void runPromiseJobs(txMachine *the);

/*
 * Imports a module and runs it and all promise jobs; its default export goes to `exported` unless that is NULL. Ends
 * the process with a message when it throws or hangs.
 */
void importModule(txMachine *the, const char *name, txSlot *exported);

#endif
