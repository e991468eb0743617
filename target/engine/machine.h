/* What the machine that is frozen and its clones have in common. */
#ifndef GRIDMOTE_MACHINE_H
#define GRIDMOTE_MACHINE_H

/* A clone copies the table of names: both have the same size. */
enum { NAME_MODULO = 251, SYMBOL_MODULO = 31 };

#endif
