/* Runs a machine at the host's command: its callbacks, its promise jobs, and machines that follow each other. */
#ifndef GRIDMOTE_SERVE_H
#define GRIDMOTE_SERVE_H

#include "xsAll.h"

/*
 * Serves until the host says that it is enough. Each boot begins a new machine on the image and imports `module`,
 * whose default export is called with each event.
 */
void serve(txCreation *creation, const char *module, void (*startDeadline)(void));

#endif
