#include "message.h"

#include "archive.h"

enum { LENGTH_BYTES = 4, HEADER_BYTES = LENGTH_BYTES + 1, MAX_BYTES = 64 * 1024 * 1024 };

void openMessage(struct message *message, enum messageKind kind) {
  *message = (struct message){.kind = kind};
  static const uint8_t header[HEADER_BYTES];
  appendToMessage(message, header, sizeof header);
}

void closeMessage(struct message *message) {
  free(message->bytes);
  message->bytes = NULL;
}

void appendToMessage(struct message *message, const void *bytes, size_t length) {
  if (message->length + length > message->capacity) {
    message->capacity = 2 * message->capacity + length;
    message->bytes = realloc(message->bytes, message->capacity);
    if (!message->bytes) die("out of memory");
  }
  memcpy(message->bytes + message->length, bytes, length);
  message->length += length;
}

void sendMessage(struct message *message) {
  uint32_t length = (uint32_t)(message->length - LENGTH_BYTES);
  memcpy(message->bytes, &length, sizeof length);
  message->bytes[LENGTH_BYTES] = (uint8_t)message->kind;
  for (size_t sent = 0; sent < message->length;) {
    ssize_t count = write(STDOUT_FILENO, message->bytes + sent, message->length - sent);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) die("the pipe to the host is broken: %s", strerror(errno));
    sent += (size_t)count;
  }
  closeMessage(message);
}

static void receive(uint8_t *bytes, size_t length) {
  for (size_t got = 0; got < length;) {
    ssize_t count = read(STDIN_FILENO, bytes + got, length - got);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) die("the pipe from the host is broken: %s", strerror(errno));
    if (count == 0) die("the pipe from the host is broken: it ends after %zu of %zu bytes", got, length);
    got += (size_t)count;
  }
}

void receiveMessage(struct message *message) {
  uint8_t header[HEADER_BYTES];
  uint32_t length;
  receive(header, sizeof header);
  memcpy(&length, header, sizeof length);
  if (length < 1 || length > MAX_BYTES) die("the host has sent a message of %u bytes", length);
  *message = (struct message){.kind = header[LENGTH_BYTES], .length = length - 1};
  message->bytes = malloc(length);
  if (!message->bytes) die("out of memory");
  receive(message->bytes, message->length);
}
