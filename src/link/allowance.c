#include "link/allowance.h"

#include "wire/message.h"

void allowance_init(struct allowance *allowance, int64_t now_us)
{
	*allowance = (struct allowance){0};
	token_bucket_init(&allowance->addresses, ALLOWANCE_ADDRESSES_BURST, now_us);
	token_bucket_init(&allowance->suspects, ALLOWANCE_SUSPECTS_BURST, now_us);
	token_bucket_init(&allowance->questions, ALLOWANCE_QUESTIONS_BURST, now_us);
	token_bucket_init(&allowance->reports, ALLOWANCE_REPORTS_BURST, now_us);
	token_bucket_init(&allowance->asked_reports, ALLOWANCE_ASKED_REPORTS_BURST, now_us);
	token_bucket_init(&allowance->comparisons, ALLOWANCE_COMPARISONS_BURST, now_us);
}

bool allowance_take_hello(struct allowance *allowance)
{
	bool is_first = !allowance->has_hello;
	allowance->has_hello = true;
	return is_first;
}

bool allowance_take_early_addr(struct allowance *allowance)
{
	bool is_first = !allowance->has_early_addr;
	allowance->has_early_addr = true;
	return is_first;
}

size_t allowance_take_addresses(struct allowance *allowance, size_t count, int64_t now_us)
{
	return token_bucket_take(&allowance->addresses, count, ALLOWANCE_ADDRESSES_PER_S, ALLOWANCE_ADDRESSES_BURST,
				 now_us);
}

bool allowance_take_question(struct allowance *allowance, int64_t now_us)
{
	return token_bucket_take(&allowance->questions, 1, ALLOWANCE_QUESTIONS_PER_S, ALLOWANCE_QUESTIONS_BURST,
				 now_us) > 0;
}

bool allowance_take_suspect(struct allowance *allowance, int64_t now_us)
{
	return token_bucket_take(&allowance->suspects, 1, ALLOWANCE_SUSPECTS_PER_S, ALLOWANCE_SUSPECTS_BURST, now_us) >
	       0;
}

bool allowance_take_report(struct allowance *allowance, size_t bytes, double per_s, int64_t now_us)
{
	per_s = per_s > ALLOWANCE_REPORTS_PER_S ? per_s : ALLOWANCE_REPORTS_PER_S;
	/* One that does not fit is not heard, and takes nothing. */
	if (token_bucket_charge(&allowance->reports, (double)bytes, per_s, ALLOWANCE_REPORTS_BURST, now_us) == 0)
		return true;
	token_bucket_add(&allowance->reports, (double)bytes);
	return false;
}

bool allowance_take_asked_report(struct allowance *allowance, int64_t now_us)
{
	return token_bucket_take(&allowance->asked_reports, 1, ALLOWANCE_ASKED_REPORTS_PER_S,
				 ALLOWANCE_ASKED_REPORTS_BURST, now_us) > 0;
}

bool allowance_take_comparison(struct allowance *allowance, int64_t now_us)
{
	return token_bucket_take(&allowance->comparisons, 1, ALLOWANCE_COMPARISONS_PER_S, ALLOWANCE_COMPARISONS_BURST,
				 now_us) > 0;
}

void allowance_expect_addresses(struct allowance *allowance)
{
	token_bucket_add(&allowance->addresses, MESSAGE_ADDR_ENTRIES);
}

bool allowance_take_claim(struct allowance *allowance, int64_t now_us, int64_t interval_us)
{
	enum { FREE_CLAIMS = 2 };
	if (allowance->claims < FREE_CLAIMS) {
		allowance->claims++;
		return true;
	}
	if (now_us < allowance->next_claim_us)
		return false;
	allowance->next_claim_us = now_us + interval_us;
	return true;
}
