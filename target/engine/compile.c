/*
 * Compiles ES modules to an archive of bytecode: compile [--no-lines] ARCHIVE (NAME SOURCE MAP)...
 *
 * MAP is the source map from SOURCE to what a person wrote, so that lines in the bytecode are lines of that.
 * A board has bytecode without lines: it is smaller, and does less.
 */
#include "archive.h"
#include "xsAll.h"
#include "xsScript.h"

enum { PARSER_BUFFER_BYTES = 1024 * 1024, SYMBOL_MODULO = 1993 };

static const char *compiling;
static txUnsigned flags = mxDebugFlag;
/* The parser numbers functions with it, and stops at the first error when it has one. */
static txMachine console;

static void reportAt(txInteger line, const char *kind, const char *format, va_list arguments) {
  fprintf(stderr, "compile: %s:%d: %s: ", compiling, (int)line, kind);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
}

static void reportError(void *machine, txString path, txInteger line, txString format, va_list arguments) {
  (void)machine;
  (void)path;
  reportAt(line, "error", format, arguments);
}

static void reportWarning(void *machine, txString path, txInteger line, txString format, va_list arguments) {
  (void)machine;
  (void)path;
  reportAt(line, "warning", format, arguments);
}

static FILE *openToRead(const char *path) {
  FILE *file = fopen(path, "r");
  if (!file) die("%s: %s", path, strerror(errno));
  return file;
}

/* XS finds a source map by its comment at the end of the source: the map itself is told apart by the caller. */
static txScript *compileModule(const char *source, const char *map) {
  txParser parser;
  txParserJump jump;
  txScript *volatile script = NULL;
  txString name = NULL;
  FILE *sourceFile = openToRead(source);
  FILE *mapFile = openToRead(map);
  fxInitializeParser(&parser, &console, PARSER_BUFFER_BYTES, SYMBOL_MODULO);
  parser.reportError = reportError;
  parser.reportWarning = reportWarning;
  parser.firstJump = &jump;
  if (c_setjmp(jump.jmp_buf) == 0) {
    fxParserTree(&parser, sourceFile, (txGetter)fgetc, flags, &name);
    fxParserSourceMap(&parser, mapFile, (txGetter)fgetc, flags, &name);
    // Lines are looked up in the map for what has another path than this.
    parser.path = fxNewParserSymbol(&parser, (txString)compiling);
    fxParserHoist(&parser);
    fxParserBind(&parser);
    script = fxParserCode(&parser);
  }
  fxTerminateParser(&parser);
  fclose(sourceFile);
  fclose(mapFile);
  // XS would make of an error bytecode that throws it.
  if (!script || parser.errorCount) die("%s does not compile", compiling);
  return script;
}

int main(int argc, char **argv) {
  int at = 1;
  if (argc > 1 && !strcmp(argv[1], "--no-lines")) {
    flags = 0;
    at++;
  }
  if (argc < at + 4 || (argc - at - 1) % 3) {
    fprintf(stderr, "usage: compile [--no-lines] ARCHIVE (NAME SOURCE MAP)...\n");
    return 2;
  }
  struct archiveWriter writer;
  openArchiveWriter(&writer, argv[at]);
  for (at++; at < argc; at += 3) {
    compiling = argv[at];
    txScript *script = compileModule(argv[at + 1], argv[at + 2]);
    struct bytecode bytecode = {.name = argv[at],
                                .symbols = (uint8_t *)script->symbolsBuffer,
                                .symbolBytes = (size_t)script->symbolsSize,
                                .code = (uint8_t *)script->codeBuffer,
                                .codeBytes = (size_t)script->codeSize};
    writeModule(&writer, &bytecode);
    fxDeleteScript(script);
  }
  closeArchiveWriter(&writer);
  return 0;
}
