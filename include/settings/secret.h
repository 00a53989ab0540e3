/*
 * The secrets of a private network: pre-shared keys of TLS 1.3, and the file that holds them, one a line as hex or
 * base64, with # comments and empty lines. They live in memory of their own, which is locked, left out of core files
 * and wiped when it is freed. Nothing here, a problem least of all, shows any of a secret. Plain values.
 *
 * On the wire a secret is named by its identity, HMAC-SHA-256 under the secret of a text that is used for nothing else,
 * cut to 128 bits, in hex. The far end finds with it which of its lines is meant, at the cost of one comparison. It
 * tells no more than the handshake itself, in which both ends send a MAC under the same key (RFC 8446, 4.2.11.2): who
 * could guess the secret could check the guess with either, and 256 bits can't be guessed. It does tell that two
 * connections use the same secret. Two secrets with the same identity are not to be feared below 2^64 of them. That it
 * is HMAC, and hex, is for those who speak the protocol by hand: `openssl dgst` computes it (kithd(8)).
 */
#ifndef KITH_SECRET_H
#define KITH_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/problem.h"

enum {
	SECRET_LEAST_BYTES = 32,
	SECRET_MOST_BYTES = 128,
	SECRET_TEXT_BYTES = 2 * SECRET_LEAST_BYTES + 1, /* of a new one in hex, and its NUL */
	SECRET_IDENTITY_BYTES = 33,			/* 32 digits of hex, and the NUL */
	SECRETS_MOST = 16,				/* in a file */
	SECRETS_FILE_BYTES = 16 * 1024,
	SECRETS_DESCRIPTION_BYTES = 64 + 10 * SECRETS_MOST,
};

struct secret {
	unsigned char bytes[SECRET_MOST_BYTES];
	size_t length;
	char identity[SECRET_IDENTITY_BYTES];
};

struct secrets {
	struct secret list[SECRETS_MOST]; /* the first is used to dial, all are accepted */
	size_t count;
	bool is_locked; /* the system has granted that they never go to swap space */
};

/* Reads the file for a node that runs as that user; "" for the one that this process has. NULL with a problem. */
struct secrets *secrets_read(const char *path, const char *user, struct problem *problem);
/* Wipes them. */
void secrets_free(struct secrets *secrets);

/* Borrowed; NULL if there is none of that identity. */
const struct secret *secrets_find(const struct secrets *secrets, const char *identity);
/* The same secrets in the same order? */
bool secrets_equal(const struct secrets *one, const struct secrets *other);

/*
 * "dials with secret 6be0f1c2; also accepts b9dfd1c8": 32 bits of each identity, which is on the wire anyway. Nodes
 * that log the same have the same file.
 */
void secrets_describe(const struct secrets *secrets, char out[static SECRETS_DESCRIPTION_BYTES]);

/* 32 random bytes in hex; false with errno if the system has none. */
bool secret_new(char out[static SECRET_TEXT_BYTES]);

/* Of libsodium. */
const char *secret_library_version(void);

#endif
