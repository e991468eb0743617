/* Messages to and from the host: standard input and output, each a length of 4 bytes, a kind, and a CBOR item. */
#ifndef GRIDMOTE_MESSAGE_H
#define GRIDMOTE_MESSAGE_H

#include "platform.h"

enum messageKind {
  /* From the host. */
  MESSAGE_BOOT = 'B',
  MESSAGE_EVENT = 'E',
  MESSAGE_JOBS = 'J',
  MESSAGE_RETURN = 'R',
  MESSAGE_THROW = 'T',
  MESSAGE_MEASURE = 'M',
  MESSAGE_QUIT = 'Q',
  /* From the engine. */
  MESSAGE_CALL = 'C',
  MESSAGE_DONE = 'D',
  /* The same, and promise jobs wait. */
  MESSAGE_DONE_WITH_JOBS = 'W'
};

struct message {
  enum messageKind kind;
  uint8_t *bytes;
  size_t length;
  size_t capacity;
};

/* An empty message, and the end of one. */
void openMessage(struct message *message, enum messageKind kind);
void closeMessage(struct message *message);

void appendToMessage(struct message *message, const void *bytes, size_t length);

/* Sends and closes it. Ends the process with a message when nobody reads. */
void sendMessage(struct message *message);

/* Waits for the next one. Ends the process with a message when the host has gone. */
void receiveMessage(struct message *message);

#endif
