/* An archive: compiled modules in one file, each a name, the symbols that its bytecode numbers, and the bytecode. */
#ifndef GRIDMOTE_ARCHIVE_H
#define GRIDMOTE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct bytecode {
  const char *name;
  uint8_t *symbols;
  size_t symbolBytes;
  uint8_t *code;
  size_t codeBytes;
  /* Hash of the numbers that a machine has given to the symbols, or 0. */
  uint64_t bound;
};

struct archive {
  size_t count;
  struct bytecode *modules;
};

struct archiveWriter {
  const char *path;
  FILE *file;
  uint8_t *bytes;
  size_t length;
  size_t capacity;
  uint32_t count;
};

void openArchiveWriter(struct archiveWriter *writer, const char *path);
void writeModule(struct archiveWriter *writer, const struct bytecode *module);
void closeArchiveWriter(struct archiveWriter *writer);

/* Reads an archive into memory from platformAllocate, where it stays: XS runs the bytecode in place. */
void readArchive(struct archive *archive, const char *path);

/* Reads a whole file into memory from platformAllocate. */
uint8_t *readFile(const char *path, size_t *length);

/* FNV-1a, 64 bits: finds what was damaged, not who did it. */
uint64_t hashOf(uint64_t hash, const void *bytes, size_t length);
#define HASH_START UINT64_C(0xcbf29ce484222325)

/* Says why on standard error, in one line, and ends the process with exit code 1. */
void die(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
