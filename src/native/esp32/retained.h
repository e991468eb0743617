#ifndef GRIDMOTE_RETAINED_H
#define GRIDMOTE_RETAINED_H

#include <stdint.h>

/* Brings the count up to now and keeps it: to be called before each sleep and restart. Microseconds. */
uint64_t countTicks(void);

#endif
