#ifndef GRIDMOTE_TEST_BOARD_H
#define GRIDMOTE_TEST_BOARD_H

/* @param words name=number, up to a NULL. The file is RTC memory as the last start has left it, or is not there. */
void startBoard(const char *file, char **words);

/* Keeps RTC memory, and ends the process. */
void endBoard(const char *how) __attribute__((__noreturn__));

/* Time passes. */
void stayAwake(double ms);

#endif
