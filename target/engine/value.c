#include "value.h"

#include "archive.h"

/* Of xsmc.c, which declares it for programs that do not see the machine. */
extern txInteger _xsmcGetBuffer(txMachine *the, txSlot *slot, void **data, txUnsigned *count, txBoolean writable);

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE = 0xf4, TRUE = 0xf5, NULL_ITEM = 0xf6, UNDEFINED = 0xf7, FLOAT32 = 26, FLOAT64 = 27, MAX_DEPTH = 16 };

/* ---- To the host ---- */

static void appendByte(struct message *message, unsigned byte) { appendToMessage(message, &(uint8_t){(uint8_t)byte}, 1); }

static void appendBigEndian(struct message *message, uint64_t value, int count) {
  while (count--) appendByte(message, value >> (8 * count) & 0xff);
}

static void appendHead(struct message *message, enum major major, uint64_t value) {
  const unsigned type = (unsigned)major << 5;
  if (value < 24) {
    appendByte(message, type | (unsigned)value);
  } else if (value <= UINT8_MAX) {
    appendByte(message, type | 24);
    appendBigEndian(message, value, 1);
  } else if (value <= UINT16_MAX) {
    appendByte(message, type | 25);
    appendBigEndian(message, value, 2);
  } else {
    appendByte(message, type | 26);
    appendBigEndian(message, value, 4);
  }
}

void appendArrayHead(struct message *message, size_t count) { appendHead(message, ARRAY, count); }

void appendMapHead(struct message *message, size_t count) { appendHead(message, MAP, count); }

static void appendSized(struct message *message, enum major major, const void *bytes, size_t length) {
  appendHead(message, major, length);
  appendToMessage(message, bytes, length);
}

void appendText(struct message *message, const char *text) { appendSized(message, TEXT, text, strlen(text)); }

void appendNumber(struct message *message, double number) {
  uint64_t bits;
  memcpy(&bits, &number, sizeof bits);
  appendByte(message, SIMPLE << 5 | FLOAT64);
  appendBigEndian(message, bits, 8);
}

static void appendInteger(struct message *message, int64_t integer) {
  if (integer < 0) {
    appendHead(message, NEGATIVE, (uint64_t)(-1 - integer));
  } else {
    appendHead(message, UNSIGNED, (uint64_t)integer);
  }
}

static void appendArray(txMachine *the, struct message *message, txSlot *instance) {
  mxPushReference(instance);
  mxGetID(mxID(_length));
  txInteger count = fxToInteger(the, the->stack);
  mxPop();
  appendArrayHead(message, (size_t)count);
  for (txInteger index = 0; index < count; index++) {
    mxPushReference(instance);
    mxGetIndex((txIndex)index);
    appendValue(the, message, the->stack);
    mxPop();
  }
}

/* Own enumerable properties with names, in a map of indefinite length: getters may make more of them. */
static void appendObject(txMachine *the, struct message *message, txSlot *instance) {
  enum { MAP_WITHOUT_END = 0xbf, END = 0xff };
  appendByte(message, MAP_WITHOUT_END);
  txSlot *at = fxNewInstance(the);
  mxBehaviorOwnKeys(the, instance, XS_EACH_NAME_FLAG, at);
  mxPushUndefined();
  txSlot *property = the->stack;
  while ((at = at->next)) {
    txID id = at->value.at.id;
    txIndex index = at->value.at.index;
    if (!mxBehaviorGetOwnProperty(the, instance, id, index, property) || property->flag & XS_DONT_ENUM_FLAG) continue;
    if (id == XS_NO_ID) mxTypeError("a property with a number cannot pass");
    mxPushReference(instance);
    mxGetAll(id, index);
    appendText(message, fxGetKeyName(the, id));
    appendValue(the, message, the->stack);
    mxPop();
  }
  mxPop();
  mxPop();
  appendByte(message, END);
}

static void appendReference(txMachine *the, struct message *message, txSlot *value) {
  txSlot *instance = value->value.reference;
  const txSlot *internal = instance->next && instance->next->flag & XS_INTERNAL_FLAG ? instance->next : NULL;
  void *bytes;
  txUnsigned length;
  if (mxIsFunction(instance)) mxTypeError("a function cannot pass");
  if (fxIsArray(the, instance)) {
    appendArray(the, message, instance);
  } else if (internal && (internal->kind == XS_ARRAY_BUFFER_KIND || internal->kind == XS_TYPED_ARRAY_KIND)) {
    _xsmcGetBuffer(the, value, &bytes, &length, 0);
    appendSized(message, BYTES, bytes, length);
  } else if (internal) {
    mxTypeError("an object that is not plain cannot pass");
  } else {
    appendObject(the, message, instance);
  }
}

void appendValue(txMachine *the, struct message *message, txSlot *value) {
  mxCheckCStack();
  switch (value->kind) {
    case XS_UNDEFINED_KIND:
      appendByte(message, UNDEFINED);
      break;
    case XS_NULL_KIND:
      appendByte(message, NULL_ITEM);
      break;
    case XS_BOOLEAN_KIND:
      appendByte(message, value->value.boolean ? TRUE : FALSE);
      break;
    case XS_INTEGER_KIND:
      appendInteger(message, value->value.integer);
      break;
    case XS_NUMBER_KIND:
      appendNumber(message, value->value.number);
      break;
    case XS_STRING_KIND:
    case XS_STRING_X_KIND:
      appendText(message, value->value.string);
      break;
    case XS_REFERENCE_KIND:
      appendReference(the, message, value);
      break;
    default:
      mxTypeError("a value of this kind cannot pass");
  }
}

/* ---- From the host ---- */

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

static void pushText(txMachine *the, struct reader *reader, size_t length) {
  const uint8_t *bytes = take(reader, length);
  if (memchr(bytes, 0, length)) die("the host has sent a text with U+0000");
  char *text = fxNewChunk(the, (txSize)length + 1);
  memcpy(text, bytes, length);
  text[length] = 0;
  mxPushString(text);
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
    txID id = fxNewName(the, the->stack);
    mxPop();
    pushValue(the, reader);
    mxPushReference(object);
    mxSetID(id);
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
