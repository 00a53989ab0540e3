/*
 * What libFuzzer calls in a target, NAME.c: any bytes must pass through it without a must() that fails, and without a
 * complaint of the sanitizers. README.md says what each target checks.
 */
#ifndef KITH_FUZZ_H
#define KITH_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Once, at the start. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* For each input; returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What the sanitizers ask a program for, which gives their names. NOLINTBEGIN(bugprone-reserved-identifier) */
const char *__asan_default_options(void);
const char *__lsan_default_suppressions(void);
/* NOLINTEND(bugprone-reserved-identifier) */

#endif
