/*
 * A token bucket: what may be taken in a burst, and how fast that comes back. A plain value driven by the times that
 * are handed in.
 */
#ifndef KITH_TOKEN_BUCKET_H
#define KITH_TOKEN_BUCKET_H

#include <stddef.h>
#include <stdint.h>

struct token_bucket {
	double tokens;
	int64_t filled_us; /* up to which moment it has been filled */
};

/* Full. */
void token_bucket_init(struct token_bucket *bucket, double burst, int64_t now_us);
/* Takes up to wanted whole tokens, and returns how many there were. The bucket fills at this rate up to the burst. */
size_t token_bucket_take(struct token_bucket *bucket, size_t wanted, double per_second, double burst, int64_t now_us);
/* Takes so many, also beyond what it has. How long it then takes to fill to nothing again, in microseconds; 0 if it
 * holds some. */
int64_t token_bucket_charge(struct token_bucket *bucket, double amount, double per_second, double burst,
			    int64_t now_us);
/* Adds tokens, beyond the burst too. */
void token_bucket_add(struct token_bucket *bucket, double tokens);

#endif
