#pragma once
/* The linker marks where a section of this name begins and ends: board.c keeps it in a file, as the RTC does. */
#define RTC_NOINIT_ATTR __attribute__((section("rtc_noinit")))
