/*
 * What XS asks of the platform it is compiled for: xsPlatform.h includes this.
 *
 * 16-bit IDs, no debugger, no lockdown: the engine as a board has it. All memory comes through platform.c, so that a
 * heap can be laid out at a fixed address and frozen, and so that memory has an end here as it has there.
 */
#ifndef GRIDMOTE_PLATFORM_H
#define GRIDMOTE_PLATFORM_H

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#undef mxLinux
#define mxLinux 1
#define mxUseGCCAtomics 1
#define mxUsePOSIXThreads 1

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1

/* xsAtomics.c wants the last three. */
#define mxMachinePlatform \
  bool hasPromiseJobs; \
  void *waiterCondition; \
  void *waiterData; \
  void *waiterLink;

void *platformAllocate(size_t size);
void *platformReallocate(void *address, size_t size);
void platformFree(void *address);

#define c_malloc(SIZE) platformAllocate(SIZE)
#define c_calloc(COUNT, SIZE) platformAllocate((size_t)(COUNT) * (SIZE))
#define c_realloc platformReallocate
#define c_free platformFree
#define c_malloc_uint32(SIZE) platformAllocate(SIZE)
#define c_free_uint32 platformFree

#endif
