#include "base/token_bucket.h"

void token_bucket_init(struct token_bucket *bucket, double burst, int64_t now_us)
{
	*bucket = (struct token_bucket){.tokens = burst, .filled_us = now_us};
}

static void fill(struct token_bucket *bucket, double per_second, double burst, int64_t now_us)
{
	if (now_us <= bucket->filled_us)
		return;
	if (bucket->tokens < burst) {
		bucket->tokens += per_second * (double)(now_us - bucket->filled_us) / 1e6;
		if (bucket->tokens > burst)
			bucket->tokens = burst;
	}
	bucket->filled_us = now_us;
}

size_t token_bucket_take(struct token_bucket *bucket, size_t wanted, double per_second, double burst, int64_t now_us)
{
	fill(bucket, per_second, burst, now_us);
	size_t taken = bucket->tokens < (double)wanted ? (size_t)bucket->tokens : wanted;
	bucket->tokens -= (double)taken;
	return taken;
}

int64_t token_bucket_charge(struct token_bucket *bucket, double amount, double per_second, double burst, int64_t now_us)
{
	fill(bucket, per_second, burst, now_us);
	bucket->tokens -= amount;
	return bucket->tokens >= 0 ? 0 : (int64_t)(-bucket->tokens / per_second * 1e6) + 1;
}

void token_bucket_add(struct token_bucket *bucket, double tokens)
{
	bucket->tokens += tokens;
}
