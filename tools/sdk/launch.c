/*
 * Runs a `lin` build of the firmware with no display: launch mc.so [mc.xsa]
 *
 * The SDK's own simulator shows a window and is made for a person. This gives the shared object the few callbacks
 * that it calls, and a GLib main loop, on which its timers, sockets and promises run. mc.xsa is a mod to install.
 * What the firmware traces goes to standard output. An abort of XS ends the process with exit code 1.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include "screen.h"

static void aborted(txScreen *screen, int status) {
  (void)screen;
  fflush(stdout);
  fprintf(stderr, "launch: XS aborted with status %d\n", status);
  exit(1);
}

static void ignore(txScreen *screen) { (void)screen; }

static void ignoreStart(txScreen *screen, double interval) {
  (void)screen;
  (void)interval;
}

static void ignoreMessage(txScreen *screen, char *message, int size) {
  (void)screen;
  (void)message;
  (void)size;
}

/* XS writes to the archive: it puts its own symbols in. */
static void *readArchive(const char *path) {
  char *bytes = NULL;
  GError *error = NULL;
  if (!g_file_get_contents(path, &bytes, NULL, &error)) {
    fprintf(stderr, "launch: %s\n", error->message);
    exit(1);
  }
  return bytes;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: launch mc.so [mc.xsa]\n");
    return 2;
  }
  /* Whoever reads a pipe and waits for a line must not wait for a full buffer. */
  setvbuf(stdout, NULL, _IOLBF, 0);

  void *library = dlopen(argv[1], RTLD_NOW);
  txScreenLaunchProc launch = library ? (txScreenLaunchProc)dlsym(library, "fxScreenLaunch") : NULL;
  if (!launch) {
    fprintf(stderr, "launch: %s\n", dlerror());
    return 1;
  }

  static txScreen screen;
  screen.archive = argc > 2 ? readArchive(argv[2]) : NULL;
  screen.abort = aborted;
  screen.bufferChanged = ignore;
  screen.formatChanged = ignore;
  screen.post = ignoreMessage;
  screen.start = ignoreStart;
  screen.stop = ignore;
  mxCreateMutex(&screen.workersMutex);
  launch(&screen);

  g_main_loop_run(g_main_loop_new(NULL, FALSE));
  return 0;
}
