/* Values of scripts as CBOR (RFC 8949), as far as they are data. Functions and symbols cannot pass. */
#ifndef GRIDMOTE_VALUE_H
#define GRIDMOTE_VALUE_H

#include "message.h"
#include "xsAll.h"

/* Appends the head of an array of items, or of a map of pairs. */
void appendArrayHead(struct message *message, size_t count);
void appendMapHead(struct message *message, size_t count);

/* Appends a value. Throws TypeError for what cannot pass: the message is then in pieces, and the caller's to close. */
void appendValue(txMachine *the, struct message *message, txSlot *value);

/* Appends a text, or a number. */
void appendText(struct message *message, const char *text);
void appendNumber(struct message *message, double number);

/* Where in a received message the next item begins. */
struct reader {
  const struct message *message;
  size_t at;
};

/* Reads the head of an array and returns its count. Ends the process with a message when it is none. */
size_t takeArrayHead(struct reader *reader);

/* Reads an item and pushes it on the stack; bytes become an ArrayBuffer. */
void pushValue(txMachine *the, struct reader *reader);

#endif
