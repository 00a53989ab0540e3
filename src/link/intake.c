#include "link/intake.h"

static double least(double one, double other)
{
	return one < other ? one : other;
}

static double most(double one, double other)
{
	return one > other ? one : other;
}

static double messages_burst(const struct settings *settings)
{
	return (double)settings->max_message_rate * INTAKE_MESSAGES_BURST_S;
}

static double bytes_burst(const struct settings *settings)
{
	return (double)settings->max_byte_rate * INTAKE_BYTES_BURST_S;
}

void intake_init(struct intake *intake, const struct settings *settings, struct intake_debt inherited, int64_t now_us)
{
	intake->inherited = inherited;
	intake->begun_us = now_us;
	token_bucket_init(&intake->messages, messages_burst(settings) - inherited.messages, now_us);
	token_bucket_init(&intake->bytes, bytes_burst(settings) - inherited.bytes, now_us);
}

size_t intake_room(struct intake *intake, const struct settings *settings, int64_t now_us)
{
	enum { LEAST_BYTES = 256 }; /* what a read is for anyway */
	double rate = (double)settings->max_byte_rate;
	if (settings->max_byte_rate == 0)
		return SIZE_MAX;
	token_bucket_charge(&intake->bytes, 0, rate, bytes_burst(settings), now_us);
	return (size_t)most(intake->bytes.tokens, LEAST_BYTES);
}

static int64_t charge(struct token_bucket *bucket, size_t amount, int64_t rate, double burst, int64_t now_us)
{
	return rate == 0 ? 0 : token_bucket_charge(bucket, (double)amount, (double)rate, burst, now_us);
}

int64_t intake_charge(struct intake *intake, const struct settings *settings, size_t messages, size_t bytes,
		      int64_t now_us)
{
	int64_t for_messages_us =
		charge(&intake->messages, messages, settings->max_message_rate, messages_burst(settings), now_us);
	int64_t for_bytes_us = charge(&intake->bytes, bytes, settings->max_byte_rate, bytes_burst(settings), now_us);
	int64_t rest_us = for_messages_us > for_bytes_us ? for_messages_us : for_bytes_us;
	return rest_us > 0 && rest_us < INTAKE_REST_US ? INTAKE_REST_US : rest_us;
}

size_t intake_weight(size_t values)
{
	return 1 + values / INTAKE_VALUES;
}

/* ---- debts ---- */

/* What is left of a debt. */
static double paid_off(double debt, int64_t rate, int64_t elapsed_us)
{
	return most(debt - (double)rate * (double)elapsed_us / 1e6, 0);
}

struct intake_debt intake_own_debt(struct intake *intake, const struct settings *settings, int64_t now_us)
{
	int64_t elapsed_us = now_us - intake->begun_us;
	intake_charge(intake, settings, 0, 0, now_us);
	double messages = messages_burst(settings) - intake->messages.tokens;
	double bytes = bytes_burst(settings) - intake->bytes.tokens;
	return (struct intake_debt){
		most(messages - paid_off(intake->inherited.messages, settings->max_message_rate, elapsed_us), 0),
		most(bytes - paid_off(intake->inherited.bytes, settings->max_byte_rate, elapsed_us), 0)};
}

struct intake_debt intake_add_debt(struct intake_debt debt, int64_t elapsed_us, struct intake_debt more,
				   const struct settings *settings)
{
	double messages = paid_off(debt.messages, settings->max_message_rate, elapsed_us) + more.messages;
	double bytes = paid_off(debt.bytes, settings->max_byte_rate, elapsed_us) + more.bytes;
	return (struct intake_debt){least(messages, messages_burst(settings)), least(bytes, bytes_burst(settings))};
}

int64_t intake_time_us(const struct settings *settings, size_t bytes)
{
	enum { SHORTEST = sizeof "{\"msgtype\":\"\"}" }; /* with its LF */
	double messages_s = 0, bytes_s = 0;
	if (settings->max_message_rate != 0)
		messages_s = (double)bytes / SHORTEST / (double)settings->max_message_rate;
	if (settings->max_byte_rate != 0)
		bytes_s = (double)bytes / (double)settings->max_byte_rate;
	return (int64_t)(most(messages_s, bytes_s) * 1e6);
}
