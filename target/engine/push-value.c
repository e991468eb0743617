/* From the host to scripts. */
#include "archive.h"
#include "cbor.h"
#include "value.h"

static const uint8_t *take(struct reader *reader, size_t length) {
  if (length > reader->message->length - reader->at) die("the host has sent a message that is cut off");
  const uint8_t *bytes = reader->message->bytes + reader->at;
  reader->at += length;
  return bytes;
}

static uint64_t takeBigEndian(struct reader *reader, size_t count) {
  uint64_t value = 0;
  for (const uint8_t *bytes = take(reader, count); count; count--) value = value << 8 | *bytes++;
  return value;
}

static uint64_t takeArgument(struct reader *reader, unsigned information) {
  if (information < 24) return information;
  if (information > 27) die("the host has sent an item without a length");
  return takeBigEndian(reader, (size_t)1 << (information - 24));
}

static size_t countNuls(const uint8_t *bytes, size_t length) {
  size_t count = 0;
  for (size_t at = 0; at < length; at++) count += !bytes[at];
  return count;
}

static void pushText(txMachine *the, struct reader *reader, size_t length) {
  const uint8_t *bytes = take(reader, length);
  const size_t size = length + countNuls(bytes, length);
  mxPushUndefined();
  char *text = fxNewChunk(the, (txSize)size + 1);
  the->stack->value.string = text;
  the->stack->kind = XS_STRING_KIND;
  text[size] = 0;
  if (size == length) {
    memcpy(text, bytes, length);
    return;
  }
  for (size_t at = 0; at < length; at++) {
    if (bytes[at]) {
      *text++ = (char)bytes[at];
    } else {
      memcpy(text, NUL_IN_STRING, 2);
      text += 2;
    }
  }
}

static void pushNumber(txMachine *the, double number) {
  if (number >= INT32_MIN && number <= INT32_MAX && number == (double)(txInteger)number && !signbit(number)) {
    mxPushInteger((txInteger)number);
  } else {
    mxPushNumber(number);
  }
}

static void pushFloat(txMachine *the, struct reader *reader, unsigned information) {
  double number;
  float single;
  if (information == FLOAT64) {
    uint64_t bits = takeBigEndian(reader, sizeof bits);
    memcpy(&number, &bits, sizeof number);
  } else {
    uint32_t bits = (uint32_t)takeBigEndian(reader, sizeof bits);
    memcpy(&single, &bits, sizeof single);
    number = single;
  }
  mxPushNumber(number);
}

static void pushSimple(txMachine *the, struct reader *reader, unsigned information) {
  switch (SIMPLE << 5 | information) {
    case FALSE:
    case TRUE:
      mxPushBoolean((SIMPLE << 5 | information) == TRUE);
      break;
    case NULL_ITEM:
      mxPushNull();
      break;
    case UNDEFINED:
      mxPushUndefined();
      break;
    case SIMPLE << 5 | FLOAT32:
    case SIMPLE << 5 | FLOAT64:
      pushFloat(the, reader, information);
      break;
    default:
      die("the host has sent a simple value that is not known here");
  }
}

static void pushArray(txMachine *the, struct reader *reader, size_t count) {
  mxPush(mxArrayPrototype);
  txSlot *array = fxNewArrayInstance(the);
  for (size_t index = 0; index < count; index++) {
    pushValue(the, reader);
    mxPushReference(array);
    mxSetIndex((txIndex)index);
    mxPop();
  }
}

static void pushMap(txMachine *the, struct reader *reader, size_t count) {
  mxPush(mxObjectPrototype);
  txSlot *object = fxNewObjectInstance(the);
  while (count--) {
    const uint8_t head = *take(reader, 1);
    if (head >> 5 != TEXT) die("the host has sent a map with a key that is no text");
    pushText(the, reader, takeArgument(reader, head & 31));
    txSlot *key = the->stack;
    pushValue(the, reader);
    mxPushReference(object);
    mxPushSlot(key);
    // A name that is a number is an index, and __proto__ a name like another.
    mxDefineAt(0, XS_GET_ONLY);
    mxPop();
    mxPop();
  }
}

size_t takeArrayHead(struct reader *reader) {
  const uint8_t head = *take(reader, 1);
  if (head >> 5 != ARRAY) die("the host has sent something that is no array");
  return takeArgument(reader, head & 31);
}

void pushValue(txMachine *the, struct reader *reader) {
  mxCheckCStack();
  const uint8_t head = *take(reader, 1);
  const unsigned information = head & 31;
  if (head >> 5 == SIMPLE) {
    pushSimple(the, reader, information);
    return;
  }
  uint64_t argument = takeArgument(reader, information);
  switch (head >> 5) {
    case UNSIGNED:
      pushNumber(the, (double)argument);
      break;
    case NEGATIVE:
      pushNumber(the, -1 - (double)argument);
      break;
    case BYTES:
      mxPushUndefined();
      fxArrayBuffer(the, the->stack, (void *)take(reader, argument), (txInteger)argument, -1);
      break;
    case TEXT:
      pushText(the, reader, argument);
      break;
    case ARRAY:
      pushArray(the, reader, argument);
      break;
    case MAP:
      pushMap(the, reader, argument);
      break;
    default:
      die("the host has sent a tagged item");
  }
}
