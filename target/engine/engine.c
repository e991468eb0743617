/*
 * XS on the host, as a program.
 *
 *   engine freeze ARCHIVE IMAGE        makes an image of an archive's modules
 *   engine list IMAGE                  its modules in order: bytes of bytecode, slots, name
 *   engine run [OPTIONS] IMAGE ARCHIVE runs the archive's last module on the image
 *   engine serve [OPTIONS] IMAGE ARCHIVE... serves the last module of the last archive to a host, over standard input
 *                                      and output
 *
 * Options: --deadline MS of processor time, after which a run, or what the host has asked for, has failed;
 * --memory BYTES for slots and chunks; --chunks BYTES, --slots N and --stack SLOTS, which then are all that there is.
 * usage() has the range of each.
 * Exit code 0 good, 1 failed, 2 wrong usage.
 */
#include <signal.h>
#include <sys/time.h>

#include "freeze.h"
#include "host.h"
#include "image.h"
#include "machine.h"
#include "memory.h"
#include "modules.h"
#include "serve.h"

enum { MAX_ARCHIVES = 3 };

/* No test needs more, and XS counts bytes and slots in 31 bits. */
enum {
  MAX_DEADLINE_MS = 24 * 60 * 60 * 1000,
  MAX_BYTES = 1024 * 1024 * 1024,
  MAX_SLOTS = 16 * 1024 * 1024,
  /* XS takes one for itself, and writes behind the heap when no other is there. */
  MIN_SLOTS = 2
};

/*
 * What an ESP32 has would do for the firmware; tests bring their own data along. Keys do not grow: XS would count them
 * past what an ID of 16 bits holds.
 */
static txCreation creation = {.initialChunkSize = 64 * 1024,
                              .incrementalChunkSize = 64 * 1024,
                              .initialHeapCount = 4096,
                              .incrementalHeapCount = 4096,
                              .stackCount = 4096,
                              .initialKeyCount = 32 * 1024,
                              .nameModulo = NAME_MODULO,
                              .symbolModulo = SYMBOL_MODULO};

static long deadlineMs = 0;

static int usage(void) {
  fprintf(stderr,
          "usage: engine freeze ARCHIVE IMAGE\n"
          "       engine list IMAGE\n"
          "       engine run [OPTIONS] IMAGE ARCHIVE\n"
          "       engine serve [OPTIONS] IMAGE ARCHIVE...\n"
          "options: --deadline MS (1 to %d), --memory BYTES, --chunks BYTES (1 to %d each),\n"
          "         --slots N (%d to %d), --stack SLOTS (1 to %d)\n",
          MAX_DEADLINE_MS, MAX_BYTES, MIN_SLOTS, MAX_SLOTS, MAX_SLOTS);
  return 2;
}

static void onDeadline(int number) {
  (void)number;
  dprintf(STDERR_FILENO, "engine: not finished after %ld ms\n", deadlineMs);
  _exit(1);
}

static void startDeadline(void) {
  if (!deadlineMs) return;
  const struct itimerval timer = {.it_value = {.tv_sec = deadlineMs / 1000, .tv_usec = deadlineMs % 1000 * 1000}};
  signal(SIGPROF, onDeadline);
  setitimer(ITIMER_PROF, &timer, NULL);
}

static int list(const char *imagePath) {
  mapImage(imagePath);
  const struct archive *archive = &frozenImage->archive;
  for (size_t module = 0; module < archive->count; module++) {
    size_t slots = 0;
    for (size_t index = 0; index < frozenImage->slotCount; index++) slots += frozenImage->owners[index] == module + 1;
    printf("%zu %zu %s\n", archive->modules[module].codeBytes, slots, archive->modules[module].name);
  }
  return 0;
}

/* The name of the module to begin with: the last of the last archive. */
static const char *load(const char *imagePath, char **archivePaths, int count) {
  static struct archive archives[MAX_ARCHIVES];
  mapImage(imagePath);
  for (int index = 0; index < count; index++) {
    readArchive(&archives[index], archivePaths[index]);
    if (!archives[index].count) die("%s: no modules", archivePaths[index]);
    addArchive(&archives[index]);
  }
  watchFrozenMemory();
  return archives[count - 1].modules[archives[count - 1].count - 1].name;
}

static int run(const char *imagePath, char *archivePath) {
  const char *module = load(imagePath, &archivePath, 1);
  startDeadline();
  txMachine *the = fxCloneMachine(&creation, frozenImage->machine, "clone", NULL);
  if (!the) die("no machine");
  addStandardStreams(the);
  bindArchives(the);
  importModule(the, module, NULL);
  fxCheckUnhandledRejections(the, 1);
  if (fflush(stdout)) die("standard output: %s", strerror(errno));
  return 0;
}

/* The number behind an option, or 0 when there is none from `least` to `most`. */
static long numberOf(const char *text, long least, long most) {
  char *end = NULL;
  long value = text ? strtol(text, &end, 10) : 0;
  return end && !*end && value >= least && value <= most ? value : 0;
}

/* Takes the options; the index of what follows, or 0 when there is one too many or one without a number in its range. */
static int takeOptions(int argc, char **argv, int at) {
  for (; at < argc && !strncmp(argv[at], "--", 2); at += 2) {
    const char *text = argv[at + 1];
    if (!strcmp(argv[at], "--deadline")) {
      if (!(deadlineMs = numberOf(text, 1, MAX_DEADLINE_MS))) return 0;
    } else if (!strcmp(argv[at], "--memory")) {
      if (!(memoryLimit = (size_t)numberOf(text, 1, MAX_BYTES))) return 0;
    } else if (!strcmp(argv[at], "--chunks")) {
      if (!(creation.initialChunkSize = (txSize)numberOf(text, 1, MAX_BYTES))) return 0;
      creation.incrementalChunkSize = 0;
    } else if (!strcmp(argv[at], "--slots")) {
      if (!(creation.initialHeapCount = (txSize)numberOf(text, MIN_SLOTS, MAX_SLOTS))) return 0;
      creation.incrementalHeapCount = 0;
    } else if (!strcmp(argv[at], "--stack")) {
      if (!(creation.stackCount = (txSize)numberOf(text, 1, MAX_SLOTS))) return 0;
    } else {
      return 0;
    }
  }
  return at;
}

int main(int argc, char **argv) {
  const char *command = argc > 1 ? argv[1] : "";
  if (!strcmp(command, "freeze") && argc == 4) {
    freeze(argv[2], argv[3]);
    return 0;
  }
  if (!strcmp(command, "list") && argc == 3) return list(argv[2]);
  int at = takeOptions(argc, argv, 2);
  int archives = argc - at - 1;
  if (!at || archives < 1 || archives > MAX_ARCHIVES) return usage();
  if (!strcmp(command, "run") && archives == 1) return run(argv[at], argv[at + 1]);
  if (strcmp(command, "serve")) return usage();
  serve(&creation, load(argv[at], &argv[at + 1], archives), startDeadline);
  return 0;
}
