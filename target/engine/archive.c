#include "archive.h"

#include "platform.h"

#define MAGIC "GMBYTES1"

struct header {
  char magic[8];
  uint64_t hash;
  uint32_t bytes;
  uint32_t count;
};

void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fprintf(stderr, "%s: ", program_invocation_short_name);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(1);
}

uint64_t hashOf(uint64_t hash, const void *bytes, size_t length) {
  const uint8_t *at = bytes;
  for (size_t index = 0; index < length; index++) hash = (hash ^ at[index]) * UINT64_C(0x100000001b3);
  return hash;
}

static void append(struct archiveWriter *writer, const void *bytes, size_t length) {
  if (writer->length + length > writer->capacity) {
    writer->capacity = 2 * writer->capacity + length;
    writer->bytes = realloc(writer->bytes, writer->capacity);
    if (!writer->bytes) die("out of memory");
  }
  memcpy(writer->bytes + writer->length, bytes, length);
  writer->length += length;
}

static void appendSized(struct archiveWriter *writer, const void *bytes, size_t length) {
  uint32_t size = (uint32_t)length;
  append(writer, &size, sizeof size);
  append(writer, bytes, length);
}

void openArchiveWriter(struct archiveWriter *writer, const char *path) {
  *writer = (struct archiveWriter){.path = path, .file = fopen(path, "wb")};
  if (!writer->file) die("%s: %s", path, strerror(errno));
}

void writeModule(struct archiveWriter *writer, const struct bytecode *module) {
  appendSized(writer, module->name, strlen(module->name) + 1);
  appendSized(writer, module->symbols, module->symbolBytes);
  appendSized(writer, module->code, module->codeBytes);
  writer->count++;
}

void closeArchiveWriter(struct archiveWriter *writer) {
  struct header header = {.magic = MAGIC,
                          .hash = hashOf(HASH_START, writer->bytes, writer->length),
                          .bytes = (uint32_t)writer->length,
                          .count = writer->count};
  fwrite(&header, sizeof header, 1, writer->file);
  fwrite(writer->bytes, 1, writer->length, writer->file);
  if (ferror(writer->file) || fclose(writer->file)) die("%s: %s", writer->path, strerror(errno));
  free(writer->bytes);
}

uint8_t *readFile(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (!file) die("%s: %s", path, strerror(errno));
  if (fseek(file, 0, SEEK_END)) die("%s: %s", path, strerror(errno));
  *length = (size_t)ftell(file);
  rewind(file);
  uint8_t *bytes = platformAllocate(*length + 1);
  if (fread(bytes, 1, *length, file) != *length) die("%s: cannot be read", path);
  fclose(file);
  return bytes;
}

/* The hash has been checked: sizes are what the compiler wrote. */
static uint8_t *takeSized(uint8_t **at, size_t *length) {
  uint32_t size;
  memcpy(&size, *at, sizeof size);
  uint8_t *bytes = *at + sizeof size;
  *at = bytes + size;
  *length = size;
  return bytes;
}

void readArchive(struct archive *archive, const char *path) {
  size_t length;
  uint8_t *bytes = readFile(path, &length);
  struct header header;
  if (length < sizeof header || memcmp(bytes, MAGIC, sizeof header.magic)) die("%s is no archive of this engine", path);
  memcpy(&header, bytes, sizeof header);
  uint8_t *at = bytes + sizeof header;
  size_t there = length - sizeof header;
  if (there < header.bytes) die("%s is truncated: %zu of %u bytes are there", path, there, header.bytes);
  if (hashOf(HASH_START, at, there) != header.hash) die("%s is damaged: its hash is wrong", path);

  archive->count = header.count;
  archive->modules = platformAllocate(header.count * sizeof *archive->modules);
  for (size_t index = 0; index < header.count; index++) {
    struct bytecode *module = &archive->modules[index];
    size_t nameBytes;
    module->name = (char *)takeSized(&at, &nameBytes);
    module->symbols = takeSized(&at, &module->symbolBytes);
    module->code = takeSized(&at, &module->codeBytes);
  }
}
