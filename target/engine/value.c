#include "value.h"

#include "archive.h"

/* Of xsmc.c, which declares it for programs that do not see the machine. */
extern txInteger _xsmcGetBuffer(txMachine *the, txSlot *slot, void **data, txUnsigned *count, txBoolean writable);

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE = 0xf4, TRUE = 0xf5, NULL_ITEM = 0xf6, UNDEFINED = 0xf7, FLOAT32 = 26, FLOAT64 = 27 };

/* How deeply arrays and objects may lie in each other; an endless one is found by that. The host has the same. */
enum { MAX_DEPTH = 64 };

/* The two bytes that XS has in a string for U+0000. */
static const char NUL_IN_STRING[] = "\xC0\x80";

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

/* Half of a surrogate pair is no Unicode: UTF-8 has no bytes for it, XS has ED A0 80 to ED BF BF. */
static bool hasHalfOfPair(const char *text) {
  for (const uint8_t *at = (const uint8_t *)text; (at = (const uint8_t *)strchr((const char *)at, 0xed)); at++) {
    if (at[1] >= 0xa0) return true;
  }
  return false;
}

static void appendString(txMachine *the, struct message *message, const char *text) {
  const char *nul;
  size_t length = strlen(text);
  if (hasHalfOfPair(text)) mxTypeError("a text with half of a surrogate pair cannot pass");
  for (nul = text; (nul = strstr(nul, NUL_IN_STRING)); nul += 2) length--;
  appendHead(message, TEXT, length);
  for (; (nul = strstr(text, NUL_IN_STRING)); text = nul + 2) {
    appendToMessage(message, text, (size_t)(nul - text));
    appendByte(message, 0);
  }
  appendToMessage(message, text, strlen(text));
}

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

static void appendNested(txMachine *the, struct message *message, txSlot *value, int depth);

static void appendArray(txMachine *the, struct message *message, txSlot *instance, int depth) {
  mxPushReference(instance);
  mxGetID(mxID(_length));
  const txNumber count = fxToNumber(the, the->stack);
  mxPop();
  if (count > INT32_MAX) mxTypeError("an array of that length cannot pass");
  appendArrayHead(message, (size_t)count);
  for (txIndex index = 0; index < (txIndex)count; index++) {
    mxPushReference(instance);
    mxGetIndex(index);
    appendNested(the, message, the->stack, depth);
    mxPop();
  }
}

static void appendKey(txMachine *the, struct message *message, txID id, txIndex index) {
  char digits[16];
  if (id == mxID(___proto__)) mxTypeError("a property __proto__ cannot pass");
  if (id != XS_NO_ID) {
    appendString(the, message, fxGetKeyName(the, id));
  } else {
    snprintf(digits, sizeof digits, "%u", index);
    appendText(message, digits);
  }
}

/* Own enumerable properties with names, in a map of indefinite length: getters may make more of them. */
static void appendObject(txMachine *the, struct message *message, txSlot *instance, int depth) {
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
    mxPushReference(instance);
    mxGetAll(id, index);
    appendKey(the, message, id, index);
    appendNested(the, message, the->stack, depth);
    mxPop();
  }
  mxPop();
  mxPop();
  appendByte(message, END);
}

/* As the host has it: of Object itself, or of nothing. Properties whose names are numbers are an array inside. */
static bool isPlain(txMachine *the, const txSlot *instance, const txSlot *internal) {
  const txSlot *prototype = instance->value.instance.prototype;
  if (internal && (internal->kind != XS_ARRAY_KIND || internal->ID != XS_NO_ID)) return false;
  return !prototype || prototype == mxObjectPrototype.value.reference;
}

static void appendReference(txMachine *the, struct message *message, txSlot *value, int depth) {
  txSlot *instance = value->value.reference;
  const txSlot *internal = instance->next && instance->next->flag & XS_INTERNAL_FLAG ? instance->next : NULL;
  void *bytes;
  txUnsigned length;
  if (depth == MAX_DEPTH) mxTypeError("what is nested so deeply cannot pass");
  if (mxIsFunction(instance)) mxTypeError("a function cannot pass");
  if (fxIsArray(the, instance)) {
    appendArray(the, message, instance, depth + 1);
  } else if (internal && (internal->kind == XS_ARRAY_BUFFER_KIND || internal->kind == XS_TYPED_ARRAY_KIND)) {
    _xsmcGetBuffer(the, value, &bytes, &length, 0);
    appendSized(message, BYTES, bytes, length);
  } else if (isPlain(the, instance, internal)) {
    appendObject(the, message, instance, depth + 1);
  } else {
    mxTypeError("an object that is not plain cannot pass");
  }
}

static void appendNested(txMachine *the, struct message *message, txSlot *value, int depth) {
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
      appendString(the, message, value->value.string);
      break;
    case XS_REFERENCE_KIND:
      appendReference(the, message, value, depth);
      break;
    default:
      mxTypeError("a value of this kind cannot pass");
  }
}

void appendValue(txMachine *the, struct message *message, txSlot *value) { appendNested(the, message, value, 0); }

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
