/* Secrets of private networks that exist in tests only. */
#ifndef KITH_UNIT_SOME_SECRETS_H
#define KITH_UNIT_SOME_SECRETS_H

#include "link/tls_context.h"
#include "settings/secret.h"

#define SOME_SECRET "00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9\n"
#define OTHER_SECRET "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0efeeedecebeae9e8e7e6e5e4e3e2e1e0\n"
#define THIRD_SECRET "0b3d11a2c47f5e9806d7e1b84c2a9f3357c0ee4b6a1d8209f5b3470c6e92ad18\n"

/* As secrets_read reads these lines from a file. */
struct secrets *secrets_of(const char *lines);
struct tls_context *context_of(const char *lines);

#endif
