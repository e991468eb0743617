/* From scripts to the host. */
#include "cbor.h"
#include "value.h"

/* Of xsmc.c, which declares it for programs that do not see the machine. */
extern txInteger _xsmcGetBuffer(txMachine *the, txSlot *slot, void **data, txUnsigned *count, txBoolean writable);

/* How deeply arrays and objects may lie in each other; an endless one is found by that. The host has the same. */
enum { MAX_DEPTH = 64 };

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
