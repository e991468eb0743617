#ifndef GRIDMOTE_FREEZE_H
#define GRIDMOTE_FREEZE_H

/*
 * Makes an image: boots a machine, runs the archive's modules in order, and freezes what they have made, as Moddable's
 * linker does for modules that are preloaded.
 */
void freeze(const char *archivePath, const char *imagePath);

#endif
