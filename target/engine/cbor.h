/* What both ways of a value have in common: CBOR's numbers (RFC 8949, clause 3). */
#ifndef GRIDMOTE_CBOR_H
#define GRIDMOTE_CBOR_H

enum major { UNSIGNED, NEGATIVE, BYTES, TEXT, ARRAY, MAP, TAG, SIMPLE };
enum { FALSE = 0xf4, TRUE = 0xf5, NULL_ITEM = 0xf6, UNDEFINED = 0xf7, FLOAT32 = 26, FLOAT64 = 27 };

/* The two bytes that XS has in a string for U+0000. */
#define NUL_IN_STRING "\xC0\x80"

#endif
